"""Triangulation of a box that keeps given segments as they are, with points added where there is room for them.

Slits of 0.01 um between sides of 0.3 um are what matters here: a mesher that refines them to good angles needs thousands
of cells where nothing happens. Sides are never split, so two facing ones bound a single layer of flat triangles.
"""

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import Delaunay, cKDTree

from .mesh import MeshError, cross


def triangulate(points, segments):
    """Constrained Delaunay triangulation of the convex hull of `points` (n, 2): (m, 3), counterclockwise.

    segments: (k, 2) pairs of points that must be sides of triangles. Raises MeshError where they cross each other or
    run through a point.
    """
    span = np.ptp(points, axis=0).max()
    # Four points on one circle (the corners of a straight slit) leave the Delaunay triangulation open; a shift far below
    # every length that matters settles it. Points on the hull keep the coordinate that puts them there.
    shift = 1e-10 * span * np.random.default_rng(0).uniform(-1, 1, points.shape)
    for axis in (0, 1):
        edge = (points[:, axis] == points[:, axis].min()) | (points[:, axis] == points[:, axis].max())
        shift[edge, axis] = 0.0
    shifted = points + shift
    triangles = Delaunay(shifted, qhull_options="Qbb Qc Qz Q12").simplices.astype(np.int64)
    corners = points[triangles]
    area = cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    triangles[area < 0] = triangles[area < 0][:, ::-1]
    triangles = triangles[np.abs(area) > 1e-16 * span**2]
    if len(np.unique(triangles)) < len(points):
        raise MeshError("nodes of different surfaces coincide; particles must lie apart")
    return _recover(points, triangles, segments)


