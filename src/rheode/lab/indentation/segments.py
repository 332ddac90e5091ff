"""Where an indent is loaded, held and unloaded, from its load alone."""

from dataclasses import dataclass

import numpy as np

DROP = 0.35  # a fall of the load by this share of the peak is an unloading; a jump of the strain rate lowers it by less
BACK = 0.005  # share of the depth by which the tip comes back at least in an unloading
QUICK = 3  # points; an unloading has more
LOWEST = 1e-3  # peaks below this share of the largest load are noise of the approach
FLAT = 2e-4  # share of the load by which a hold may wander beyond its noise
PACE = 0.25  # of the mean pace of unloading: what is slower belongs to the hold
STEADY = 0.02  # share of the load within which a hold for thermal drift stays
DRIFT_TIME = 5.0  # s, the shortest hold for thermal drift


@dataclass(frozen=True)
class Cycle:
    """Indices of one loading and unloading.

    start: first point of the loading; loaded: last point before the hold (the peak itself where there is none);
    held: last point of the hold, at which unloading starts; end: last point of the unloading.
    """

    start: int
    loaded: int
    held: int
    end: int


def cycles(time: np.ndarray, load: np.ndarray, depth: np.ndarray) -> list[Cycle]:
    """The cycles of load [mN] and depth [um] over time [s], shape (n,), in order; a last loading without unloading ends at the last point.

    A load that falls at once, or while the depth still grows, is no unloading: the hardness fell, after a jump of the rate.
    """
    if not load.max(initial=0.0) > 0.0:
        return []
    peaks, valleys = _turns(load)
    found, start = [], 0
    for peak, end in zip(peaks, valleys):
        held = _unloading_starts(time, load, peak, end)
        if end - held >= QUICK and depth[end] < (1.0 - BACK) * depth[held]:
            found.append(Cycle(start, _hold_starts(load, start, peak, held), held, end))
            start = end
    rest = start + int(np.argmax(load[start:]))
    if load[rest] > LOWEST * load.max() and (not found or load[rest] > (1.0 + DROP) * load[start]):
        end = len(load) - 1
        found.append(Cycle(start, _hold_starts(load, start, rest, end), end, end))
    return found


def _turns(load):
    """Indices of the peaks, and of the valley behind each."""
    lowest = LOWEST * load.max()
    peaks, valleys = [], []
    top = bottom = 0
    falling = False
    for i, now in enumerate(load):
        if falling:
            if now < load[bottom]:
                bottom = i
            elif now > load[bottom] + DROP * load[peaks[-1]] and now > lowest:
                valleys.append(bottom)
                falling, top = False, i
        elif now > load[top]:
            top = i
        elif load[top] > lowest and now < (1.0 - DROP) * load[top]:
            peaks.append(top)
            falling, bottom = True, i
    return peaks, valleys + ([bottom] if falling else [])


def _unloading_starts(time, load, peak, end):
    """The last point of the hold: from the middle of the fall backwards while the load falls at a pace."""
    if end <= peak:
        return peak
    fall = -np.diff(load[peak : end + 1])
    if not fall.sum() > 0.0:
        return end
    pace = fall / np.maximum(np.diff(time[peak : end + 1]), 1e-9)
    slow = pace < PACE * np.sum(fall * pace) / np.sum(fall)  # mean pace of the fall, weighted by load
    i = int(np.argmax(load[peak : end + 1] < 0.5 * (load[peak] + load[end])))
    while i > 0 and not (slow[i - 1] and slow[max(i - 2, 0)]):
        i -= 1
    return peak + i


def _hold_starts(load, start, peak, held):
    """The last point of the loading: the one before the load stays at the level it has when the hold ends."""
    near = load[max(held - 200, start) : held + 1]
    near = near[np.abs(near - load[held]) < 0.01 * load[held]]
    level = np.median(near[-20:])
    tolerance = max(6.0 * 1.4826 * np.median(np.abs(near - np.median(near))), FLAT * level)
    if np.median(load[max(peak - 2, start) : peak + 3]) > level + tolerance:  # the load relaxes during the hold
        return peak
    first = min(peak, held)
    below = load < level - tolerance
    while first > start and not (below[first - 1] and below[max(first - 2, start)]):
        first -= 1
    while first < held and below[first]:
        first += 1
    return first - 1 if held > first > start else first


def contact(load: np.ndarray, depth: np.ndarray, cycle: Cycle) -> int:
    """First point of the loading after which the tip stays in contact: depth and load above zero."""
    off = np.flatnonzero((depth[cycle.start : cycle.loaded] <= 0.0) | (load[cycle.start : cycle.loaded] <= 0.0))
    return cycle.start + (int(off[-1]) + 1 if off.size else 0)


def drift_hold(time: np.ndarray, load: np.ndarray, after: int) -> slice | None:
    """The hold at a small constant load that follows point `after`, None where there is none."""
    tail = slice(after, len(load))
    if len(load) - after < 10:
        return None
    level = np.sort(load[tail])[(len(load) - after) // 2]  # the hold lasts longer than the unloading around it
    if not 0.0 < level < 0.5 * load.max():
        return None
    near = np.flatnonzero(np.abs(load[tail] - level) < STEADY * level)
    runs = np.split(near, np.flatnonzero(np.diff(near) > 1) + 1)
    longest = max(runs, key=len)
    first, last = after + longest[0], after + longest[-1]
    if len(longest) < 8 or time[last] - time[first] < DRIFT_TIME:
        return None
    return slice(int(first), int(last) + 1)
