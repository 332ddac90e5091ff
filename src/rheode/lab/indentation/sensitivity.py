"""How hardness follows the strain rate: m = d ln H / d ln rate (Xiong et al. 2024, Eq. 7), with honest intervals."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.stats import t as student

LEVEL = 0.95


@dataclass(frozen=True)
class Estimate:
    """A value with its standard error and the degrees of freedom the error was estimated with."""

    value: float
    error: float
    freedom: float

    def interval(self, level: float = LEVEL) -> tuple[float, float]:
        half = float(student.ppf(0.5 + 0.5 * level, self.freedom)) * self.error
        return self.value - half, self.value + half


@dataclass(frozen=True)
class Sensitivity:
    """ln H = `hardness` + `m` (ln rate - `centre`), H in GPa, rate in 1/s; the two estimates are independent."""

    m: Estimate
    hardness: Estimate
    centre: float

    def at(self, rate: float) -> Estimate:
        """ln of the hardness [GPa] at a rate [1/s]."""
        distance = np.log(rate) - self.centre
        return combined(self.hardness.value + self.m.value * distance, [self.hardness, self.m], [1.0, distance])

    @classmethod
    def of_rate(cls, ln_hardness: float, ln_rate: float, m: float, covariance, freedom: float) -> "Sensitivity":
        """From the rate at a given hardness: `covariance` is that of (ln_rate, m), shape (2, 2)."""
        variance = covariance[1][1]
        reach = m * covariance[0][1] / variance  # at this distance the errors of hardness and m are independent
        error = reach**2 * variance + m**2 * covariance[0][0] - 2.0 * reach * m * covariance[0][1]
        hardness = Estimate(ln_hardness + m * reach, float(np.sqrt(max(error, 0.0))), freedom)
        return cls(Estimate(m, float(np.sqrt(variance)), freedom), hardness, ln_rate + reach)

    def widened(self, moved: "Sensitivity") -> "Sensitivity":
        """The same with what one standard deviation of something else moves it by (to `moved`) in its errors."""
        def wider(own, other):
            return Estimate(own.value, float(np.hypot(own.error, other - own.value)), own.freedom)

        level = moved.hardness.value + moved.m.value * (self.centre - moved.centre)
        return Sensitivity(wider(self.m, moved.m.value), wider(self.hardness, level), self.centre)


def gathered(lines: list[Sensitivity]) -> Sensitivity:
    """One line from those of several indents; their m differ by their own errors and by what the indents differ in beyond.

    As in `fit`: the further scatter after Paule and Mandel, the interval after Knapp and Hartung, the hardness and its
    error from the indents alike. A single line stays as it is.
    """
    if len(lines) == 1:
        return lines[0]
    m, error = (np.array([getattr(line.m, field) for line in lines]) for field in ("value", "error"))
    freedom = len(lines) - 1

    def solve(extra):
        weight = 1.0 / (error**2 + extra)
        middle = np.sum(weight * m) / weight.sum()
        return middle, weight.sum(), np.sum(weight * (m - middle) ** 2)

    middle, total, misfit = solve(_further(lambda extra: solve(extra)[2], freedom, np.var(m)))
    centre = float(np.mean([line.centre for line in lines]))
    levels = np.array([line.hardness.value + middle * (centre - line.centre) for line in lines])
    slope = Estimate(float(middle), float(np.sqrt(misfit / freedom / total)), freedom)
    return Sensitivity(slope, Estimate(float(levels.mean()), float(levels.std(ddof=1) / np.sqrt(len(lines))), freedom), centre)


def _further(misfit, freedom, scale) -> float:
    """The variance beyond the known one at which the weighted `misfit` (a function of it) is what `freedom` asks for."""
    if misfit(0.0) <= freedom:
        return 0.0
    top = float(scale) + 1e-12
    while misfit(top) > freedom:
        top *= 4.0
    return brentq(lambda extra: misfit(extra) - freedom, 0.0, top, xtol=1e-9 * top)


def combined(value: float, parts: list[Estimate], weights) -> Estimate:
    """`value` with the error of a weighted sum of independent estimates (Welch-Satterthwaite degrees of freedom)."""
    terms = np.array([(weight * part.error) ** 2 for part, weight in zip(parts, weights)])
    total = terms.sum()
    small = np.array([term**2 / part.freedom for part, term in zip(parts, terms)]).sum()
    return Estimate(float(value), float(np.sqrt(total)), float(total**2 / small) if small > 0.0 else np.inf)


def fit(ln_rate, ln_hardness, error, group, rate_error=None) -> Sensitivity:
    """Straight lines of one slope m and an intercept of its own for each group (indent), arrays of shape (n,).

    error, rate_error: standard errors of each ln H and ln rate from the scatter of their own points; what the points
    scatter beyond that about the lines is estimated too (Paule and Mandel 1982) and counts for every point alike. The interval of m takes the
    scatter about the lines with Student's t (Knapp and Hartung 2003). The hardness is the mean over the groups, its
    error that between them, or with one group that of its line. Raises ValueError with fewer than three points or one rate only.
    """
    x, y, error = (np.asarray(values, float) for values in (ln_rate, ln_hardness, error))
    names, group = np.unique(np.asarray(group), return_inverse=True)
    freedom = len(x) - len(names) - 1
    if freedom < 1:
        raise ValueError("too few points")
    floor = 1e-12 + 1e-6 * np.max(np.abs(error), initial=0.0)
    error = np.maximum(error, floor)
    if not np.ptp(x - np.array([x[group == g].mean() for g in range(len(names))])[group]) > 1e-6:
        raise ValueError("one rate")
    known, aside = error, 0.0 if rate_error is None else np.asarray(rate_error, float)

    def solve(extra):
        weight = 1.0 / (error**2 + extra)
        total = np.bincount(group, weight)
        x_mean = np.bincount(group, weight * x) / total
        y_mean = np.bincount(group, weight * y) / total
        across, up = x - x_mean[group], y - y_mean[group]
        leverage = np.sum(weight * across**2)
        m = np.sum(weight * across * up) / leverage if leverage > 0.0 else np.nan
        return m, leverage, np.sum(weight * (up - m * across) ** 2), x_mean, y_mean, total

    m = solve(0.0)[0]
    for _ in range(3 if rate_error is not None else 1):  # an error of the rate counts m times
        error = np.sqrt(known**2 + (m * aside) ** 2)
        extra = _further(lambda variance: solve(variance)[2], freedom, np.var(y))
        m, leverage, misfit, x_mean, y_mean, total = solve(extra)
    scale = misfit / freedom
    slope = Estimate(float(m), float(np.sqrt(scale / leverage)), freedom)
    centre = float(x_mean.mean())
    level = y_mean + m * (centre - x_mean)
    if len(names) > 1:
        mean = Estimate(float(level.mean()), float(level.std(ddof=1) / np.sqrt(len(names))), len(names) - 1)
    else:
        mean = Estimate(float(level[0]), float(np.sqrt(scale / total[0])), freedom)
    return Sensitivity(slope, mean, centre)
