"""Coulomb's friction between surfaces that a film keeps apart, lagged: pressures and tangents are those of the last committed state.

So that it has a potential: mu lambda f(s) of what a contact slides in the increment, smooth where it begins to slide
(Li et al., ACM Trans. Graph. 39 (2020) 49, eq. 14 integrated).
"""

from __future__ import annotations

import numpy as np

from rheode.mechanics.potential import Evaluation, Stateless


class Friction(Stateless):
    """Friction of a contact potential (`barrier.Bodies` or `barrier.Planes`, which comes before it among the potentials).

    coefficient: mu. slip: um; a contact that slides by less in a segment (in an increment by less than its share) sticks, with a
    force below mu times the pressure's. What touches for the first time in an increment has friction from the next one on. In an
    increment of no length (see `resistance.Resistance`) the forces of the last one stay. dissipated: work since the start, GPa um2.
    """

    def __init__(self, contact, unknowns, coefficient, slip):
        self.contact, self.coefficient, self.slip = contact, coefficient, slip
        self._start, self.dissipated, self.signature, self._length = unknowns.start(), 0.0, 0, None
        self._find()
        self._forces = np.zeros(len(self.dofs))  # of the last increment

    def _find(self):
        dofs, self._along, self._normal = self.contact.touching(self._start)
        if self.signature == 0 or not np.array_equal(dofs, self.dofs):
            self.dofs, self.signature = dofs, self.signature + 1

    def begin(self, dt, fields):
        share = fields.get("share", 1.0 if dt > 0.0 else None)
        self._length = None if share is None else self.slip * share
        if share is not None:
            self._find()

    def evaluate(self, x, order):
        if self._length is None:
            gradient = self._forces[:, None] * self._along
            energy = float((gradient * (x - self._start)[self.dofs]).sum())
            flat = np.zeros((len(gradient), self.dofs.shape[1] * (self.dofs.shape[1] + 1) // 2))
            return Evaluation(energy, gradient, flat if order == 2 else None)
        s, force = self._slide(x)
        a, most = np.abs(s) / self._length, self.coefficient * self._normal
        energy = float((most * self._length * np.where(a < 1.0, a**2 - a**3 / 3.0, a - 1.0 / 3.0)).sum())
        if order < 2:
            return Evaluation(energy, force[:, None] * self._along)
        i, j = np.tril_indices(self.dofs.shape[1])
        bend = most * np.maximum(2.0 - 2.0 * a, 0.0) / self._length
        return Evaluation(energy, force[:, None] * self._along, bend[:, None] * self._along[:, i] * self._along[:, j])

    def _slide(self, x):
        """What each contact slides in the increment [um], and the force along it [GPa um]."""
        s = (self._along * (x - self._start)[self.dofs]).sum(axis=1)
        a = np.minimum(np.abs(s) / self._length, 1.0)
        return s, self.coefficient * self._normal * np.sign(s) * (2.0 * a - a**2)

    def commit(self, x):
        if self._length is None:
            self.dissipated += self.evaluate(x, 0).energy
        else:
            s, self._forces = self._slide(x)
            self.dissipated += float((s * self._forces).sum())
        self._start, self._length = x.copy(), None

    def state(self):
        last = {"dofs": self.dofs.copy(), "along": self._along.copy(), "forces": self._forces.copy()}
        return {"x": self._start.copy(), "dissipated": np.array(self.dissipated), **last}

    def restore(self, state):
        self._start, self.dissipated, self._length = state["x"].copy(), float(state["dissipated"]), None
        self.dofs, self._along, self._forces = (state[key].copy() for key in ("dofs", "along", "forces"))
        self.signature += 1
