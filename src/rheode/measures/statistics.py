"""Statistics over a phase, and the published normalisation."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Statistics(NamedTuple):
    mean: float
    p5: float
    p50: float
    p95: float
    max: float


def statistics(values, weights) -> Statistics:
    """Weighted mean, percentiles and largest value of a field at points.

    values, weights: arrays of one shape; weights are deformed areas (quadrature weight times det F).
    A percentile is the smallest value at or below which that share of the area lies.
    Raises ValueError if nothing is given or the weights do not sum to more than zero.
    """
    values, weights = np.ravel(values), np.ravel(weights)
    if values.shape != weights.shape:
        raise ValueError(f"{values.size} values, {weights.size} weights")
    if not weights.sum() > 0.0:
        raise ValueError("no area to average over")
    order = np.argsort(values)
    share = np.cumsum(weights[order])  # of the area, at or below each value
    p5, p50, p95 = values[order[np.searchsorted(share / share[-1], (0.05, 0.5, 0.95))]]
    mean = (values * weights).sum() / weights.sum()
    return Statistics(float(mean), float(p5), float(p50), float(p95), float(values[weights > 0].max()))


def share_of_largest(history) -> np.ndarray:
    """A history (k, ...) as the share of its own largest value over the run, column by column.

    This is how published contact ratios can sum to more than 1. A column that never leaves zero
    has no share: nan.
    """
    history = np.asarray(history, dtype=float)
    largest = np.nanmax(history, axis=0)
    return np.divide(history, largest, out=np.full(history.shape, np.nan), where=largest > 0)
