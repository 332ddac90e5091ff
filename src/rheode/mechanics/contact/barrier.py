"""Barrier contact: surfaces that come close push each other apart, ever harder the closer they are.

Incremental potential contact (Li et al., ACM Trans. Graph. 39 (2020) 49) on the sides of
T6 elements.  Every side is a polyline of `PIECES` straight pieces whose ends lie on the
quadratic side; an energy per area that depends on the gap is integrated over both surfaces,
half from each.  Steps are limited to what is free of collisions by the continuous collision
detection of the IPC Toolkit (package `ipctk`), so that surfaces never pass through each other.

The energy is that of a film that obeys Boyle's law: pressure k (h/d - 1) at a gap d < h, with
the activation distance h [um] and the stiffness k [GPa], nothing beyond.  The pressure
starts with a finite slope: a barrier with a smooth foot leaves Newton's method to creep out of it
wherever a body that touches nothing else has been pushed away.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numba.typed import List
from scipy.spatial import cKDTree

from rheode.mechanics.contact.friction import Friction
from rheode.mechanics.potential import Evaluation, Stateless

# Straight pieces per side, even: Simpson's rule on their ends gives the nodes of a side under even
# pressure exactly the forces that belong to its quadratic shape functions.
PIECES = 4

_S = np.linspace(0.0, 1.0, PIECES + 1)
SHAPE = np.stack([(1 - _S) * (1 - 2 * _S), 4 * _S * (1 - _S), _S * (2 * _S - 1)], axis=1)
WEIGHT = np.where(np.arange(PIECES + 1) % 2, 4.0, 2.0) / (3 * PIECES)
WEIGHT[[0, -1]] /= 2

# How near, by the mean length of a side, bodies and planes are pairs already, touching or not: every new pair changes the sparsity,
# and to analyse that costs as much as a dozen factorisations, but pairs that never touch cost as well.
BODIES, PLANES = 0.4, 0.8

# Sides that meet at a node, and a side on itself, act from this share of the distance that there was before deformation.
CORNER = 0.5


@njit(cache=True, inline="always")
def _film(d, h, k):
    """Energy per area and its first two derivatives by the gap."""
    s = d / h
    return k * h * (s - 1.0 - math.log(s)), k * (1.0 - 1.0 / s), k / (h * s * s)


@njit(cache=True, nogil=True)
def _on_sides(start, x, dofs, shape):
    """Places (k, n, 2) of the points of sides whose nodes start from (k, 3, 2) and move by x[dofs]."""
    out = np.zeros((len(dofs), len(shape), 2))
    for k in range(len(dofs)):
        for a in range(3):
            for c in range(2):
                place = start[k, a, c] + x[dofs[k, a, c]]
                for i in range(len(shape)):
                    out[k, i, c] += shape[i, a] * place
    return out


@njit(cache=True, nogil=True)
def _add(gradient, hessian, unbent, order, on, closest, turn, nx, ny, d, length, b1, b2):
    """Add the derivatives of a barrier b of the distance d between a point and its closest point.

    on, closest, turn: (6,) coefficients of the stencil's nodes in the point, its closest point and
    the vector along the piece; nx, ny: unit normal from closest point to point; length: of the piece,
    0 where the closest point is one of its ends.

    With y the relative sliding and w the turning of the piece the second derivative of d is
    -(y w + w y)/length - w w d/length^2 beside a piece, y y/d beside an end. A point that is pushed off an end has, while
    it turns around it, that negative curvature p/d, as large as the gap is small: `unbent` goes without it.
    """
    g, y, w = np.empty(12), np.empty(12), np.empty(12)
    for a in range(6):
        c = on[a] - closest[a]
        g[2 * a], g[2 * a + 1] = c * nx, c * ny
        y[2 * a], y[2 * a + 1] = -c * ny, c * nx
        w[2 * a], w[2 * a + 1] = turn[a] * nx, turn[a] * ny
    for i in range(12):
        gradient[i] += b1 * g[i]
    if order < 2:
        return
    # The piece runs against the sliding direction (-ny, nx) or along it: its sign is that of `length`.
    e = 0
    for i in range(12):
        for j in range(i + 1):
            if length == 0.0:
                bend = y[i] * y[j] / d
            else:
                bend = -(y[i] * w[j] + w[i] * y[j]) / length - w[i] * w[j] * d / (length * length)
            stretch = b2 * g[i] * g[j]
            hessian[e] += stretch + b1 * bend
            unbent[e] += stretch + (b1 * bend if length != 0.0 or b1 > 0.0 else 0.0)
            e += 1


@njit(cache=True, nogil=True)
def _sliding(on, second, start, end, t, nx, ny):
    """How far a point slides along a line by the stencil's unknowns, (12,)."""
    out = np.zeros(12)
    for a in range(6):
        c = on[a]
        if second <= a < second + 3:
            c -= (1.0 - t) * start[a - second] + t * end[a - second]
        out[2 * a], out[2 * a + 1] = -c * ny, c * nx
    return out


