"""The one mesh object that everything downstream works on: T6 triangles of particles and pores in a box."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

PORE = -1
WALLS = ("left", "right", "bottom", "top")

# Corners and mid node of the three sides of a T6, in the order of the element's numbering.
SIDES = np.array([[0, 3, 1], [1, 4, 2], [2, 5, 0]])


class MeshError(ValueError):
    """A mesh that can't be used; the message is one line that says what is wrong and what is allowed."""


@dataclass(frozen=True)
class Surface:
    """Free surface of the particles: the sides of solid cells that no other solid cell shares.

    edges: (k, 3) nodes (corner, mid, corner), with the particle on the left when walked from first to last;
    particle, cell: (k,) the owning particle and cell; wall: (k,) whether the side lies on a side of the box
    (a particle cut by the wall).
    """

    edges: np.ndarray
    particle: np.ndarray
    cell: np.ndarray
    wall: np.ndarray


@dataclass(frozen=True, eq=False)
class Mesh:
    """Particles and the pores between them as one conforming mesh of six-node triangles.

    nodes: (n, 2) um, the box has its origin at (0, 0); cells: (m, 6), corners counterclockwise, then the mids of the
    sides 12, 23, 31; phase: (m,) index into `phase_names`, PORE (-1) in pores; particle: (m,) 0..P-1, -1 in pores;
    box: (2,) width and height in um (y is the stacking direction, the loaded wall is y = height).
    notes: sentences for the report on what was changed or assumed in making the mesh; filling: names of the phases that
    fill pores: each is one body, numbered after the particles and bonded to whatever it shares nodes with.
    """

    nodes: np.ndarray
    cells: np.ndarray
    phase: np.ndarray
    particle: np.ndarray
    box: np.ndarray
    phase_names: tuple[str, ...]
    notes: tuple[str, ...] = ()
    filling: tuple[str, ...] = ()

    def __post_init__(self):
        for name, kind in (("nodes", float), ("cells", np.int32), ("phase", np.int32), ("particle", np.int32), ("box", float)):
            object.__setattr__(self, name, np.ascontiguousarray(getattr(self, name), dtype=kind))
        for name in ("phase_names", "notes", "filling"):
            object.__setattr__(self, name, tuple(map(str, getattr(self, name))))

    def save(self, path):
        """Write the mesh as a compressed npz."""
        np.savez_compressed(
            path, nodes=self.nodes, cells=self.cells, phase=self.phase, particle=self.particle, box=self.box,
            **{name: np.array(getattr(self, name), dtype=str) for name in ("phase_names", "notes", "filling")},
        )  # fmt: skip

    @classmethod
    def load(cls, path):
        """The mesh written by `save`."""
        with np.load(path) as data:
            return cls(**{name: data[name] for name in cls.__dataclass_fields__ if name in data})

    @cached_property
    def solid(self):
        """(m,) bool: the cell belongs to a particle."""
        return self.phase >= 0

    @cached_property
    def areas(self):
        """(m,) um2, areas of the cells (exact for curved sides too)."""
        return triangle_areas(self.nodes, self.cells)

    @cached_property
    def particles(self):
        """Number of bodies: the particles, and what fills the pores between them."""
        return int(self.particle.max(initial=-1)) + 1

    @cached_property
    def particle_phase(self):
        """(P,) phase of each particle."""
        phase = np.full(self.particles, PORE, dtype=np.int32)
        phase[self.particle[self.solid]] = self.phase[self.solid]
        return phase

    @cached_property
    def grains(self):
        """(P,) bool: the body is a particle, not a filling of pores."""
        return ~np.isin(self.particle_phase, [self.phase_names.index(name) for name in self.filling])

    @property
    def mean_radius(self):
        """Mean radius of the particles (um), each that of the circle of its area."""
        return float(self.particle_radii[self.grains].mean())

    @cached_property
    def particle_areas(self):
        """(P,) um2."""
        return np.bincount(self.particle[self.solid], self.areas[self.solid], self.particles)

    @cached_property
    def particle_radii(self):
        """(P,) um, radius of the circle of the same area."""
        return np.sqrt(self.particle_areas / np.pi)

    @cached_property
    def particle_centres(self):
        """(P, 2) um, centroids (of the cells' corners)."""
        middle = self.nodes[self.cells[self.solid, :3]].mean(axis=1) * self.areas[self.solid, None]
        return np.stack([np.bincount(self.particle[self.solid], m, self.particles) for m in middle.T], 1) / self.particle_areas[:, None]

    def area_fraction(self, phase):
        """Share of the box that a phase takes; `phase` is a name, an index, or PORE for the porosity."""
        index = self.phase_names.index(phase) if isinstance(phase, str) else phase
        return float(self.areas[self.phase == index].sum() / self.box.prod())

    @cached_property
    def walls(self):
        """{"left", "right", "bottom", "top"}: nodes that lie on that side of the box, ordered along it."""
        near = 1e-9 * self.box.max()
        found = {}
        for name, (axis, level) in zip(WALLS, ((0, 0.0), (0, self.box[0]), (1, 0.0), (1, self.box[1]))):
            nodes = np.flatnonzero(np.abs(self.nodes[:, axis] - level) < near)
            found[name] = nodes[np.argsort(self.nodes[nodes, 1 - axis], kind="stable")]
        return found

    @cached_property
    def surface(self):
        """The free surface of the particles, see `Surface`."""
        cells = np.flatnonzero(self.solid)
        edges, owner = unshared_sides(self.cells[cells], np.zeros(len(cells), int))
        owner = cells[owner]
        wall = np.zeros(len(edges), bool)
        for nodes in self.walls.values():
            wall |= np.isin(edges[:, 1], nodes)
        return Surface(edges, self.particle[owner], owner.astype(np.int32), wall)

    def outlines(self):
        """Closed polylines around the particles, for drawing: a list of (particle, node indices with the mid nodes),
        counterclockwise around the particle, first node not repeated; a particle with a hole has several."""
        cells = np.flatnonzero(self.solid)
        edges, owner = unshared_sides(self.cells[cells], self.particle[cells])
        particle = self.particle[cells[owner]]
        follow = {}
        for (a, mid, b), p in zip(edges.tolist(), particle.tolist()):
            follow.setdefault((p, a), []).append((mid, b))
        loops = []
        for p, first in list(follow):
            while follow.get((p, first)):
                loop, a = [], first
                while follow.get((p, a)):
                    mid, b = follow[p, a].pop()
                    loop += [a, mid]
                    a = b
                loops.append((p, np.array(loop, dtype=np.int32)))
        return sorted(loops, key=lambda item: item[0])


