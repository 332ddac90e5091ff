"""A small run made up without a solver, written through `Record`: for tests of what reads a run.

Nine discs in a box, the active ones swelling and shrinking; the numbers are plausible in size and
trend, nothing more.
"""

import numpy as np
from scipy.sparse import coo_array, diags_array
from scipy.sparse.linalg import spsolve
from scipy.spatial import Delaunay

from rheode.microstructure.mesh import PORE, Mesh, raise_order
from rheode.result import Record

BOX = np.array([10.0, 10.0])
PHASES = ("se", "mse")
STUDY = """\
title: A made-up run of nine discs
publication: xiong-2024
temperature: 70 degC
phases:
  se: {material: selenium, role: active, fraction: 0.356}
  mse: {material: mo6se8, role: framework, fraction: 0.397}
microstructure:
  kind: packing
  particles: 9
  box: 10 um
  size_spread: 0.2
  seed: 1
  gap: 0.01 um
  mesh_size: 0.7 um
  contact_size: 0.3 um
  skeleton: loose
walls: {kind: pressure, pressure: 100 MPa}
mechanics:
  plane: plane_strain
  contact: third-medium
  medium: {stiffness_ratio: 1.0e-4, length: 1.5 um}
cycling:
  rate: 0.1 C
  cycles: 3
  lithiation: 1.0
  delithiation: 0.22
  start: 0.0
  rest: 0 h
stepping:
  largest_step: 0.02
  first_step: 0.002
  smallest_step: 1.0e-6
output:
  frames_per_half_cycle: 10
  contact_gap: 1 %
  contact_pressure: 5 MPa
"""


def make_mesh(size=0.45) -> Mesh:
    """Nine discs on a 3 x 3 grid, alternately active and framework, and the pores between them."""
    centres = np.array([(i, j) for j in range(3) for i in range(3)]) * 3.33 + 1.67
    phase = np.arange(9) % 2  # active in the corners and the middle
    radii = np.where(phase == 0, 1.3, 1.42)
    points, owner = [], []
    for particle, (centre, radius) in enumerate(zip(centres, radii)):
        for ring in np.linspace(0, radius, round(radius / size) + 1):
            number = max(1, round(2 * np.pi * ring / size))
            angle = 2 * np.pi * np.arange(number) / number + 0.1
            points.append(centre + ring * np.stack([np.cos(angle), np.sin(angle)], 1))
            owner += [particle] * number
    level = np.linspace(0, 1, round(BOX[0] / size) + 1)
    grid = np.stack(np.meshgrid(level, level), -1).reshape(-1, 2) * BOX
    away = (np.linalg.norm(grid[:, None] - centres, axis=2) - radii).min(axis=1)
    side = (grid == 0).any(axis=1) | (grid == BOX).any(axis=1)
    grid = grid[side | (away > 0.5 * size)]
    points, owner = np.vstack([*points, grid]), np.array(owner + [-1] * len(grid))

    triangles = Delaunay(points).simplices
    a, b, c = points[triangles].transpose(1, 0, 2)
    double = (b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]
    triangles = np.where((double < 0)[:, None], triangles[:, ::-1], triangles)[np.abs(double) > 1e-9]
    same = (owner[triangles] == owner[triangles[:, :1]]).all(axis=1)
    particle = np.where(same, owner[triangles[:, 0]], -1)
    nodes, cells = raise_order(points, triangles)
    return Mesh(nodes, cells, np.where(particle < 0, PORE, phase[particle]), particle, BOX, PHASES)


def _displacement(mesh, lithiation, shrinkage):
    """Active discs swell about their centres, the top moves down; pores follow smoothly."""
    swelling = np.where(mesh.particle_phase == 0, 0.16 * lithiation, 0.0)
    squeeze = np.array([0.0, -shrinkage])
    known = np.full((len(mesh.nodes), 2), np.nan)
    for axis, walls in ((0, ("left", "right")), (1, ("bottom", "top"))):
        for wall in walls:
            known[mesh.walls[wall], axis] = squeeze[axis] * mesh.nodes[mesh.walls[wall], axis]
    for particle, (centre, stretch) in enumerate(zip(mesh.particle_centres, swelling)):
        nodes = np.unique(mesh.cells[mesh.particle == particle])
        known[nodes] = stretch * (mesh.nodes[nodes] - centre) + squeeze * centre
    ring = mesh.cells[:, [0, 3, 1, 4, 2, 5]]
    i, j = ring.ravel(), np.roll(ring, -1, axis=1).ravel()
    graph = coo_array((np.ones(2 * len(i)), (np.r_[i, j], np.r_[j, i])), shape=(len(mesh.nodes),) * 2).tocsr()
    laplacian = (diags_array(graph.sum(axis=1)) - graph).tocsr()
    displacement = known.copy()
    for axis in range(2):
        free = np.isnan(known[:, axis])
        pull = laplacian[free][:, ~free] @ known[~free, axis]
        displacement[free, axis] = spsolve(laplacian[free][:, free].tocsc(), -pull)
    return displacement