@njit(cache=True, nogil=True)
def _pairs(points, pairs, areas, ends, reach, shape, weight, k, order, found):
    """Energy, gradient (m, 12), Hessian (m, 78) and Hessian without what ends bend down, of pairs of sides.

    Of a pair's sides each in turn brings the points, the other the line; of a side with itself a point meets the pieces that
    it is no end of. ends: (m, 2, 2) 1 where another side goes on at
    that end of the line; reach: (m, 2, PIECES + 1) distance at which the line acts on each point. found: a list to which each
    point in reach adds (pair, normal force, its sliding along the line by the 12 unknowns); None where nobody asks.
    """
    m, n = len(pairs), points.shape[1]
    gradient = np.zeros((m if order > 0 else 0, 12))
    hessian = np.zeros((m if order > 1 else 0, 78))
    unbent = np.zeros((m if order > 1 else 0, 78))
    none = np.zeros(78)
    energy = 0.0
    share = np.empty(n)
    on, closest, turn = np.empty(6), np.empty(6), np.empty(6)
    for q in range(m):
        out_g = gradient[q] if order > 0 else none
        out_h = hessian[q] if order > 1 else none
        out_u = unbent[q] if order > 1 else none
        for way in range(2):
            a, b = pairs[q, way], pairs[q, 1 - way]
            own = a == b
            if own and way == 1:
                continue
            first, second = (0, 3) if way == 0 else (3, 0)
            x0, x1, y0, y1 = np.inf, -np.inf, np.inf, -np.inf
            for j in range(n):
                x0, x1 = min(x0, points[b, j, 0]), max(x1, points[b, j, 0])
                y0, y1 = min(y0, points[b, j, 1]), max(y1, points[b, j, 1])
            for i in range(n):
                h = reach[q, way, i]
                px, py = points[a, i, 0], points[a, i, 1]
                if px < x0 - h or px > x1 + h or py < y0 - h or py > y1 + h:
                    continue
                area = 0.5 * weight[i] * areas[a]
                on[:] = 0.0
                for c in range(3):
                    on[first + c] = shape[i, c]
                # Each end counts as often as it is the closest point of a piece, less one half for each
                # piece that it ends: a point beside two pieces of a straight line sees the line once.
                share[:] = -1.0
                share[0], share[n - 1] = -0.5 * ends[q, way, 0], -0.5 * ends[q, way, 1]
                if own:
                    for j in range(max(i - 1, 0), min(i + 2, n)):
                        share[j] = 0.0
                for j in range(n - 1):
                    if own and (j == i or j == i - 1):
                        continue
                    ex, ey = points[b, j + 1, 0] - points[b, j, 0], points[b, j + 1, 1] - points[b, j, 1]
                    ax, ay = px - points[b, j, 0], py - points[b, j, 1]
                    ll = ex * ex + ey * ey
                    t = (ax * ex + ay * ey) / ll
                    if t <= 0.0:
                        share[j] += 1.0
                        continue
                    if t >= 1.0:
                        share[j + 1] += 1.0
                        continue
                    gx, gy = ax - t * ex, ay - t * ey
                    d = math.sqrt(gx * gx + gy * gy)
                    if d >= h:
                        continue
                    if d == 0.0:
                        return np.inf, gradient, hessian, unbent
                    b0, b1, b2 = _film(d, h, k)
                    energy += area * b0
                    if found is not None:
                        found.append((q, -area * b1, _sliding(on, second, shape[j], shape[j + 1], t, gx / d, gy / d)))
                    if order > 0:
                        closest[:] = 0.0
                        turn[:] = 0.0
                        for c in range(3):
                            closest[second + c] = (1.0 - t) * shape[j, c] + t * shape[j + 1, c]
                            turn[second + c] = shape[j + 1, c] - shape[j, c]
                        nx, ny = gx / d, gy / d
                        length = math.sqrt(ll)
                        if -ny * ex + nx * ey < 0.0:
                            length = -length
                        _add(out_g, out_h, out_u, order, on, closest, turn, nx, ny, d, length, area * b1, area * b2)
                for j in range(n):
                    if share[j] == 0.0:
                        continue
                    gx, gy = px - points[b, j, 0], py - points[b, j, 1]
                    d = math.sqrt(gx * gx + gy * gy)
                    if d >= h:
                        continue
                    if d == 0.0:
                        return np.inf, gradient, hessian, unbent
                    b0, b1, b2 = _film(d, h, k)
                    factor = area * share[j]
                    energy += factor * b0
                    if found is not None:
                        found.append((q, -factor * b1, _sliding(on, second, shape[j], shape[j], 0.0, gx / d, gy / d)))
                    if order > 0:
                        closest[:] = 0.0
                        for c in range(3):
                            closest[second + c] = shape[j, c]
                        _add(out_g, out_h, out_u, order, on, closest, turn, gx / d, gy / d, d, 0.0, factor * b1, factor * b2)
    return energy, gradient, hessian, unbent


