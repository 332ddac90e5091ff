"""Compressible neo-Hookean solid: the medium that stands for the pores.

W = mu/2 (tr C - 3 - 2 ln J) + lambda/2 (ln J)^2 keeps growing as J -> 0 and, unlike
the Hencky energy, stays elliptic in the large strains that a closing pore sees.
"""

import math

import numpy as np
from numba import njit

from rheode.mechanics.laws import Law


@njit(cache=True, nogil=True)
def respond(stretch, table, dt, order):
    points = stretch.shape[0]
    per_element = points // table.shape[0]
    w = np.empty(points)
    p = np.empty((points, 3))
    h = np.empty((points, 6))
    for k in range(points):
        mu, lam = table[k // per_element]
        s0, s1, s2 = stretch[k]
        if min(s0, s1, s2) <= 0.0:
            w[k] = np.inf
            p[k] = 0.0
            h[k] = 0.0
            continue
        log_j = math.log(s0) + math.log(s1) + math.log(s2)
        w[k] = 0.5 * mu * (s0 * s0 + s1 * s1 + s2 * s2 - 3.0 - 2.0 * log_j) + 0.5 * lam * log_j**2
        if order == 0:
            continue
        t = lam * log_j - mu
        p[k, 0] = mu * s0 + t / s0
        p[k, 1] = mu * s1 + t / s1
        p[k, 2] = mu * s2 + t / s2
        if order == 1:
            continue
        h[k, 0] = mu + (lam - t) / (s0 * s0)
        h[k, 1] = mu + (lam - t) / (s1 * s1)
        h[k, 2] = mu + (lam - t) / (s2 * s2)
        h[k, 3] = lam / (s0 * s1)
        h[k, 4] = lam / (s0 * s2)
        h[k, 5] = lam / (s1 * s2)
    return w, p, h


def relax(stretch, table, dt):
    n = len(stretch)
    return np.ones((n, 3)), respond(stretch, table, dt, 0)[0], np.zeros(n), np.zeros(n)


LAW = Law("neo-hookean", ("mu", "lambda"), respond, relax)
