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
    from rheode.cycling.phases import laws

    names = [name for name, entry in study.phases.items() if entry.role == "active"]
    phase = phase or names[0]
    material = study.materials()[phase]
    x = np.linspace(study.cycling.start, study.cycling.lithiation, steps + 1)
    stress = np.zeros(steps + 1)
    if study.mechanics.plane == "generalized_plane_strain":
        return x, stress
    dt = (x[1] - x[0]) / study.cycling.rate
    parts = len(laws(material, x[0], study.temperature))
    inverse_creep = np.ones((parts, 3))  # principal; the in-plane ones are equal
    for k in range(1, steps + 1):
        taken_out = float(material.growth(x[k]) / material.growth(x[0])) ** (-1 / 3) * np.sqrt(inverse_creep)
        now = [(law, np.array([[float(values[key]) for key in law.parameters]])) for law, values in laws(material, x[k], study.temperature)]

        def stretches(side):
            return np.array([side, side, 1.0]) * taken_out[:, None]

        def in_plane(side):
            return sum(law.respond(s, table, dt, 1)[1][0, 0] * s[0, 0] for (law, table), s in zip(now, stretches(side)))

        grown = 1.0 / taken_out[0, 0]
        side = brentq(in_plane, 0.7 * grown, 1.3 * grown, xtol=1e-14, rtol=1e-14)
        for part, ((law, table), s) in enumerate(zip(now, stretches(side))):
            ratio = law.relax(s, table, dt)[0][0]
            elastic = s * ratio
            inverse_creep[part] *= ratio**2
            principal = law.respond(elastic, table, 0.0, 1)[1][0] * elastic[0] / elastic.prod()
            stress[k] += principal[0] - principal[2]
    return x, np.abs(stress)
