"""The linear Kramers-Kronig test: what a causal, linear, stationary system can't have done.

After Schönleber, Klotz and Ivers-Tiffée, Electrochim. Acta 131 (2014) 20: a series of a resistance, an inductance, a
capacitance and M RC elements with fixed time constants, evenly spaced on a logarithmic scale, obeys Kramers and Kronig
whatever its resistances are; these follow from linear least squares. What such a series can't follow isn't
Kramers-Kronig's. M is the number that Akaike's criterion (with its correction for few points) prefers; their mu = 1 -
sum |R_k < 0| / sum R_k >= 0, which stops at the first M below 0.85, is reported: with noise it stops too early.
"""

from dataclasses import dataclass

import numpy as np

FEWEST = 3  # RC elements
TOLERATED = 0.01  # r.m.s. residual relative to |Z| up to which a spectrum passes
FOLLOWING = 0.3  # correlation of neighbouring residuals above which they are no noise


@dataclass(frozen=True)
class Validity:
    """Residuals (n,) complex, relative to |Z| (model - measured); RC elements used; mu; r.m.s. and largest residual."""

    residuals: np.ndarray
    model: np.ndarray
    elements: int
    mu: float

    @property
    def rms(self):
        return float(np.sqrt(np.mean(np.abs(self.residuals) ** 2)))

    @property
    def correlation(self):
        """Of each residual with its neighbour: near 0 for noise, near 1 for what the model can't follow."""
        r = self.residuals
        return float(np.sum((r[1:] * r[:-1].conj()).real) / np.sum(np.abs(r) ** 2))

    @property
    def passed(self):
        return self.rms <= TOLERATED or self.correlation < FOLLOWING

    @property
    def verdict(self):
        if self.rms <= TOLERATED:
            return "consistent"
        return "noisy, but consistent" if self.passed else "violated"

    @property
    def largest(self):
        return float(np.maximum(np.abs(self.residuals.real), np.abs(self.residuals.imag)).max())


def test(frequency, impedance, most: int | None = None) -> Validity:
    """The test of a spectrum: frequency (n,) Hz, impedance (n,) ohm, n >= 5. most: RC elements at most."""
    frequency, impedance = np.asarray(frequency, float), np.asarray(impedance, complex)
    most = min(len(frequency) - 4, 80) if most is None else most
    best = None
    for elements in [m for m in range(FEWEST, max(most, FEWEST) + 1) if m <= 30 or m % 5 == 0]:
        model, resistances = _fitted(2 * np.pi * frequency, impedance, elements)
        residuals = (model - impedance) / np.abs(impedance)
        n, k = 2 * len(frequency), elements + 3
        if n - k < 2:
            break
        score = n * np.log(np.sum(np.abs(residuals) ** 2) / n + 1e-24) + 2 * k + 2 * k * (k + 1) / (n - k - 1)
        if best is None or score < best[0]:
            positive = resistances[resistances >= 0].sum()
            mu = 1 + resistances[resistances < 0].sum() / positive if positive > 0 else 0.0
            best = score, Validity(residuals, model, elements, float(mu))
    return best[1]


def _fitted(w, impedance, elements):
    """(model (n,), resistances (elements,)) of the best series, weighted by 1/|Z|."""
    tau = np.geomspace(1 / w.max(), 1 / w.min(), elements)
    columns = np.concatenate([[np.ones_like(w) + 0j, 1j * w / w.max(), w.min() / (1j * w)], 1 / (1 + 1j * np.outer(tau, w))]).T
    weighted = columns / np.abs(impedance)[:, None]
    target = impedance / np.abs(impedance)
    solution, *_ = np.linalg.lstsq(np.concatenate([weighted.real, weighted.imag]), np.concatenate([target.real, target.imag]), rcond=None)
    return columns @ solution, solution[3:]