@njit(cache=True, nogil=True)
def _planes(gaps, sides, areas, signs, shape, weight, h, k, order):
    """Energy, gradient (m, 4) and Hessian (m, 10) of sides before planes, at the gaps (m, PIECES + 1)."""
    m, n = gaps.shape
    gradient = np.zeros((m, 4))
    hessian = np.zeros((m, 10))
    energy = 0.0
    row = np.empty(4)
    for q in range(m):
        for i in range(n):
            d = gaps[q, i]
            if d >= h:
                continue
            if d <= 0.0:
                return np.inf, gradient, hessian
            b0, b1, b2 = _film(d, h, k)
            area = weight[i] * areas[sides[q]]
            energy += area * b0
            for c in range(3):
                row[c] = -signs[q] * shape[i, c]
            row[3] = signs[q]
            e = 0
            for c in range(4):
                gradient[q, c] += area * b1 * row[c]
                for f in range(c + 1):
                    hessian[q, e] += area * b2 * row[c] * row[f]
                    e += 1
    return energy, gradient, hessian


def _distances(points, line):
    """Distance of each point from a polyline."""
    start, along = line[:-1], np.diff(line, axis=0)
    away = points[:, None] - start
    t = np.clip((away * along).sum(-1) / (along**2).sum(-1), 0.0, 1.0)
    return np.linalg.norm(away - t[..., None] * along, axis=-1).min(axis=1)


def _within(line):
    """Distance of each point of a polyline from the pieces that it is no end of."""
    pieces = [[part for part in (line[:i], line[i + 1 :]) if len(part) > 1] for i in range(len(line))]
    return np.array([min(_distances(line[i : i + 1], part)[0] for part in parts) for i, parts in enumerate(pieces)])


