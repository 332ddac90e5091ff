"""Meshes made elsewhere: read, checked, mended where that is safe, and completed by a mesh of the pores."""

import io
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from .mesh import PORE, Mesh, MeshError, smallest_parts, triangle_areas, unshared_sides
from .meshing import check, finish, graded, size_field
from .triangulation import fill, place

LARGEST_AREA_CHANGE = 0.03  # relative, by making curved sides straight
LEAST_PART = 0.5  # of a cell with curved sides, see `smallest_parts`


def read_mesh(path, phases, mesh_size=None, *, box=None):
    """A mesh from a file, with the pores meshed if the file holds the particles only.

    path: an .npz with the arrays `nodes` (n, 2), `tri6`, `cells`, `triangles` or `tri` (m, 3 or 6), `phase` (m,) and,
    if wanted, `particle` (m,) and `box` or `L`; a mesh saved by `Mesh.save`; or whatever meshio reads (VTK, gmsh,
    Abaqus, ...: install rheode[meshio]) with the cell data `phase` (and `particle`), or physical groups of gmsh.
    phases: names in the order of the study; the file's phases are these names or 0, 1, ... in this order, with -1 or
    "pore" for pores. A dict {name: the file's value} maps other values.
    particle: pieces that share nodes, unless given. mesh_size: um, in the pores, see `fill_pores`.
    box: (2,) um or the side of a square with its origin at (0, 0), unless the file tells; without either, the
    rectangle around the nodes, which is then moved to the origin (and noted).

    Lengths are taken as um. Cells with three nodes are raised to six; clockwise ones are turned. Raises MeshError with
    one line, naming the file.
    """
    try:
        return _read(Path(path), phases, mesh_size, box)
    except MeshError as fault:
        raise MeshError(f"{path}: {fault}") from None


def _read(path, phases, mesh_size, box):
    names = tuple(phases)
    values = dict(phases) if isinstance(phases, dict) else {name: k for k, name in enumerate(names)}
    if not path.is_file():
        raise MeshError("no such file")
    data = _npz(path) if path.suffix == ".npz" else _meshio(path)
    if data.keys() >= {"nodes", "cells", "phase", "particle", "box", "phase_names"}:
        return _own(path, names)

    cells = next((data[key] for key in ("tri6", "cells", "triangles", "tri") if key in data), None)
    missing = [key for key, value in (("nodes", data.get("nodes")), ("tri6, cells, triangles or tri", cells), ("phase", data.get("phase"))) if value is None]
    if missing:
        raise MeshError(f"it holds {', '.join(sorted(data)) or 'nothing'}, but no {'; no '.join(missing)}")
    nodes, cells = _arrays(data["nodes"], cells)
    phase, particle = _phase_index(data["phase"], names, values), data.get("particle")
    for key, given in (("phase", phase), ("particle", particle)):
        if given is not None and np.shape(given) != (len(cells),):
            raise MeshError(f"{key} has the shape {np.shape(given)}; one value for each of the {len(cells)} cells is needed")
    solid = phase >= 0
    absent = [name for k, name in enumerate(names) if not (phase == k).any()]
    if absent:
        raise MeshError(f"no cell belongs to phase {', '.join(absent)}; the study has {', '.join(names)}, the file {_listed(data['phase'])}")

    notes = ()
    box = next((b for b in (box, data.get("box"), data.get("L")) if b is not None), None)
    if box is None:
        corners = nodes[cells[:, :3]].reshape(-1, 2)
        low = corners.min(axis=0)
        box = corners.max(axis=0) - low
        nodes = nodes - low
        notes = (f"The file names no box: the rectangle around its nodes was taken, {box[0]:.6g} x {box[1]:.6g} um.",)
    box = np.broadcast_to(np.asarray(box, float), 2)
    own = None if particle is None else np.asarray(particle)[solid]
    if solid.all():
        return fill_pores(nodes, cells, phase, own, box, mesh_size, phase_names=names, notes=notes)
    return _complete(nodes, cells, phase, own, box, names, notes)


