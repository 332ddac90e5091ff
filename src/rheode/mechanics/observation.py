"""A committed state as it is measured: each potential is asked once for its energy, its forces and its stress."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numba import njit

from rheode.mechanics.solid import Solid, _root


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
    """What a potential says about the committed state `x` now, not after what another increment would relax."""
    if not isinstance(potential, Solid):
        potential.begin(0.0, {})
        said = potential.evaluate(x, 1)
        return Observation(said.energy, said.gradient, potential.cauchy(x) if hasattr(potential, "cauchy") else None)
    # The same as its `evaluate` and `cauchy`, without what only the Hessian needs.
    values, dofs = potential.local(x)
    stretch, turned = _stretches(values, dofs, potential.gradients, potential.growth, potential.inverse_creep)
    w, p, _ = potential.law.respond(stretch, potential.table, 0.0, 1)
    energy = float((w.reshape(potential.weights.shape) * potential.weights * potential.growth[:, None]).sum())
    stress, gradient = _forces(values, dofs, potential.gradients, potential.weights, potential.growth, stretch, turned, p)
    return Observation(energy, gradient, stress)


@njit(cache=True)
def _stretches(x, dofs, gradients, growth, inverse_creep):
    """Principal stretches (3 m, 3) of F S Jl^(-1/3), as `solid.kinematics` has them, and cosine and sine (3 m, 2) of twice the
    angle of the larger one in the plane, in the deformed state."""
    m = dofs.shape[0]
    stretch, turned = np.empty((3 * m, 3)), np.empty((3 * m, 2))
    for i in range(m):
        scale = growth[i] ** (-1.0 / 3.0)
        for k in range(3):
            f11, f12, f21, f22, _ = _deformation(x, dofs[i], gradients[i, k])
            q = 3 * i + k
            s11, s22, s12 = _root(inverse_creep[q, 0], inverse_creep[q, 1], inverse_creep[q, 3])
            a, b = scale * (f11 * s11 + f12 * s12), scale * (f11 * s12 + f12 * s22)
            c, d = scale * (f21 * s11 + f22 * s12), scale * (f21 * s12 + f22 * s22)
            # A similarity and an anti-similarity: the sum of the angles of both is twice that of the larger stretch.
            e, f, g, h = 0.5 * (a + d), 0.5 * (a - d), 0.5 * (c + b), 0.5 * (c - b)
            same, mirrored = math.sqrt(e * e + h * h), math.sqrt(f * f + g * g)
            stretch[q, 0], stretch[q, 1] = same + mirrored, same - mirrored
            stretch[q, 2] = scale * (1.0 + x[dofs[i, 12]]) * math.sqrt(inverse_creep[q, 2])
            both = same * mirrored
            turned[q, 0] = (e * f - g * h) / both if both > 0.0 else 1.0
            turned[q, 1] = (e * g + f * h) / both if both > 0.0 else 0.0
    return stretch, turned


@njit(cache=True)
def _forces(x, dofs, gradients, weights, growth, stretch, turned, p):
    """Cauchy stress (m, 3, 4) from the energy's derivatives p by the stretches, and its forces (m, 13) on the stencils."""
    m = dofs.shape[0]
    stress, force = np.empty((m, 3, 4)), np.zeros((m, 13))
    for i in range(m):
        for k in range(3):
            q = 3 * i + k
            j = stretch[q, 0] * stretch[q, 1] * stretch[q, 2]
            t1, t2, zz = p[q, 0] * stretch[q, 0] / j, p[q, 1] * stretch[q, 1] / j, p[q, 2] * stretch[q, 2] / j
            mean, half = 0.5 * (t1 + t2), 0.5 * (t1 - t2)
            xx, yy, xy = mean + half * turned[q, 0], mean - half * turned[q, 0], half * turned[q, 1]
            stress[i, k] = xx, yy, zz, xy
            # First Piola-Kirchhoff stress: Cauchy stress times the cofactor of F.
            a, b, c, d, z = _deformation(x, dofs[i], gradients[i, k])
            weight = weights[i, k] * growth[i] * j / ((a * d - b * c) * z)  # the ratio is 1 but for round-off in the creep
            p11, p12 = weight * z * (xx * d - xy * b), weight * z * (xy * a - xx * c)
            p21, p22 = weight * z * (xy * d - yy * b), weight * z * (yy * a - xy * c)
            for n in range(6):
                gx, gy = gradients[i, k, n]
                force[i, 2 * n] += p11 * gx + p12 * gy
                force[i, 2 * n + 1] += p21 * gx + p22 * gy
            force[i, 12] += weight * zz * (a * d - b * c)
    return stress, force


@njit(cache=True, inline="always")
def _deformation(x, dofs, gradients):
    """xx, xy, yx, yy and zz of F at a point of a T6 cell: dofs (13,), gradients (6, 2)."""
    a, b, c, d = 1.0, 0.0, 0.0, 1.0
    for n in range(6):
        ux, uy = x[dofs[2 * n]], x[dofs[2 * n + 1]]
        gx, gy = gradients[n]
        a += ux * gx
        b += ux * gy
        c += uy * gx
        d += uy * gy
    return a, b, c, d, 1.0 + x[dofs[12]]


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
            a, b, c, d, z = _deformation(x, dofs[i], gradients[i, k])
            det = (a * d - b * c) * z
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
