"""From a packing that touches nothing to one that bears load: particles are pushed together until they jam.

Discs drawn with gaps between them have to slide by whole gaps, some by a third of a radius, before they carry a stack
pressure. The medium that stands for the pores would be sheared by ten and more on the way, and stiff ever after. So
the way is gone with empty pores (barrier contact, whose film keeps the drawn gap), under a pressure so small that
nothing deforms, and the pores are meshed where the particles have come to rest.
"""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np

from rheode.cycling.model import Model
from rheode.mechanics.stepping import Memory, Steps, Stopped, march
from rheode.microstructure import MeshError, fill_pores

log = logging.getLogger("rheode.run")

# GPa: elastic strains of 1e-4, which the jammed mesh forgets.
PRESSURE = 1e-3
# The walls' way is free until the particles jam: what the increments are does not matter, only that there are some.
STEPS = Steps(0.3, 0.3, 1e-6, easy=30, hard=60)


def loose(study, mesh) -> bool:
    """Whether particles must find each other before the walls meet resistance; what fills pores or bonds them holds them at once."""
    welded = study.microstructure.kind == "packing" and study.microstructure.skeleton != "loose"
    return study.walls.kind != "rigid" and not welded and not mesh.filling and not study.interfaces and mesh.particles > 1


def jam(study, mesh):
    """The mesh with its particles pushed together by 1 MPa, or a tenth of the stack pressure, and its pores meshed anew.

    Sides stay frictionless walls; the height falls, the width stays. A note of the mesh says from where to where.
    A packing that does not come to rest is returned as it is, with a note.
    """
    pressure = min(PRESSURE, 0.1 * getattr(study.walls, "pressure", getattr(study.walls, "preload", PRESSURE)))
    film = study.mechanics.barrier.model_copy(update={"friction": 0.0, "drag": 0.0})
    if study.microstructure.kind == "packing":  # a film as thick as the drawn gap, whatever the particles' scale
        film = film.model_copy(update={"distance": study.microstructure.gap})
    mechanics = {"contact": "barrier", "plane": "plane_strain", "barrier": film}
    model = Model(study.model_copy(update={"mechanics": study.mechanics.model_copy(update=mechanics)}), mesh)
    name = {"pressure": "stack", "fixture": "fixture"}[study.walls.kind]
    load = {"pressure": pressure, "out_of_plane": 0.0} if name == "stack" else {"preload": pressure}

    def begin(fraction, step, x):
        model.begin(0.0, study.cycling.start, {name: load}, share=np.inf)

    x = model.unknowns.start()
    try:
        for x, increment in march(model.system, model.minimise, x, begin, STEPS, Memory()):
            log.info("jamming %5.1f %%  %d iterations", 100 * increment.fraction, increment.iterations)
        moved = _moved(model, mesh, x)
    except (Stopped, MeshError) as reason:
        log.info("the packing is left as it is: %s", reason)
        return mesh
    note = (
        f"As drawn the packing bears no load; its particles slid until it jammed under {1e3 * pressure:g} MPa: "
        f"height {mesh.box[1]:.4g} to {moved.box[1]:.4g} um, porosity {100 * mesh.area_fraction(-1):.1f} to {100 * moved.area_fraction(-1):.1f} %."
    )
    return replace(moved, notes=(*mesh.notes, note))


def _moved(model, mesh, x):
    """The particles where `x` has put them, between walls where it has put those, the pores meshed anew."""
    displacement, solid = model.displacement(x), mesh.solid
    box = mesh.box + np.array([0.0, model.scalar(x, "wall top")])
    used, cells = np.unique(mesh.cells[solid], return_inverse=True)
    nodes, cells = mesh.nodes[used] + displacement[used], cells.reshape(-1, 6)
    middle = 0.5 * (mesh.nodes[mesh.cells[:, :3]] + mesh.nodes[np.roll(mesh.cells[:, :3], -1, axis=1)])
    if np.allclose(mesh.nodes[mesh.cells[:, 3:]], middle, atol=1e-9 * box.max()):
        cells = cells[:, :3]  # straight sides stay straight
    return fill_pores(nodes, cells, mesh.phase[solid], mesh.particle[solid], box, phase_names=mesh.phase_names)