def _npz(path):
    try:
        with np.load(path, allow_pickle=False) as data:
            return {key: data[key] for key in data}
    # Depending on what the file holds instead, numpy ends in half a dozen kinds of errors.
    except Exception:
        raise MeshError("not an npz of plain arrays; np.savez writes one") from None


def _meshio(path):
    """Nodes, triangles, phase and particle of a file that meshio reads, as a dict like that of an npz."""
    try:
        import meshio
    except ImportError:
        raise MeshError("only .npz is read without meshio; install rheode[meshio]") from None
    # On files that are not what their names say, meshio prints and ends in SystemExit, KeyError, ...
    said = io.StringIO()
    try:
        with redirect_stdout(said), redirect_stderr(said):
            mesh = meshio.read(path)
    except (Exception, SystemExit) as fault:
        reason = said.getvalue() if isinstance(fault, SystemExit) else str(fault)
        raise MeshError(f"meshio can't read it ({' '.join(reason.split()) or type(fault).__name__})") from None
    blocks = [k for k, block in enumerate(mesh.cells) if block.type in ("triangle", "triangle6")]
    kinds = {mesh.cells[k].type for k in blocks}
    if len(kinds) != 1:
        held = ", ".join(sorted({block.type for block in mesh.cells})) or "none"
        raise MeshError(f"its cells are {held}; triangles of one kind are needed (triangle or triangle6)")

    def gather(*keys):
        key = next((key for key in keys if key in mesh.cell_data), None)
        return None if key is None else np.concatenate([np.ravel(mesh.cell_data[key][k]) for k in blocks])

    data = {"nodes": mesh.points, "cells": np.concatenate([mesh.cells[k].data for k in blocks])}
    phase, particle = gather("phase", "gmsh:physical"), gather("particle")
    if phase is not None:
        groups = {int(tag): name for name, (tag, dimension) in mesh.field_data.items() if dimension == 2}
        data["phase"] = np.array([groups.get(int(p), str(int(p))) for p in phase]) if groups and "phase" not in mesh.cell_data else phase
    if particle is not None:
        data["particle"] = particle
    return data


def _phase_index(given, names, values):
    """(m,) index into the study's phases, or PORE, from the names or values in the file."""
    given = np.asarray(given)
    index = np.full(given.shape, -2)
    if given.dtype.kind in "US":
        given = given.astype(str)
        for k, name in enumerate(names):
            index[(given == name) | (given == str(values[name]))] = k
        index[np.isin(given, ["pore", "pores"])] = PORE
    else:
        index[given == -1] = PORE
        for k, name in enumerate(names):
            index[given == values[name]] = k
    if (index == -2).any():
        allowed = ", ".join(f"{name} ({values[name]})" if values[name] != name else name for name in names)
        raise MeshError(f"its phases are {_listed(given)}; allowed are {allowed} and pore (-1)")
    return index


def _listed(values):
    found = np.unique(values).tolist()
    return ", ".join(map(str, found[:8])) + (", ..." if len(found) > 8 else "")


def _own(path, names):
    mesh = Mesh.load(path)
    if mesh.phase_names != names:
        raise MeshError(f"its phases are {', '.join(mesh.phase_names)}; the study has {', '.join(names)}")
    check(mesh)
    return mesh


def _complete(nodes, cells, phase, particle, box, names, notes):
    """A mesh that has its pores already."""
    if particle is None:
        particle = _pieces(cells[phase >= 0][:, :3], len(nodes))
    everywhere = np.full(len(cells), -1)
    everywhere[phase >= 0] = np.unique(particle, return_inverse=True)[1]
    points, triangles = _corners(nodes, cells, box)
    _check_owners(triangles[phase >= 0], phase[phase >= 0], everywhere[phase >= 0])
    return _curve(finish(points, triangles, phase, everywhere, box, names, notes), nodes, cells)