class Contour:
    """The sides of T6 elements that may touch.

    nodes: (n, 2) um, edges: (k, 3) nodes (end, middle, end) of each side.
    areas: (k,) um, length of each before deformation: pressures are per undeformed length.
    closed: (k, 2) 1 where another side goes on at that end, 0 where the line ends.
    """

    def __init__(self, nodes, edges, unknowns):
        self.edges = np.asarray(edges)
        self.start = np.asarray(nodes, float)[self.edges]
        self.dofs = unknowns.displacement[self.edges]  # (k, 3, 2)
        lines = np.matmul(SHAPE, self.start)
        self.areas = np.linalg.norm(np.diff(lines, axis=1), axis=2).sum(axis=1)
        self.closed = (np.bincount(self.edges[:, [0, 2]].ravel())[self.edges[:, [0, 2]]] > 1).astype(float)
        # The same as one set of vertices and segments.
        ends, inverse = np.unique(self.edges[:, [0, 2]], return_inverse=True)
        inner = len(ends) + np.arange(len(self.edges) * (PIECES - 1)).reshape(len(self.edges), -1)
        self.vertex = np.hstack([inverse.reshape(-1, 2)[:, :1], inner, inverse.reshape(-1, 2)[:, 1:]])
        self.segments = np.stack([self.vertex[:, :-1], self.vertex[:, 1:]], -1).reshape(-1, 2).astype(np.int32)

    def points(self, x):
        """Ends of the pieces, (k, PIECES + 1, 2) um."""
        return _on_sides(self.start, x, self.dofs, SHAPE)

    def move(self, dx):
        """Change of the points by a step."""
        return _on_sides(np.zeros_like(self.start), dx, self.dofs, SHAPE)

    def vertices(self, points):
        out = np.empty((self.vertex.max() + 1, 2))
        out[self.vertex] = points
        return out


