"""Inertia as one more potential: masses that would rather keep the way they are going.

With a density rho per undeformed volume the time step of Wood, Bossak and Zienkiewicz
(Int. J. Numer. Methods Eng. 15 (1980) 1562) is the minimum of

    (1 - alpha) rho / (2 beta dt^2) |u - u_hat|^2  +  everything else,

u_hat the displacement that Newmark's formulas predict from the committed displacement,
velocity and acceleration.  It is the generalised-alpha method (Chung and Hulbert, J. Appl.
Mech. 60 (1993) 371) with all other forces at the end of the step, which is what makes it
a potential; second order in the step, stable at any, and what vibrates faster than the
steps resolve is damped by the spectral radius in each.
"""

from __future__ import annotations

import numpy as np

from rheode.mechanics.elements import masses_t6
from rheode.mechanics.potential import Evaluation

# Of the units: a density of 1 g/cm3 in GPa s2/um2.
DENSITY = 1e-18


class Inertia:
    """The consistent mass of T6 elements.

    nodes: (n, 2) um, cells: (m, 6). density: scalar or (m,), GPa s2/um2 (`DENSITY` g/cm3) per
    undeformed area; it stays with the material while that grows.  spectral_radius: 0 to 1, by
    which motion far faster than the steps falls in each; 1 is the trapezoidal rule, which
    keeps the energy of linear vibrations.

    Walls have no mass of their own; nothing moves out of plane.  In an increment of dt = 0 no
    time passes: velocities stay, and the forces of inertia are those of the committed state.
    """

    signature = 0

    def __init__(self, nodes, cells, unknowns, density, spectral_radius=0.8):
        m = len(cells)
        self.dofs = unknowns.displacement[cells].reshape(m, 12)
        self._mass = masses_t6(np.asarray(nodes, float), cells) * np.broadcast_to(density, m)[:, None, None]
        full = np.zeros((m, 12, 12))
        full[:, 0::2, 0::2] = full[:, 1::2, 1::2] = self._mass
        i, j = np.tril_indices(12)
        self._packed = np.ascontiguousarray(full[:, i, j])
        self.alpha = (spectral_radius - 1) / (spectral_radius + 1)
        self.beta, self.gamma = 0.25 * (1 - self.alpha) ** 2, 0.5 - self.alpha
        self._x, self._v, self._a, self._pull = (unknowns.start() for _ in range(4))
        self.begin(0.0, {})

    def begin(self, dt, fields):
        self.dt = dt
        if dt == 0.0:
            return
        weighted = 0.5 - self.beta - self.alpha / (1 - self.alpha) * self.beta
        self._hat = self._x + dt * self._v + dt**2 * weighted * self._a
        self._k = (1 - self.alpha) / (self.beta * dt**2)

    def _force(self, acceleration):
        """Mass times the accelerations (size,) of the unknowns, stencil by stencil, (m, 12)."""
        return np.matmul(self._mass, acceleration[self.dofs].reshape(-1, 6, 2)).reshape(-1, 12)

    def evaluate(self, x, order):
        if self.dt == 0.0:
            gradient = self._force(self._pull)
            energy = float((gradient * (x - self._x)[self.dofs]).sum())
            return Evaluation(energy, gradient, np.zeros_like(self._packed) if order == 2 else None)
        apart = x - self._hat
        gradient = self._k * self._force(apart)
        energy = 0.5 * float((gradient * apart[self.dofs]).sum())
        return Evaluation(energy, gradient, self._k * self._packed if order == 2 else None)

    def max_step(self, x, dx):
        return 1.0

    def update(self, x):
        pass

    def commit(self, x):
        if self.dt > 0.0:
            self._pull = self._k * (x - self._hat)
            acceleration = (self._pull - self.alpha * self._a) / (1 - self.alpha)
            self._v = self._v + self.dt * ((1 - self.gamma) * self._a + self.gamma * acceleration)
            self._a = acceleration
        self._x = x.copy()

    def kinetic_energy(self):
        """Of the committed state, GPa um2."""
        return 0.5 * float((self._force(self._v) * self._v[self.dofs]).sum())

    def state(self):
        return {"x": self._x.copy(), "v": self._v.copy(), "a": self._a.copy(), "pull": self._pull.copy()}

    def restore(self, state):
        self._x, self._v, self._a, self._pull = (state[key].copy() for key in ("x", "v", "a", "pull"))
