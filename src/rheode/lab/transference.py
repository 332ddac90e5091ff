"""The transference number of a symmetric cell after Bruce and Vincent.

    t = I_s (dV - I_0 R_0) / (I_0 (dV - I_s R_s))

(Bruce, Evans and Vincent, Solid State Ionics 28-30 (1988) 918; Pan et al., Nat. Commun. 15 (2024), Eq. 4): dV the step of
voltage, I_0 and I_s the currents at its beginning and in the steady state, R_0 and R_s the resistances of the electrodes'
interfaces before and after, not those of the electrolyte. It holds for dilute electrolytes and small dV.

I_0 and I_s are read off I(t) = I_s + sum a_k exp(-t/tau_k), a_k >= 0, fitted to the whole transient: any relaxation of
diffusion or of an interface is such a sum, and its value at the step is I_0. A recorder that begins late, or averages, loses
what came before; I_0 then falls short of dV/(R_electrolyte + R_0), which the first spectrum gives (Evans, Vincent and Bruce,
Polymer 28 (1987) 2324). Where the two agree their weighted mean is used, for t hangs on the small difference dV - I_0 R_0.
"""

from dataclasses import dataclass

import numpy as np

from .analysis import Analysis, LabError, Value
from .impedance import Spectrum
from .impedance.circuit import Circuit
from .impedance.fit import LOOSE, fit

TIMES = 40  # time constants of the fit, from half the first interval to half of the recording
MEANS = 400  # the records are averaged over as many steps of log time
DRAWS = 60  # simulated repeats from which the uncertainties of I_0 and I_s come
END = 0.1  # share of the recording in which the current must be steady
STEADY = 0.01  # by this share of itself at most
OHM = 0.05  # share by which I_0 may differ from Ohm's law before it is told
AGREE = 3.0  # standard uncertainties within which the two are one
SMALL = 0.025  # V: above it electrodes are hardly linear (kT/e at 25 degC)
STARTS = 40
SEED = 1
FIRST = ("auto", "transient", "ohm")


@dataclass(frozen=True)
class Transient:
    """Time (n,) s from the step on, current (n,) A."""

    path: str
    time: np.ndarray
    current: np.ndarray


def bruce_vincent(voltage, first, steady, before, after):
    """t from dV [V], I_0, I_s [A], R_0, R_s [ohm]."""
    return steady * (voltage - first * before) / (first * (voltage - steady * after))