class Bodies(Stateless):
    """Contact of the bodies that a contour bounds with each other and with themselves.

    Stencils are pairs of sides within `margin` of touching, found anew when a point has moved by more than that
    (`signature` counts how often), pairs that meet at a node, and each side with itself. Those are always near: they act from
    half the distance that there was before deformation, if that is less than the activation distance, so that no re-entrant
    corner closes and no side folds (steps would end at a touch that no energy warns of), and what stays as it is feels nothing.
    """

    def __init__(self, contour, distance, stiffness, margin=None):
        self.contour, self.distance, self.stiffness = contour, float(distance), float(stiffness)
        self.margin = max(4 * self.distance, BODIES * float(contour.areas.mean())) if margin is None else margin
        self.signature = 0
        self._mesh = None
        self._corners()
        self._find(contour.points(np.zeros(contour.dofs.max() + 1)))

    def _corners(self):
        """Pairs of sides with a common node or of one side twice, their reach and ends as `_pairs` takes them."""
        contour = self.contour
        nodes, a = np.unique(contour.edges[:, [0, 2]], return_inverse=True)
        a = a.reshape(-1, 2)
        at = [[] for _ in nodes]
        for side, ends in enumerate(a):
            for node in ends:
                at[node].append(side)
        pairs = sorted({(i, j) for sides in at for i in sides for j in sides if i <= j})
        self.corners = np.array(pairs, dtype=np.int64).reshape(-1, 2)
        self._corner_reach = np.empty((len(pairs), 2, PIECES + 1))
        self._corner_ends = np.empty((len(pairs), 2, 2))
        points = np.matmul(SHAPE, contour.start)
        for q, pair in enumerate(pairs):
            for way, (side, line) in enumerate((pair, pair[::-1])):
                shared = np.isin(a[line], a[side])
                # Beside a shared end nothing goes on that is not in the pair already.
                self._corner_ends[q, way] = np.where(shared, 0.0, contour.closed[line])
                apart = _distances(points[side], points[line]) if side != line else _within(points[side])
                self._corner_reach[q, way] = np.minimum(self.distance, CORNER * apart)

    def _near(self, points):
        """Pairs (m, 2) of sides whose boxes, `margin` around each, leave no activation distance, then the corners."""
        low, high = points.min(axis=1), points.max(axis=1)
        reach = self.distance + 2 * self.margin
        centre, size = 0.5 * (low + high), np.linalg.norm(high - low, axis=1)
        pairs = cKDTree(centre).query_pairs(reach + size.max(), output_type="ndarray")
        a, b = pairs.T
        between = np.maximum(low[a] - high[b], low[b] - high[a]).max(axis=1, initial=-np.inf)
        ends = self.contour.edges
        joined = (ends[a][:, :, None] == ends[b][:, None, :]).any(axis=(1, 2))
        pairs = pairs[(between < reach) & ~joined]
        return np.concatenate([pairs[np.lexsort(pairs.T[::-1])], self.corners])

    def _evaluate(self, points, pairs, order, found=None):
        near = len(pairs) - len(self.corners)
        reach = np.concatenate([np.full((near, 2, PIECES + 1), self.distance), self._corner_reach])
        ends = np.concatenate([self.contour.closed[pairs[:near, ::-1]], self._corner_ends])
        return _pairs(points, pairs, self.contour.areas, ends, reach, SHAPE, WEIGHT, self.stiffness, order, found)

    def _find(self, points):
        self._points = points.copy()
        self._affine = np.insert(self._points.reshape(-1, 2), 0, 1.0, axis=1)
        self._fit = np.linalg.pinv(self._affine)
        pairs = self._near(points)
        if self.signature and np.array_equal(pairs, self.pairs):
            return
        self.pairs = pairs
        self.dofs = self.contour.dofs[pairs].reshape(len(pairs), 12)
        self.signature += 1

    def _is_stale(self, points):
        """Whether a pair that was left out may be within the activation distance now.

        That is about relative motion: what the points share, an affine map, brings two of them closer by its strain only.
        """
        moved = (points - self._points).reshape(-1, 2)
        if np.abs(moved).max(initial=0.0) <= self.margin / math.sqrt(2):
            return False
        shared = self._fit @ moved
        own = np.linalg.norm(moved - self._affine @ shared, axis=1).max(initial=0.0)
        return 2.0 * own + np.linalg.norm(shared[1:], 2) * (self.distance + 2 * self.margin) > 2.0 * self.margin

    def evaluate(self, x, order):
        points, pairs = self.contour.points(x), self.pairs
        if self._is_stale(points):
            if order == 0:  # a trial of the line search, which may come to nothing
                pairs = self._near(points)
            else:
                self._find(points)
                pairs = self.pairs
        energy, gradient, hessian, unbent = self._evaluate(points, pairs, order)
        if order == 0 or not np.isfinite(energy):
            return Evaluation(energy)
        return Evaluation(energy, gradient, *((hessian, unbent) if order == 2 else ()))

    def touching(self, x):
        """Contacts at x: unknowns of each (m, 12), by which it slides (m, 12), and normal force (m,) [GPa um]."""
        points = self.contour.points(x)
        if self._is_stale(points):
            self._find(points)
        found = List([(0, 0.0, np.zeros(12))])
        self._evaluate(points, self.pairs, 0, found)
        pair, force, along = zip(*found)
        return self.dofs[np.array(pair[1:], dtype=np.int64)], np.array(along[1:]).reshape(-1, 12), np.array(force[1:])

    def max_step(self, x, dx):
        """How far the step is free of collisions, on the safe side."""
        import ipctk

        points, move = self.contour.points(x), self.contour.move(dx)
        start, end = self.contour.vertices(points), self.contour.vertices(points + move)
        if self._mesh is None:
            self._mesh = ipctk.CollisionMesh(start, self.contour.segments)
        candidates = ipctk.Candidates()
        candidates.build(self._mesh, start, end, 0.0)
        return float(candidates.compute_collision_free_stepsize(self._mesh, start, end))

    def state(self):
        return {"points": self._points.copy()}

    def restore(self, state):
        self._find(state["points"].copy())


