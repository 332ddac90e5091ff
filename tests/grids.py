"""Structured T6 meshes for problems with known answers, and one solid on such a mesh."""

from dataclasses import dataclass

import numpy as np

from rheode.mechanics.laws import hencky_norton
from rheode.mechanics.linear import linear_solver
from rheode.mechanics.minimiser import Minimiser
from rheode.mechanics.potential import Unknowns, unknowns
from rheode.mechanics.solid import Solid
from rheode.mechanics.system import System


def raise_to_t6(nodes, triangles):
    """Straight-sided T6 (nodes, cells) from corners and triangles."""
    edges = np.sort(np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]]), axis=1)
    unique, inverse = np.unique(edges, axis=0, return_inverse=True)
    mids = inverse.reshape(3, len(triangles)).T + len(nodes)
    return np.concatenate([nodes, nodes[unique].mean(axis=1)]), np.concatenate([triangles, mids], axis=1)


def grid(nx, ny, position=lambda s, t: (s, t)):
    """T6 mesh of the unit square, nx by ny cells of two triangles, mapped by `position`."""
    s, t = np.meshgrid(np.linspace(0, 1, nx + 1), np.linspace(0, 1, ny + 1), indexing="ij")
    nodes = np.stack(position(s, t), axis=-1).reshape(-1, 2)
    i, j = (a.ravel() for a in np.meshgrid(np.arange(nx), np.arange(ny), indexing="ij"))
    a, b, c, d = (i * (ny + 1) + j, (i + 1) * (ny + 1) + j, (i + 1) * (ny + 1) + j + 1, i * (ny + 1) + j + 1)
    return raise_to_t6(nodes, np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)]))


def rounded(nodes, cells):
    """Mid nodes moved to the mean radius of their ends, so that circles about the origin are (nearly) round."""
    nodes = nodes.copy()
    radius = np.hypot(*nodes.T)
    for a, b, mid in ((0, 1, 3), (1, 2, 4), (2, 0, 5)):
        wanted = 0.5 * (radius[cells[:, a]] + radius[cells[:, b]])
        nodes[cells[:, mid]] *= (wanted / np.hypot(*nodes[cells[:, mid]].T))[:, None]
    return nodes, cells


def sector(inner, outer, nr, nt):
    """Quarter annulus between the x and the y axis; the radius grows geometrically."""

    def position(s, t):
        r, angle = inner * (outer / inner) ** s, t * np.pi / 2
        return r * np.cos(angle), r * np.sin(angle)

    return grid(nr, nt, position)


def disc(radius, rings, centre=(0.0, 0.0), profile=lambda s: s):
    """Disc of concentric rings, 6 k triangles' corners on ring k, which lies at radius * profile(k / rings)."""
    nodes, triangles, before = [np.zeros((1, 2))], [], np.array([0])
    count = 1
    for k in range(1, rings + 1):
        angle = np.arange(6 * k) * np.pi / (3 * k)
        nodes.append(radius * profile(k / rings) * np.stack([np.cos(angle), np.sin(angle)], 1))
        ring = count + np.arange(6 * k)
        for sextant in range(6):
            for j in range(k):
                a, b = ring[sextant * k + j], ring[(sextant * k + j + 1) % (6 * k)]
                inner = before[(sextant * (k - 1) + j) % len(before)]
                triangles.append([inner, a, b])
                if j < k - 1:
                    triangles.append([inner, b, before[(sextant * (k - 1) + j + 1) % len(before)]])
        before, count = ring, count + 6 * k
    return raise_to_t6(np.concatenate(nodes) + np.asarray(centre), np.array(triangles))


def on(nodes, axis, level):
    """Nodes whose coordinate on an axis is `level`."""
    return np.flatnonzero(np.abs(nodes[:, axis] - level) < 1e-9 * np.ptp(nodes))


@dataclass
class Body:
    """One solid on a mesh, ready to be loaded: `step` after `step`."""

    nodes: np.ndarray
    cells: np.ndarray
    unknowns: Unknowns
    solid: Solid
    system: System
    minimise: Minimiser
    x: np.ndarray

    def step(self, dt=0.0, loads=None, prescribed=None, **fields):
        """One increment to equilibrium: `fields` of the solid, `prescribed` scalars by name. Returns the outcome."""
        self.system.begin(dt, {"body": fields} | (loads or {}))
        start = self.x.copy()
        for name, value in (prescribed or {}).items():
            start[self.unknowns.blocks[name]] = value
        outcome = self.minimise(start)
        assert outcome.converged, outcome.reason
        self.system.commit(outcome.x)
        self.x = outcome.x
        return outcome

    def positions(self):
        return self.nodes + self.unknowns.nodes(self.x)


def body(mesh, parameters, tied=(), free=(), fixed=("stretch zz", "fixed"), loads=lambda u, nodes: (), law=hencky_norton.LAW):
    """A `Body` of one law; `tied`, `free` and `fixed` as in `unknowns`, "fixed" being the scalar 0."""
    nodes, cells = mesh
    u = unknowns(len(nodes), tied, free, fixed)
    solid = Solid("body", law, nodes, cells, u, parameters)
    system = System(u, [solid, *loads(u, nodes)])
    return Body(nodes, cells, u, solid, system, Minimiser(system, linear_solver()), u.start())


def hencky(E, nu=0.3, A=0.0, n=1.0, s_ref=1.0):
    """Parameters of the Hencky-Norton law from Young's modulus and Poisson's ratio."""
    return {"K": E / (3 * (1 - 2 * nu)), "G": E / (2 * (1 + nu)), "A": A, "n": n, "s_ref": s_ref}
