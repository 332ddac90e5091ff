"""A free disc: what plane strain alone does to a particle that touches nothing."""

from __future__ import annotations

import numpy as np
from scipy.optimize import brentq


def free_disc(study, phase=None, steps=1000):
    """von Mises stress [GPa] in a free disc of an active phase over the study's first lithiation.

    It swells out of plane as much as in plane, and plane strain forbids that: even without
    neighbours it is stressed, and creeps.  Under generalized plane strain it is stress-free.
    phase: name of an active phase, by default the first. Returns (x, von_mises), (steps + 1,) each.
    """
    from rheode.cycling.model import LAWS

    names = [name for name, entry in study.phases.items() if entry.role == "active"]
    phase = phase or names[0]
    material = study.materials()[phase]
    law = LAWS[material.law]
    x = np.linspace(study.cycling.start, study.cycling.lithiation, steps + 1)
    stress = np.zeros(steps + 1)
    if study.mechanics.plane == "generalized_plane_strain":
        return x, stress
    dt = (x[1] - x[0]) / study.cycling.rate
    inverse_creep = np.ones(3)  # principal; the in-plane ones are equal
    for k in range(1, steps + 1):
        values = material.at(x[k], study.temperature)
        table = np.array([[float(values[key]) for key in law.parameters]])
        taken_out = float(material.growth(x[k]) / material.growth(x[0])) ** (-1 / 3) * np.sqrt(inverse_creep)

        def stretches(side):
            return np.array([[side, side, 1.0]]) * taken_out

        def in_plane(side):
            return law.respond(stretches(side), table, dt, 1)[1][0, 0]

        grown = 1.0 / taken_out[0]
        side = brentq(in_plane, 0.7 * grown, 1.3 * grown, xtol=1e-14, rtol=1e-14)
        ratio = law.relax(stretches(side), table, dt)[0]
        elastic = stretches(side) * ratio
        inverse_creep *= ratio[0] ** 2
        principal = law.respond(elastic, table, 0.0, 1)[1][0] * elastic[0] / elastic.prod()
        stress[k] = abs(principal[0] - principal[2])
    return x, stress
