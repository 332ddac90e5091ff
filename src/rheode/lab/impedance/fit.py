"""Fits of equivalent circuits from many starts, with what the spectrum leaves open.

Complex nonlinear least squares of real and imaginary parts (lmfit). Residuals are divided by |Z| (errors in proportion to
it, the usual case of an impedance analyser) or left as they are. The sum of squares of a circuit has many minima: starts
are drawn from what the spectrum allows, every minimum is kept, and one that fits nearly as well as the best is told.
"""

from dataclasses import dataclass

import numpy as np

from .circuit import Circuit, ordered
from .spectrum import Spectrum

WEIGHTS = ("modulus", "unit")
STARTS = 60
TRIES = 300  # evaluations a start may take; what comes out well is followed to the end
ALIKE = 1.25  # another minimum fits alike whose r.m.s. misfit is within this factor of the best one's
APART = 0.1  # and it is another one where a parameter differs by more than this share and three uncertainties
LOOSE = 0.5  # a parameter with this relative standard uncertainty is not determined
ALPHA = (0.2, 1.0)
ROOM = 1e4  # parameters are sought within this factor around what impedance and frequencies span


@dataclass(frozen=True, eq=False)
class Minimum:
    """Parameters (p,) in the circuit's order, their standard uncertainties (nan where not determined), the correlation
    matrix (p, p), the weighted sum of squares, the r.m.s. misfit relative to |Z|, how many starts ended here."""

    values: np.ndarray
    uncertainties: np.ndarray
    correlations: np.ndarray
    squares: float
    misfit: float
    starts: int

    def apart(self, other) -> np.ndarray:
        """By how much each parameter differs, |ln ratio| (p,)."""
        return np.abs(np.log(self.values / other.values))

    def told_from(self, other) -> bool:
        """Whether a parameter differs by more than 10 % and by more than three of its uncertainties, which are known."""
        doubt = 3 * np.nan_to_num(np.maximum(self.uncertainties / self.values, other.uncertainties / other.values), nan=np.inf)
        return bool(np.any(self.apart(other) > np.maximum(APART, doubt)))


def fit(spectrum: Spectrum, circuit: Circuit, weight: str = "modulus", starts: int = STARTS, seed: int = 1) -> list[Minimum]:
    """All minima that were found, the best first."""
    import lmfit

    frequency, measured = spectrum.frequency, spectrum.impedance
    scale = np.abs(measured) if weight == "modulus" else np.full(len(spectrum), np.abs(measured).max())
    keys = [f"p{i}" for i in range(len(circuit.names))]
    alphas = [quantity == "alpha" for quantity in circuit.quantities]
    low, high = _limits(spectrum, circuit)

    def residual(parameters):
        away = (circuit.impedance(frequency, _values(parameters, keys, alphas)) - measured) / scale
        away = np.concatenate([away.real, away.imag])
        return np.where(np.isfinite(away), away, 1e6)

    def run(start, tries):
        parameters = lmfit.Parameters()
        for key, value, a, b in zip(keys, start, low, high):
            parameters.add(key, value=float(np.clip(value, a + 1e-9 * (b - a), b - 1e-9 * (b - a))), min=a, max=b)
        with np.errstate(invalid="ignore", divide="ignore"):  # a covariance that is not positive is told later
            return lmfit.Minimizer(residual, parameters).minimize(method="least_squares", max_nfev=tries, x_scale="jac")

    rng = np.random.default_rng(seed)
    begun = [_start(spectrum, circuit, rng) for _ in range(starts)]
    found = []
    for start in begun:
        result = run(start, TRIES)
        found.append((float((result.residual**2).sum()), result))
    found.sort(key=lambda pair: pair[0])
    best = found[0][0]
    minima = []
    for squares, result in found:
        if squares > 100 * best + 1e-24 and minima:
            break
        values = ordered(circuit, _values(result.params, keys, alphas), frequency)
        known = next((m for m in minima if np.all(np.abs(np.log(values / m[0])) < APART) and squares < 1.5 * m[1]), None)
        if known is None:
            minima.append([values, squares, 1])
        else:
            known[2] += 1
    polished = []
    for values, _, count in minima[:12]:
        result = run(np.where(alphas, values, np.log(values)), 2000)
        polished.append(_minimum(result, circuit, spectrum, keys, alphas, count))
    polished.sort(key=lambda minimum: minimum.squares)
    kept = []
    for minimum in polished:
        if all(np.any(minimum.apart(other) > APART) for other in kept):
            kept.append(minimum)
    return kept


def _values(parameters, keys, alphas):
    return np.array([parameters[key].value if alpha else np.exp(parameters[key].value) for key, alpha in zip(keys, alphas)])


def _minimum(result, circuit, spectrum, keys, alphas, count):
    values = _values(result.params, keys, alphas)
    after = ordered(circuit, values, spectrum.frequency)
    order = [int(np.argmin(np.abs(values - value) + 1e300 * (np.array(circuit.quantities) != quantity))) for value, quantity in zip(after, circuit.quantities)]
    n = len(keys)
    errors, correlations = np.full(n, np.nan), np.full((n, n), np.nan)
    covariance = getattr(result, "covar", None)
    if covariance is not None and np.all(np.isfinite(covariance)) and np.all(np.diag(covariance) > 0):
        spread = np.sqrt(np.diag(covariance))
        errors = np.where(alphas, spread, values * spread)
        correlations = covariance / np.outer(spread, spread)
    model = circuit.impedance(spectrum.frequency, values)
    misfit = float(np.sqrt(np.mean(np.abs((model - spectrum.impedance) / spectrum.impedance) ** 2)))
    return Minimum(after, errors[order], correlations[np.ix_(order, order)], float((result.residual**2).sum()), misfit, count)


def _limits(spectrum, circuit):
    """Bounds of the sought numbers: logarithms, and alpha itself."""
    size = np.abs(spectrum.impedance)
    small, large = size.min() / ROOM, size.max() * ROOM
    slow, fast = spectrum.omega.min() / ROOM, spectrum.omega.max() * ROOM
    spans = {
        "R": (small, large), "": (small, large), "C": (1 / (fast * large), 1 / (slow * small)), "L": (small / fast, large / slow),
        "Q": (1 / (fast * large), 1 / (slow * small)), "A": (small * np.sqrt(slow), large * np.sqrt(fast)), "tau": (1 / fast, 1 / slow),
    }  # fmt: skip
    both = [ALPHA if quantity == "alpha" else tuple(np.log(spans[quantity])) for quantity in circuit.quantities]
    return np.array(both).T


def _start(spectrum, circuit, rng):
    """Parameters drawn so that every element matters somewhere in the spectrum: logarithms, and alpha itself."""
    size = np.abs(spectrum.impedance)
    span = np.log([size.min() / 3, size.max() * 2])
    out, alpha = [], 0.8
    for quantity in circuit.quantities:
        w = rng.uniform(*np.log([spectrum.omega.min(), spectrum.omega.max()]))
        z = rng.uniform(*span)
        out.append({"R": z, "C": -z - w, "L": z - w, "Q": -z - alpha * w, "alpha": rng.uniform(0.6, 1.0), "A": z + w / 2, "tau": -w}[quantity])
    return np.array(out)
