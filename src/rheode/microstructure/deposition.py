"""Loose beds: discs that fall one by one and stick, as cohesive powder does, up to the height of a blade."""

import numpy as np

from .packing import Packing, PackingError, check_fractions, draw_radii, share_out

TURN = 0.02  # largest step of a rolling disc, rad; where it stops is then bisected
DRAWS = 200  # places tried for a disc before the bed counts as too loose for its height
ROLLING = np.linspace(0.0, 1.0, 21)


def deposit(fractions, particles, box, *, size_spread=0.2, seed=1, gap=0.01):
    """Fill a box from above, up to given area fractions: a bed in which every disc rests on another or on the floor.

    fractions: {phase name: area fraction of the box}; particles: number of discs in total; box: (2,) um or the side of a
    square; size_spread: coefficient of variation of the radii; gap: um, the distance of discs that touch, kept for the
    mesh. Discs fall straight down at random places in random order. A share of them sticks where it first touches; the
    others roll down to where they rest on two. What would stick out over the top is dropped elsewhere, as a blade would
    have it. The share that rolls is the smallest, in twentieths, with which all discs fit: it sets the density. Discs that
    only stick fill 0.36 of the plane where nothing else limits them (Meakin and Jullien, J. Phys. France 48 (1987) 1651), rolling ones
    about 0.8. The same seed gives the same bed. Returns a Packing; raises PackingError.
    """
    box = np.broadcast_to(np.asarray(box, float), 2).copy()
    names, shares, asked = check_fractions(fractions, particles, box, size_spread, gap)
    phase = np.repeat(np.arange(len(names)), share_out(particles, shares))
    for rolling in ROLLING:
        rng = np.random.default_rng(seed)
        radii = draw_radii(rng, phase, np.ones(len(names)), shares * box.prod(), size_spread)
        if 2 * radii.max() + 2 * gap > box.min():
            raise PackingError(f"{asked}: discs of {radii.max():.3g} um do not fit; raise the number of particles")
        order = rng.permutation(len(radii))
        centres = _fill(rng, radii[order] + 0.5 * gap, box - gap, rolling)
        if centres is not None:
            back = np.argsort(order)
            return Packing(centres[back] + 0.5 * gap, radii, phase.astype(np.int32), box, names, float(gap))
    raise PackingError(f"{asked}: too dense to be filled in from above; lower the fractions or the gap, or take placement: random")


def _fill(rng, sizes, box, rolling):
    """Centres of discs of these radii dropped in this order into a box, None where one finds no place below the top."""
    placed = np.zeros((0, 3))  # x, y, radius
    for size in sizes:
        for _ in range(DRAWS):
            place = _land(placed, size, box[0], size + (box[0] - 2 * size) * rng.random(), rng.random() < rolling)
            if place[1] + size <= box[1]:
                break
        else:
            return None
        placed = np.vstack([placed, [*place, size]])
    return placed[:, :2]


def _land(placed, size, width, x, rolls):
    """Where a disc dropped at x comes to rest: at its first touch, or after rolling down from there."""
    y, support = _drop(placed, size, x, np.inf)
    while rolls and support >= 0:
        middle, reach = placed[support, :2], placed[support, 2] + size
        start = np.arctan2(x - middle[0], y - middle[1])
        way = 1.0 if start >= 0 else -1.0
        others = np.delete(placed, support, axis=0)

        def free(angle):
            here = middle + reach * np.array([np.sin(angle), np.cos(angle)])
            clear = np.hypot(*(others[:, :2] - here).T) >= others[:, 2] + size * (1 - 1e-12)
            return bool(clear.all()) and size <= here[0] <= width - size and here[1] >= size

        steps = int(np.ceil((0.5 * np.pi - abs(start)) / TURN))
        angles = np.linspace(start, way * 0.5 * np.pi, steps + 1)
        blocked = next((k for k in range(1, steps + 1) if not free(angles[k])), None)
        if blocked is not None:
            good, bad = angles[blocked - 1], angles[blocked]
            for _ in range(40):
                mid = 0.5 * (good + bad)
                good, bad = (mid, bad) if free(mid) else (good, mid)
            return tuple(middle + reach * np.array([np.sin(good), np.cos(good)]))
        x, y = middle[0] + way * reach, middle[1]
        y, support = _drop(np.delete(placed, support, axis=0), size, x, y)
        if support >= 0:
            support = int(np.flatnonzero((placed == others[support]).all(axis=1))[0])
    return x, y


def _drop(placed, size, x, below):
    """Height at which a disc that falls from `below` first touches another (its index) or the floor (-1)."""
    across = np.abs(placed[:, 0] - x)
    reach = placed[:, 2] + size
    touches = across < reach * (1 - 1e-12)
    heights = np.where(touches, placed[:, 1] + np.sqrt(np.maximum(reach**2 - across**2, 0.0)), -np.inf)
    heights[heights > below + 1e-9 * size] = -np.inf
    if len(heights) == 0 or heights.max() <= size:
        return size, -1
    return float(heights.max()), int(heights.argmax())
