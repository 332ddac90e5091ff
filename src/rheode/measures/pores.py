"""Pores: numbered once, then followed as the medium between the particles closes and opens.

The pore space of a packing is connected through slits, so what counts as *one* pore is a choice.
Here: the local thickness of the pore space at a point is the sum of its distances from the two
nearest surfaces (different particles, walls). Going down from the thickest points, every local
maximum starts a hollow, and what is thinner joins the hollow that it touches first. Two hollows that
meet are one pore if the passage between them is at least `throat` wide, or if one of them is nowhere
as wide as that or hardly wider than the passage. What is thinner than the throat belongs to the pore
that is nearest along the medium, and so does a hollow too small to hold a square of the throat's side.

The points are quarters of the medium's cells. They are material points, so that a pore, once
numbered, is a set of them for good; its area in a state is the deformed area of those that are open,
thicker than the contact gap. A slit between two folds of one particle is not seen as thin.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra

from .surfaces import Surfaces, areas_t6, mean_particle_radius, point_box_distance2, point_line_distance2, wall_positions

# A hollow must be this much wider than the passage to it to be a pore of its own: in a slit of even
# width the mesh alone makes thicker and thinner places.
DISTINCT = 1.5

# Shares of the mean particle radius.
CONTACT_GAP = 0.01
THROAT = 0.15


def pure_expansion(x, dV, active_fraction, porosity):
    """Relative pore area if the active phase's growth went into the pores alone: 1 - x dV fa/phi.

    Negative where the pores cannot hold the growth.
    """
    return 1.0 - np.asarray(x) * dV * active_fraction / porosity


def paper_expansion(x):
    """The expectation as Xiong et al. (2024) draw it: 1 - x, 78 % at x = 0.22."""
    return 1.0 - np.asarray(x)


@dataclass(frozen=True)
class PoreState:
    """The pores in a state, in the order of their numbers.

    areas (k,): open area, um2; relative (k,): the same over the area when they were numbered;
    carrier (k,): number of the pore that it is part of now: itself, unless a passage as wide as the
    throat has joined them, then the one that holds more of it;
    parts (k,): pieces that carry its number: 0 shut or merged into another, 1, 2 and more when split;
    count: pores one would see now, the sum of parts;
    open (c, 4) bool: the medium's quarter cells thicker than the gap.
    """

    areas: np.ndarray
    relative: np.ndarray
    carrier: np.ndarray
    parts: np.ndarray
    count: int
    open: np.ndarray


class Pores:
    """The pores of a mesh, numbered in one state by falling area, and measured in others.

    mesh: a Mesh, or its `Surfaces` (a mesh without pore cells has no pores); displacement: (n, 2) um of
    the state in which they are numbered (the clamped one); gap: um, thickness below which the medium
    is shut, 1 % of the mean particle radius if not given; throat: um, width of the passage at which
    two pores are one, 15 % of that radius (or the gap, if larger) if not given.

    cells (c,): the medium's cells; owner (c, 4): pore of each of their quarters (at the corners
    1, 2, 3, then the middle), -1 for what has no open pore around it; areas (k,): um2 when numbered.

    Nothing here changes after construction: `at` depends on the given state alone, so results do not
    depend on the increments taken, and a restart needs no more than the clamped displacement.
    Raises ValueError unless 0 <= gap <= throat.
    """

    def __init__(self, mesh, displacement, throat=None, gap=None):
        self.surfaces = mesh if isinstance(mesh, Surfaces) else Surfaces(mesh)
        self.mesh = mesh = self.surfaces.mesh
        radius = mean_particle_radius(mesh)
        self.gap = CONTACT_GAP * radius if gap is None else float(gap)
        self.throat = max(THROAT * radius, self.gap) if throat is None else float(throat)
        if not 0.0 <= self.gap <= self.throat:
            raise ValueError(f"gap {self.gap} um must lie between 0 and throat {self.throat} um")
        self.cells = np.flatnonzero(~mesh.solid)
        self._neighbours = _quarter_neighbours(mesh.cells[self.cells])
        self._reference = self._quarters(np.zeros_like(mesh.nodes))[1]
        centres, areas, thickness, hollow, wide = self._survey(displacement)
        hollow = hollow[self._nearest(centres, wide)]
        area = np.bincount(hollow, weights=np.where(thickness >= self.gap, areas, 0.0))
        rank = np.argsort(-area, kind="stable")[: np.count_nonzero(area > 0.0)]
        self.areas = area[rank]
        number = np.full(len(area), -1)
        number[rank] = np.arange(len(rank))
        self.owner = number[hollow].reshape(-1, 4)

    def __len__(self):
        return len(self.areas)

    def at(self, displacement) -> PoreState:
        """The pores in a state; displacement (n, 2) um.

        A merger leaves each pore its own material, so that its area has no jump; a pore that splits
        keeps the area of all its pieces; one that reopens is the same pore.
        """
        if not len(self):
            return PoreState(self.areas, self.areas, *np.zeros((2, 0), int), 0, np.zeros(self.owner.shape, bool))
        _, areas, thickness, hollow, wide = self._survey(displacement)
        owned = self.owner.ravel() >= 0
        owner = np.where(owned, self.owner.ravel(), 0)
        is_open = owned & (thickness >= self.gap)
        now = np.bincount(owner, weights=np.where(is_open, areas, 0.0), minlength=len(self))
        # Wide hollows are the pores of this state; each carries the number it shares most with.
        wide &= owned
        pieces, piece = np.unique(hollow[wide], return_inverse=True)
        shared = np.zeros((len(pieces), len(self)))
        np.add.at(shared, (piece, owner[wide]), self._reference[wide])
        name = shared.argmax(axis=1)
        parts = np.bincount(name, minlength=len(self))
        carrier = np.arange(len(self))
        merged = (parts == 0) & shared.any(axis=0)
        if merged.any():
            carrier[merged] = name[shared.argmax(axis=0)][merged]
        parts[(parts == 0) & ~merged & (now > 0.0)] = 1  # a remainder narrower than the throat
        return PoreState(now, now / self.areas, carrier, parts, int(parts.sum()), is_open.reshape(-1, 4))

    def triangles(self, displacement) -> np.ndarray:
        """Corners (c, 4, 3, 2), um, of the quarters in a state, in the order of `owner`: for drawing."""
        points = np.matmul(_POINTS, (self.mesh.nodes + displacement)[self.mesh.cells[self.cells]])
        return points[:, _QUARTERS[:, :3]]

    def _quarters(self, displacement):
        """Centres (4c, 2) and areas (4c,) of the quarters; they fill the curved cells exactly."""
        x = (self.mesh.nodes + displacement)[self.mesh.cells[self.cells]]
        points = np.matmul(_POINTS, x)
        quarters = (len(_POINTS) * np.arange(len(x))[:, None, None] + _QUARTERS).reshape(-1, 6)
        areas = areas_t6(points.reshape(-1, 2), quarters)
        return np.matmul(_CENTRES, x).reshape(-1, 2), areas

    def _survey(self, displacement):
        """Centre (4c, 2), area, thickness, hollow of each quarter in a state, and whether it is the wide part of a pore."""
        centres, areas = self._quarters(displacement)
        lines, boxes, around = self.surfaces.at(displacement)
        walls = np.array(wall_positions(self.mesh, displacement))
        thickness = _thickness(centres, lines, boxes, around, self.surfaces.start, walls)
        order = np.argsort(-thickness, kind="stable")
        hollow = _hollows(order, thickness, self._neighbours, self.throat)
        size = np.bincount(hollow, weights=areas)
        wide = (thickness >= self.throat) & (size[hollow] >= self.throat**2)
        return centres, areas, thickness, hollow, wide

    def _nearest(self, centres, wide):
        """The wide quarter nearest to each along the medium, (4c,); itself where none can be reached.

        In a slit of even width the thickness alone leaves it to rounding where a pore ends.
        """
        n = len(centres)
        if not wide.any():
            return np.arange(n)
        here, side = np.nonzero(self._neighbours >= 0)
        there = self._neighbours[here, side]
        length = np.linalg.norm(centres[here] - centres[there], axis=1)
        graph = csr_matrix((length, (here, there)), shape=(n, n))
        _, _, source = dijkstra(graph, indices=np.flatnonzero(wide), min_only=True, return_predecessors=True)
        return np.where(source >= 0, source, np.arange(n))


def _shape(s, t):
    """T6 shape functions at points of the unit triangle, (..., 6)."""
    r = 1.0 - s - t
    return np.stack([r * (2 * r - 1), s * (2 * s - 1), t * (2 * t - 1), 4 * r * s, 4 * s * t, 4 * t * r], axis=-1)


# The six nodes of a cell and the nine points halfway between them, then the quarters as T6 on these.
_UNIT = np.array([[0, 0], [1, 0], [0, 1], [0.5, 0], [0.5, 0.5], [0, 0.5]])
_HALVES = [(0, 3), (3, 1), (1, 4), (4, 2), (2, 5), (5, 0), (3, 4), (4, 5), (5, 3)]
_POINTS = _shape(*np.vstack([_UNIT, [0.5 * (_UNIT[a] + _UNIT[b]) for a, b in _HALVES]]).T)
_QUARTERS = np.array([[0, 3, 5, 6, 14, 11], [3, 1, 4, 7, 8, 12], [5, 4, 2, 13, 9, 10], [3, 4, 5, 12, 13, 14]])
_CENTRES = _shape(*np.array([[1, 1], [4, 1], [1, 4], [2, 2]]).T / 6.0)


def _quarter_neighbours(cells):
    """(4c, 3) quarters beside each quarter, -1 where there is none."""
    halves = cells[:, [[0, 3, 5], [1, 4, 3], [2, 5, 4], [3, 4, 5]]].reshape(-1, 3)
    sides = np.sort(halves[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    _, side = np.unique(sides, axis=0, return_inverse=True)
    side = side.ravel()
    order = np.argsort(side, kind="stable")
    same = side[order[1:]] == side[order[:-1]]
    a, b = order[:-1][same], order[1:][same]
    neighbours = np.full(len(side), -1)
    neighbours[a], neighbours[b] = b // 3, a // 3
    return neighbours.reshape(-1, 3)


@njit(cache=True)
def _thickness(centres, lines, boxes, around, start, walls):
    """Sum of the distances from the two nearest surfaces, for each centre (n, 2)."""
    thickness = np.empty(len(centres))
    particles = start.size - 1
    near, next_ = -1, -1  # particles nearest to the last centre: looked at first, they rule out most others
    for c in range(len(centres)):
        x, y = centres[c, 0], centres[c, 1]
        first, second = np.inf, np.inf
        for wall in (x - walls[0], walls[1] - x, y - walls[2], walls[3] - y):
            d = max(0.0, wall) ** 2
            if d < first:
                first, second = d, first
            elif d < second:
                second = d
        guess, other = near, next_
        near, next_ = -1, -1
        for k in range(-2, particles):
            p = guess if k == -2 else other if k == -1 else k
            if p < 0 or (k >= 0 and (p == guess or p == other)) or point_box_distance2(x, y, around[p]) >= second:
                continue
            best = second
            for e in range(start[p], start[p + 1]):
                if point_box_distance2(x, y, boxes[e]) < best:
                    best = min(best, point_line_distance2(x, y, lines[e]))
            if best < first:
                first, second = best, first
                near, next_ = p, near
            elif best < second:
                second = best
                next_ = p
        thickness[c] = np.sqrt(first) + np.sqrt(second)
    return thickness


@njit(cache=True)
def _root(parent, i):
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


@njit(cache=True)
def _hollows(order, thickness, neighbours, throat):
    """Number (from 0) of the hollow of each quarter; order: by falling thickness.

    A root is its hollow's thickest quarter, so that the depth of a hollow is its root's thickness.
    """
    n = len(thickness)
    parent = np.full(n, -1)
    for c in order:
        parent[c] = c
        widest = -1
        for k in range(3):
            j = neighbours[c, k]
            if j >= 0 and parent[j] >= 0 and (widest < 0 or thickness[j] > thickness[widest]):
                widest = j
        if widest < 0:
            continue
        home = _root(parent, widest)
        parent[c] = home
        for k in range(3):
            j = neighbours[c, k]
            if j < 0 or j == widest or parent[j] < 0:
                continue
            other = _root(parent, j)
            home = _root(parent, c)
            deep, flat = (home, other) if thickness[home] >= thickness[other] else (other, home)
            if deep != flat and (thickness[c] >= throat or thickness[flat] < max(throat, DISTINCT * thickness[c])):
                parent[flat] = deep
    number = np.full(n, -1)
    label = np.empty(n, dtype=np.int64)
    count = 0
    for c in range(n):
        r = _root(parent, c)
        if number[r] < 0:
            number[r] = count
            count += 1
        label[c] = number[r]
    return label
