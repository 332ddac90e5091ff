"""Pores followed from frame to frame: drift, identity by overlap, closings, reopenings, mergers and splits.

The rules are those of `measures.pores`: a pore that splits keeps the area of all its pieces, a merger leaves each pore its
share, one that reopens where it was is the same pore.
"""

from dataclasses import dataclass, field

import numpy as np
from scipy import ndimage
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array

OVERLAP = 0.3  # of the smaller of two regions: what makes them the same pore
TEXTURE = 1 / 24  # of the shortest side: coarser variations of grey (shading, charging) don't count for the drift
UPSAMPLING = 20  # the drift is found to 1/20 pixel
STATES = ("open", "merged", "split", "closed", "cut by the edge", "out of view", "not yet open")


@dataclass(frozen=True, eq=False)
class Tracks:
    """Pores over frames: N pores, those of the first frame by falling size and then newcomers, F frames.

    areas (F, N): pixels, 0 when closed, NaN where the pore is cut by the edge, out of view or not yet open; centres (F, N, d)
    pixels from the first pixel's middle, in the frame, NaN when there is none; pieces (F, N): regions that carry the pore;
    state (F, N) of STATES; with_ (F, N): the pore whose region it is part of, else itself; drift (F, d): pixels by which
    the content of a frame lies beside that of the first; events: dicts with frame, event, pore (numbers from 1) and others;
    shares: per frame a list, by region, of {pore: share of the region's area}.
    """

    areas: np.ndarray
    centres: np.ndarray
    pieces: np.ndarray
    state: np.ndarray
    with_: np.ndarray
    drift: np.ndarray
    events: list
    shares: list = field(repr=False)

    @property
    def first(self):
        """Number of pores in the first frame."""
        return len(self.shares[0])

    @property
    def relative(self):
        """(F, first) area relative to the first frame; NaN where either is not known."""
        with np.errstate(invalid="ignore"):
            return self.areas[:, : self.first] / self.areas[0, : self.first]


def drifts(frames, upsampling=UPSAMPLING):
    """(F, d) pixels by which the content of each frame lies beside that of the first, from frame to frame.

    frames: arrays of one shape (grey values, or masks of pores). Cross-correlation of what varies over less than TEXTURE
    of the image; first of whole frames, then of the part that both show, to 1/upsampling pixel (Guizar-Sicairos 2008).
    """
    found = [np.zeros(np.ndim(frames[0]))]
    before = _textured(frames[0])
    for frame in frames[1:]:
        now = _textured(frame)
        found.append(found[-1] + _shift(before, now, upsampling))
        before = now
    return np.array(found)


def _textured(frame):
    frame = frame.astype(np.float32)
    fine = ndimage.gaussian_filter(frame, 1.0)
    fine -= ndimage.gaussian_filter(frame, max(4.0, TEXTURE * min(frame.shape)))
    spread = fine.std()
    # A scratch or a charged grain must not decide alone.
    return np.clip(fine / spread, -3, 3) if spread > 0 else fine


def _shift(before, now, upsampling):
    from skimage.registration import phase_cross_correlation

    total = np.zeros(before.ndim)
    for step in range(4):
        whole = np.round(total).astype(int)
        a, b = before[_seen(before.shape, -whole)], now[_seen(before.shape, whole)]
        if min(a.shape) < 16:
            return np.zeros(before.ndim)
        window = _window(a.shape)
        moved = -np.asarray(phase_cross_correlation(a * window, b * window, upsample_factor=1 if step == 0 else upsampling, normalization=None)[0])
        if step and np.array_equal(np.round(whole + moved), whole):
            return whole + moved
        total = whole + moved
    return total


def _window(shape):
    """1 inside, falling to 0 over an eighth of each side."""
    window = np.ones(shape, np.float32)
    for axis, n in enumerate(shape):
        ramp = np.minimum(1.0, (np.minimum(np.arange(n), np.arange(n)[::-1]) + 0.5) / max(1.0, n / 8))
        window *= (0.5 - 0.5 * np.cos(np.pi * ramp)).reshape([-1 if k == axis else 1 for k in range(len(shape))])
    return window


def _seen(shape, move):
    """The part of an array that, moved by -move, still lies inside."""
    return tuple(slice(max(0, m), n + min(0, m)) for n, m in zip(shape, move))


def track(regions, drift=None):
    """Follow the pores: `Tracks`.

    regions: labelled frames of one shape, pores from 1 (see `regions.pores`), those of the first numbered as they shall
    be; drift: (F, d) pixels, none by default.

    Two regions of neighbouring frames, laid over each other without the drift, are linked where they share OVERLAP of the
    smaller one; regions left over on both sides are paired where their centres are nearer than the sum of their radii. A
    region takes over the pores of all regions linked to it, in proportion to the shared areas.
    """
    drift = np.zeros((len(regions), regions[0].ndim)) if drift is None else np.asarray(drift, float)
    book = _Book(regions[0].shape)
    shares = [[{j: 1.0} for j in range(int(regions[0].max()))]]
    book.enter(regions[0], shares[0], drift[0])
    for k in range(1, len(regions)):
        shares.append(_carried(regions[k - 1], regions[k], shares[-1], drift[k - 1], drift[k], book))
        book.enter(regions[k], shares[-1], drift[k])
    return _tracks(regions, shares, drift, book)