def fill_pores(nodes, triangles, phase, particle, box, mesh_size=None, *, phase_names=None, notes=()):
    """Mesh the pores around particles that are meshed already; the sides of the particles' surface stay as they are.

    nodes: (n, 2) um; triangles: (m, 3) or (m, 6), either orientation; phase, particle: (m,) indices from 0, particle
    None: pieces that hang together; box: (2,) um or the side of a square, origin at (0, 0), walls may cut particles;
    mesh_size: um, in the open pores, by default twice the mean side of the surface; phase_names: by default "0", "1"...

    Curved sides stay curved, but for those that lie on a wall or would fold a cell of the pores, in slits narrower than
    the sides' rise; by how much that changes the particles' area goes into the mesh's notes, and a change above
    LARGEST_AREA_CHANGE is refused. Raises MeshError.
    """
    box, phase = np.broadcast_to(np.asarray(box, float), 2), np.asarray(phase)
    if phase.min() < 0:
        raise MeshError("some cells are pores; only the particles' cells are taken here")
    nodes, given = _arrays(nodes, triangles)
    points, triangles = _corners(nodes, given, box)
    particle = np.unique(_pieces(triangles, len(points)) if particle is None else particle, return_inverse=True)[1]
    _check_owners(triangles, phase, particle)
    if phase_names is None:
        phase_names = [str(k) for k in range(phase.max() + 1)]

    sides, cell = unshared_sides(triangles, particle)
    # The triangulation sees the surface's nodes, the walls' and the new ones in the pores, not the inside of particles.
    surface, inverse = np.unique(sides, return_inverse=True)
    rim = points[surface]
    touching = cKDTree(rim).query_pairs(1e-9 * box.max(), output_type="ndarray")
    if len(touching):
        raise MeshError(f"{len(touching)} pairs of surface nodes coincide, the first at {place(rim[touching[0, 0]])} um; particles need a gap between them, and neighbouring cells common nodes")
    segments = inverse.reshape(-1, 2)
    length = np.linalg.norm(rim[segments[:, 1]] - rim[segments[:, 0]], axis=1)
    mesh_size = 2 * length.mean() if mesh_size is None else float(mesh_size)
    if not mesh_size > 0:
        raise MeshError(f"mesh_size is {mesh_size:g} um; it must be above 0")
    filled = abs(triangle_areas(points, triangles)).sum() / box.prod()
    if filled < 0.01:
        raise MeshError(f"the particles fill {filled:.1e} of the box of {box[0]:g} x {box[1]:g} um; are the nodes' lengths in um?")
    if box.prod() / mesh_size**2 > 5e5:
        raise MeshError(f"mesh_size {mesh_size:g} um makes about {2 * box.prod() / mesh_size**2:.0e} elements in the box of {box[0]:g} x {box[1]:g} um; 1e+06 is the most")
    local = np.zeros(len(rim))
    np.maximum.at(local, segments, length[:, None])
    corners = np.array([[0, 0], [box[0], 0], box, [0, box[1]]])
    corners = corners[[np.abs(rim - c).max(axis=1).min() > 1e-9 * box.max() for c in corners]]
    wall = np.vstack([corners, *(_facing_wall(rim, local, segments, box, w, mesh_size) for w in range(4))])
    all_points = np.vstack([rim, wall])
    around = np.vstack([_along_wall(all_points, box, w) for w in range(4)])
    taken = np.isin(around[:, 0] * len(all_points) + around[:, 1], segments[:, 0] * len(all_points) + segments[:, 1])
    around = around[~taken]
    everything = np.vstack([segments, around])
    owner = np.concatenate([particle[cell], np.full(len(around), -1)])
    filled, pores, region = fill(all_points, everything, owner, size_field(all_points, everything, mesh_size), wanted=[-1])
    inside = np.bincount(region + 1, triangle_areas(filled, pores), particle.max() + 2)[1:]
    if np.abs(inside - np.bincount(particle, triangle_areas(points, triangles))).max() > 1e-9 * box.prod():
        raise MeshError("cells of a particle overlap each other; its cells must cover it once")

    index = np.concatenate([surface, len(points) + np.arange(len(filled) - len(surface))])
    points = np.vstack([points, filled[len(surface) :]])
    pores = index[pores[region < 0]]
    none = np.full(len(pores), PORE)
    mesh = finish(points, np.vstack([triangles, pores]), np.append(phase, none), np.append(particle, none), box, phase_names, notes)
    return _curve(mesh, nodes, given)


