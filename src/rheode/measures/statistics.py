"""Statistics over a phase, distortion of cells, and the published normalisation."""

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
    p5, p50, p95 = np.percentile(values, (5, 50, 95), weights=weights, method="inverted_cdf")
    mean = (values * weights).sum() / weights.sum()
    return Statistics(float(mean), float(p5), float(p50), float(p95), float(values[weights > 0].max()))


def distortion(F) -> np.ndarray:
    """Larger over smaller principal stretch in the plane, F (..., 2, 2): 1 is undistorted, inf is flat."""
    F = np.asarray(F, dtype=float)
    a, b, c, d = F[..., 0, 0], F[..., 0, 1], F[..., 1, 0], F[..., 1, 1]
    # F is a similarity and an anti-similarity, of sizes that are half the sum and half the difference of the stretches.
    total, difference = np.hypot(a + d, c - b), np.hypot(a - d, b + c)
    smaller = np.abs(total - difference)
    return np.divide(total + difference, smaller, out=np.full(total.shape, np.inf), where=smaller > 0)


def smallest_det(F, stretch_zz=1.0) -> float:
    """Smallest volume ratio over all points; F (..., 2, 2) with the stretch out of plane, or (..., 3, 3)."""
    return float(np.linalg.det(np.asarray(F, dtype=float)).min() * stretch_zz)


def share_of_largest(history) -> np.ndarray:
    """A history (k, ...) as the share of its own largest value over the run, column by column.

    This is how published contact ratios can sum to more than 1. A column that never leaves zero
    has no share: nan.
    """
    history = np.asarray(history, dtype=float)
    largest = np.nanmax(history, axis=0)
    return np.divide(history, largest, out=np.full(history.shape, np.nan), where=largest > 0)
