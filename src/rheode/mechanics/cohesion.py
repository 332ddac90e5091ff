"""A cohesive zone: two faces that hold together up to a strength, let go, and press on each other when they meet again.

Six-node elements on pairs of T6 sides that coincide before deformation.  The jump between
the faces has a normal part d_n and a sliding part d_s, measured against the chord between the two
deformed sides; the effective opening is delta = sqrt(<d_n>^2 + b^2 d_s^2) (Camacho and Ortiz, Int. J. Solids
Struct. 33 (1996) 2899).  Its traction rises with the stiffness k to the strength s and falls
linearly to zero, the area below being the fracture energy g.  The largest opening so far
is remembered: below it the interface unloads along the secant to the origin.  Faces that
overlap are pushed apart with the stiffness k, damaged or not, and slide without friction once
they have parted.

In an increment the energy of loading further counts in full, what is released on the
way and what is dissipated alike, so that its minimum obeys the law (Ortiz and Pandolfi, Int. J.
Numer. Methods Eng. 44 (1999) 1267).  Per area before deformation.
"""

from __future__ import annotations

import numpy as np

from rheode.mechanics.potential import Evaluation

# Points at the nodes (Simpson's rule): points between them would let the tractions of a stiff interface alternate.
# Weights, and derivatives of the three shape functions along the side, which has the length 2.
_WEIGHTS = np.array([1.0, 4.0, 1.0]) / 3
_SLOPES = np.array([[-1.5, 2.0, -0.5], [-0.5, 0.0, 0.5], [0.5, -2.0, 1.5]])


def _rows():
    """(3, 4, 12): jump and direction of the side (x, y each) at the points from the dofs of the first and the second side."""
    rows = np.zeros((3, 4, 12))
    for point in range(3):
        for axis in range(2):
            rows[point, axis, 2 * point + axis] = -1.0
            rows[point, axis, 6 + 2 * point + axis] = 1.0
            # The chord, mean of both sides: tangents at the ends of a side can turn over where a soft body is crumpled.
            for side in (0, 6):
                rows[point, 2 + axis, side + axis] = -0.5
                rows[point, 2 + axis, side + 4 + axis] = 0.5
    return rows


_ROWS = _rows()


class Law:
    """Traction by opening: up with `stiffness` to `strength`, down linearly to 0, `energy` in all.

    stiffness: GPa/um; strength: GPa; energy: GPa um (1 J/m2 is 1e-3 GPa um); each (m,). With a strength of 0 the
    faces have parted from the start, with an infinite one they never do. Raises ValueError where the energy is
    too small for strength and stiffness: the traction would have to fall while the opening shrinks.
    """

    def __init__(self, stiffness, strength, energy):
        k, s, g = (np.asarray(v, float)[:, None] for v in (stiffness, strength, energy))
        self.stiffness, self.energy = k, np.where(s > 0.0, g, 0.0)
        with np.errstate(invalid="ignore", divide="ignore"):
            self.peak = s / k  # openings at the strength and at the end
            self.end = np.where(np.isinf(s), np.inf, np.where(s > 0.0, 2 * g / s, 0.0))
            self._fall = np.where(np.isfinite(s) & (s > 0.0), s / (self.end - self.peak), 0.0)
        if (self.end < (1 + 1e-9) * self.peak).any():
            raise ValueError(
                f"an interface of strength {s.max():.3g} GPa and stiffness {k.min():.3g} GPa/um needs an energy above"
                f" {(0.5 * s**2 / k).max():.3g} GPa um; got {g.min():.3g}"
            )

    def _rises(self, opening):
        return (opening <= self.peak) & (self.peak > 0.0)

    def traction(self, opening):
        """Traction and its slope where the faces open further than ever, (m, 3) each."""
        rises, falls = self._rises(opening), opening < self.end
        with np.errstate(invalid="ignore"):
            traction = np.where(falls, self._fall * (self.end - opening), 0.0)
        return np.where(rises, self.stiffness * opening, traction), np.where(rises, self.stiffness, np.where(falls, -self._fall, 0.0))

    def work(self, opening):
        """Work per area of opening so far, (m, 3)."""
        traction, _ = self.traction(opening)
        with np.errstate(invalid="ignore"):
            ahead = np.where(opening < self.end, 0.5 * traction * (self.end - opening), 0.0)
        return np.where(self._rises(opening), 0.5 * traction * opening, self.energy - ahead)

    def secant(self, opening):
        """Stiffness of unloading from an opening, (m, 3)."""
        traction, _ = self.traction(opening)
        return np.where(self._rises(opening), self.stiffness, traction / np.maximum(opening, 1e-300))