def _arrays(nodes, triangles):
    """Nodes (n, 2) and cells (m, 3 or 6) as arrays, or MeshError for what they are instead."""
    nodes, triangles = np.asarray(nodes), np.asarray(triangles)
    if nodes.dtype.kind not in "iuf":
        raise MeshError(f"nodes are of type {nodes.dtype}; numbers are needed")
    nodes = nodes.astype(float)
    if nodes.ndim != 2 or nodes.shape[1] not in (2, 3):
        raise MeshError(f"nodes have the shape {nodes.shape}; (n, 2) is needed")
    if nodes.shape[1] == 3 and np.abs(nodes[:, 2]).max(initial=0) > 0:
        raise MeshError(f"nodes have z coordinates up to {np.abs(nodes[:, 2]).max():g}; the mesh must lie in the plane z = 0")
    if not np.isfinite(nodes).all():
        raise MeshError("some nodes have coordinates that are not finite numbers")
    if triangles.ndim != 2 or triangles.shape[1] not in (3, 6) or len(triangles) == 0 or triangles.dtype.kind not in "iu":
        raise MeshError(f"cells have the shape {triangles.shape} and type {triangles.dtype}; (m, 3) or (m, 6) node numbers are needed")
    if triangles.min() < 0 or triangles.max() >= len(nodes):
        raise MeshError(f"cells name nodes {triangles.min()} to {triangles.max()}; there are nodes 0 to {len(nodes) - 1}")
    return nodes[:, :2], triangles


def _corners(nodes, triangles, box):
    """Corner points in the box and counterclockwise T3; MeshError for what can't be mended."""
    triangles = triangles[:, :3].astype(np.int64)
    area = triangle_areas(nodes, triangles)
    flat = np.abs(area) <= 1e-14 * np.ptp(nodes, axis=0).max() ** 2
    if flat.any():
        raise MeshError(f"{int(flat.sum())} cells have no area, the first is cell {int(flat.argmax())}")
    triangles[area < 0] = triangles[area < 0][:, ::-1]
    used, inverse = np.unique(triangles, return_inverse=True)
    points, triangles = nodes[used], inverse.reshape(-1, 3)
    near = 1e-9 * box.max()
    outside = ((points < -near) | (points > box + near)).any(axis=1)
    if outside.any():
        raise MeshError(f"{int(outside.sum())} nodes lie outside the box of {box[0]:g} x {box[1]:g} um with its origin at (0, 0), the first at {place(points[outside][0])}")
    points = np.where(np.abs(points) <= near, 0.0, np.where(np.abs(points - box) <= near, box, points))
    return points, triangles


def _curve(mesh, nodes, cells):
    """The mesh with its sides as curved as those of the given cells, or as a thin cell of the pores beside them allows."""
    if cells.shape[1] == 3:
        return mesh
    corners = nodes[cells[:, :3]]
    chords = 0.5 * (corners + corners[:, [1, 2, 0]])
    middle = cKDTree(mesh.nodes).query(chords.reshape(-1, 2))[1]
    rise = np.zeros_like(mesh.nodes)
    rise[middle] = (nodes[cells[:, 3:]] - chords).reshape(-1, 2)
    rise[np.abs(rise).max(axis=1) < 1e-9 * mesh.box.max()] = 0.0
    straight = np.concatenate(list(mesh.walls.values()))
    share = np.ones(len(rise))
    share[straight] = 0.0
    while True:
        now = mesh.nodes + share[:, None] * rise
        folded = np.unique(mesh.cells[smallest_parts(now, mesh.cells) < LEAST_PART, 3:])
        if len(folded) == 0:
            break
        share[folded] *= 0.8
        share[share < 0.1] = 0.0
    notes = mesh.notes
    if flatter := int(((share < 1) & rise.any(axis=1)).sum()):
        solid = mesh.cells[mesh.solid]
        change = triangle_areas(now, solid).sum() / triangle_areas(mesh.nodes + rise, solid).sum() - 1
        if abs(change) > LARGEST_AREA_CHANGE:
            raise MeshError(f"curved sides fold cells of the mesh; with sides that do not the particles' area would change by {change:+.2%}, up to {LARGEST_AREA_CHANGE:.0%} is allowed: use shorter sides")
        notes += (f"{flatter} of {int(rise.any(axis=1).sum())} curved sides of the given mesh were made flatter, on walls and where they would fold a cell, which changed the particles' area by {change:+.2%}.",)
    return replace(mesh, nodes=now, notes=notes)


