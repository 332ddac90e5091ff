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
    e, f, g, h = 0.5 * (a + d), 0.5 * (a - d), 0.5 * (c + b), 0.5 * (c - b)
    q, r = math.hypot(e, h), math.hypot(f, g)
    a1, a2 = math.atan2(g, f), math.atan2(h, e)
    u, v = 0.5 * (a2 + a1), 0.5 * (a1 - a2)
    return q + r, q - r, math.cos(u), math.sin(u), math.cos(v), math.sin(v)


@njit(cache=True)
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


@njit(cache=True, inline="always")
def _mode_rows(rows, x_scale, z_scale, frame, gradients, root):
    """Rows (5, 13): change of s1, s2, s3, twist and flip of F_hat by each dof."""
    cu, su, cv, sv = frame
    for a in range(6):
        gx, gy = gradients[a]
        tx = root[0] * gx + root[2] * gy
        ty = root[2] * gx + root[1] * gy
        h1 = x_scale * (cv * tx + sv * ty)
        h2 = x_scale * (-sv * tx + cv * ty)
        for i in range(2):
            u1 = cu if i == 0 else su
            u2 = -su if i == 0 else cu
            j = 2 * a + i
            rows[0, j] = u1 * h1
            rows[1, j] = u2 * h2
            rows[2, j] = 0.0
            rows[3, j] = (u2 * h1 - u1 * h2) * math.sqrt(0.5)
            rows[4, j] = (u2 * h1 + u1 * h2) * math.sqrt(0.5)
    for r in range(5):
        rows[r, 12] = 0.0
    rows[2, 12] = z_scale


@njit(cache=True, inline="always")
def _add_form(out, rows, block, twist, flip, weight, product):
    """out (packed lower triangle) += weight rows^T diag(block, twist, flip) rows."""
    for j in range(N_DOF):
        product[0, j] = weight * (block[0, 0] * rows[0, j] + block[0, 1] * rows[1, j] + block[0, 2] * rows[2, j])
        product[1, j] = weight * (block[1, 0] * rows[0, j] + block[1, 1] * rows[1, j] + block[1, 2] * rows[2, j])
        product[2, j] = weight * (block[2, 0] * rows[0, j] + block[2, 1] * rows[1, j] + block[2, 2] * rows[2, j])
        product[3, j] = weight * twist * rows[3, j]
        product[4, j] = weight * flip * rows[4, j]
    e = 0
    for i in range(N_DOF):
        for j in range(i + 1):
            out[e] += (
                rows[0, i] * product[0, j]
                + rows[1, i] * product[1, j]
                + rows[2, i] * product[2, j]
                + rows[3, i] * product[3, j]
                + rows[4, i] * product[4, j]
            )
            e += 1


@njit(cache=True)
def entries(dofs, gradients, weights, growth, inverse_creep, stretch, frame, p, h, turning, with_hessian):
    """Entries of gradient and Hessian from derivatives p, h by the stretches; `turning`: the p of the geometric stiffness."""
    m = dofs.shape[0]
    packed = N_DOF * (N_DOF + 1) // 2
    gradient = np.zeros((m, N_DOF))
    hessian = np.zeros((m if with_hessian else 0, packed))
    for i in range(m):
        rows = np.empty((5, N_DOF))
        product = np.empty((5, N_DOF))
        block = np.empty((3, 3))
        root = np.empty(3)
        scale = growth[i] ** (-1.0 / 3.0)
        for k in range(3):
            q = 3 * i + k
            root[0], root[1], root[2] = _root(inverse_creep[q, 0], inverse_creep[q, 1], inverse_creep[q, 3])
            _mode_rows(rows, scale, scale * math.sqrt(inverse_creep[q, 2]), frame[q], gradients[i, k], root)
            weight = weights[i, k] * growth[i]
            p1, p2, p3 = p[q]
            for j in range(N_DOF):
                gradient[i, j] += weight * (p1 * rows[0, j] + p2 * rows[1, j] + p3 * rows[2, j])
            if not with_hessian:
                continue
            h11, h22, h33, h12, h13, h23 = h[q]
            block[0, 0], block[1, 1], block[2, 2] = h11, h22, h33
            block[0, 1] = block[1, 0] = h12
            block[0, 2] = block[2, 0] = h13
            block[1, 2] = block[2, 1] = h23
            s1, s2 = stretch[q, 0], stretch[q, 1]
            p1, p2 = turning[q, 0], turning[q, 1]
            twist = (p1 + p2) / (s1 + s2)
            if s1 - s2 > 1e-5 * s1:
                flip = (p1 - p2) / (s1 - s2)
            else:  # the limit of equal stretches, exact to second order in their difference
                flip = 0.5 * (h11 + h22) - h12
            _add_form(hessian[i], rows, block, twist, flip, weight, product)
    return gradient, hessian


@njit(cache=True)
def _first_inversion(x, dx, dofs, gradients):
    """Smallest t > 0 at which det(F + t dF) vanishes in the plane at some point; inf where none does."""
    first = np.inf
    for i in range(dofs.shape[0]):
        for k in range(3):
            a, b, c, d = 1.0, 0.0, 0.0, 1.0
            e, f, g, h = 0.0, 0.0, 0.0, 0.0
            for n in range(6):
                jx, jy = dofs[i, 2 * n], dofs[i, 2 * n + 1]
                gx, gy = gradients[i, k, n, 0], gradients[i, k, n, 1]
                a += x[jx] * gx
                b += x[jx] * gy
                c += x[jy] * gx
                d += x[jy] * gy
                e += dx[jx] * gx
                f += dx[jx] * gy
                g += dx[jy] * gx
                h += dx[jy] * gy
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