def make_fields(mesh, lithiation, creep=0.1, shrinkage=0.03) -> dict:
    """The fields of a frame at one lithiation."""
    solid = mesh.solid
    centre = mesh.nodes[mesh.cells[solid, :3]].mean(axis=1)
    radial = centre - mesh.particle_centres[mesh.particle[solid]]
    far = np.linalg.norm(radial, axis=1) / 1.4
    angle = np.arctan2(radial[:, 1], radial[:, 0])
    active = mesh.phase[solid] == 0
    # Drawn out towards the pores (the diagonals), thinned towards the neighbours.
    amount = np.where(active, creep * far * (0.4 + 0.6 * lithiation), 0)
    turn = 2 * (np.round((angle - np.pi / 4) / (np.pi / 2)) * np.pi / 2 + np.pi / 4)
    xx, yy, xy = amount * (0.1 + 0.7 * np.cos(turn)), amount * (0.1 - 0.7 * np.cos(turn)), 0.7 * amount * np.sin(turn)
    return {
        "displacement": _displacement(mesh, lithiation, shrinkage),
        "stretch_zz": 1.0,
        "von_mises": np.where(active, 0.06, 0.1) * (1 + lithiation) * (1 + 0.5 * far * np.cos(2 * angle)),
        "pressure": (0.1 + 0.1 * lithiation) * (1 + 0.8 * far * np.cos(2 * angle + 1)),
        "creep_strain": np.stack([xx, yy, -xx - yy, xy], axis=1),
        "lithiation_field": np.where(active, lithiation, 0.0),
    }


def make_row(increment, cycle, half, time, lithiation, wear) -> dict:
    """A row with every column of history.csv; `wear` grows from 0 to 1 over the run."""
    row = {"increment []": increment, "cycle []": cycle, "half []": half, "time [s]": time, "lithiation []": lithiation}
    means = {"se": 0.11 * np.tanh(8 * lithiation) - 0.02 * wear, "mse": 0.1 + 0.11 * lithiation - 0.01 * wear}
    for phase, mean in means.items():
        row[f"von Mises {phase} mean [GPa]"] = mean
        for name, factor in (("p5", 0.4), ("p50", 0.95), ("p95", 1.8), ("max", 3.1)):
            row[f"von Mises {phase} {name} [GPa]"] = factor * mean
        row[f"pressure {phase} mean [GPa]"] = 0.1 + 0.3 * mean
        row[f"creep strain {phase} mean []"] = (0.05 * wear + 0.04 * lithiation) if phase == "se" else 0.0
    for a in PHASES:
        for b in PHASES:
            row[f"contact {a}-{b} []"] = 0.1 + 0.25 * lithiation + 0.05 * wear + 0.02 * (a == b)
        row[f"contact {a}-any []"] = 0.3 + 0.4 * lithiation + 0.1 * wear
        row[f"contact {a}-wall []"] = 0.02 + 0.03 * lithiation
    return row | {
        "porosity []": 0.24 - 0.14 * lithiation - 0.03 * wear,
        "pores []": 16,
        "thickness [um]": 9.7 + 0.5 * lithiation - 0.1 * wear,
        "width [um]": 10.0,
        "stretch zz []": 1.0,
        "wall pressure [GPa]": 0.1,
        "side pressure [GPa]": 0.1 + 0.05 * lithiation,
        "out-of-plane stress [GPa]": -0.1 - 0.3 * lithiation,
        "elastic energy [GPa um2]": 0.02 + 0.1 * lithiation,
        "creep dissipation [GPa um2]": 2.0 * wear,
        "wall work [GPa um2]": 0.3 - 0.5 * lithiation,
        "chemical work [GPa um2]": 1.5 * wear + lithiation,
        "medium energy [GPa um2]": 1e-3 * (1 + lithiation),
        "drag dissipation [GPa um2]": 1e-3 * lithiation,
        "reset dissipation [GPa um2]": 1e-4 * lithiation,
        "medium pressure mean [GPa]": 2e-4 * (1 + lithiation),
        "largest distortion []": 1.2 + lithiation,
        "smallest det F []": 0.6 - 0.5 * lithiation,
        "newton iterations []": 5 + increment % 4,
        "cutbacks []": int(increment % 17 == 16),
        "wall time [s]": 0.21 + 0.01 * (increment % 7),
        "cpu time [s]": 0.40 + 0.01 * (increment % 7),
    }


def make_run(directory, cycles=3, increments=12, frames=4, rest=False, size=0.45, complete=True, study=STUDY):
    """Write a run of `cycles` cycles and return its folder.

    increments, frames: of each half cycle; rest: an hour after each half cycle; size: of the mesh in um;
    complete: whether the run is marked as ended.
    """
    mesh = make_mesh(size)
    rng = np.random.default_rng(1)
    reference = rng.uniform(0.3, 2.5, 16)
    unknowns = rng.normal(size=(len(mesh.nodes), 2))
    record = Record.create(directory, study, mesh)
    steps = [(0, "clamp", 0.0, 0.0, True)]
    time, x = 0.0, 0.0
    for cycle in range(1, cycles + 1):
        for half, end in (("lithiation", 1.0), ("delithiation", 0.22)):
            for i in range(1, increments + 1):
                new = end if i == increments else x + (end - x) * i / increments
                frame = i * frames // increments > (i - 1) * frames // increments
                steps.append((cycle, half, time + abs(new - x) * 36000, new, frame))
            time, x = steps[-1][2], end
            if rest:
                time += 3600
                steps.append((cycle, "rest", time, x, True))
    for increment, (cycle, half, time, x, frame) in enumerate(steps):
        wear = increment / max(1, len(steps) - 1)
        record.append(
            make_row(increment, cycle, half, time, x, wear),
            make_fields(mesh, x, 0.05 + 0.2 * wear, 0.03 + 0.02 * wear) if frame else None,
            {"particles": {"u": unknowns * x, "step": 0.02}, "seed": 1},
            reference * (1 - (0.35 + 0.1 * rng.random(16)) * x - 0.2 * wear),
        )
    record.finish(stopped=None if complete else "the step became smaller than 1e-6")
    return record.directory
