"""Turning sides of the medium's cells, so that they follow particles that slide past each other.

Cells of a pore hang on the particles around it. Where these slide far, cells become slivers, and a sliver between three particles
that would meet holds them apart. The side it lies on is turned then: of two cells on either side of it, the quadrilateral is
cut along its other diagonal (Lawson's flip). Nodes stay what they are; the middle node of the side goes to the middle of the new one.
"""

from __future__ import annotations

import numpy as np

from rheode.mechanics.elements import jacobians_t6

# By area over the sum of squared sides, 1 in an equilateral triangle: a side is turned where one of its cells is worse than POOR and the worst of
# both becomes better by GAIN, all at once as soon as one is worse than URGENT, as each time the equations change their structure.
URGENT, POOR, GAIN = 0.3, 0.6, 1.5
# Opposite angles of more than 180 degrees, as the sine of what they are more: less is not worth it.
CONCAVE = 0.1
# A cell of the turned pair must not be worse than this, nor have a part (`_parts`) below LEAST_PART.
LEAST_QUALITY, LEAST_PART = 0.02, 0.5

# Corner and the nearest mid nodes of a T6, and the triangle between the mid nodes.
PARTS = np.array([[0, 3, 5], [3, 1, 4], [5, 4, 2], [3, 4, 5]])


def cross(a, b):
    """z component of the cross product of vectors in the plane."""
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]


def _areas(corners):
    """Twice the areas of triangles (..., 3, 2)."""
    return cross(corners[..., 1, :] - corners[..., 0, :], corners[..., 2, :] - corners[..., 0, :])


def _parts(cells):
    """(k,) smallest of the four straight triangles between corners and mid nodes of T6 at (k, 6, 2), by a quarter of that of the corners."""
    return 4 * _areas(cells[:, PARTS]).min(axis=1) / _areas(cells[:, :3])


def quality(corners):
    """4 sqrt(3) area by the sum of the squared sides of triangles (k, 3, 2): (k,), 1 where equilateral."""
    sides = corners - np.roll(corners, -1, axis=1)
    return 2 * np.sqrt(3) * _areas(corners) / (sides**2).sum(axis=(1, 2))


def heights(corners):
    """Smallest heights (k,) of triangles (k, 3, 2)."""
    longest = np.sqrt(((corners - np.roll(corners, -1, axis=1)) ** 2).sum(axis=2).max(axis=1))
    return _areas(corners) / longest


def flips(cells, places, free, thinnest):
    """The sides to turn: pairs of cells (k, 2), no cell in two of them, and the two cells each becomes, (k, 2, 6).

    cells: (m, 6) T6; places: (n, 2) um, where the nodes are; free: (m,) bool, cells that may be changed; thinnest: um, a cell of a
    turned pair must be higher. The last node of a turned cell is the middle of the turned side.
    """
    sides = np.concatenate([cells[:, [0, 1, 3]], cells[:, [1, 2, 4]], cells[:, [2, 0, 5]]])
    apex = np.concatenate([cells[:, 2], cells[:, 0], cells[:, 1]])
    others = np.concatenate([cells[:, [4, 5]], cells[:, [5, 3]], cells[:, [3, 4]]])  # middles of the two sides at the apex
    owner = np.tile(np.arange(len(cells)), 3)
    order = np.argsort(sides[:, 2], kind="stable")
    shared = np.flatnonzero(sides[order[1:], 2] == sides[order[:-1], 2])
    one, two = order[shared], order[shared + 1]
    may = free[owner[one]] & free[owner[two]]
    one, two = one[may], two[may]
    (a, b, middle), c, d = sides[one].T, apex[one], apex[two]
    (bc, ca), (ad, db) = others[one].T, others[two].T
    turned = np.stack([np.stack([c, a, d, ca, ad, middle], axis=1), np.stack([d, b, c, db, bc, middle], axis=1)], axis=1)

    def worst(first, second):
        return np.minimum(quality(places[np.stack(first, axis=1)]), quality(places[np.stack(second, axis=1)]))

    def angle(tip, left, right):
        u, v = places[left] - places[tip], places[right] - places[tip]
        return cross(u, v), (u * v).sum(axis=1)

    (s1, c1), (s2, c2) = angle(c, a, b), angle(d, b, a)
    excess = -(s1 * c2 + c1 * s2) / np.sqrt((s1**2 + c1**2) * (s2**2 + c2**2))
    before, after = worst((a, b, c), (b, a, d)), worst((c, a, d), (d, b, c))
    wanted = np.flatnonzero((excess > CONCAVE) & (before < POOR) & (after > GAIN * before) & (after > LEAST_QUALITY))
    wanted = wanted[np.argsort(before[wanted], kind="stable")]
    if len(wanted) == 0 or before[wanted[0]] > URGENT:
        return np.empty((0, 2), int), np.empty((0, 2, 6), int)

    straight = places[turned[wanted]]  # as they will be, (k, 2, 6, 2)
    straight[:, :, 5] = 0.5 * (straight[:, :, 0] + straight[:, :, 2])
    flat = straight.reshape(-1, 6, 2)
    good = (jacobians_t6(flat) > 0.0).all(axis=1) & (_parts(flat) >= LEAST_PART) & (heights(flat[:, :3]) > thinnest)
    taken, chosen = set(), []
    for k in wanted[good.reshape(-1, 2).all(axis=1)].tolist():
        pair = {owner[one[k]], owner[two[k]]}
        if not pair & taken:
            taken |= pair
            chosen.append(k)
    return np.stack([owner[one[chosen]], owner[two[chosen]]], axis=1), turned[chosen]