class _Book:
    """What is remembered of each pore: where it was when it was last alone in its region, without drift."""

    def __init__(self, shape):
        self.shape, self.places, self.count = shape, {}, 0

    def enter(self, labels, shares, drift):
        pores = {}
        for j, held in enumerate(shares):
            self.count = max(self.count, *(pore + 1 for pore in held))
            for pore in held:
                pores.setdefault(pore, []).append(j)
        where = ndimage.find_objects(labels)
        for pore, own in pores.items():
            if all(len(shares[j]) == 1 for j in own):
                at = [np.argwhere(labels[where[j]] == j + 1) + [s.start for s in where[j]] for j in own]
                self.places[pore] = np.vstack(at) - np.round(drift).astype(int)

    def at(self, pore, labels, drift):
        """(n,) labels of a frame where the pore was; -1 out of view."""
        places = self.places[pore] + np.round(drift).astype(int)
        inside = ((places >= 0) & (places < self.shape)).all(axis=1)
        found = np.full(len(places), -1)
        found[inside] = labels[tuple(places[inside].T)]
        return found


def _carried(before, now, held, drift_before, drift_now, book):
    """The shares of pores in the regions of a frame, from those of the frame before."""
    n, m = len(held), int(now.max())
    move = np.round(drift_now).astype(int) - np.round(drift_before).astype(int)
    shared = _shared(before[_seen(now.shape, -move)], now[_seen(now.shape, move)], n, m)
    size = [np.bincount(labels.ravel(), minlength=count + 1)[1:] for labels, count in ((before, n), (now, m))]
    links = {(i, j): o for i, j, o in zip(shared.row, shared.col, shared.data) if o >= OVERLAP * min(size[0][i], size[1][j])}
    _pair_the_rest(links, before, now, size, drift_now - drift_before)

    after = {}
    for i, j in links:
        after.setdefault(i, []).append(j)
    made = [{} for _ in range(m)]
    remembered = {}
    for (i, j), overlap in links.items():
        parting = len(held[i]) > 1 and len(after[i]) > 1
        for pore, share in held[i].items():
            weight = share * overlap
            if parting:  # pores that had merged take the piece where each was before
                if pore not in remembered:
                    remembered[pore] = np.bincount(np.maximum(book.at(pore, now, drift_now), 0), minlength=m + 1)[1:]
                seen = remembered[pore]
                weight = seen[j] if seen[after[i]].any() else weight
                if weight < 0.2 * seen[after[i]].max():
                    continue
            if weight > 0:
                made[j][pore] = made[j].get(pore, 0.0) + weight
    _bring_back(made, now, size[1], drift_now, book)
    new = book.count
    for shares in made:
        if not shares:
            shares[new] = 1.0
            new += 1
    return [{pore: weight / sum(shares.values()) for pore, weight in shares.items()} for shares in made]


def _bring_back(made, now, size, drift, book):
    """Give regions to pores that were closed or out of view: where most of such a pore, or OVERLAP of the smaller one, lies;
    failing that a region without any pore takes the nearest whose centre is nearer than the sum of their radii."""
    present = {pore for shares in made for pore in shares}
    absent = [pore for pore in range(book.count) if pore not in present]
    fresh = [j for j, shares in enumerate(made) if not shares]
    for pore in absent:
        seen = book.at(pore, now, drift)
        overlap = np.bincount(np.maximum(seen, 0), minlength=len(made) + 1)[1:]
        for j in np.flatnonzero(overlap):
            if overlap[j] >= (OVERLAP * min(size[j], len(seen)) if j in fresh else 0.5 * len(seen)):
                made[j][pore] = float(overlap[j])
    back = {pore for shares in made for pore in shares}
    absent = [pore for pore in absent if pore not in back]
    fresh = [j for j in fresh if not made[j]]
    if not absent or not fresh:
        return
    was = np.array([book.places[pore].mean(axis=0) + drift for pore in absent])
    centres = np.array(ndimage.center_of_mass(now > 0, now, np.array(fresh) + 1)).reshape(-1, now.ndim)
    reach = _radius(np.array([len(book.places[pore]) for pore in absent]), now.ndim)[:, None] + _radius(size[fresh], now.ndim)
    distance = np.linalg.norm(was[:, None] - centres, axis=2) / reach
    for a, b in zip(*linear_sum_assignment(np.minimum(distance, 10.0))):
        if distance[a, b] < 1:
            made[fresh[b]][absent[a]] = 1.0


def _radius(size, dimension):
    """Radius of the disc or ball of a size in pixels."""
    return np.sqrt(size / np.pi) if dimension == 2 else np.cbrt(3 * size / (4 * np.pi))


