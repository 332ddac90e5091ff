"""Third-medium contact: the pores are filled with a medium too soft to matter until it is crushed.

No search, fixed sparsity, no overlap: particles that meet squeeze the medium between them, whose pressure grows without
bound as its volume goes to zero. The medium is a fluid: what it has been sheared or widened by is forgotten with every
increment that is accepted. It bears no tension, and what resists a change of shape is a drag on what an increment
changes, which falls with the length of increments and gives nodes inside pores a place. A second-gradient term keeps crushed
elements from folding: k_r/2 int (HuHu - 1/2 LuLu), Hu the second gradient of the displacement and Lu its Laplacian (Faltus,
Horák, Doškář, Rokoš, Comput. Mech. (2024), doi 10.1007/s00466-024-02516-9), non-negative in two dimensions.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from rheode.mechanics.elements import gradients_t6, second_gradients_t6
from rheode.mechanics.laws import Law
from rheode.mechanics.potential import Evaluation, Stateless
from rheode.mechanics.solid import Solid, entries, kinematics, volume_changes

# A carried pressure is trusted up to this factor of the one that the law gives.
TRUST = 1000.0

# A step that takes this share of a point's volume, linearly reckoned, goes further than its tangent stiffness is good for.
FAR = 0.5


@njit(cache=True, nogil=True)
def _respond(stretch, volume, table, carried, order):
    """Response of points (n,) to stretches (n, 3) since the last committed state, where their volume ratio was `volume` (n,).

    table: (n / 3, 2) stiffness and drag [GPa]. Per reference area, with J the volume ratio and J_n that of the committed state,
    w = stiffness/2 min(ln J, 0)^2 + J_n drag (1/2 (s.s - 3) - ln(J/J_n)).
    The Hessian is that at the carried pressures (n,), held to within TRUST of the law's; a carried pressure of 0 is none.
    Returns (w, p, h, turning, pressure): turning (n, 3) are the stresses of the geometric stiffness, pressure (n,) the carried one.
    """
    points = stretch.shape[0]
    per_element = points // table.shape[0]
    w = np.empty(points)
    p, turning = np.zeros((points, 3)), np.zeros((points, 3))
    h = np.zeros((points, 6))
    pressure = np.zeros(points)
    for k in range(points):
        stiffness, drag = table[k // per_element]
        drag *= volume[k]
        s0, s1, s2 = stretch[k]
        change = s0 * s1 * s2
        j = change * volume[k]
        log_j = math.log(j)
        if log_j >= 0.0:  # a pore that is wider than it was meshed bears nothing
            stiffness = 0.0
        t = stiffness * log_j
        w[k] = drag * (0.5 * (s0 * s0 + s1 * s1 + s2 * s2 - 3.0) - math.log(change)) + 0.5 * t * log_j
        if order == 0:
            continue
        ratio = 1.0
        if t < 0.0 and carried[k] > 0.0:
            ratio = min(max(carried[k] * j / -t, 1.0 / TRUST), TRUST)
        pressure[k] = -ratio * t / j
        for i in range(3):
            s = stretch[k, i]
            p[k, i] = drag * (s - 1.0 / s) + t / s
            turning[k, i] = drag * (s - 1.0 / s) + ratio * t / s
            h[k, i] = drag * (1.0 + 1.0 / (s * s)) + ratio * (stiffness - t) / (s * s)
        h[k, 3] = ratio * stiffness / (s0 * s1)
        h[k, 4] = ratio * stiffness / (s0 * s2)
        h[k, 5] = ratio * stiffness / (s1 * s2)
    return w, p, h, turning, pressure


LAW = Law("medium", ("stiffness", "drag"), None, None)  # its response depends on the committed state: see `Medium`


class Medium(Solid):
    """The medium, with the pressure of each point carried along Newton's iteration.

    Where a pore closes the pressure goes like c/J. Interior-point methods meet the same c/J and linearise
    J pressure = c for both (Wright, Primal-Dual Interior-Point Methods, SIAM 1997, ch. 1): the stiffness is pressure/J
    with the pressure predicted by the last linear step, and so is the geometric stiffness, which an element crushed
    too far by a first guess would otherwise make indefinite. Energy and gradient are unchanged, and so is the Hessian
    once the prediction is right: Newton's end game stays quadratic.

    `inverse_creep` is the inverse of C of the committed state, so that stretches are those since then.
    """

    def __init__(self, name, nodes, cells, unknowns, parameters):
        super().__init__(name, LAW, nodes, cells, unknowns, parameters)
        self._settle()

    def begin(self, dt, fields):
        self._pressure, self._line = self._settled, None

    def _force(self, j):
        """Pressure of the law at volume ratios j and its slope's negative, (3 m,) each."""
        stiffness = np.where(j < 1.0, self.table[:, 0].repeat(3), 0.0)
        log_j = np.log(j)
        return -stiffness * log_j / j, stiffness * (1.0 - log_j) / j**2

    def _along(self, x, dx):
        """At the points, (3 m,) each: volume ratio, its linear change by dx, the law's force and stiffness, the pressure carried."""
        stretch, _ = kinematics(x, self.dofs, self.gradients, self.growth, self.inverse_creep)
        j = stretch.prod(axis=1) * self._volume
        change = volume_changes(x, dx, self.dofs, self.gradients).ravel()
        force, stiffness = self._force(j)
        return j, change, force, stiffness, np.where(self._pressure > 0.0, self._pressure, force)

    def max_step(self, x, dx):
        # What comes is the line search along dx: along it the pressures are predicted to change linearly.
        _, change, force, stiffness, carried = self._along(x, dx)
        ratio = np.divide(carried, force, out=np.ones_like(force), where=force > 0.0)
        self._line = x.copy(), dx.copy(), carried, force - carried - ratio * stiffness * change
        return super().max_step(x, dx)

    def restrain(self, x, dx):
        """Secant for tangent where dx would crush: a point that a force takes from J by -a J along its tangent comes to
        rest at J/(1 + a), and (1 + a) times the stiffness takes it there in one step."""
        j, change, _, _, carried = self._along(x, dx)
        far = change < -FAR * j
        if not far.any():
            return False
        carried[far] *= 1.0 - change[far] / j[far]
        self._line = x.copy(), np.ones_like(x), carried, 0.0
        return True

    def evaluate(self, x, order):
        stretch, frame = kinematics(x, self.dofs, self.gradients, self.growth, self.inverse_creep)
        if stretch.min() <= 0.0:
            return Evaluation(np.inf)
        pressure = self._settled
        if self._line is not None and order > 0:
            start, dx, carried, rate = self._line
            k = np.abs(dx).argmax()
            pressure = np.maximum(carried + (x[k] - start[k]) / dx[k] * rate, 1e-300)
        w, p, h, turning, carried = _respond(stretch, self._volume, self.table, pressure, order)
        energy = self._integrate(w, self.growth)
        if order == 0 or not np.isfinite(energy):
            return Evaluation(energy)
        self._pressure = carried
        parts = self.dofs, self.gradients, self.weights, self.growth, self.inverse_creep, stretch, frame
        gradient, hessian = entries(*parts, p, h, turning, order == 2)
        return Evaluation(energy, gradient, hessian if order == 2 else None)

    def commit(self, x):
        f = self.deformation(x).reshape(-1, 3, 3)
        c = np.linalg.inv(np.einsum("kij,kil->kjl", f, f))
        self.inverse_creep = np.stack([c[:, 0, 0], c[:, 1, 1], c[:, 2, 2], c[:, 0, 1]], axis=1)
        self._settle()

    def cauchy(self, x):
        """Cauchy stress at the points of a committed state, (m, 3, 4): xx, yy, zz, xy in GPa."""
        stress = np.zeros((len(self._volume), 4))
        stress[:, :3] = -self._force(self._volume)[0][:, None]
        return stress.reshape(-1, 3, 4)

    def state(self):
        return {"inverse_creep": self.inverse_creep.copy()}

    def restore(self, state):
        self.inverse_creep = state["inverse_creep"].copy()
        self._settle()

    def _settle(self):
        c11, c22, c33, c12 = self.inverse_creep.T
        self._volume = 1.0 / np.sqrt((c11 * c22 - c12 * c12) * c33)
        self._settled = self._force(self._volume)[0]  # pressures of the committed state
        self._pressure, self._line = self._settled, None