def triangle_areas(nodes, cells):
    """(m,) signed areas of T3 or T6 cells; a curved side adds 2/3 of the cross product of chord and sagitta."""
    corners = nodes[cells[:, :3]]
    area = 0.5 * cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    if cells.shape[1] == 6:
        for a, mid, b in SIDES:
            start, end = nodes[cells[:, a]], nodes[cells[:, b]]
            area = area - 2 / 3 * cross(end - start, nodes[cells[:, mid]] - 0.5 * (start + end))
    return area


def smallest_parts(nodes, cells):
    """(m,) smallest of the four triangles between corners and mid nodes of each T6, by a quarter of the cell's; 1 where
    the sides are straight, 0 and below in a folded cell."""
    parts = [triangle_areas(nodes, cells[:, part]) for part in ([0, 3, 5], [3, 1, 4], [5, 4, 2], [3, 4, 5])]
    return 4 * np.min(parts, axis=0) / triangle_areas(nodes, cells[:, :3])


def cross(a, b):
    """z component of the cross product of vectors in the plane."""
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]


def unshared_sides(cells, group):
    """Sides of T3 or T6 cells not shared with another cell of the same group: (k, 2) or (k, 3) nodes and (k,) cell
    index, in the order of cells, walked with the cell on the left.

    Raises MeshError when three cells of a group meet at one side.
    """
    sides = cells[:, SIDES if cells.shape[1] == 6 else SIDES[:, [0, 2]]].reshape(3 * len(cells), -1)
    owner = np.repeat(np.arange(len(cells)), 3)
    ends = np.sort(sides[:, [0, -1]], axis=1)
    key = np.column_stack([group[owner], ends])
    _, inverse, count = np.unique(key, axis=0, return_inverse=True, return_counts=True)
    if count.size and count.max() > 2:
        raise MeshError(f"{int((count > 2).sum())} sides belong to more than two cells of one particle; each side may belong to one or two")
    single = np.flatnonzero(count[inverse.ravel()] == 1)
    return sides[single], owner[single]


def raise_order(points, triangles):
    """T3 to straight-sided T6: nodes (n + edges, 2), the given points first, and cells (m, 6)."""
    sides = np.sort(triangles[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    edges, inverse = np.unique(sides, axis=0, return_inverse=True)
    mids = 0.5 * (points[edges[:, 0]] + points[edges[:, 1]])
    cells = np.hstack([triangles, len(points) + inverse.reshape(-1, 3)])
    return np.vstack([points, mids]), cells.astype(np.int32)
