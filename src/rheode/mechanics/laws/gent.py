"""Gent's network of chains of finite length: a rubber, and the equilibrium of a viscoelastic one.

W = -mu Jm/2 ln(1 - (I - 3)/Jm) + K/2 (ln J)^2 with I = J^(-2/3) tr C the first invariant at constant
volume.  As Jm grows it becomes neo-Hookean; at I = 3 + Jm the chains are taut and the energy is
infinite  (Gent, Rubber Chem. Technol. 69 (1996) 59).
"""

import math

import numpy as np
from numba import njit

from rheode.mechanics.laws import Law


def invariant_limit(stretch):
    """Jm of a network whose chains are taut at this `stretch` of a bar pulled at constant volume."""
    return stretch**2 + 2.0 / stretch - 3.0


@njit(cache=True)
def respond(stretch, table, dt, order):
    points = stretch.shape[0]
    per_element = points // table.shape[0]
    w = np.empty(points)
    p = np.empty((points, 3))
    h = np.empty((points, 6))
    for k in range(points):
        K, mu, jm = table[k // per_element]
        s0, s1, s2 = stretch[k]
        room = -1.0
        if min(s0, s1, s2) > 0.0:
            tr = math.log(s0) + math.log(s1) + math.log(s2)
            scale = math.exp(-2.0 / 3.0 * tr)
            c0, c1, c2 = scale * s0 * s0, scale * s1 * s1, scale * s2 * s2
            total = c0 + c1 + c2
            room = 1.0 - (total - 3.0) / jm
        if room <= 0.0:
            w[k] = np.inf
            p[k] = 0.0
            h[k] = 0.0
            continue
        w[k] = -0.5 * mu * jm * math.log(room) + 0.5 * K * tr * tr
        if order == 0:
            continue
        # Derivatives by the logarithms of the stretches: dI/de_i = 2 c_i - 2/3 I.
        slope, curve = 0.5 * mu / room, 0.5 * mu / (jm * room * room)
        i0, i1, i2 = 2.0 * (c0 - total / 3.0), 2.0 * (c1 - total / 3.0), 2.0 * (c2 - total / 3.0)
        t0, t1, t2 = K * tr + slope * i0, K * tr + slope * i1, K * tr + slope * i2
        p[k, 0] = t0 / s0
        p[k, 1] = t1 / s1
        p[k, 2] = t2 / s2
        if order == 1:
            continue
        mean, third = 4.0 / 9.0 * total, 4.0 / 3.0
        h[k, 0] = (K + slope * (third * c0 + mean) + curve * i0 * i0 - t0) / (s0 * s0)
        h[k, 1] = (K + slope * (third * c1 + mean) + curve * i1 * i1 - t1) / (s1 * s1)
        h[k, 2] = (K + slope * (third * c2 + mean) + curve * i2 * i2 - t2) / (s2 * s2)
        h[k, 3] = (K + slope * (mean - third * (c0 + c1)) + curve * i0 * i1) / (s0 * s1)
        h[k, 4] = (K + slope * (mean - third * (c0 + c2)) + curve * i0 * i2) / (s0 * s2)
        h[k, 5] = (K + slope * (mean - third * (c1 + c2)) + curve * i1 * i2) / (s1 * s2)
    return w, p, h


def relax(stretch, table, dt):
    n = len(stretch)
    return np.ones((n, 3)), respond(stretch, table, dt, 0)[0], np.zeros(n), np.zeros(n)


LAW = Law("gent", ("K", "mu", "Jm"), respond, relax)
