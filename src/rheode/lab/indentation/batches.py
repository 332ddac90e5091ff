"""Batches of indents: which of them lie apart and why, and what the others have in common."""

import numpy as np

from ..analysis import Value

FAR = 6.0  # robust standard deviations from the median: one faultless batch of ten in fifty has such an indent
FLOOR = 0.02  # relative; indents that agree better than this are no reason to call another an outlier
FEWEST = 5  # fewer indents have no majority

RULE = f"an indent is left out whose value lies more than {FAR:g} robust standard deviations (1.4826 median absolute deviations, at least {100 * FLOOR:g} % of the median) from the median; not with fewer than {FEWEST} indents"


def outliers(measures: dict[str, np.ndarray]) -> list[str]:
    """For each indent why it is left out, "" where it is not.

    measures: by name with unit ("hardness [GPa]"), a value an indent, all of shape (n,); nan is a reason of its own.
    """
    reasons = [[] for _ in next(iter(measures.values()))]
    for name, values in measures.items():
        values = np.asarray(values, float)
        known = values[np.isfinite(values)]
        what, _, unit = name.partition(" [")
        unit = unit.rstrip("]")
        for i in np.flatnonzero(~np.isfinite(values)):
            reasons[i].append(f"no {what}")
        if known.size < FEWEST:
            continue
        middle = np.median(known)
        spread = max(1.4826 * np.median(np.abs(known - middle)), FLOOR * abs(middle))
        for i in np.flatnonzero(np.abs(values - middle) > FAR * spread):
            reasons[i].append(f"{what} {values[i]:.4g} {unit} is {abs(values[i] - middle) / spread:.3g} robust standard deviations from the median {middle:.4g} {unit}".replace("  ", " "))
    return ["; ".join(found) for found in reasons]


def mean(values, unit: str, errors=None) -> Value:
    """The mean of the finite `values` with its standard error: from their scatter, or for a single one from `errors`."""
    values = np.asarray(values, float)
    known = np.isfinite(values)
    n = int(known.sum())
    if n == 0:
        return Value(np.nan, unit)
    middle = float(values[known].mean())
    if n > 1:
        return Value(middle, unit, float(values[known].std(ddof=1) / np.sqrt(n)))
    error = None if errors is None else float(np.asarray(errors, float)[known][0])
    return Value(middle, unit, error if error is not None and np.isfinite(error) else None)


def scatter(values, unit: str) -> Value:
    """The standard deviation of the finite `values` between indents."""
    known = np.asarray(values, float)
    known = known[np.isfinite(known)]
    return Value(float(known.std(ddof=1)) if known.size > 1 else np.nan, unit)
