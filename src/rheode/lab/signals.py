"""What recordings of cyclic tests share: their noise and their turning points."""

import numpy as np

from .analysis import LabError

NOISE_FACTOR = 10.0  # a reversal is one once it exceeds this many standard deviations of the noise ...
SHARE = 0.01  # ... and this share of the range of the signal
TIED = 6.0  # samples this many standard deviations off an extreme may be the extreme


def noise(x) -> float:
    """Standard deviation of the white noise in a recording x (n,), its own unit; never below its resolution's.

    From the median of the third differences, to which a smooth signal gives next to nothing.
    """
    if len(x) < 8:
        return 0.0
    third = np.median(np.abs(np.diff(x, 3))) / 0.6745 / np.sqrt(20)
    steps = np.abs(np.diff(x))
    steps = steps[steps > 0]
    resolution = steps.min() / np.sqrt(12) if len(steps) and len(np.unique(x)) < len(x) / 4 else 0.0
    return float(max(third, resolution))


def smallest_reversal(x) -> float:
    """The reversal from which `turning_points` counts one: 10 standard deviations of the noise or 1 % of the range,
    whichever is more, but never above a quarter of the range."""
    span = float(np.ptp(x))
    return min(max(NOISE_FACTOR * noise(x), SHARE * span), 0.25 * span)


def turning_points(x, smallest=None) -> np.ndarray:
    """Indices at which x (n,) turns round, the first and the last sample among them, in order.

    A turn counts once x has come back by more than `smallest` (`smallest_reversal(x)` where None). Where the extreme is
    held, or hidden in the noise, its middle is taken: the largest sample of a noisy hold would be too large.
    """
    x = np.asarray(x, float)
    if smallest is None:
        smallest = smallest_reversal(x)
    if len(x) < 3 or np.ptp(x) == 0:
        raise LabError("the signal does not change: there is no loading in it")
    found, extreme, sense = [], 0, 0
    low = high = 0
    for i, value in enumerate(x.tolist()):
        if sense == 0:  # which way it goes first
            low = i if value < x[low] else low
            high = i if value > x[high] else high
            if x[high] - x[low] > smallest:
                sense, extreme = (1, i) if high > low else (-1, i)
        elif (value - x[extreme]) * sense > 0:
            extreme = i
        elif (x[extreme] - value) * sense > smallest:
            found.append(extreme)
            sense, extreme = -sense, i
    edges = [0, *found, len(x) - 1]
    tie = TIED * noise(x)
    middles = []
    for before, at, after in zip(edges, found, edges[2:]):
        near = np.flatnonzero(np.abs(x[before : after + 1] - x[at]) <= tie) + before
        middles.append(int(near[len(near) // 2]) if len(near) else at)
    return np.array([0, *middles, len(x) - 1])
