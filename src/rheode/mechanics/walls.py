"""Loads on the boundary: stack pressure, a fixture's spring, a pressure that follows a surface.

A wall is one scalar unknown, its displacement, which all nodes on it share.  A rigid
wall is that scalar prescribed; the reaction is the gradient there.
"""

from __future__ import annotations

import numpy as np

from rheode.mechanics.potential import Evaluation, Stateless


class StackPressure(Stateless):
    """Pressure p on a wall of width W, out-of-plane pressure p_z on the section.

    Energy p W (H + u) (1 + z) + (p_z - p) A_n z with u the wall's outward displacement, z
    the out-of-plane stretch minus one and A_n = W (H + u) at the last committed state:
    the force on the wall is p W (1 + z), that out of plane p_z times the section.  `begin`
    takes fields["stack"] = {"pressure": GPa, "out_of_plane": GPa}.
    """

    def __init__(self, unknowns, wall, width, height, pressure=0.0, out_of_plane=0.0):
        self.dofs = np.array([[unknowns.blocks[wall][0], unknowns.blocks["stretch zz"][0]]])
        self.width, self.height = float(width), float(height)
        self.pressure, self.out_of_plane = pressure, out_of_plane
        self.section = self.width * self.height

    def begin(self, dt, fields):
        load = fields.get("stack", {})
        self.pressure = load.get("pressure", self.pressure)
        self.out_of_plane = load.get("out_of_plane", self.out_of_plane)

    def evaluate(self, x, order):
        u, z = x[self.dofs[0]]
        extra = (self.out_of_plane - self.pressure) * self.section
        section = self.width * (self.height + u)
        energy = self.pressure * (section * (1 + z) - self.width * self.height) + extra * z
        force = self.pressure * self.width
        gradient = np.array([[force * (1 + z), self.pressure * section + extra]])
        if order < 2:
            return Evaluation(energy, gradient)
        return Evaluation(energy, gradient, np.array([[0.0, force, 0.0]]))

    def commit(self, x):
        self.section = self.width * (self.height + x[self.dofs[0, 0]])

    def state(self):
        return {"load": np.array([self.pressure, self.out_of_plane, self.section])}

    def restore(self, state):
        self.pressure, self.out_of_plane, self.section = (float(v) for v in state["load"])


class Fixture(Stateless):
    """A spring behind a wall of width W: pressure p0 + k (u - u0) / H, never below zero.

    k [GPa per unit nominal strain of the thickness H], so that it does not depend on the
    height of the box; u0 is the wall's displacement when the preload p0 was reached.  The
    pressure acts on the deformed depth 1 + z: energy E(u) (1 + z) - E_n z with E the spring's and
    E_n its value at the last committed state, so that the spring does not pull out of plane.
    `begin` takes fields["fixture"] = {"preload": GPa, "origin": um, "stiffness": GPa}.
    """

    def __init__(self, unknowns, wall, width, height, stiffness=0.0, preload=0.0, origin=0.0):
        self.dofs = np.array([[unknowns.blocks[wall][0], unknowns.blocks["stretch zz"][0]]])
        self.width, self.height = float(width), float(height)
        self.stiffness, self.preload, self.origin = stiffness, preload, origin
        self.stored = 0.0

    def begin(self, dt, fields):
        for key, value in fields.get("fixture", {}).items():
            setattr(self, key, float(value))

    def pressure(self, u):
        return max(self.preload + self.stiffness * (u - self.origin) / self.height, 0.0)

    def _energy(self, u):
        if self.stiffness == 0.0:
            return self.width * self.preload * (u - self.origin)
        return 0.5 * self.width * self.height * (self.pressure(u) ** 2 - self.preload**2) / self.stiffness

    def evaluate(self, x, order):
        u, z = x[self.dofs[0]]
        spring, force = self._energy(u), self.width * self.pressure(u)
        slope = self.stiffness * self.width / self.height if force > 0 else 0.0
        gradient = np.array([[force * (1 + z), spring - self.stored]])
        hessian = np.array([[slope * (1 + z), force, 0.0]])
        return Evaluation(spring * (1 + z) - self.stored * z, gradient, hessian)

    def commit(self, x):
        self.stored = self._energy(x[self.dofs[0, 0]])

    def state(self):
        return {"spring": np.array([self.stiffness, self.preload, self.origin, self.stored])}

    def restore(self, state):
        self.stiffness, self.preload, self.origin, self.stored = (float(v) for v in state["spring"])


class FollowerPressure(Stateless):
    """Pressure on curved edges that stays normal to them: p times the area swept.

    edges: (m, 3) node indices (end, middle, end), the pressurised side to their right.
    The edges form a closed loop or end on lines through the origin (symmetry planes);
    the area 1/2 int x cross dx is exact for quadratic edges and its Hessian constant.
    """

    # Integral of N_a dN_b over the quadratic edge, nodes (end, middle, end).
    _CROSS = np.array([[-3.0, 4.0, -1.0], [-4.0, 0.0, 4.0], [1.0, -4.0, 3.0]]) / 6

    def __init__(self, unknowns, nodes, edges, pressure=0.0):
        self.start = np.asarray(nodes, float)[edges].reshape(len(edges), 6)
        self.dofs = unknowns.displacement[edges].reshape(len(edges), 6)
        self.pressure = pressure
        form = np.zeros((6, 6))
        form[0::2, 1::2] = self._CROSS
        form[1::2, 0::2] = -self._CROSS
        self._form = 0.5 * (form + form.T)  # area = 1/2 X^T form X

    def begin(self, dt, fields):
        self.pressure = fields.get("follower", {}).get("pressure", self.pressure)

    def evaluate(self, x, order):
        position = self.start + x[self.dofs]
        gradient = self.pressure * position @ self._form
        energy = 0.5 * float(np.vdot(gradient, position))
        if order < 2:
            return Evaluation(energy, gradient)
        matrix = self.pressure * self._form
        return Evaluation(energy, gradient, np.tile(matrix[np.tril_indices(6)], (len(self.dofs), 1)))