@njit(cache=True)
def _advance(inverse_creep, frame, ratio):
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


class Solid:
    """A law on a set of T6 elements.

    nodes: (n, 2) um. cells: (m, 6). unknowns: of the model; its scalar "stretch zz" is
    the out-of-plane stretch minus one. parameters: name -> scalar or (m,), the law's.
    name: key of this solid's fields in `begin`, where {"growth": (m,), parameter: (m,)}
    may change growth and parameters.
    """

    signature = 0

    def __init__(self, name: str, law: Law, nodes, cells, unknowns, parameters: dict):
        self.name, self.law = name, law
        self.cells = np.asarray(cells)
        self.gradients, self.weights = gradients_t6(nodes, self.cells)
        self.unknowns = unknowns
        m = len(self.cells)
        self.dofs = np.empty((m, N_DOF), dtype=np.int64)
        self.dofs[:, :12] = unknowns.displacement[self.cells].reshape(m, 12)
        self.dofs[:, 12] = unknowns.blocks["stretch zz"][0]
        self.growth = np.ones(m)
        self.table = np.zeros((m, len(law.parameters)))  # a parameter that is not given is 0
        self.dt = 0.0
        self.inverse_creep = np.tile([1.0, 1.0, 1.0, 0.0], (3 * m, 1))  # xx, yy, zz, xy
        self.slip = np.zeros(3 * m)
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

    def begin(self, dt, fields):
        if self._start is None:  # an increment that is cut back begins anew from the same committed state
            self._start = self.growth.copy(), self.table.copy()
        self.dt = dt
        self._set(fields.get(self.name, {}))

    def evaluate(self, x, order):
        stretch, frame = kinematics(x, self.dofs, self.gradients, self.growth, self.inverse_creep)
        if stretch.min() <= 0.0:
            return Evaluation(np.inf)
        w, p, h = self.law.respond(stretch, self.table, self.dt, order)
        energy = self._integrate(w, self.growth)
        if order == 0 or not np.isfinite(energy):
            return Evaluation(energy)
        gradient, hessian = entries(
            self.dofs, self.gradients, self.weights, self.growth, self.inverse_creep, stretch, frame, p, h, p, order == 2
        )
        return Evaluation(energy, gradient, hessian if order == 2 else None)

    def max_step(self, x, dx):
        """Up to 0.9 of the way to the first inverted point."""
        return min(1.0, 0.9 * _first_inversion(x, dx, self.dofs, self.gradients))

    def update(self, x):
        pass

    def commit(self, x):
        before, now = self._start or (self.growth, self.table), (self.growth, self.table)
        # Work of growth and of changing moduli, at frozen deformation before and after the step.
        chemical = self._elastic(self._x, *now) - self._elastic(self._x, *before)
        stretch, frame = kinematics(x, self.dofs, self.gradients, self.growth, self.inverse_creep)
        ratio, stored, slip, dissipated = self.law.relax(stretch, self.table, self.dt)
        self.dissipated += self._integrate(dissipated, self.growth)
        self.stored = self._integrate(stored, self.growth)
        self.slip += slip
        _advance(self.inverse_creep, frame, ratio)
        self._x, self._start = x.copy(), None
        self.chemical += 0.5 * (chemical + self.stored - self._elastic(x, *before))

    def _elastic(self, x, growth, table):
        """Elastic energy at the present creep strain and the given growth and parameters."""
        stretch, _ = kinematics(x, self.dofs, self.gradients, growth, self.inverse_creep)
        w, _, _ = self.law.respond(stretch, table, 0.0, 0)
        return self._integrate(w, growth)

    def _integrate(self, density, growth):
        """Integral over the grown area of a density at the points, (3 m,)."""
        return float((density.reshape(self.weights.shape) * self.weights * growth[:, None]).sum())

    def deformation(self, x):
        """Deformation gradient at the points, (m, 3, 3, 3)."""
        u = x[self.dofs[:, :12]].reshape(-1, 6, 2)
        f = np.zeros((len(u), 3, 3, 3))
        f[..., :2, :2] = np.eye(2) + np.einsum("mai,mkaj->mkij", u, self.gradients)
        f[..., 2, 2] = 1.0 + x[self.dofs[:, 12]][:, None]
        return f

    def cauchy(self, x):
        """Cauchy stress at the points of a committed state, (m, 3, 4): xx, yy, zz, xy in GPa."""
        stretch, frame = kinematics(x, self.dofs, self.gradients, self.growth, self.inverse_creep)
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
            "slip": self.slip.copy(),
            "growth": self.growth.copy(),
            "table": self.table.copy(),
            "energies": np.array([self.dissipated, self.stored, self.chemical]),
            "x": self._x.copy(),
        }

    def restore(self, state):
        self.inverse_creep, self.slip = state["inverse_creep"].copy(), state["slip"].copy()
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