def _pieces(triangles, n):
    """(m,) number of the connected piece that each triangle belongs to."""
    ends = triangles[:, [0, 1, 0, 2]].reshape(-1, 2).T
    piece = connected_components(coo_array((np.ones(ends.shape[1]), tuple(ends)), shape=(n, n)), directed=False)[1]
    return piece[triangles[:, 0]]


def _check_owners(triangles, phase, particle):
    """MeshError if a particle has two phases, or two particles share a node."""
    pairs = np.unique(np.column_stack([particle, phase]), axis=0)
    twice = pairs[1:, 0][np.diff(pairs[:, 0]) == 0]
    if len(twice):
        raise MeshError(f"particle {twice[0]} has cells of more than one phase; a particle has one phase and shares no node with another")
    pairs = np.unique(np.column_stack([triangles.ravel(), np.repeat(particle, 3)]), axis=0)
    shared = np.diff(pairs[:, 0]) == 0
    if shared.any():
        a, b = pairs[:-1, 1][shared][0], pairs[1:, 1][shared][0]
        raise MeshError(f"particles share {int(shared.sum())} nodes, first particles {a} and {b}; each particle needs nodes of its own, with a gap between")


def _facing_wall(rim, local, segments, box, wall, mesh_size):
    """New points on a wall: opposite the surface nodes that are close to it, graded steps between."""
    axis, level = wall // 2, (0.0, box[wall // 2])[wall % 2]
    along = rim[:, 1 - axis]
    distance = np.abs(rim[:, axis] - level)
    on = distance == 0
    ends = np.sort(along[on])
    start_end = np.array([0.0, box[1 - axis]])
    # Opposite points keep away from each other, from the box's corners and from nodes on the wall.
    knots, steps = list(np.concatenate([start_end, ends])), [mesh_size, mesh_size, *local[on][np.argsort(along[on])]]
    covered = _covered(rim, segments, axis, level)
    close = np.flatnonzero(~on & (distance < 0.5 * local))
    for k in close[np.argsort(distance[close], kind="stable")]:
        if np.abs(np.array(knots) - along[k]).min() > 0.4 * local[k] and not covered(along[k]):
            knots.append(along[k])
            steps.append(local[k])
    knots, keep = np.unique(knots, return_index=True)
    steps = np.array(steps)[keep]
    new = []
    for a, b, first, last in zip(knots, knots[1:], steps, steps[1:]):
        split = [0.0, 1.0] if covered(0.5 * (a + b)) else graded(b - a, min(first, mesh_size), min(last, mesh_size), mesh_size)
        new += list(a + (b - a) * np.asarray(split)[:-1])
    new = np.array([x for x in new if np.abs(np.concatenate([start_end, ends]) - x).min() > 1e-9 * box.max()])
    points = np.empty((len(new), 2))
    points[:, axis], points[:, 1 - axis] = level, new
    return points


def _covered(rim, segments, axis, level):
    """Function that says whether a place on the wall lies on a side of a particle."""
    ends = rim[segments]
    flush = (ends[:, :, axis] == level).all(axis=1)
    low, high = ends[flush][:, :, 1 - axis].min(axis=1), ends[flush][:, :, 1 - axis].max(axis=1)
    return lambda x: bool(((low < x) & (x < high)).any())


def _along_wall(points, box, wall):
    """Segments between neighbouring points on a wall, with the box on the left."""
    axis, level = wall // 2, (0.0, box[wall // 2])[wall % 2]
    on = np.flatnonzero(points[:, axis] == level)
    on = on[np.argsort(points[on, 1 - axis])]
    pairs = np.column_stack([on[:-1], on[1:]])
    return pairs if wall in (1, 2) else pairs[:, ::-1]