def _missing(triangles, segments, n):
    sides = np.sort(triangles[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    wanted = np.sort(segments, axis=1)
    return segments[~np.isin(wanted[:, 0] * n + wanted[:, 1], sides[:, 0] * n + sides[:, 1])]


def _recover(points, triangles, segments):
    """Flip the sides that cross a segment until the segment is there (Sloan 1993), then flip back to Delaunay."""
    missing = _missing(triangles, segments, len(points))
    if len(missing) == 0:
        return triangles
    x = points.tolist()
    fixed = {tuple(s) for s in np.sort(segments, axis=1).tolist()}
    apex, out = {}, {}
    for a, b, c in triangles.tolist():
        apex[a, b], apex[b, c], apex[c, a] = c, a, b
        out[a], out[b], out[c] = b, c, a

    def side(a, b, c):
        """Twice the area of a, b, c; positive where c lies on the left of a -> b."""
        (ax, ay), (bx, by), (cx, cy) = x[a], x[b], x[c]
        return (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)

    def flip(u, v):
        a, b = apex.pop((u, v)), apex.pop((v, u))
        apex[a, b], apex[b, v], apex[v, a] = v, a, b
        apex[b, a], apex[a, u], apex[u, b] = u, b, a
        out[u], out[v], out[a], out[b] = b, a, b, a
        return a, b

    def around(a):
        """Directed far sides of the triangles at a."""
        first = b = out[a]
        while (a, b) in apex:
            c = apex[a, b]
            yield b, c
            b = c
            if b == first:
                return
        b = first
        while (b, a) in apex:
            c = apex[b, a]
            yield c, b
            b = c

    def crossing(a, b):
        for u, v in around(a):
            if side(a, b, u) < 0 < side(a, b, v) and side(u, v, a) > 0 > side(u, v, b):
                break
        else:
            raise MeshError(f"the surface side from {place(x[a])} to {place(x[b])} um runs through another surface node; surfaces may not touch")
        found = []
        while True:
            if (min(u, v), max(u, v)) in fixed:
                raise MeshError(f"surfaces cross near {place(x[u])} um; particles may not overlap each other or the walls")
            found.append((u, v))
            w = apex[v, u]
            if w == b:
                return found
            if side(a, b, w) == 0:
                raise MeshError(f"a surface node lies on another surface side at {place(x[w])} um; surfaces may not touch")
            u, v = (u, w) if side(a, b, w) > 0 else (w, v)

    fresh = []
    for a, b in missing.tolist():
        if (a, b) in apex or (b, a) in apex:
            continue
        queue = crossing(a, b)
        rounds = 0
        while queue:
            u, v = queue.pop(0)
            c, d = apex[u, v], apex[v, u]
            rounds += 1
            if rounds > 10000:
                raise MeshError(f"the surface side from {place(x[a])} to {place(x[b])} um could not be kept in the mesh of the pores")
            if side(d, v, c) <= 0 or side(c, u, d) <= 0:
                queue.append((u, v))
                continue
            c, d = flip(u, v)
            new = (c, d)
            if {c, d} != {a, b}:
                if c not in (a, b) and d not in (a, b) and side(a, b, c) * side(a, b, d) < 0:
                    queue.append(new if side(a, b, c) < 0 else (d, c))
                else:
                    fresh.append(new)

    def in_circle(a, b, c, d):
        (ax, ay), (bx, by), (cx, cy) = [(p[0] - x[d][0], p[1] - x[d][1]) for p in (x[a], x[b], x[c])]
        return (
            (ax * ax + ay * ay) * (bx * cy - cx * by) - (bx * bx + by * by) * (ax * cy - cx * ay) + (cx * cx + cy * cy) * (ax * by - bx * ay)
        )

    while fresh:
        u, v = fresh.pop()
        if (u, v) not in apex or (v, u) not in apex or (min(u, v), max(u, v)) in fixed:
            continue
        c, d = apex[u, v], apex[v, u]
        if side(d, v, c) > 0 and side(c, u, d) > 0 and in_circle(u, v, c, d) > 1e-12 * abs(side(u, v, c)) * abs(side(v, u, d)):
            flip(u, v)
            fresh += [(u, d), (d, v), (v, c), (c, u)]

    # Each triangle stands three times in `apex`: keep the one that starts at its smallest node.
    return np.array([(a, b, c) for (a, b), c in apex.items() if a < b and a < c], dtype=np.int64)


def place(point):
    """A position as text for a message."""
    return f"({point[0]:.4g}, {point[1]:.4g})"


def regions(triangles, segments, owner):
    """(m,) the region of each triangle: `owner` of the directed segment that has it on its left; triangles that no
    segment has on its left belong to -1.

    Raises MeshError where a region has two owners, or an owner's surface has something other than a pore on its right.
    """
    n = int(triangles.max()) + 1
    tails, heads = triangles.ravel(), triangles[:, [1, 2, 0]].ravel()
    key = tails * n + heads
    order = np.argsort(key)
    holder = np.repeat(np.arange(len(triangles)), 3)

    def left_of(tail, head):
        wanted = tail * n + head
        at = np.minimum(np.searchsorted(key[order], wanted), len(order) - 1)
        return np.where(key[order][at] == wanted, holder[order[at]], -1)

    opposite = left_of(heads, tails)
    cut = np.isin(np.minimum(tails, heads) * n + np.maximum(tails, heads), segments.min(axis=1) * n + segments.max(axis=1))
    joined = (opposite >= 0) & ~cut
    graph = coo_array((np.ones(joined.sum()), (holder[joined], opposite[joined])), shape=(len(triangles),) * 2)
    component = connected_components(graph, directed=False)[1]

    found = np.full(component.max() + 1, -1)
    left = left_of(segments[:, 0], segments[:, 1])
    right = left_of(segments[:, 1], segments[:, 0])
    found[component[left[owner >= 0]]] = owner[owner >= 0]
    wrong = (left < 0) | (found[component[left]] != owner) | ((right >= 0) & (owner >= 0) & (found[component[right]] >= 0))
    if wrong.any():
        raise MeshError(f"particle {owner[wrong][0]} overlaps or encloses another particle, or crosses itself; particles must lie apart")
    return found[component]


def fill(points, segments, owner, size, wanted=None, smoothing=8):
    """Triangulate and add points until the triangles are as small as `size` asks and well shaped where there is room.

    points: (n, 2) on the segments; segments: (k, 2) directed, with region `owner` (k,) on their left (-1: pore or box);
    size: function of positions (j, 2) to side lengths (j,); wanted: regions to fill with points, all by default.
    Returns points (the given ones first), triangles (m, 3), region (m,).

    Circumcentres of triangles that are too large are inserted (Chew's refinement, without splitting segments), then the
    added points are moved to the middle of their triangles. Points keep a distance to every segment that stops them from
    standing in slits.
    """
    given = len(points)
    ends = points[segments]
    length = np.linalg.norm(ends[:, 1] - ends[:, 0], axis=1)
    # Sampling the segments turns distances to segments into a nearest-neighbour search.
    steps = (np.arange(9) + 0.5) / 9
    sample = (ends[:, :1] + steps[:, None] * (ends[:, 1:] - ends[:, :1])).reshape(-1, 2)
    samples, sampled = cKDTree(sample), np.repeat(length, 9)

    def clear(x, share):
        distance, nearest = samples.query(x)
        return distance > share * np.minimum(sampled[nearest], size(x))

    for _ in range(60):
        triangles = triangulate(points, segments)
        region = regions(triangles, segments, owner)
        centre, radius = circumcircles(points, triangles)
        target = size(points[triangles].mean(axis=1))
        corners = points[triangles]
        shortest = np.min([np.linalg.norm(corners[:, i] - corners[:, i - 1], axis=1) for i in range(3)], axis=0)
        bad = (radius > 0.7 * target) | (radius > 1.3 * np.maximum(shortest, 0.6 * target))
        if wanted is not None:
            bad &= np.isin(region, wanted)
        low, high = points.min(axis=0), points.max(axis=0)
        bad &= ((centre > low) & (centre < high)).all(axis=1)
        bad = np.flatnonzero(bad)
        if len(bad) == 0:
            break
        bad = bad[locate(points, triangles, region, centre[bad], bad)]
        bad = bad[clear(centre[bad], 0.55)]
        # Behind a segment a circle is not empty: its centre may have been added before.
        bad = bad[cKDTree(points).query(centre[bad])[0] > 0.1 * np.minimum(radius, target)[bad]]
        bad = bad[np.argsort(-radius[bad] / target[bad], kind="stable")]
        chosen = _apart(centre[bad], 0.7 * np.minimum(radius, target)[bad])
        if len(chosen) == 0:
            break
        points = np.vstack([points, centre[bad[chosen]]])
    for _ in range(smoothing):
        moved = _smooth(points, triangles, given)
        keep = clear(moved[given:], 0.4)
        moved[given:][~keep] = points[given:][~keep]
        after = triangulate(moved, segments)
        points, triangles = moved, after
    region = regions(triangles, segments, owner)
    return points, triangles, region


def circumcircles(points, triangles):
    """Centres (m, 2) and radii (m,)."""
    a, b, c = np.moveaxis(points[triangles], 1, 0)
    b, c = b - a, c - a
    d = 2 * cross(b, c)
    bb, cc = (b**2).sum(1), (c**2).sum(1)
    centre = np.column_stack([c[:, 1] * bb - b[:, 1] * cc, b[:, 0] * cc - c[:, 0] * bb]) / d[:, None]
    return a + centre, np.linalg.norm(centre, axis=1)


def locate(points, triangles, region, x, start):
    """(k,) bool: x[i] lies in the region of triangle start[i]; found by looking at the triangles with the nearest
    centroids, so it may say no where the triangles are very flat."""
    tree = cKDTree(points[triangles].mean(axis=1))
    _, near = tree.query(x, k=min(12, len(triangles)))
    corners = points[triangles[near]]
    inside = np.ones(near.shape, bool)
    for i in range(3):
        inside &= cross(corners[:, :, (i + 1) % 3] - corners[:, :, i], x[:, None] - corners[:, :, i]) >= 0
    first = near[np.arange(len(x)), inside.argmax(axis=1)]
    return inside.any(axis=1) & (region[first] == region[start])


def _apart(x, distance):
    """Indices of points kept in order so that each stays its distance away from those kept before."""
    if len(x) == 0:
        return np.array([], int)
    tree = cKDTree(x)
    taken = np.zeros(len(x), bool)
    blocked = np.zeros(len(x), bool)
    for i in range(len(x)):
        if not blocked[i]:
            taken[i] = True
            blocked[tree.query_ball_point(x[i], distance[i])] = True
    return np.flatnonzero(taken)


def _smooth(points, triangles, given):
    """Move each added point to the area-weighted middle of the triangles around it."""
    corners = points[triangles]
    area = np.abs(cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]))
    middle = corners.mean(axis=1)
    nodes = triangles.ravel()
    weight = np.bincount(nodes, np.repeat(area, 3), len(points))
    moved = np.column_stack([np.bincount(nodes, np.repeat(area * middle[:, i], 3), len(points)) for i in (0, 1)])
    moved = moved / np.maximum(weight, 1e-300)[:, None]
    moved[:given] = points[:given]
    return moved
