"""Necks between particles: a framework that bears load without being clamped first."""

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from .mesh import MeshError, triangle_areas
from .meshing import finish


def weld(mesh, neck=None, phases=None):
    """Join particles that are closer than `neck` by solid necks; the area fractions stay as they are.

    mesh: straight-sided, with its pores; neck: um, by default 0.1 mean radii; phases: names of the phases that weld, all of them by default. A pore cell
    turns into a neck where it stands on a side of one welding particle, has its third corner on another and is less than
    `neck` high; two particles are joined if the necks between them cover a side of each. A neck cell belongs to the
    particle of lower index and has its phase; the two particles share the nodes where the neck ends. So that necks add
    nothing, the welding particles shrink about their centres, all those of a phase by the same factor.

    What is assumed: a neck is bonded without stress, as wide as the sides that face each other (contact_size in a meshed
    packing) and of the material of its particle; walls stay unbonded. Whether the welded pieces reach from the floor to
    the top wall is a matter of the packing (see `pack(spanning=...)`): the mesh's notes tell. Raises MeshError if nothing is close enough.
    """
    neck = 0.1 * mesh.mean_radius if neck is None else float(neck)
    names = mesh.phase_names if phases is None else tuple(phases)
    unknown = [name for name in names if name not in mesh.phase_names]
    if unknown:
        raise MeshError(f"there is no phase {', '.join(unknown)} to weld; the mesh has {', '.join(mesh.phase_names)}")
    welding = np.isin(mesh.particle_phase, [mesh.phase_names.index(name) for name in names])

    cells, pair = _necks(mesh, neck, welding)
    if len(cells) == 0:
        raise MeshError(f"no two particles of {', '.join(names)} are closer than {neck:g} um; choose a larger neck distance or other phases")
    particle, phase = mesh.particle.copy(), mesh.phase.copy()
    particle[cells] = pair.min(axis=1)
    phase[cells] = mesh.particle_phase[particle[cells]]

    used, inverse = np.unique(mesh.cells[:, :3], return_inverse=True)
    points, triangles = mesh.nodes[used], inverse.reshape(-1, 3)
    holder = np.full(len(points), -1)
    holder[triangles[mesh.solid]] = mesh.particle[mesh.solid, None]
    points = _shrink(points, triangles, phase, holder, mesh, np.flatnonzero(np.isin(mesh.particle_phase, np.unique(phase[cells]))))
    return finish(points, triangles, phase, particle, mesh.box, mesh.phase_names, (*mesh.notes, _account(mesh, pair, neck, names)))


def _necks(mesh, neck, welding):
    """Pore cells that become necks, and the (k, 2) particles that each joins."""
    surface = mesh.surface
    holder = np.full(len(mesh.nodes), -1)
    holder[surface.edges] = surface.particle[:, None]
    pores = np.flatnonzero(~mesh.solid)
    owners = np.where((holder >= 0) & welding[holder], holder, -1)[mesh.cells[pores, :3]]
    # Of three corners on two particles, the one that stands alone faces a side of the other particle.
    alone = np.stack([owners[:, 0] == owners[:, 1], owners[:, 1] == owners[:, 2], owners[:, 2] == owners[:, 0]], axis=1)
    fit = (owners >= 0).all(axis=1) & (alone.sum(axis=1) == 1)
    pores, owners, side = pores[fit], owners[fit], alone[fit].argmax(axis=1)
    row = np.arange(len(pores))
    base, tip = owners[row, side], owners[row, (side + 2) % 3]
    on_surface = np.isin(mesh.cells[pores, 3 + side], surface.edges[:, 1])
    start, end = mesh.nodes[mesh.cells[pores, side]], mesh.nodes[mesh.cells[pores, (side + 1) % 3]]
    low = 2 * mesh.areas[pores] / np.linalg.norm(end - start, axis=1) < neck
    keep = on_surface & low
    pores, base, tip = pores[keep], base[keep], tip[keep]
    # A neck that ends in a single node of one particle would be a hinge.
    key, back = base * len(welding) + tip, tip * len(welding) + base
    both = np.isin(back, key)
    return pores[both], np.column_stack([base, tip])[both]


def _shrink(points, triangles, phase, holder, mesh, scaled):
    """Points with the particles `scaled` shrunk about their centres so that every phase keeps the area it had."""
    centres, kinds = mesh.particle_centres, np.unique(mesh.particle_phase[scaled])
    wanted = np.array([mesh.areas[mesh.phase == kind].sum() for kind in kinds])
    factor = np.ones(len(mesh.phase_names))
    mine = np.isin(holder, scaled)
    centre, kind = centres[holder[mine]], mesh.particle_phase[holder[mine]]
    # Necks follow their particles, so the area is nearly the square of the factor: a few rounds reach round-off.
    for _ in range(60):
        moved = points.copy()
        moved[mine] = centre + factor[kind, None] * (points[mine] - centre)
        areas = triangle_areas(moved, triangles)
        ratio = wanted / np.array([areas[phase == k].sum() for k in kinds])
        if np.abs(ratio - 1).max() < 1e-14:
            break
        factor[kinds] *= np.sqrt(ratio)
    return moved


def _account(mesh, pair, neck, names):
    joined = np.unique(np.sort(pair, axis=1), axis=0)
    graph = coo_array((np.ones(len(joined)), tuple(joined.T)), shape=(mesh.particles,) * 2)
    piece = connected_components(graph, directed=False)[1]
    heights = mesh.nodes[mesh.surface.edges[:, 0], 1]
    floor = piece[mesh.surface.particle[heights < neck]]
    top = piece[mesh.surface.particle[heights > mesh.box[1] - neck]]
    spans = "reach from the floor to the top wall" if np.isin(floor, top).any() else "do not reach from the floor to the top wall"
    largest = np.bincount(piece).max()
    return f"{len(joined)} contacts of {', '.join(names)} closer than {neck:g} um are welded by necks; the largest welded piece has {largest} particles, and the pieces {spans}."
