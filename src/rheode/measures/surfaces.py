"""Particle surfaces, walls and areas of a deformed mesh.

A surface edge is a T6 side that belongs to one cell of its particle only. A side shared by two
particles (a weld) is surface of both, at distance zero: a weld counts as contact.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from ..microstructure.mesh import unshared_sides

# Straight pieces per curved T6 side. A side of 0.3 um on a disc of 1 um radius has a sagitta of
# 0.011 um; cut in eight, 0.0002 um, small against a contact gap of 0.01 um.
PIECES = 8


class Walls(NamedTuple):
    """Current positions of the box's four sides, um (y is the stacking direction)."""

    left: float
    right: float
    bottom: float
    top: float

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def thickness(self) -> float:
        return self.top - self.bottom


def wall_positions(mesh, displacement) -> Walls:
    """Where the walls are, from the nodes that lie on the box's sides; a side without nodes has not moved.

    displacement: (n, 2) um.
    """
    width, height = map(float, mesh.box)
    start = {"left": (0, 0.0), "right": (0, width), "bottom": (1, 0.0), "top": (1, height)}
    now = {}
    for side, (axis, position) in start.items():
        nodes = mesh.walls[side]
        now[side] = position + (float(displacement[nodes, axis].mean()) if len(nodes) else 0.0)
    return Walls(**now)


def solid_area(mesh, displacement) -> float:
    """Deformed area of all particles, um2 (exact for the curved sides)."""
    return float(areas_t6(mesh.nodes + displacement, mesh.cells[mesh.solid]).sum())


def porosity(mesh, displacement) -> float:
    """Share of the current box that no particle fills."""
    walls = wall_positions(mesh, displacement)
    return 1.0 - solid_area(mesh, displacement) / (walls.width * walls.thickness)


def mean_particle_radius(mesh) -> float:
    """Mean over particles of the radius of the disc of equal area, um, before any deformation."""
    return mesh.mean_radius


class Surfaces:
    """The particle surfaces of a mesh, computed once; `at` says where they are in a state.

    edges (k, 3): nodes corner, mid, corner, sorted by particle, particle on the left;
    start (P + 1,): particle p owns edges start[p]:start[p + 1]; phase (P,): phase of each particle; owner (k,): of each edge's.
    """

    def __init__(self, mesh):
        self.mesh = mesh
        particle = mesh.particle[mesh.solid]
        edges, cell = unshared_sides(mesh.cells[mesh.solid], particle)
        owner = particle[cell]
        order = np.argsort(owner, kind="stable")
        self.edges = np.ascontiguousarray(edges[order])
        self.start = np.searchsorted(owner[order], np.arange(mesh.particles + 1))
        self.phase = mesh.particle_phase.astype(np.int64)
        self.owner = np.repeat(self.phase, np.diff(self.start))
        s = np.linspace(0.0, 1.0, PIECES + 1)
        self._shape = np.stack([(1 - s) * (1 - 2 * s), 4 * s * (1 - s), s * (2 * s - 1)], axis=1)

    def at(self, displacement):
        """The deformed edges as polylines (k, PIECES + 1, 2), um, and the boxes around edges and particles.

        Boxes are (k, 4) and (P, 4): xmin, ymin, xmax, ymax.
        """
        return _polylines(self.mesh.nodes + displacement, self.edges, self._shape, self.start)


@njit(cache=True)
def _polylines(x, edges, shape, start):
    """See `Surfaces.at`; x (n, 2) um, shape (samples, 3) the functions of the three nodes of an edge."""
    lines = np.empty((len(edges), len(shape), 2))
    boxes = np.empty((len(edges), 4))
    around = np.empty((len(start) - 1, 4))
    boxes[:, :2] = around[:, :2] = np.inf
    boxes[:, 2:] = around[:, 2:] = -np.inf
    for p in range(len(start) - 1):
        for e in range(start[p], start[p + 1]):
            a, m, b = edges[e]
            for i in range(len(shape)):
                for axis in range(2):
                    value = shape[i, 0] * x[a, axis] + shape[i, 1] * x[m, axis] + shape[i, 2] * x[b, axis]
                    lines[e, i, axis] = value
                    boxes[e, axis] = min(boxes[e, axis], value)
                    boxes[e, 2 + axis] = max(boxes[e, 2 + axis], value)
            for axis in range(2):
                around[p, axis] = min(around[p, axis], boxes[e, axis])
                around[p, 2 + axis] = max(around[p, 2 + axis], boxes[e, 2 + axis])
    return lines, boxes, around


@njit(cache=True)
def areas_t6(nodes, cells):
    """(m,) areas of T6 cells, exact for curved sides; as `triangle_areas`, in one pass."""
    out = np.empty(len(cells))
    for i in range(len(cells)):
        ax, ay = nodes[cells[i, 0]]
        bx, by = nodes[cells[i, 1]]
        cx, cy = nodes[cells[i, 2]]
        area = 0.5 * ((bx - ax) * (cy - ay) - (by - ay) * (cx - ax))
        for k in range(3):  # a side adds 2/3 of the cross product of chord and sagitta
            ax, ay = nodes[cells[i, k]]
            mx, my = nodes[cells[i, 3 + k]]
            bx, by = nodes[cells[i, (k + 1) % 3]]
            area -= 2.0 / 3.0 * ((bx - ax) * (my - 0.5 * (ay + by)) - (by - ay) * (mx - 0.5 * (ax + bx)))
        out[i] = area
    return out


@njit(cache=True)
def box_distance2(a, b):
    """Squared distance of two boxes (xmin, ymin, xmax, ymax)."""
    dx = max(0.0, a[0] - b[2], b[0] - a[2])
    dy = max(0.0, a[1] - b[3], b[1] - a[3])
    return dx * dx + dy * dy


@njit(cache=True)
def point_box_distance2(x, y, b):
    dx = max(0.0, b[0] - x, x - b[2])
    dy = max(0.0, b[1] - y, y - b[3])
    return dx * dx + dy * dy


@njit(cache=True)
def point_line_distance2(x, y, line):
    """Squared distance of a point from a polyline (n, 2)."""
    best = np.inf
    for s in range(line.shape[0] - 1):
        ax, ay = line[s, 0], line[s, 1]
        ux, uy = line[s + 1, 0] - ax, line[s + 1, 1] - ay
        px, py = x - ax, y - ay
        uu = ux * ux + uy * uy
        t = 0.0
        if uu > 0.0:
            t = min(1.0, max(0.0, (px * ux + py * uy) / uu))
        dx, dy = px - t * ux, py - t * uy
        d = dx * dx + dy * dy
        if d < best:
            best = d
    return best