class Cohesion:
    """Cohesive elements between two bodies.

    nodes: (n, 2) um. sides: (m, 2, 3) nodes (end, middle, end) of the first body's side, walked with the body on the
    left, and those of the second body at the same places. stiffness, strength, energy: scalars or (m,), see `Law`;
    shear: ratio b of the strength in sliding to that in opening. hold: GPa/um, traction by the change of the jump in an
    increment, which keeps in place what has parted all around; it vanishes at rest.
    State: the largest effective opening at each point, and the jumps.
    """

    signature = 0

    def __init__(self, nodes, sides, unknowns, stiffness, strength, energy, shear=1.0, hold=0.0):
        m = len(sides)
        self.dofs = unknowns.displacement[sides].reshape(m, 12)
        start = np.asarray(nodes, float)[sides].reshape(m, 12)
        self._start = np.einsum("kci,mi->mkc", _ROWS, start)
        self._start[..., :2] = 0.0  # the faces coincide, whatever round-off says
        self.areas = _WEIGHTS * np.linalg.norm(np.einsum("ka,mai->mki", _SLOPES, start[:, :6].reshape(m, 3, 2)), axis=2)
        self.law = Law(*(np.broadcast_to(v, m) for v in (stiffness, strength, energy)))
        self._shear2, self.hold = float(shear) ** 2, float(hold)
        self.largest, self._jumps = np.zeros((m, 3)), np.zeros((2, m, 3))
        self.dissipated = self.held = self.stored = 0.0

    def begin(self, dt, fields):
        pass

    def jumps(self, x):
        """Opening along the normal (negative: overlap) and sliding (m, 3), um, with the frame that they are measured in."""
        value = self._start + np.einsum("kci,mi->mkc", _ROWS, x[self.dofs])
        jump, tangent = value[..., :2], value[..., 2:]
        length = np.linalg.norm(tangent, axis=2)[..., None]
        e = tangent / length
        n = np.stack([e[..., 1], -e[..., 0]], axis=2)  # out of the first body
        return (jump * n).sum(2), (jump * e).sum(2), (n, e, length)

    def _opening(self, normal, sliding):
        return np.sqrt(np.maximum(normal, 0.0) ** 2 + self._shear2 * sliding**2)

    def _lost(self):
        """Energy per area that is dissipated at the largest opening, (m, 3)."""
        lost = self.law.work(self.largest) - 0.5 * self.law.secant(self.largest) * self.largest**2
        return np.maximum(lost, 0.0)  # a difference of equal numbers before anything tears

    def evaluate(self, x, order):
        normal, sliding, (n, e, length) = self.jumps(x)
        law, opening, secant = self.law, self._opening(normal, sliding), self.law.secant(self.largest)
        further, apart = opening > self.largest, normal > 0.0
        energy = np.where(further, law.work(opening) - self._lost(), 0.5 * secant * opening**2)
        energy += 0.5 * law.stiffness * np.minimum(normal, 0.0) ** 2
        moved_n, moved_s = normal - self._jumps[0], sliding - self._jumps[1]
        energy += 0.5 * self.hold * (moved_n**2 + moved_s**2)
        total = float((self.areas * energy).sum())
        if order == 0:
            return Evaluation(total)

        traction, slope = law.traction(opening)
        ratio = np.where(further, traction / np.maximum(opening, 1e-300), secant)
        k_n, k_s = np.where(apart, ratio, law.stiffness), self._shear2 * ratio
        f_n, f_s = k_n * normal + self.hold * moved_n, k_s * sliding + self.hold * moved_s
        zero = np.zeros_like(n)
        # Changes of the jump across and along the side, of the side's direction and its length, as rows (m, 3, 4)
        # on changes of jump and tangent.
        across, along = np.concatenate([n, zero], axis=2), np.concatenate([e, zero], axis=2)
        turn, stretch = np.concatenate([zero, n / length], axis=2), np.concatenate([zero, e / length], axis=2)
        g_n, g_s = across - sliding[..., None] * turn, along + normal[..., None] * turn
        local = f_n[..., None] * g_n + f_s[..., None] * g_s
        gradient = np.einsum("mkc,kci->mi", self.areas[..., None] * local, _ROWS)
        if order == 1:
            return Evaluation(total, gradient)

        bend = np.where(further, slope - ratio, 0.0) / np.maximum(opening, 1e-150) ** 2
        pull = np.maximum(normal, 0.0)[..., None] * g_n + (self._shear2 * sliding)[..., None] * g_s
        form = _form(k_n + self.hold, g_n, g_n) + _form(k_s + self.hold, g_s, g_s) + _form(bend, pull, pull)
        # Both jumps bend as the side turns: d2 normal = -2 turn along - normal turn^2 + 2 sliding turn stretch, and likewise.
        form += _form(2.0 * f_s, turn, across) - _form(2.0 * f_n, turn, along)
        form -= _form(f_n * normal + f_s * sliding, turn, turn)
        form += _form(2.0 * (f_n * sliding - f_s * normal), turn, stretch)
        form *= self.areas[..., None, None]
        hessian = np.einsum("kci,mkcd,kdj->mij", _ROWS, form, _ROWS, optimize=True)
        return Evaluation(total, gradient, hessian[:, *np.tril_indices(12)])

    def max_step(self, x, dx):
        return 1.0

    def update(self, x):
        pass

    def commit(self, x):
        normal, sliding, _ = self.jumps(x)
        opening = self._opening(normal, sliding)
        self.largest = np.maximum(self.largest, opening)
        stored = 0.5 * self.law.secant(self.largest) * opening**2 + 0.5 * self.law.stiffness * np.minimum(normal, 0.0) ** 2
        self.stored = float((self.areas * stored).sum())
        jumps = np.stack([normal, sliding])
        self.held += self.hold * float((self.areas * (jumps - self._jumps) ** 2).sum())
        self._jumps = jumps
        self.dissipated = float((self.areas * self._lost()).sum())

    def damage(self):
        """Share of the stiffness that is lost at each point, (m, 3): 0 as made, 1 where the faces have parted."""
        return 1.0 - self.law.secant(self.largest) / self.law.stiffness

    def shares(self, x, gap):
        """(lost, touching): shares of the interface's length before deformation at which the faces have parted and are
        further apart than `gap` um, and at which they have parted and touch."""
        parted, apart = self.damage() == 1.0, self.jumps(x)[0] > gap
        return tuple(float((self.areas * (parted & where)).sum() / self.areas.sum()) for where in (apart, ~apart))

    def state(self):
        energies = np.array([self.dissipated, self.held, self.stored])
        return {"largest": self.largest.copy(), "jumps": self._jumps.copy(), "energies": energies}

    def restore(self, state):
        self.largest, self._jumps = state["largest"].copy(), state["jumps"].copy()
        self.dissipated, self.held, self.stored = (float(v) for v in state["energies"])


def _form(factor, a, b):
    """Quadratic forms (m, 3, 4, 4) of the products of rows a and b."""
    outer = (factor[..., None] * a)[..., :, None] * b[..., None, :]
    return 0.5 * (outer + outer.swapaxes(2, 3))