class Planes(Stateless):
    """Contact with walls: planes x = level or y = level that follow a scalar unknown.

    walls: list of (axis, sign, level [um], name, nodes): the bodies lie on the lower side of the
    plane if the sign is +1, on the upper if it is -1; the scalar `name` of `unknowns` moves it; sides
    with a node among `nodes` belong to the wall and do not touch it.
    """

    def __init__(self, contour, unknowns, walls, distance, stiffness, margin=None):
        self.contour, self.distance, self.stiffness = contour, float(distance), float(stiffness)
        self.margin = max(4 * self.distance, PLANES * float(contour.areas.mean())) if margin is None else margin
        self.axis = np.array([w[0] for w in walls])
        self.sign = np.array([float(w[1]) for w in walls])
        self.level = np.array([float(w[2]) for w in walls])
        self.scalar = np.array([unknowns.blocks[w[3]][0] for w in walls])
        self._apart = np.stack([~np.isin(contour.edges, w[4]).any(axis=1) for w in walls])
        self.signature = 0
        self._find(self._gaps(np.zeros(unknowns.size)))

    def _gaps(self, x):
        """(walls, k, PIECES + 1) distance of each point from each wall."""
        points = self.contour.points(x)
        level = self.level + x[self.scalar]
        return self.sign[:, None, None] * (level[:, None, None] - np.moveaxis(points, -1, 0)[self.axis])

    def _near(self, gaps):
        return np.argwhere((gaps.min(axis=2) < self.distance + self.margin) & self._apart)

    def _find(self, gaps):
        self._built = gaps.copy()
        near = self._near(gaps)
        if self.signature and np.array_equal(near, self.near):
            return
        self.near = near
        wall, side = near.T
        self.dofs = np.empty((len(near), 4), dtype=np.int64)
        self.dofs[:, :3] = self.contour.dofs[side, :, self.axis[wall]]
        self.dofs[:, 3] = self.scalar[wall]
        self.signature += 1

    def evaluate(self, x, order):
        gaps, near = self._gaps(x), self.near
        if np.abs(gaps - self._built).max() > self.margin:
            if order == 0:
                near = self._near(gaps)
            else:
                self._find(gaps)
                near = self.near
        wall, side = near.T
        energy, gradient, hessian = _planes(
            gaps[wall, side], side, self.contour.areas, self.sign[wall], SHAPE, WEIGHT, self.distance, self.stiffness, order
        )
        if order == 0 or not np.isfinite(energy):
            return Evaluation(energy)
        return Evaluation(energy, gradient, hessian if order == 2 else None)

    def touching(self, x):
        """As `Bodies.touching`, of points before planes: (m, 3) unknowns of the side along the plane."""
        every = self._gaps(x)
        if np.abs(every - self._built).max() > self.margin:
            self._find(every)
        wall, side = self.near.T
        gaps = every[wall, side]
        k, i = np.nonzero(gaps < self.distance)
        pressure = self.stiffness * (self.distance / gaps[k, i] - 1.0)
        return self.contour.dofs[side[k], :, 1 - self.axis[wall[k]]], SHAPE[i], pressure * WEIGHT[i] * self.contour.areas[side[k]]

    def max_step(self, x, dx):
        """Up to 0.9 of the way to the first touch."""
        gaps = self._gaps(x)[self._apart]
        closing = gaps - self._gaps(x + dx)[self._apart]
        touch = closing > 0.9 * gaps
        return float((0.9 * gaps[touch] / closing[touch]).min(initial=1.0))

    def state(self):
        return {"gaps": self._built.copy()}

    def restore(self, state):
        self._find(state["gaps"].copy())


def barrier(nodes, edges, unknowns, distance, stiffness, walls=(), friction=0.0, slip=0.0):
    """The potentials of barrier contact: [bodies with each other, bodies with walls (if there are any)], then their friction.

    nodes, edges: see `Contour`; walls: see `Planes`; distance [um] at which surfaces begin to act on
    each other, stiffness [GPa]: their pressure at half that distance; friction: its coefficient, slip: see `Friction`.
    """
    contour = Contour(nodes, edges, unknowns)
    contact = [Bodies(contour, distance, stiffness)]
    if walls:
        contact.append(Planes(contour, unknowns, walls, distance, stiffness))
    return [*contact, *(Friction(part, unknowns, friction, slip) for part in contact)] if friction else contact
