"""Hencky elasticity with creep: soft active particles, metals in pores, and rigid particles with A = fluidity = 0.

Energy per grown volume W(e) = K/2 (tr e)^2 + G dev e : dev e in the logarithmic
strain e; creep rate A (q/s_ref)^n + fluidity q along the deviator, q the von Mises
Kirchhoff stress: dislocations and, side by side with them, diffusion, which is linear in
the stress.  Implicit Euler of the creep is the minimum over the slip dg of
W(e - dg N) + dt psi(dg/dt), psi the dual of the potential of the rate
phi(q) = A s_ref/(n+1) (q/s_ref)^(n+1) + fluidity q^2/2: psi(r) = q r - phi(q) where phi'(q) = r
(Ortiz and Stainier, Comput. Methods Appl. Mech. Eng. 171 (1999) 419); in logarithmic strains
the return is radial and exact at finite strain.  The linear rate divides stress and
stiffness by the same factor, so that the power law alone is left to be solved for.
"""

import math

import numpy as np
from numba import njit

from rheode.mechanics.laws import Law


@njit(cache=True, inline="always")
def _flow(q_trial, G, A, n, s_ref, fluidity, dt):
    """von Mises stress after the increment: q + 3 G dt (A (q/s_ref)^n + fluidity q) = q_trial; slip by either mechanism."""
    linear = 1.0 + 3.0 * G * dt * fluidity
    top = q_trial / linear
    c = 3.0 * G * dt * A / linear
    if c <= 0.0 or q_trial <= 0.0:
        return top, 0.0, dt * fluidity * top
    # Both are upper bounds of the root of an increasing convex function. Halley's steps from there triple the right digits:
    # three of them, where Newton takes five.
    q = min(top, s_ref * math.exp(math.log(top / c) / n))
    for _ in range(60):
        r = c * math.exp(n * math.log(q / s_ref))
        slope = 1.0 + n * r / q
        step = (q + r - top) / slope
        step /= 1.0 - 0.5 * step * n * (n - 1.0) * r / (q * q * slope)
        q -= step
        if abs(step) <= 1e-6 * q:
            break
    slip = dt * fluidity * q
    return q, (q_trial - q) / (3.0 * G) - slip, slip


@njit(cache=True, nogil=True)
def respond(stretch, table, dt, order):
    points = stretch.shape[0]
    per_element = points // table.shape[0]
    w = np.empty(points)
    p = np.empty((points, 3))
    h = np.empty((points, 6))
    for k in range(points):
        K, G, A, n, s_ref, fluidity = table[k // per_element]
        s0, s1, s2 = stretch[k]
        if min(s0, s1, s2) <= 0.0:
            w[k] = np.inf
            p[k] = 0.0
            h[k] = 0.0
            continue
        e0, e1, e2 = math.log(s0), math.log(s1), math.log(s2)
        tr = e0 + e1 + e2
        d0, d1, d2 = e0 - tr / 3.0, e1 - tr / 3.0, e2 - tr / 3.0
        norm = math.sqrt(d0 * d0 + d1 * d1 + d2 * d2)
        q_trial = 2.0 * G * math.sqrt(1.5) * norm
        q, glide, diffusion = _flow(q_trial, G, A, n, s_ref, fluidity, dt)
        w[k] = 0.5 * K * tr * tr + q * q / (6.0 * G) + q * (n / (n + 1.0) * glide + 0.5 * diffusion)
        if order == 0:
            continue
        if q_trial > 0.0:
            a = q / q_trial
        else:
            a = 1.0 / (1.0 + 3.0 * G * dt * (fluidity + (A / s_ref if n == 1.0 else 0.0)))
        g = 2.0 * G * a
        t0, t1, t2 = K * tr + g * d0, K * tr + g * d1, K * tr + g * d2
        p[k, 0] = t0 / s0
        p[k, 1] = t1 / s1
        p[k, 2] = t2 / s2
        if order == 1:
            continue
        b = 0.0
        if norm > 0.0 and q < q_trial:
            b = 2.0 * G * (1.0 / (1.0 + 3.0 * G * (n * glide + diffusion) / q) - a) / (norm * norm)
        diag, off = K + g * 2.0 / 3.0, K - g / 3.0
        h[k, 0] = (diag + b * d0 * d0 - t0) / (s0 * s0)
        h[k, 1] = (diag + b * d1 * d1 - t1) / (s1 * s1)
        h[k, 2] = (diag + b * d2 * d2 - t2) / (s2 * s2)
        h[k, 3] = (off + b * d0 * d1) / (s0 * s1)
        h[k, 4] = (off + b * d0 * d2) / (s0 * s2)
        h[k, 5] = (off + b * d1 * d2) / (s1 * s2)
    return w, p, h


@njit(cache=True, nogil=True)
def relax(stretch, table, dt):
    points = stretch.shape[0]
    per_element = points // table.shape[0]
    ratio = np.ones((points, 3))
    stored = np.empty(points)
    slip = np.zeros(points)
    dissipated = np.zeros(points)
    for k in range(points):
        K, G, A, n, s_ref, fluidity = table[k // per_element]
        s0, s1, s2 = stretch[k]
        e0, e1, e2 = math.log(s0), math.log(s1), math.log(s2)
        tr = e0 + e1 + e2
        d0, d1, d2 = e0 - tr / 3.0, e1 - tr / 3.0, e2 - tr / 3.0
        q_trial = 2.0 * G * math.sqrt(1.5) * math.sqrt(d0 * d0 + d1 * d1 + d2 * d2)
        q, glide, diffusion = _flow(q_trial, G, A, n, s_ref, fluidity, dt)
        stored[k] = 0.5 * K * tr * tr + q * q / (6.0 * G)
        if q < q_trial:
            slip[k] = glide + diffusion
            dissipated[k] = q * slip[k]
            less = q / q_trial - 1.0
            ratio[k] = math.exp(less * d0), math.exp(less * d1), math.exp(less * d2)
    return ratio, stored, slip, dissipated


LAW = Law("hencky-norton", ("K", "G", "A", "n", "s_ref", "fluidity"), respond, relax)