class SecondGradient(Stateless):
    """The regularisation of the medium, quadratic in the displacement: k_r [GPa um^2]."""

    def __init__(self, nodes, cells, unknowns, k_r):
        m = len(cells)
        self.dofs = unknowns.displacement[cells].reshape(m, 12)
        hess = second_gradients_t6(nodes, cells)
        weights = k_r * gradients_t6(nodes, cells)[1]
        laplace = np.einsum("mkaii->mka", hess)
        scalar = np.einsum("mkaij,mkbij,mk->mab", hess, hess, weights) - 0.5 * np.einsum("mka,mkb,mk->mab", laplace, laplace, weights)
        self._matrix = np.zeros((m, 12, 12))
        self._matrix[:, 0::2, 0::2] = self._matrix[:, 1::2, 1::2] = scalar
        i, j = np.tril_indices(12)
        self._packed = np.ascontiguousarray(self._matrix[:, i, j])

    def evaluate(self, x, order):
        u = x[self.dofs]
        u -= np.tile(u[:, :2], 6)  # a cell that moves as a whole does nothing: no difference of large numbers
        gradient = np.matmul(self._matrix, u[:, :, None])[:, :, 0]
        energy = 0.5 * float((u * gradient).sum())
        return Evaluation(energy, gradient, self._packed if order == 2 else None)


def third_medium(nodes, cells, unknowns, K, G, stiffness_ratio, drag_ratio, length):
    """The medium's two potentials: [fluid named "medium", second gradients].

    K, G: moduli [GPa] that the ratios refer to (the framework's): stiffness = stiffness_ratio (K - 2 G/3), drag =
    drag_ratio G; length [um]: scale of the regularisation, k_r = stiffness_ratio K length^2.
    """
    moduli = {"stiffness": stiffness_ratio * (K - 2 * G / 3), "drag": drag_ratio * G}
    medium = Medium("medium", nodes, cells, unknowns, moduli)
    return [medium, SecondGradient(nodes, cells, unknowns, stiffness_ratio * K * length**2)]
