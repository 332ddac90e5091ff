"""Third-medium contact: the pores are filled with a medium too soft to matter until it is crushed.

No search, fixed sparsity, no overlap: particles that meet squeeze the medium between
them, whose stiffness grows without bound as its volume goes to zero.  A second-gradient
term keeps crushed elements from folding: k_r/2 int (HuHu - 1/2 LuLu), Hu the second
gradient of the displacement and Lu its Laplacian (Faltus, Horák, Doškář, Rokoš,
Comput. Mech. (2024), doi 10.1007/s00466-024-02516-9), non-negative in two dimensions.

What a pore is filled with is nothing, so an open one must not pull at its walls however far it is drawn out: between two
increments the medium forgets how it got there wherever it takes more room than where it was meshed (`Medium`).

A very soft medium leaves Newton's method to wander among nodes that hardly anything holds. It may therefore have a viscosity,
which carries nothing at rest (`mechanics.resistance`).
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from rheode.mechanics.contact.flips import flips
from rheode.mechanics.elements import gradients_t6, second_gradients_t6
from rheode.mechanics.laws import neo_hookean
from rheode.mechanics.potential import Evaluation, Stateless
from rheode.mechanics.resistance import Viscosity
from rheode.mechanics.solid import Solid, advance, entries, first_inversion, in_plane, kinematics

# A carried pressure is trusted up to this factor of the one that the law gives.
TRUST = 1000.0

# A step that takes this share of a point's volume, linearly reckoned, goes further than its tangent stiffness is good for.
FAR = 0.5

# A pore is open where the medium takes this much of the room that it had when it was meshed.
OPEN = 1.01

# Share of a segment (a half cycle, a rest, the clamping) over which an open pore forgets all but a third of its stress.
MEMORY = 0.03

# Sides are turned so often in a row between two increments, of cells that take more than this share of the room that they remember: others
# bear load.
ROUNDS, CRUSHED = 4, 0.3

# Inverse creep strain (xx, yy, zz, xy) of a medium that is free of stress as it was meshed.
SHAPED = np.array([1.0, 1.0, 1.0, 0.0])


@njit(cache=True, nogil=True)
def _respond(stretch, table, carried):
    """As neo_hookean.respond of order 2, with the Hessian at the carried pressures (points,).

    Returns (w, p, h, turning, pressure): turning (points, 3) are the stresses of the geometric stiffness,
    pressure (points,) the carried one, held to within TRUST of the law's. A carried pressure of 0 is none.
    """
    points = stretch.shape[0]
    per_element = points // table.shape[0]
    w = np.empty(points)
    p, turning = np.empty((points, 3)), np.empty((points, 3))
    h = np.empty((points, 6))
    pressure = np.empty(points)
    for k in range(points):
        mu, lam = table[k // per_element]
        s0, s1, s2 = stretch[k]
        j = s0 * s1 * s2
        log_j = math.log(j)
        t = lam * log_j - mu
        w[k] = 0.5 * mu * (s0 * s0 + s1 * s1 + s2 * s2 - 3.0 - 2.0 * log_j) + 0.5 * lam * log_j**2
        ratio = 1.0
        if t < 0.0 and carried[k] > 0.0:
            ratio = min(max(carried[k] * j / -t, 1.0 / TRUST), TRUST)
        pressure[k] = -ratio * t / j
        for i in range(3):
            s = stretch[k, i]
            p[k, i] = mu * s + t / s
            turning[k, i] = mu * s + ratio * t / s
            h[k, i] = mu + ratio * (lam - t) / (s * s)
        h[k, 3] = ratio * lam / (s0 * s1)
        h[k, 4] = ratio * lam / (s0 * s2)
        h[k, 5] = ratio * lam / (s1 * s2)
    return w, p, h, turning, pressure


@njit(cache=True, nogil=True)
def _along(x, dx, dofs, gradients, table, shares, pressure):
    """At the points, (3 m,) each: volume ratio, its linear change by dx, the pressure carried (0 is none: then the law's), its change by dx.

    shares (3 m,): volume ratio that the medium remembers, by that of the mesh.
    """
    points = 3 * dofs.shape[0]
    ratio, change, carried, rate = np.empty(points), np.empty(points), np.empty(points), np.empty(points)
    for q in range(points):
        i, k = q // 3, q % 3
        mu, lam = table[i]
        a, b, c, d, e, f, g, h = in_plane(x, dx, dofs[i], gradients[i, k])
        z, dz = 1.0 + x[dofs[i, 12]], dx[dofs[i, 12]]
        j = shares[q] * (a * d - b * c) * z
        dj = shares[q] * ((a * h + d * e - b * g - c * f) * z + (a * d - b * c) * dz)
        t = lam * math.log(j) - mu
        force = -t / j  # -dW/dJ of the volumetric part
        now = pressure[q] if pressure[q] > 0.0 else force
        share = now / force if force > 0.0 else 1.0
        ratio[q], change[q], carried[q] = j, dj, now
        rate[q] = force - now - share * (lam - t) / (j * j) * dj
    return ratio, change, carried, rate


class Medium(Solid):
    """The neo-Hookean medium, with the pressure of each point carried along Newton's iteration.

    Where a pore closes the pressure goes like c/J. Interior-point methods meet the same c/J and linearise
    J pressure = c for both (Wright, Primal-Dual Interior-Point Methods, SIAM 1997, ch. 1): the stiffness is pressure/J
    with the pressure predicted by the last linear step, and so is the geometric stiffness, which an element crushed
    too far by a first guess would otherwise make indefinite. Energy and gradient are unchanged, and so is the Hessian
    once the prediction is right: Newton's end game stays quadratic.

    Open pores: where the volume ratio J exceeds OPEN the medium forgets, over MEMORY of a segment, how it got there, until it is
    free of stress (but for mu times what it is stretched out of plane, of which it forgets nothing). Where it has once been open it remembers for good no more than its volume, J up to 1, not its shape. A
    slit that never opened remembers both: a medium that forgets its shape there leaks out of it. What it held is counted in
    `dissipated`.
    """

    def __init__(self, name, nodes, cells, unknowns, parameters, thinnest=np.inf, followers=()):
        super().__init__(name, neo_hookean.LAW, nodes, np.array(cells), unknowns, parameters)
        self._nodes, self._thinnest, self._followers = nodes, thinnest, followers
        self._places, self._shift = nodes[self.cells], np.zeros(self.dofs.shape)
        self._own = np.arange(self.dofs.size).reshape(self.dofs.shape)
        self.meshed = self.weights  # areas of the points in the mesh, (m, 3) um2
        self._shares = np.ones(3 * len(self.cells))
        self._settled = np.zeros(3 * len(self.cells))  # pressures of the committed state
        self._pressure, self._line = self._settled, None
        self._lost = 0.0

    def local(self, x):
        return (x[self.dofs] - self._shift).ravel(), self._own

    def remesh(self, x, velocity):
        """Turn sides of cells that are not crushed, in pores that are or were open or are on their way to shut (`flips`). What two cells remember of their area is shared by the two they become; of
        their shape they remember nothing. What is lost with it counts as dissipated."""
        displacement, changed, held = self.unknowns.displacement, False, self._held(x)
        for _ in range(ROUNDS if np.isfinite(self._thinnest) else 0):
            free = self._stretches(x, self.inverse_creep).prod(axis=1).reshape(-1, 3).min(axis=1) > CRUSHED
            pairs, cells = flips(self.cells, self._nodes + x[displacement], free, self._thinnest)
            if len(pairs) == 0:
                break
            changed, middle, ends = True, cells[:, 0, 5], cells[:, 0, [0, 2]]
            x[displacement[middle]] = (self._nodes + x[displacement])[ends].mean(axis=1) - self._nodes[middle]
            if velocity is not None:
                velocity[displacement[middle]] = velocity[displacement[ends]].mean(axis=1)
            self._turn(pairs, cells, x)
        if changed:
            self._settle(x)
            self.stored = self._elastic(self._stretches(x, self.inverse_creep), self.growth, self.table)
            self.dissipated += held - self._held(x)
        return changed

    def _turn(self, pairs, cells, x):
        """Cells `pairs` (k, 2) become `cells` (k, 2, 6), meshed where the nodes are at x."""
        turned, remembered = pairs.ravel(), self.weights[pairs].sum(axis=(1, 2))
        self._adopt(turned, cells.reshape(-1, 6), (self._nodes + x[self.unknowns.displacement])[cells].reshape(-1, 6, 2), x)
        # Never 1: by its shape a point tells whether it was ever open.
        volume = np.minimum(self.meshed[pairs].sum(axis=(1, 2)) / remembered, 1.0 - 1e-7)
        shape = self.inverse_creep.reshape(-1, 3, 4).copy()
        shape[turned] = SHAPED
        shape[turned, :, :2] = volume.repeat(2)[:, None, None]
        self.inverse_creep = shape.reshape(-1, 4)
        self._remember(self.inverse_creep)

    def _adopt(self, changed, cells, places, x=None):
        """Cells `changed` (k,) have the nodes `cells` (k, 6) now and were meshed with them at `places` (k, 6, 2); followers, too."""
        shift, dofs = places - self._nodes[cells], self.unknowns.displacement[cells]
        self.cells[changed], self._places[changed] = cells, places
        self.dofs[changed, :12], self._shift[changed, :12] = dofs.reshape(-1, 12), shift.reshape(-1, 12)
        self.gradients[changed], self.meshed[changed] = gradients_t6(places.reshape(-1, 2), np.arange(6 * len(places)).reshape(-1, 6))
        self.signature += 1
        if x is not None:
            self._x = x.copy()
        for follower in self._followers:
            follower.adopt(changed, dofs.reshape(-1, 12), places, shift.reshape(-1, 12), x)

    def _held(self, x):
        """Energy of the committed state x, with that of the followers that have one at rest."""
        own = self._elastic(self._stretches(x, self.inverse_creep), self.growth, self.table)
        return own + sum(follower.evaluate(x, 0).energy for follower in self._followers if isinstance(follower, SecondGradient))

    def begin(self, dt, fields):
        super().begin(dt, fields)
        self._remember(self.inverse_creep)
        self._lost = 0.0
        share = fields.get("share", 1.0 if dt > 0.0 else None)
        if share is not None:
            self._forget(1.0 - math.exp(-share / MEMORY))
        self._settle(self._x)
        self._pressure, self._line = self._settled, None

    def _forget(self, part):
        """Take this part of the way, logarithmically, to a medium whose open points remember nothing."""
        stretch, frame = kinematics(*self.local(self._x), self.gradients, self.growth, self.inverse_creep)
        volume = stretch.prod(axis=1) / self._shares
        open_ = (volume > OPEN) | (self.inverse_creep != SHAPED).any(axis=1)
        if not open_.any():
            return
        held = self._elastic(stretch, self.growth, self.table)
        ratio = np.ones_like(stretch)
        ratio[open_, :2] = (np.sqrt(np.minimum(volume, 1.0) / stretch[:, 2])[:, None] / stretch[:, :2])[open_] ** part
        shape = self.inverse_creep.copy()
        advance(shape, frame, ratio)
        shape[~open_] = SHAPED
        self._remember(shape)
        self._lost = held - self._elastic(stretch * ratio, self.growth, self.table)

    def _remember(self, shape):
        """Take `shape` for what makes the medium free of stress: the inverse of a creep strain, whose volume the weights take up."""
        self._origin = shape
        self._shares = np.sqrt(shape[:, 0] * shape[:, 1] - shape[:, 3] ** 2)
        self.weights = self.meshed / self._shares.reshape(-1, 3)

    def _along(self, x, dx, pressure):
        values, dofs = self.local(x)
        return _along(values, dx[self.dofs].ravel(), dofs, self.gradients, self.table, self._shares, pressure)

    def max_step(self, x, dx):
        # What comes is the line search along dx: along it the pressures are predicted to change linearly.
        _, _, carried, rate = self._along(x, dx, self._pressure)
        self._line = x.copy(), dx.copy(), carried, rate
        values, dofs = self.local(x)
        return min(1.0, 0.9 * first_inversion(values, dx[self.dofs].ravel(), dofs, self.gradients))

    def restrain(self, x, dx):
        """Secant for tangent where dx would crush: a point that a force takes from J by -a J along its tangent comes to
        rest at J/(1 + a), and (1 + a) times the stiffness takes it there in one step."""
        j, change, carried, _ = self._along(x, dx, self._pressure)
        far = change < -FAR * j
        if not far.any():
            return False
        carried[far] *= 1.0 - change[far] / j[far]
        self._line = x.copy(), np.ones_like(x), carried, 0.0
        return True

    def evaluate(self, x, order):
        if order == 0:
            return super().evaluate(x, order)
        stretch, frame = kinematics(*self.local(x), self.gradients, self.growth, self._origin)
        if stretch.min() <= 0.0:
            return Evaluation(np.inf)
        pressure = self._settled
        if self._line is not None:
            start, dx, carried, rate = self._line
            k = np.abs(dx).argmax()
            pressure = np.maximum(carried + (x[k] - start[k]) / dx[k] * rate, 1e-300)
        w, p, h, turning, self._pressure = _respond(stretch, self.table, pressure)
        energy = self._integrate(w, self.growth)
        if not np.isfinite(energy):
            return Evaluation(energy)
        parts = self.dofs, self.gradients, self.weights, self.growth, self._origin, stretch, frame
        gradient, hessian = entries(*parts, p, h, turning, order == 2)
        return Evaluation(energy, gradient, hessian if order == 2 else None)

    def commit(self, x):
        shape = self._origin
        super().commit(x)
        self.inverse_creep = self._origin = shape  # to the last digit: by it a point tells whether it was ever open
        self.dissipated += self._lost
        self._settle(x)

    def state(self):
        return super().state() | {"cells": self.cells.copy(), "places": self._places.copy()}

    def restore(self, state):
        self._adopt(np.arange(len(self.cells)), state["cells"], state["places"])
        super().restore(state)
        self._remember(self.inverse_creep)
        self._settle(self._x)

    def _settle(self, x):
        law = self._along(x, np.zeros_like(x), np.zeros_like(self._settled))[2]
        self._settled = np.maximum(law, 0.0)


class SecondGradient(Stateless):
    """The regularisation of the medium, quadratic in the displacement: k_r [GPa um^2]."""

    def __init__(self, nodes, cells, unknowns, k_r):
        self.dofs = unknowns.displacement[cells].reshape(len(cells), 12)
        self._k_r, self._shift, self.signature = k_r, np.zeros(self.dofs.shape), 0
        self._matrix, self._packed = self._matrices(nodes, cells)

    def adopt(self, changed, dofs, places, shift, x=None):
        """See `resistance.Viscosity.adopt`."""
        self.dofs[changed], self._shift[changed] = dofs, shift
        self._matrix[changed], self._packed[changed] = self._matrices(places.reshape(-1, 2), np.arange(6 * len(places)).reshape(-1, 6))
        self.signature += 1

    def _matrices(self, nodes, cells):
        """Hessians of the cells, whole (m, 12, 12) and packed (m, 78)."""
        hess = second_gradients_t6(nodes, cells)
        weights = self._k_r * gradients_t6(nodes, cells)[1]
        laplace = np.einsum("mkaii->mka", hess)
        scalar = np.einsum("mkaij,mkbij,mk->mab", hess, hess, weights) - 0.5 * np.einsum("mka,mkb,mk->mab", laplace, laplace, weights)
        matrix = np.zeros((len(cells), 12, 12))
        matrix[:, 0::2, 0::2] = matrix[:, 1::2, 1::2] = scalar
        i, j = np.tril_indices(12)
        return matrix, np.ascontiguousarray(matrix[:, i, j])

    def evaluate(self, x, order):
        u = x[self.dofs] - self._shift
        u -= np.tile(u[:, :2], 6)  # a cell that moves as a whole does nothing: no difference of large numbers
        gradient = np.matmul(self._matrix, u[:, :, None])[:, :, 0]
        energy = 0.5 * float((u * gradient).sum())
        return Evaluation(energy, gradient, self._packed if order == 2 else None)


def third_medium(nodes, cells, unknowns, K, G, stiffness_ratio, length, viscosity=0.0, thinnest=np.inf):
    """The medium's potentials: [neo-Hookean solid named "medium", second gradients, and viscosity where it has one].

    K, G: moduli [GPa] that the stiffness ratio refers to (the framework's); length [um]: scale of the regularisation,
    k_r = stiffness_ratio K length^2; viscosity: stress by the medium's shear modulus that resists a shear of 1 in a segment;
    thinnest: um, height above which cells turn with the particles around them (`Medium.remesh`), none by default.
    """
    moduli = {"mu": stiffness_ratio * G, "lambda": stiffness_ratio * (K - 2 * G / 3)}
    regularised = SecondGradient(nodes, cells, unknowns, stiffness_ratio * K * length**2)
    viscous = [Viscosity(nodes, cells, unknowns, viscosity * moduli["mu"])] if viscosity else []
    medium = Medium("medium", nodes, cells, unknowns, moduli, thinnest, (regularised, *viscous))
    return [medium, regularised, *viscous]
