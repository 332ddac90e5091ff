"""A committed state as it is measured: each potential is asked once for its energy, its forces and its stress."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numba import njit

from rheode.mechanics.solid import Solid, entries, kinematics


@dataclass
class Observation:
    """What a potential says about a committed state.

    energy: float, GPa um2. gradient: (m, d) entries on its stencils, GPa um.
    stress: Cauchy stress at the points, (m, 3, 4): xx, yy, zz, xy in GPa; None of a potential that has none.
    """

    energy: float
    gradient: np.ndarray
    stress: np.ndarray | None


def observe(potential, x) -> Observation:
    """What a potential says about the committed state `x`; no increment may have begun since."""
    if not isinstance(potential, Solid):
        said = potential.evaluate(x, 1)
        return Observation(said.energy, said.gradient, potential.cauchy(x) if hasattr(potential, "cauchy") else None)
    # As `evaluate` and `cauchy`, of which each would compute stretches and stresses anew.
    parts = potential.dofs, potential.gradients, potential.growth, potential.inverse_creep
    stretch, frame = kinematics(x, *parts)
    w, p, h = potential.law.respond(stretch, potential.table, 0.0, 1)
    energy = float((w.reshape(potential.weights.shape) * potential.weights * potential.growth[:, None]).sum())
    dofs, gradients, growth, inverse_creep = parts
    gradient, _ = entries(dofs, gradients, potential.weights, growth, inverse_creep, stretch, frame, p, h, p, False)
    return Observation(energy, gradient, _cauchy(stretch, frame, p).reshape(-1, 3, 4))


@njit(cache=True)
def _cauchy(stretch, frame, p):
    """Cauchy stress (points, 4) from the energy's derivatives p by the stretches (points, 3)."""
    out = np.empty((len(stretch), 4))
    for q in range(len(stretch)):
        j = stretch[q, 0] * stretch[q, 1] * stretch[q, 2]
        t1, t2 = p[q, 0] * stretch[q, 0] / j, p[q, 1] * stretch[q, 1] / j
        c, s = frame[q, 0], frame[q, 1]
        out[q, 0] = t1 * c * c + t2 * s * s
        out[q, 1] = t1 * s * s + t2 * c * c
        out[q, 2] = p[q, 2] * stretch[q, 2] / j
        out[q, 3] = (t1 - t2) * c * s
    return out


@njit(cache=True)
def survey(x, dofs, gradients, weights, stress):
    """What a Cauchy stress (m, 3, 4) [GPa] and the deformation come to at the points of T6 cells with reference weights (m, 3) [um2].

    Returns von Mises stress (m, 3) [GPa], deformed areas of the points (m, 3) [um2], mean pressure by area [GPa], smallest
    det F, and the largest ratio of principal stretches in the plane (1 is undistorted, inf is flat).
    """
    m = dofs.shape[0]
    mises, areas = np.empty((m, 3)), np.empty((m, 3))
    push, total, smallest, largest = 0.0, 0.0, np.inf, 1.0
    for i in range(m):
        for k in range(3):
            a, b, c, d = 1.0, 0.0, 0.0, 1.0
            for n in range(6):
                ux, uy = x[dofs[i, 2 * n]], x[dofs[i, 2 * n + 1]]
                gx, gy = gradients[i, k, n]
                a += ux * gx
                b += ux * gy
                c += uy * gx
                d += uy * gy
            det = (a * d - b * c) * (1.0 + x[dofs[i, 12]])
            # F is a similarity and an anti-similarity, of sizes that are half the sum and half the difference of the stretches.
            same, mirrored = math.hypot(a + d, c - b), math.hypot(a - d, b + c)
            thin = abs(same - mirrored)
            smallest = min(smallest, det)
            largest = max(largest, (same + mirrored) / thin if thin > 0.0 else np.inf)
            xx, yy, zz, xy = stress[i, k]
            mises[i, k] = math.sqrt(0.5 * ((xx - yy) ** 2 + (yy - zz) ** 2 + (zz - xx) ** 2) + 3.0 * xy * xy)
            areas[i, k] = weights[i, k] * det
            push -= areas[i, k] * (xx + yy + zz) / 3.0
            total += areas[i, k]
    return mises, areas, push / total, smallest, largest