def analyse(transient: Transient, before: Spectrum, after: Spectrum, voltage: float, circuit: Circuit, interface: list[str], electrolyte: list[str], first: str = "auto", weight: str = "modulus") -> Analysis:
    """Transference number from a current transient under `voltage` [V] and a spectrum on either side of it.

    interface, electrolyte: the circuit's parameters [ohm] that are summed to R_0 (R_s) and to the electrolyte's resistance.
    first: where I_0 comes from, one of FIRST. Raises LabError.
    """
    if first not in FIRST:
        raise LabError(f"--first: got {first!r}, expected one of {', '.join(FIRST)}")
    resistances = [name for name, unit in zip(circuit.names, circuit.units) if unit == "ohm"]
    for name in (*interface, *electrolyte):
        if name not in resistances:
            raise LabError(f"got {name!r}, expected a resistance of {circuit.text}: {', '.join(resistances)}")
    voltage = abs(voltage)
    if voltage == 0:
        raise LabError("the step of voltage is 0")
    time, current = _cleaned(transient)
    (I0, Is), (u0, us), model, drift = _currents(time, current)
    fits = [fit(spectrum, circuit, weight, STARTS)[0] for spectrum in (before, after)]
    (R0, uR0), (Rs, uRs) = (_sum(circuit, found, interface) for found in fits)
    (bulk, u_bulk), (bulk_after, u_bulk_after) = (_sum(circuit, found, electrolyte) for found in fits)
    ohm = voltage / (bulk + R0)
    u_ohm = ohm * _sum(circuit, fits[0], [*interface, *electrolyte])[1] / (bulk + R0)
    used = first
    if first == "auto":
        used = "mean" if abs(I0 - ohm) <= AGREE * np.hypot(u0, u_ohm) else "transient"
    share = {"transient": 1.0, "ohm": 0.0, "mean": u_ohm**2 / (u0**2 + u_ohm**2) if u0 > 0 or u_ohm > 0 else 1.0}[used]

    def number(i0, i_s, r0, r_s, electro):
        """t with I_0 mixed from the transient's and Ohm's, which moves with the resistances."""
        return bruce_vincent(voltage, share * i0 + (1 - share) * voltage / (electro + r0), i_s, r0, r_s)

    chosen = share * I0 + (1 - share) * ohm
    for amount, resistance, when in ((chosen, R0, "before"), (Is, Rs, "after")):
        if amount * resistance >= voltage:
            raise LabError(f"the interfaces {when} take {1e3 * amount * resistance:.3g} mV of the {1e3 * voltage:.3g} mV applied: check --voltage, the unit of the current, and which resistance is the interfaces'")
    t = number(I0, Is, R0, Rs, bulk)
    u = _propagated(number, (I0, u0), (Is, us), (R0, uR0), (Rs, uRs), (bulk, u_bulk))

    notes = []
    if abs(drift) > STEADY:
        notes.append(f"the current still changes by {100 * abs(drift):.2g} % over the last {100 * END:g} % of the recording: it is not steady, and I_s is an extrapolation; polarise longer")
    by_ohm = bruce_vincent(voltage, ohm, Is, R0, Rs)
    if I0 < (1 - OHM) * ohm:
        notes.append(f"the first current, {1e6 * I0:.4g} uA, falls short of Ohm's law, {1e6 * ohm:.4g} uA, by {100 * (1 - I0 / ohm):.0f} %: it was read too late, or the cell changed; with Ohm's I_0 t is {by_ohm:.3f} (--first ohm)")
    if I0 > (1 + OHM) * ohm:
        notes.append(f"the first current, {1e6 * I0:.4g} uA, exceeds Ohm's law, {1e6 * ohm:.4g} uA: the charging of double layers is in it, or the circuit misses a part; with Ohm's I_0 t is {by_ohm:.3f} (--first ohm)")
    if voltage > SMALL:
        notes.append(f"{1e3 * voltage:.3g} mV is much for this method, which needs electrodes that answer in proportion: 10 mV are usual")
    for spectrum, found in zip((before, after), fits):
        loose = [name for name in (*interface, *electrolyte) if not found.uncertainties[circuit.names.index(name)] / found.values[circuit.names.index(name)] < LOOSE]
        if loose:
            notes.append(f"{spectrum.path}: not determined by the spectrum: {', '.join(loose)}")
    if not 0 < t < 1:
        notes.append(f"t = {t:.3g} lies outside 0 to 1: check the resistances and currents")
    values = {
        "transference number": Value(float(t), "", float(u)),
        "transference number, I_0 of the transient": Value(float(bruce_vincent(voltage, I0, Is, R0, Rs))),
        "transference number, I_0 by Ohm's law": Value(float(by_ohm)),
        "I_0 of the transient": Value(1e6 * I0, "uA", 1e6 * u0),
        "I_0 by Ohm's law": Value(1e6 * ohm, "uA", 1e6 * u_ohm),
        "I_s": Value(1e6 * Is, "uA", 1e6 * us),
        "R_0, interfaces before": Value(R0, "ohm", uR0),
        "R_s, interfaces after": Value(Rs, "ohm", uRs),
        "electrolyte before": Value(bulk, "ohm", u_bulk),
        "electrolyte after": Value(bulk_after, "ohm", u_bulk_after),
    }
    choices = {
        "formula": "t = I_s (dV - I_0 R_0)/(I_0 (dV - I_s R_s)), Bruce and Vincent",
        "dV [V]": voltage,
        "I_0": {"transient": "of the transient", "ohm": "dV/(electrolyte + interfaces before)", "mean": f"weighted mean of the transient's ({share:.2f}) and Ohm's, which agree within {AGREE:g} u"}[used],
        "transient": f"I_s + sum of {TIMES} decaying exponentials, none negative, through means over {MEANS} steps of log time; uncertainties from {DRAWS} simulated repeats, seed {SEED}",
        "circuit": circuit.text,
        "interfaces": " + ".join(interface),
        "electrolyte": " + ".join(electrolyte),
        "weights": weight,
        "starts": STARTS,
    }
    table = {"quantity": list(values), "value": [v.value for v in values.values()], "u": [v.uncertainty for v in values.values()], "unit": [v.unit for v in values.values()]}
    curves = {"time": time, "current": current, "model": model, "steady": Is, "first": I0, "ohm": ohm, "spectra": (before, after), "fits": fits, "circuit": circuit}
    return Analysis("transference", values, {"transference": table}, choices, notes, curves=curves)


