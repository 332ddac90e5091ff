"""What resists motion on the way and bears nothing at rest: rates become forces, so that rearrangements take time.

A packing without friction that is driven slowly snaps from one arrangement to another, and which one it finds would depend on
everything: increments, meshes, the solver. A small resistance to motion turns the snap into a slide of finite speed, a path that
increments can follow and that depends on them continuously.

The unit of time is the segment (a half cycle, a rest, the clamping): an increment of `share` of it that changes u by du meets the force C du/share.
"""

from __future__ import annotations

import numpy as np

from rheode.mechanics.elements import gradients_t6
from rheode.mechanics.potential import Evaluation, Stateless


class Resistance(Stateless):
    """Forces C du/share on the change du of the unknowns in an increment: implicit Euler's rule.

    `share` comes with the fields of `begin`; without, an increment is a whole segment, or, if its time is 0, of no length. What
    an increment leaves behind is forgotten by the next, unless that is of no length: then the forces of the last one stay.
    rate: C by that of the subclass, whose parts are `dofs` (m, d), `_apply`, C by a change (m, d) [GPa um per um of depth], and
    `_packed`, its lower triangles; hold: the same that acts in an increment of any length. dissipated: work since the start, GPa um2.
    """

    def __init__(self, dofs, unknowns, rate=1.0, hold=0.0):
        self.dofs, self._rate, self._hold = dofs, rate, hold
        self._x, self.dissipated = unknowns.start(), 0.0
        self._last = self._acting = np.zeros(dofs.shape)  # forces at the end of the last increment
        self._scale = rate + hold

    def begin(self, dt, fields):
        share = fields.get("share", 1.0 if dt > 0.0 else None)
        self._acting = self._last
        if share is not None:
            self._acting, self._scale = np.zeros(self.dofs.shape), self._rate / share + self._hold

    def _resist(self, x):
        """What the increment changes, and the forces against it, (m, d) each."""
        change = (x - self._x)[self.dofs]
        return change, self._scale * self._apply(change) + self._acting

    def evaluate(self, x, order):
        change, forces = self._resist(x)
        energy = 0.5 * float((change * (forces + self._acting)).sum())
        return Evaluation(energy, forces, self._scale * self._packed if order == 2 else None)

    def commit(self, x):
        change, forces = self._resist(x)
        self.dissipated += 0.5 * float((change * (forces + self._last)).sum())
        self._x, self._last, self._acting = x.copy(), forces, forces

    def state(self):
        return {"x": self._x.copy(), "forces": self._last.copy(), "dissipated": np.array(self.dissipated)}

    def restore(self, state):
        self._x, self._last, self.dissipated = state["x"].copy(), state["forces"].copy(), float(state["dissipated"])
        self._acting = self._last


class Drag(Resistance):
    """Resists motion relative to that of the walls: the mean deformation of the box is free.

    nodes: which feel it; areas: of each, um2; places (n, 2) and box (2,): their coordinates and the box's sides, um;
    drag: force by area and way in a segment, GPa/um2; hold: the same in an increment of any length, which keeps bodies that touch
    nothing from making the Hessian singular. Raises ValueError where both are 0.
    """

    def __init__(self, unknowns, nodes, areas, places, box, drag, hold):
        if not max(drag, hold) > 0.0:
            raise ValueError("a drag or a hold above 0 is needed")
        own = unknowns.displacement[nodes]
        free = own < len(unknowns.blocks["nodes"])
        walls = np.array([unknowns.blocks[name][0] for name in ("wall right", "wall top")])
        super().__init__(np.stack([own, np.broadcast_to(walls, own.shape)], axis=-1)[free], unknowns, drag, hold)
        self._area = np.broadcast_to(np.asarray(areas)[:, None], own.shape)[free]
        self._by = (-np.asarray(places)[nodes] / box)[free]  # with the share of the walls' motion
        self._packed = self._area[:, None] * np.stack([np.ones(len(self._by)), self._by, self._by**2], axis=-1)

    def _apply(self, change):
        force = self._area * (change[:, 0] + self._by * change[:, 1])
        return np.stack([force, self._by * force], axis=-1)


class Viscosity(Resistance):
    """Resists shear and stretch of T6 cells: G/2 int |grad du|^2 over the committed area, du the change of displacement in a segment.

    The gradient is by committed places, so that a film is held by its height. G [GPa].
    """

    def __init__(self, nodes, cells, unknowns, G):
        super().__init__(unknowns.displacement[cells].reshape(len(cells), 12), unknowns)
        self._G, self._shift, self.signature = G, np.zeros(self.dofs.shape), 0
        self._gradients, self._weights = gradients_t6(nodes, cells)
        self._place()

    def adopt(self, changed, dofs, places, shift, x=None):
        """Cells `changed` (k,) have other nodes now: unknowns `dofs` (k, 12) that count from `shift` (k, 12) um, meshed at `places` (k, 6, 2)."""
        self.dofs[changed], self._shift[changed] = dofs, shift
        self._gradients[changed], self._weights[changed] = gradients_t6(places.reshape(-1, 2), np.arange(6 * len(places)).reshape(-1, 6))
        self.signature += 1
        if x is not None:
            self._last = self._last.copy()
            self._last[changed] = 0.0
            self._x, self._acting = x.copy(), self._last
            self._place()

    def _place(self):
        u = (self._x[self.dofs] - self._shift).reshape(-1, 6, 2)
        f = np.eye(2) + np.einsum("mai,mkaj->mkij", u, self._gradients)
        (a, b), (c, d) = np.moveaxis(f, (2, 3), (0, 1))
        area = a * d - b * c
        inverse = np.moveaxis(np.array([[d, -b], [-c, a]]) / area, (0, 1), (2, 3))
        gradients = np.einsum("mkai,mkij->mkaj", self._gradients, inverse)
        self._scalar = self._G * np.einsum("mkai,mkbi,mk->mab", gradients, gradients, self._weights * area, optimize=True)
        i, j = np.tril_indices(12)
        self._packed = np.where(i % 2 == j % 2, self._scalar[:, i // 2, j // 2], 0.0)

    def _apply(self, change):
        return np.matmul(self._scalar, change.reshape(-1, 6, 2)).reshape(-1, 12)

    def commit(self, x):
        super().commit(x)
        self._place()

    def restore(self, state):
        super().restore(state)
        self._place()
