"""A constitutive law on a mesh of T6 elements: the potential of a solid phase.

The energy per reference area is Jl w(s), with s the principal stretches of
F_hat = F S Jl^(-1/3): S = sqrt(Ccr^-1) takes the creep out, Jl^(1/3) the growth.
Energy is per *grown* volume because moduli are measured on the grown material.
With the signed decomposition F_hat = U diag(s) V^T, gradient and Hessian are closed
forms in the frame of U and V (Smith, De Goes, Kim, ACM Trans. Graph. 38 (2019) 12):
a 3 x 3 block for the stretches, one scalar each for the in-plane twist and flip.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from rheode.mechanics.elements import gradients_t6
from rheode.mechanics.laws import Law
from rheode.mechanics.potential import Evaluation

# An increment that is longer than the last by more than this starts anew, with implicit Euler.
LONGEST = 2.0

N_DOF = 13  # two displacements at six nodes and the out-of-plane stretch minus one


@njit(cache=True, inline="always")
def _root(c11, c22, c12):
    """Square root of a symmetric 2 x 2 tensor."""
    det = math.sqrt(c11 * c22 - c12 * c12)
    t = math.sqrt(c11 + c22 + 2.0 * det)
    return (c11 + det) / t, (c22 + det) / t, c12 / t


@njit(cache=True, inline="always")
def _signed_svd(a, b, c, d):
    """[[a, b], [c, d]] = U diag(s1, s2) V^T with rotations U, V and s1 >= |s2|; s2 < 0 where det < 0.

    Returns s1, s2 and cosine, sine of the angles of U and V.
    """
    # A similarity and an anti-similarity: the difference of their angles is twice that of V, whose sign is free, and U follows.
    e, f, g, h = 0.5 * (a + d), 0.5 * (a - d), 0.5 * (c + b), 0.5 * (c - b)
    q, r = math.sqrt(e * e + h * h), math.sqrt(f * f + g * g)
    s1, both = q + r, q * r
    cosine, sine = ((e * f + g * h) / both, (e * g - f * h) / both) if both > 0.0 else (1.0, 0.0)
    if cosine >= 0.0:
        cv = math.sqrt(0.5 * (1.0 + cosine))
        sv = 0.5 * sine / cv
    else:
        sv = math.sqrt(0.5 * (1.0 - cosine))
        cv = 0.5 * sine / sv
    return s1, q - r, (a * cv + b * sv) / s1, (c * cv + d * sv) / s1, cv, sv


@njit(cache=True, nogil=True)
def kinematics(x, dofs, gradients, growth, inverse_creep):
    """Principal stretches (3 m, 3) of F_hat and frames (3 m, 4): cos, sin of U, cos, sin of V."""
    m = dofs.shape[0]
    stretch = np.empty((3 * m, 3))
    frame = np.empty((3 * m, 4))
    for i in range(m):
        scale = growth[i] ** (-1.0 / 3.0)
        for k in range(3):
            f11, f12, f21, f22 = 1.0, 0.0, 0.0, 1.0
            for a in range(6):
                ux, uy = x[dofs[i, 2 * a]], x[dofs[i, 2 * a + 1]]
                gx, gy = gradients[i, k, a, 0], gradients[i, k, a, 1]
                f11 += ux * gx
                f12 += ux * gy
                f21 += uy * gx
                f22 += uy * gy
            p = 3 * i + k
            s11, s22, s12 = _root(inverse_creep[p, 0], inverse_creep[p, 1], inverse_creep[p, 3])
            s1, s2, cu, su, cv, sv = _signed_svd(
                scale * (f11 * s11 + f12 * s12),
                scale * (f11 * s12 + f12 * s22),
                scale * (f21 * s11 + f22 * s12),
                scale * (f21 * s12 + f22 * s22),
            )
            stretch[p, 0] = s1
            stretch[p, 1] = s2
            stretch[p, 2] = scale * (1.0 + x[dofs[i, 12]]) * math.sqrt(inverse_creep[p, 2])
            frame[p, 0] = cu
            frame[p, 1] = su
            frame[p, 2] = cv
            frame[p, 3] = sv
    return stretch, frame


@njit(cache=True, nogil=True)
def entries(dofs, gradients, weights, growth, inverse_creep, stretch, frame, p, h, turning, with_hessian):
    """Entries of gradient and Hessian from derivatives p, h by the stretches; `turning`: the p of the geometric stiffness.

    With U1, U2 the columns of U and g1, g2 a node's shape gradient in the frame of V, creep and growth taken out,
    a displacement component i of the node changes s1 by U1i g1, s2 by U2i g2, the twist and the flip by
    (U2i g1 -+ U1i g2)/sqrt 2.
    """
    m = dofs.shape[0]
    packed = N_DOF * (N_DOF + 1) // 2
    gradient = np.zeros((m, N_DOF))
    hessian = np.empty((m if with_hessian else 0, packed))
    g = np.empty((6, 2))
    first, second = np.empty((2, 12)), np.empty((2, 12))
    full, last = np.empty((12, 12)), np.empty(N_DOF)  # rows of the displacements, whole for the sake of vector units; last row
    for i in range(m):
        scale = growth[i] ** (-1.0 / 3.0)
        full[:] = 0.0
        last[:] = 0.0
        for k in range(3):
            q = 3 * i + k
            cu, su, cv, sv = frame[q]
            root = _root(inverse_creep[q, 0], inverse_creep[q, 1], inverse_creep[q, 3])
            for a in range(6):
                gx, gy = gradients[i, k, a]
                tx, ty = scale * (root[0] * gx + root[2] * gy), scale * (root[2] * gx + root[1] * gy)
                g[a, 0], g[a, 1] = cv * tx + sv * ty, cv * ty - sv * tx
            z = scale * math.sqrt(inverse_creep[q, 2])
            weight = weights[i, k] * growth[i]
            p1, p2 = weight * p[q, 0], weight * p[q, 1]
            for a in range(6):
                along, across = p1 * g[a, 0], p2 * g[a, 1]
                gradient[i, 2 * a] += cu * along - su * across
                gradient[i, 2 * a + 1] += su * along + cu * across
            gradient[i, 12] += weight * p[q, 2] * z
            if not with_hessian:
                continue
            h11, h22, h12 = weight * h[q, 0], weight * h[q, 1], weight * h[q, 3]
            s1, s2 = stretch[q, 0], stretch[q, 1]
            t1, t2 = weight * turning[q, 0], weight * turning[q, 1]
            twist = (t1 + t2) / (s1 + s2)
            if s1 - s2 > 1e-5 * s1:
                flip = (t1 - t2) / (s1 - s2)
            else:  # the limit of equal stretches, exact to second order in their difference
                flip = 0.5 * (h11 + h22) - h12
            # The 2 x 2 block of nodes a, b is the sum of M_rs g_ra g_sb over r, s = 1, 2.
            same, other = 0.5 * (flip + twist), 0.5 * (flip - twist)
            xx, yy, xy = cu * cu, su * su, cu * su
            m11xx, m11xy, m11yy = h11 * xx + same * yy, (h11 - same) * xy, h11 * yy + same * xx
            m22xx, m22xy, m22yy = h22 * yy + same * xx, (same - h22) * xy, h22 * xx + same * yy
            both = (h12 + other) * xy
            m12xy, m12yx = h12 * xx - other * yy, other * xx - h12 * yy  # U1i U2j, U2i U1j; m12xx = -both, m12yy = both
            for a in range(6):
                g1, g2 = g[a]
                first[0, 2 * a], first[0, 2 * a + 1] = m11xx * g1 - both * g2, m11xy * g1 + m12xy * g2
                first[1, 2 * a], first[1, 2 * a + 1] = m11xy * g1 + m12yx * g2, m11yy * g1 + both * g2
                second[0, 2 * a], second[0, 2 * a + 1] = m22xx * g2 - both * g1, m22xy * g2 + m12yx * g1
                second[1, 2 * a], second[1, 2 * a + 1] = m22xy * g2 + m12xy * g1, m22yy * g2 + both * g1
            for a in range(6):
                g1, g2 = g[a]
                for c in range(2):
                    for b in range(12):
                        full[2 * a + c, b] += g1 * first[c, b] + g2 * second[c, b]
            h13, h23 = weight * z * h[q, 4], weight * z * h[q, 5]
            for a in range(6):
                along, across = h13 * g[a, 0], h23 * g[a, 1]
                last[2 * a] += cu * along - su * across
                last[2 * a + 1] += su * along + cu * across
            last[12] += weight * z * z * h[q, 2]
        if with_hessian:
            e = 0
            for a in range(12):
                for b in range(a + 1):
                    hessian[i, e] = full[a, b]
                    e += 1
            hessian[i, e:] = last
    return gradient, hessian


@njit(cache=True, inline="always")
def in_plane(x, dx, dofs, gradients):
    """xx, xy, yx, yy of F and of its change along dx at a point of a T6 cell: dofs (13,), gradients (6, 2)."""
    a, b, c, d = 1.0, 0.0, 0.0, 1.0
    e, f, g, h = 0.0, 0.0, 0.0, 0.0
    for n in range(6):
        jx, jy = dofs[2 * n], dofs[2 * n + 1]
        gx, gy = gradients[n, 0], gradients[n, 1]
        a += x[jx] * gx
        b += x[jx] * gy
        c += x[jy] * gx
        d += x[jy] * gy
        e += dx[jx] * gx
        f += dx[jx] * gy
        g += dx[jy] * gx
        h += dx[jy] * gy
    return a, b, c, d, e, f, g, h


@njit(cache=True, nogil=True)
def volume_changes(x, dx, dofs, gradients):
    """Linear change of J at the points along dx, (m, 3)."""
    m = dofs.shape[0]
    out = np.empty((m, 3))
    for i in range(m):
        z, dz = 1.0 + x[dofs[i, 12]], dx[dofs[i, 12]]
        for k in range(3):
            a, b, c, d, e, f, g, h = in_plane(x, dx, dofs[i], gradients[i, k])
            out[i, k] = (a * h + d * e - b * g - c * f) * z + (a * d - b * c) * dz
    return out


@njit(cache=True, nogil=True)
def first_inversion(x, dx, dofs, gradients):
    """Smallest t > 0 at which det(F + t dF) vanishes in the plane at some point; inf where none does."""
    first = np.inf
    for i in range(dofs.shape[0]):
        for k in range(3):
            a, b, c, d, e, f, g, h = in_plane(x, dx, dofs[i], gradients[i, k])
            det, slope, curve = a * d - b * c, a * h + d * e - b * g - c * f, e * h - f * g
            # Root of det + slope t + curve t^2 in the form that does not cancel.
            discriminant = slope * slope - 4.0 * curve * det
            if discriminant < 0.0:
                continue
            q = -0.5 * (slope - math.sqrt(discriminant)) if slope < 0.0 else -0.5 * (slope + math.sqrt(discriminant))
            for t in (det / q if q != 0.0 else np.inf, q / curve if curve != 0.0 else np.inf):
                if 0.0 < t < first:
                    first = t
    return first


@njit(cache=True, nogil=True)
def advance(inverse_creep, frame, ratio):
    """Ccr^-1 <- S V diag(ratio^2) V^T S: the trial elastic strain, relaxed by `ratio`, is kept."""
    for q in range(len(frame)):
        s11, s22, s12 = _root(inverse_creep[q, 0], inverse_creep[q, 1], inverse_creep[q, 3])
        cv, sv = frame[q, 2], frame[q, 3]
        a1, a2 = s11 * cv + s12 * sv, s12 * cv + s22 * sv
        b1, b2 = -s11 * sv + s12 * cv, -s12 * sv + s22 * cv
        r1, r2 = ratio[q, 0] ** 2, ratio[q, 1] ** 2
        inverse_creep[q, 0] = r1 * a1 * a1 + r2 * b1 * b1
        inverse_creep[q, 1] = r1 * a2 * a2 + r2 * b2 * b2
        inverse_creep[q, 3] = r1 * a1 * a2 + r2 * b1 * b2
        inverse_creep[q, 2] *= ratio[q, 2] ** 2


@njit(cache=True, nogil=True)
def _extrapolate(now, before, share):
    """Ccr^-1 that goes on from `now` by `share` of the way from `before`, on the straight line of tensors of one volume (a geodesic)."""
    out = np.empty_like(now)
    for q in range(len(now)):
        s11, s22, s12 = _root(now[q, 0], now[q, 1], now[q, 3])
        det = s11 * s22 - s12 * s12
        i11, i22, i12 = s22 / det, s11 / det, -s12 / det
        a, b, c = before[q, 0], before[q, 1], before[q, 3]
        # M = S^-1 before S^-1 and its power -share, in the frame that turns it to its principal axes
        t11, t12 = i11 * a + i12 * c, i11 * c + i12 * b
        t21, t22 = i12 * a + i22 * c, i12 * c + i22 * b
        m11, m12, m22 = t11 * i11 + t12 * i12, t11 * i12 + t12 * i22, t21 * i12 + t22 * i22
        mean, half = 0.5 * (m11 + m22), 0.5 * (m11 - m22)
        radius = math.hypot(half, m12)
        p1, p2 = (mean + radius) ** -share, (mean - radius) ** -share
        cosine, sine = (half / radius, m12 / radius) if radius > 0.0 else (1.0, 0.0)
        middle, spread = 0.5 * (p1 + p2), 0.5 * (p1 - p2)
        n11, n22, n12 = middle + spread * cosine, middle - spread * cosine, spread * sine
        u11, u12 = s11 * n11 + s12 * n12, s11 * n12 + s12 * n22
        u21, u22 = s12 * n11 + s22 * n12, s12 * n12 + s22 * n22
        out[q, 0] = u11 * s11 + u12 * s12
        out[q, 1] = u21 * s12 + u22 * s22
        out[q, 3] = u11 * s12 + u12 * s22
        out[q, 2] = now[q, 2] * (now[q, 2] / before[q, 2]) ** share
    return out


class Solid:
    """A law on a set of T6 elements.

    nodes: (n, 2) um. cells: (m, 6). unknowns: of the model; its scalar "stretch zz" is
    the out-of-plane stretch minus one. parameters: name -> scalar or (m,), the law's.
    name: key of this solid's fields in `begin`, where {"growth": (m,), parameter: (m,)}
    may change growth and parameters.
    second_order: whether an increment goes on from where the last one leads (the backward differentiation formula of
    second order for increments of unlike length; Hairer and Wanner, Solving Ordinary Differential Equations I, ch. III.5).
    With w the length by that of the last increment it starts from a creep strain extrapolated by w^2/(1 + 2 w) of the
    last one's, and creeps from there for (1 + w)/(1 + 2 w) of its time as implicit Euler does: still one minimum.
    """

    signature = 0

    def __init__(self, name: str, law: Law, nodes, cells, unknowns, parameters: dict, second_order: bool = False):
        self.name, self.law, self.second_order = name, law, second_order
        self.cells = np.asarray(cells)
        self.gradients, self.weights = gradients_t6(nodes, self.cells)
        self.unknowns = unknowns
        m = len(self.cells)
        self.dofs = np.empty((m, N_DOF), dtype=np.int64)
        self.dofs[:, :12] = unknowns.displacement[self.cells].reshape(m, 12)
        self.dofs[:, 12] = unknowns.blocks["stretch zz"][0]
        self.growth = np.ones(m)
        self.table = np.zeros((m, len(law.parameters)))  # a parameter that is not given is 0
        self.dt = self._now = 0.0
        self.inverse_creep = np.tile([1.0, 1.0, 1.0, 0.0], (3 * m, 1))  # xx, yy, zz, xy
        self.slip = np.zeros(3 * m)
        # Of the last increment: where it started from, the slip it brought, how long it took.
        self._before, self._slip, self._length = self.inverse_creep, np.zeros(3 * m), 0.0
        self._origin, self._ahead = self.inverse_creep, 0.0
        self.dissipated = self.chemical = self.stored = 0.0
        self._x = unknowns.start()
        self._start = None
        self._set(parameters)

    def _set(self, fields):
        for key, value in fields.items():
            if key == "growth":
                self.growth = np.broadcast_to(np.asarray(value, float), self.growth.shape).copy()
            else:
                self.table[:, self.law.parameters.index(key)] = value

    def local(self, x):
        """Values, and where among them the unknowns of each cell are (m, 13), counted from where its `gradients` are taken."""
        return x, self.dofs

    def begin(self, dt, fields):
        if self._start is None:  # an increment that is cut back begins anew from the same committed state
            self._start = self.growth.copy(), self.table.copy()
        self.dt, self._origin, self._ahead = dt, self.inverse_creep, 0.0
        self._set(fields.get(self.name, {}))
        if self.second_order and 0.0 < dt <= LONGEST * self._length:
            w = dt / self._length
            self.dt, self._ahead = dt * (1.0 + w) / (1.0 + 2.0 * w), w * w / (1.0 + 2.0 * w)
            self._origin = _extrapolate(self.inverse_creep, self._before, self._ahead)
        self._now = dt

    def evaluate(self, x, order):
        stretch, frame = kinematics(*self.local(x), self.gradients, self.growth, self._origin)
        if stretch.min() <= 0.0:
            return Evaluation(np.inf)
        w, p, h = self.law.respond(stretch, self.table, self.dt, order)
        energy = self._integrate(w, self.growth)
        if order == 0 or not np.isfinite(energy):
            return Evaluation(energy)
        gradient, hessian = entries(
            self.dofs, self.gradients, self.weights, self.growth, self._origin, stretch, frame, p, h, p, order == 2
        )
        return Evaluation(energy, gradient, hessian if order == 2 else None)

    def max_step(self, x, dx):
        """Up to 0.9 of the way to the first inverted point."""
        return min(1.0, 0.9 * first_inversion(x, dx, self.dofs, self.gradients))

    def update(self, x):
        pass

    def commit(self, x):
        before, now = self._start or (self.growth, self.table), (self.growth, self.table)
        trial, frame = kinematics(*self.local(x), self.gradients, self.growth, self._origin)
        ratio, stored, slip, dissipated = self.law.relax(trial, self.table, self.dt)
        crept = self._origin.copy()
        advance(crept, frame, ratio)
        unloaded, self.stored = self.stored, self._integrate(stored, self.growth)
        if not all(np.array_equal(*pair) for pair in zip(before, now)):
            # Work of growth and of changing moduli, at frozen deformation before and after the step.
            relaxed = trial * ratio * np.cbrt(self.growth).repeat(3)[:, None]
            loaded = self._elastic(self._stretches(self._x, self.inverse_creep), *now)
            self.chemical += 0.5 * (loaded - unloaded + self.stored - self._elastic(relaxed, *before))
        if self._ahead:
            # What creep takes from the elastic energy, likewise.
            held, flowed = self._stretches(x, self.inverse_creep), self._stretches(self._x, crept)
            self.dissipated += 0.5 * (unloaded - self._elastic(flowed, *before) + self._elastic(held, *now) - self.stored)
        else:
            self.dissipated += self._integrate(dissipated, self.growth)
        self._slip = self._ahead * self._slip + slip
        self.slip = self.slip + self._slip
        self._before, self.inverse_creep, self._length = self.inverse_creep, crept, self._now
        self._x, self._start, self._origin, self._ahead = x.copy(), None, crept, 0.0
        self.dt = self._now = 0.0  # no time passes until the next increment begins

    def _stretches(self, x, inverse_creep):
        """Principal stretches (3 m, 3) with the creep taken out and the growth left in."""
        return kinematics(*self.local(x), self.gradients, np.ones(len(self.cells)), inverse_creep)[0]

    def _elastic(self, stretches, growth, table):
        """Elastic energy of `_stretches` at the given growth and parameters."""
        w, _, _ = self.law.respond(stretches / np.cbrt(growth).repeat(3)[:, None], table, 0.0, 0)
        return self._integrate(w, growth)

    def _integrate(self, density, growth):
        """Integral over the grown area of a density at the points, (3 m,)."""
        return float((density.reshape(self.weights.shape) * self.weights * growth[:, None]).sum())

    def deformation(self, x):
        """Deformation gradient at the points, (m, 3, 3, 3)."""
        values, dofs = self.local(x)
        u = values[dofs[:, :12]].reshape(-1, 6, 2)
        f = np.zeros((len(u), 3, 3, 3))
        f[..., :2, :2] = np.eye(2) + np.einsum("mai,mkaj->mkij", u, self.gradients)
        f[..., 2, 2] = 1.0 + values[dofs[:, 12]][:, None]
        return f

    def cauchy(self, x):
        """Cauchy stress at the points of a committed state, (m, 3, 4): xx, yy, zz, xy in GPa."""
        stretch, frame = kinematics(*self.local(x), self.gradients, self.growth, self.inverse_creep)
        _, p, _ = self.law.respond(stretch, self.table, 0.0, 1)
        principal = p * stretch / np.prod(stretch, axis=1)[:, None]
        c, s = frame[:, 0], frame[:, 1]
        t1, t2, t3 = principal.T
        stress = np.stack([t1 * c * c + t2 * s * s, t1 * s * s + t2 * c * c, t3, (t1 - t2) * c * s], 1)
        return stress.reshape(-1, 3, 4)

    def creep_strain(self):
        """Logarithmic creep strain 1/2 ln(Fcr^T Fcr) at the points, (m, 3, 4): xx, yy, zz, xy, reference axes."""
        c11, c22, c33, c12 = self.inverse_creep.T
        mean, radius = 0.5 * (c11 + c22), np.hypot(0.5 * (c11 - c22), c12)
        l1, l2 = -0.5 * np.log(mean + radius), -0.5 * np.log(mean - radius)
        angle = 0.5 * np.arctan2(2 * c12, c11 - c22)
        c, s = np.cos(angle), np.sin(angle)
        strain = np.stack(
            [l1 * c * c + l2 * s * s, l1 * s * s + l2 * c * c, -0.5 * np.log(c33), (l1 - l2) * c * s], 1
        )
        return strain.reshape(-1, 3, 4)

    def state(self):
        return {
            "inverse_creep": self.inverse_creep.copy(),
            "before": self._before.copy(),
            "slip": np.stack([self.slip, self._slip]),
            "length": np.array(self._length),
            "growth": self.growth.copy(),
            "table": self.table.copy(),
            "energies": np.array([self.dissipated, self.stored, self.chemical]),
            "x": self._x.copy(),
        }

    def restore(self, state):
        self.inverse_creep, self._before = state["inverse_creep"].copy(), state["before"].copy()
        self.slip, self._slip = state["slip"].copy()
        self._length, self._origin, self._ahead = float(state["length"]), self.inverse_creep, 0.0
        self.growth, self.table = state["growth"].copy(), state["table"].copy()
        self.dissipated, self.stored, self.chemical = (float(v) for v in state["energies"])
        self._x, self._start = state["x"].copy(), None


def von_mises(stress):
    """von Mises stress of (..., 4) tensors xx, yy, zz, xy."""
    xx, yy, zz, xy = np.moveaxis(stress, -1, 0)
    return np.sqrt(0.5 * ((xx - yy) ** 2 + (yy - zz) ** 2 + (zz - xx) ** 2) + 3 * xy**2)


def pressure(stress):
    """Mean pressure (positive in compression) of (..., 4) tensors."""
    return -(stress[..., 0] + stress[..., 1] + stress[..., 2]) / 3