def _shared(a, b, n, m):
    both = (a > 0) & (b > 0)
    found = coo_array((np.ones(both.sum()), (a[both] - 1, b[both] - 1)), shape=(n, m))
    found.sum_duplicates()
    return found


def _pair_the_rest(links, before, now, size, move):
    """Link regions that overlap with none, nearest centres first, if they are nearer than their radii."""
    rest = [np.setdiff1d(np.arange(len(s)), [pair[side] for pair in links]) for side, s in enumerate(size)]
    if not all(map(len, rest)):
        return
    dimension = before.ndim
    centres = [np.array(ndimage.center_of_mass(labels > 0, labels, r + 1)).reshape(-1, dimension) for labels, r in zip((before, now), rest)]
    radii = [_radius(s[r], dimension) for s, r in zip(size, rest)]
    distance = np.linalg.norm(centres[0][:, None] + move - centres[1], axis=2) / (radii[0][:, None] + radii[1])
    for a, b in zip(*linear_sum_assignment(np.minimum(distance, 10.0))):
        if distance[a, b] < 1:
            links[rest[0][a], rest[1][b]] = 1.0


def _tracks(regions, shares, drift, book):
    frames, count, dimension = len(regions), book.count, regions[0].ndim
    areas = np.zeros((frames, count))
    centres = np.full((frames, count, dimension), np.nan)
    pieces = np.zeros((frames, count), int)
    state = np.full((frames, count), "closed", dtype="<U16")
    with_ = np.tile(np.arange(count), (frames, 1))
    born = np.full(count, frames)
    for k, (labels, held) in enumerate(zip(regions, shares)):
        size = np.bincount(labels.ravel(), minlength=len(held) + 1)[1:]
        middle = np.array(ndimage.center_of_mass(labels > 0, labels, np.arange(1, len(held) + 1))).reshape(-1, dimension)
        edge = np.unique(np.concatenate([np.take(labels, [0, -1], axis=axis).ravel() for axis in range(dimension)]))
        cut = set((edge[edge > 0] - 1).tolist())
        parts = {}
        for j, members in enumerate(held):
            for pore, share in members.items():
                parts.setdefault(pore, []).append((j, share))
        for pore, own in parts.items():
            born[pore] = min(born[pore], k)
            weights = np.array([share * size[j] for j, share in own])
            areas[k, pore] = weights.sum()
            centres[k, pore] = weights @ middle[[j for j, _ in own]] / weights.sum()
            pieces[k, pore] = len(own)
            largest = max(own, key=lambda item: item[1] * size[item[0]])[0]
            with_[k, pore] = max(held[largest], key=held[largest].get)
            state[k, pore] = "merged" if with_[k, pore] != pore or any(len(held[j]) > 1 for j, _ in own) else "split" if len(own) > 1 else "open"
            if any(j in cut for j, _ in own):
                state[k, pore], areas[k, pore] = "cut by the edge", np.nan
        for pore in range(count):
            if pore in parts:
                continue
            if born[pore] > k:
                state[k, pore], areas[k, pore] = "not yet open", np.nan
            elif _leaves(book.at(pore, labels, drift[k]), state[k - 1, pore]):
                state[k, pore], areas[k, pore] = "out of view", np.nan
    return Tracks(areas, centres, pieces, state, with_, drift, _events(shares, state), shares)


def _leaves(seen, before):
    """Whether a pore that is not there may be where the frame does not reach."""
    return (seen < 0).mean() > 0.5 or (before in ("cut by the edge", "out of view") and (seen < 0).any())


def _events(shares, state):
    """What happened to the pores, frame by frame; pores are numbered from 1, frames from 1."""
    events = []
    groups = {pore: ({j}, {pore}) for j, members in enumerate(shares[0]) for pore in members}
    for k in range(1, len(shares)):
        now = {}
        for j, members in enumerate(shares[k]):
            for pore in members:
                own, others = now.setdefault(pore, (set(), set()))
                own.add(j)
                others |= set(members)
        told = set()

        def tell(event, pore, *others):
            events.append({"frame": k + 1, "event": event, "pore": pore + 1, "others": ", ".join(str(o + 1) for o in sorted(others))})

        for pore in sorted(set(groups) | set(now)):
            if pore not in now:
                if state[k, pore] != state[k - 1, pore]:
                    tell("out of view" if state[k, pore] == "out of view" else "closed", pore)
                continue
            own, others = now[pore]
            before = groups.get(pore)
            if before is None:
                tell("reopened" if any(pore in members for held in shares[:k] for members in held) else "opened", pore)
                before = (set(), {pore})
            if others - before[1] and frozenset(others) not in told:
                told.add(frozenset(others))
                tell("merged", min(others), *others - {min(others)})
            if before[0] and len(own) > len(before[0]):
                tell("split", pore)
            if any(o in now for o in before[1] - others) and frozenset(before[1]) not in told:
                told.add(frozenset(before[1]))
                tell("parted", min(before[1]), *before[1] - {min(before[1])})
        groups = now
    return events
