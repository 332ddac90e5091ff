"""What fills the pores and is bonded to the particles: an electrolyte that was cast, infiltrated or pressed in."""

from dataclasses import replace

import numpy as np
from scipy.spatial import cKDTree

from .mesh import MeshError


def infiltrate(mesh, name, share=1.0):
    """The mesh with its pores, or a `share` of their area, filled by a new phase `name`, a body of its own.

    The filling shares the nodes of the particles' surfaces: it is bonded to them and to the walls' normal. Where it takes
    a part only, it coats the particles: pore cells turn into filling in the order of the mean distance of their corners
    and mids from the nearest surface, so that slits and necks fill first and the middles of wide pores stay empty; the
    share is met to within half a cell. Particles keep their numbers, the filling takes the next one.
    Raises MeshError where there is no pore to fill.
    """
    pores = np.flatnonzero(~mesh.solid)
    if not 0 < share <= 1:
        raise MeshError(f"a share of {share:g} of the pores can't be filled; choose one above 0 and up to 1")
    if len(pores) == 0:
        raise MeshError(f"there are no pores for {name} to fill")
    areas = mesh.areas[pores]
    order = np.argsort(_distance(mesh)[mesh.cells[pores]].mean(axis=1), kind="stable")
    reached = np.cumsum(areas[order]) / areas.sum()
    taken = pores[order[: 1 + np.abs(reached - share).argmin()]] if share < 1 else pores

    phase, particle = mesh.phase.copy(), mesh.particle.copy()
    phase[taken], particle[taken] = len(mesh.phase_names), mesh.particles
    by_body = np.lexsort((np.arange(len(particle)), np.where(particle < 0, mesh.particles + 1, particle)))
    filled = float(mesh.areas[taken].sum() / areas.sum())
    note = f"{name} fills {filled:.1%} of the pores and is bonded to the particles" + (
        "." if len(taken) == len(pores) else ": it coats them, the middles of the widest pores stay empty.")  # fmt: skip
    return replace(mesh, cells=mesh.cells[by_body], phase=phase[by_body], particle=particle[by_body],
                   phase_names=(*mesh.phase_names, name), notes=(*mesh.notes, note), filling=(*mesh.filling, name))  # fmt: skip


def _distance(mesh):
    """Distance (n,) of all nodes from the nearest particle surface, um."""
    sides = mesh.surface.edges
    # Eight points to a side: its distance from a node is known to within a sixteenth of its length.
    s = np.linspace(0, 1, 9)[:, None]
    start, mid, end = (mesh.nodes[sides[:, k]][:, None] for k in range(3))
    points = (1 - s) * (1 - 2 * s) * start + 4 * s * (1 - s) * mid + s * (2 * s - 1) * end
    return cKDTree(points.reshape(-1, 2)).query(mesh.nodes)[0]