def _cleaned(transient):
    time, current = np.asarray(transient.time, float), np.asarray(transient.current, float)
    whole = np.isfinite(time) & np.isfinite(current)
    time, current = time[whole], current[whole]
    if len(time) < 20:
        raise LabError(f"{transient.path}: {len(time)} records of time and current; a transient needs 20 at least")
    if np.any(np.diff(time) < 0):
        raise LabError(f"{transient.path}: the time goes backwards")
    current = current * np.sign(np.median(current[-max(len(current) // 10, 3) :]))
    # Records of the rest before the step, if there are any, are left out: the step is where the current comes on.
    on = np.flatnonzero(current > 0.2 * current.max())
    start = int(on[0]) if len(on) else 0
    time, current = time[start:], current[start:]
    if np.any(current <= 0):
        raise LabError(f"{transient.path}: the current changes its sign after the step; give the part under one voltage")
    return time - (time[0] if start else min(time[0], 0.0)), current


def _currents(time, current):
    """((I_0, I_s), their standard uncertainties, the fitted curve (time, current), drift at the end as a share)."""
    from scipy.optimize import nnls

    first = float(np.median(np.diff(time[: max(len(time) // 50, 5)])))
    taus = np.geomspace(first / 2, (time[-1] - time[0]) / 2, TIMES)
    # Means over even steps of log time: the beginning counts as much as the long end.
    place = np.floor(np.log1p(time / first) / np.log1p(time[-1] / first) * MEANS).astype(int)
    _, place, count = np.unique(place, return_inverse=True, return_counts=True)

    def means(values):
        return np.bincount(place, weights=values) / count

    columns = np.stack([np.ones(len(count)), *(means(np.exp(-time / tau)) for tau in taus)], axis=1)
    weights = np.sqrt(count)
    y = means(current)

    def solve(values):
        amounts, _ = nnls(columns * weights[:, None], values * weights, maxiter=100 * TIMES)
        return amounts

    amounts = solve(y)
    model = columns @ amounts
    # Scatter of single records about the curve within the means, and of the means about it, whichever is larger.
    noise = np.sqrt(max(np.mean((current - np.interp(time, means(time), model)) ** 2), np.mean(count * (y - model) ** 2)))
    rng = np.random.default_rng(SEED)
    draws = [solve(model + noise / weights * rng.standard_normal(len(y))) for _ in range(DRAWS)]
    ends = np.array([(draw.sum(), draw[0]) for draw in draws])
    u = ends.std(axis=0, ddof=1)
    late = (1 - END) * time[-1]
    drift = float(((amounts[1:] * (np.exp(-late / taus) - np.exp(-time[-1] / taus))).sum()) / amounts[0]) if amounts[0] > 0 else np.inf
    return (float(amounts.sum()), float(amounts[0])), (float(u[0]), float(u[1])), (means(time), model), drift


def _sum(circuit, found, names):
    """(sum of parameters, its standard uncertainty with their correlations)."""
    places = [circuit.names.index(name) for name in names]
    u = np.nan_to_num(found.uncertainties[places])
    total = float(u @ np.nan_to_num(found.correlations[np.ix_(places, places)], nan=1.0) @ u)
    return float(found.values[places].sum()), float(np.sqrt(max(total, 0.0)))


def _propagated(number, *pairs):
    """Standard uncertainty of number(values...) from (value, u) of each, taken as independent."""
    centre = [value for value, _ in pairs]
    total = 0.0
    for i, (value, u) in enumerate(pairs):
        step = max(abs(value) * 1e-6, 1e-300)
        moved = [*centre[:i], value + step, *centre[i + 1 :]]
        total += ((number(*moved) - number(*centre)) / step * u) ** 2
    return float(np.sqrt(total))
