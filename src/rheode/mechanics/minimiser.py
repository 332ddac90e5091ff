"""Newton's method with an inertia check: one minimisation is one increment.

The exact Hessian is factored; where it has negative pivots, it goes without the terms that contact knows to bend down; where
that does not suffice it is shifted by the smallest multiple of the identity that makes it positive definite.  A step that has to be
cut short (the medium in a closing pore would invert) raises the shift, a full step
lowers it: Levenberg and Marquardt's way to a trust region.  Near a saddle (particles about
to slip past each other, the walls to a new arrangement) the iteration also goes down
along the unstable mode.  Where particles rearrange the energy drops by a finite amount in
an arbitrarily small increment: no cutback helps there, only a minimiser that goes on.
The line search needs only the energy, which is infinite for inverted elements.

A step that a few points limit (a slit that closes) is not simply cut: the Hessian there is
made stiffer, as stiff as the secant to where the point will come to rest, and the step is
computed again, so that everything else may go all the way.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np

log = logging.getLogger("rheode.newton")

# Smallest and largest shift by the mean diagonal of the Hessian, and how it grows and shrinks.
SMALLEST_SHIFT, LARGEST_SHIFT = 3e-6, 1e3
UP, DOWN = 4.0, 0.1

# A body that nothing holds has a singular Hessian, whose last pivot may come out on either side of zero.
ROUND_OFF = 1e-12

# GPa um2 per um of depth: below it an energy is none.
LEAST_ENERGY = 1e-12

# A step that is limited to less than this is computed again with a restrained Hessian, so often, in so many of the first iterations.
FREE_STEP, RESTRAINTS, EARLY = 0.75, 3, 2
# A restraint that lengthens the step by less than this is the last: what limits then is no crushing (a thin cell that is sheared far).
WORTH = 1.3

# Below this decrement a Hessian that bends down is a saddle's: its own modes lead away from there.
RESTING = 1e-7
# Below this decrement a Hessian is kept as long as every step takes the decrement to this share of what it was.
CLOSE, SETTLING = 1e-4, 0.4


@dataclass
class Outcome:
    """x: where it ended. converged; reason: in words. iterations, factorisations.

    residual: largest out-of-balance force by the largest internal force; decrement:
    twice the energy that the last Newton step promised, by the energy; both as they
    stood before that step.
    """

    x: np.ndarray
    converged: bool
    reason: str
    iterations: int = 0
    factorisations: int = 0
    residual: float = np.inf
    decrement: float = np.inf


class Minimiser:
    """Minimises the energy of a system over its free unknowns.

    It ends when the decrement is below `decrement`, or the residual below `residual` with
    the decrement small; the step that promised this is still taken.
    """

    def __init__(self, system, solver, residual=1e-7, decrement=1e-11, iterations=150, smallest_shift=SMALLEST_SHIFT):
        self.system, self.solver = system, solver
        self.smallest_shift = smallest_shift
        self.residual, self.decrement, self.iterations = residual, decrement, iterations
        self._analysed = None

    def _factor(self, hessian, shift, far):
        """Factor the Hessian, or `far` from the end what the system has in its place where it bends down, with the smallest shift
        from `shift` on that makes it positive definite.

        Returns (shift, factorisations); shift is None where none up to the largest helped.
        """
        signature, indptr, indices = self.system.sparsity
        if signature != self._analysed:
            self.solver.analyse(indptr, indices)
            self._analysed = signature
        diagonal = indptr[:-1]  # first entry of each row of an upper triangle
        scale = float(np.abs(hessian[diagonal]).mean())
        smallest, count = self.smallest_shift * scale, 0
        shift = shift if shift > 0.1 * smallest else 0.0
        while shift <= LARGEST_SHIFT * scale:
            values = hessian.copy()
            values[diagonal] += shift + ROUND_OFF * scale
            count += 1
            if self.solver.factor(values):
                return shift, smallest, count
            if count == 1 and far and (unbent := self.system.unbent()) is not None:
                hessian = unbent
                continue
            shift = max(UP * shift, smallest)
        return None, smallest, count

    def __call__(self, x) -> Outcome:
        free = self.system.unknowns.free
        x = x.copy()
        self.system.update(x)
        energy, gradient, hessian = self.system.evaluate(x, 2)
        if not np.isfinite(energy):
            return Outcome(x, False, "the start is inadmissible (inverted element)")
        shift, factorisations, decrement = 0.0, 0, np.inf
        for iteration in range(self.iterations):
            g = gradient[:free]
            residual = np.abs(g).max(initial=0.0) / max(self.system.force_scale, 1e-300)
            dx, limit, indefinite = np.zeros_like(x), 0.0, False
            for restraint in range(1 + RESTRAINTS * (iteration < EARLY)):
                if restraint:
                    hessian = self.system.restrain(x, dx)
                    if hessian is None:
                        break
                shift, smallest, count = self._factor(hessian, shift, decrement > RESTING)
                factorisations += count
                if shift is None:
                    return Outcome(x, False, "the Hessian could not be made positive definite", iteration, factorisations)
                indefinite = indefinite or count > 1
                dx[:free] = -self.solver.solve(g)
                slope = float((g * dx[:free]).sum())
                if not np.isfinite(slope) or slope > 0:
                    return Outcome(x, False, "the linear solver returned no descent direction", iteration, factorisations)
                last, limit = limit, min(1.0, self.system.max_step(x, dx))
                if limit > FREE_STEP or limit < WORTH * last:
                    break
            decrement = -slope / (self.system.energy_scale + LEAST_ENERGY)
            small = decrement < self.decrement or (residual < self.residual and decrement < 1e-9)
            close = not indefinite and shift == 0.0 and limit == 1.0 and decrement < CLOSE
            found, step = self._search(x, dx, limit, energy, slope, 1 if close else 2)
            log.debug("  %2d  energy %.10e  residual %.1e  decrement %.1e  shift %.1e  step %.2g",
                      iteration, energy, residual, decrement, shift, step)  # fmt: skip
            if found is None:
                if decrement < 1e-9:  # the energy can no longer tell the two points apart
                    return Outcome(x, True, "round-off", iteration, factorisations, residual, decrement)
                return Outcome(x, False, "the line search found no lower energy", iteration, factorisations)
            if close and step == 1.0:
                x, settled = self._settle(found, dx[:free], g, decrement)
                if small or settled is not None:
                    return Outcome(x, True, "decrement", iteration + 1, factorisations, residual, min(decrement, settled or np.inf))
                found = (x, *self.system.evaluate(x, 2))
            elif indefinite and step > 0.3:
                found = self._leave_saddle(found, dx[:free])
            x, energy, gradient, hessian = found
            # A step that had to be cut short was longer than the quadratic model holds.
            if step < 0.3:
                shift = max(UP * shift, smallest)
            elif step > 0.9:
                shift *= DOWN
            self.system.update(x)
        return Outcome(x, False, f"{self.iterations} iterations were not enough", self.iterations, factorisations)

    def _search(self, x, dx, step, energy, slope, order):
        """Backtrack until the energy falls enough (Armijo): (state there, evaluated to `order`, or None; step)."""
        free, scale = self.system.unknowns.free, self.system.energy_scale + LEAST_ENERGY
        noise = 3e-12 * scale
        # The full step is nearly always accepted, so its Hessian is not computed in vain.
        trial = x + step * dx
        evaluated = self.system.evaluate(trial, order)
        if evaluated[0] <= energy + 1e-4 * step * slope + noise:
            return (trial, *evaluated), step
        if evaluated[0] <= energy + 1e-9 * scale:
            # Too close for the energies to tell: the slopes do (Hager and Zhang, SIAM J. Optim. 16 (2005) 170, eq. 4.1).
            after = float((evaluated[1][:free] * dx[:free]).sum())
            if 0.9 * slope <= after <= -0.8 * slope:
                return (trial, *evaluated), step
        value = evaluated[0]
        for _ in range(30):
            if np.isfinite(value):  # minimum of the parabola through both energies and the slope
                curvature = value - energy - step * slope
                step *= float(np.clip(-0.5 * step * slope / curvature, 0.1, 0.5))
            else:
                step *= 0.4
            trial = x + step * dx
            value = self.system.energy(trial)
            if value <= energy + 1e-4 * step * slope + noise:
                return (trial, *self.system.evaluate(trial, 2)), step
        return None, step

    def _settle(self, found, step, gradient, decrement):
        """Go on with the Hessian at hand, corrected by what it has missed, as long as every step falls well below the last one.

        found: where the last step led, `gradient` (free,) before it. Returns (where it ended, the decrement that is below the
        wanted one, or None): a step of this kind costs a third of one with a new Hessian, and its decrement is measured,
        not promised. The correction is BFGS's (Nocedal and Wright, Numerical Optimization, alg. 7.4).
        """
        x, energy, after = found[:3]
        free, scale = self.system.unknowns.free, self.system.energy_scale + LEAST_ENERGY
        pairs = []
        while True:
            turned = after[:free] - gradient
            pairs.append((step, turned, float((step * turned).sum())))
            if not pairs[-1][2] > 0.0:
                return x, None
            gradient = after[:free]
            q, shares = gradient.copy(), []
            for s, y, sy in reversed(pairs):
                shares.append(float((s * q).sum()) / sy)
                q -= shares[-1] * y
            step = -self.solver.solve(q)
            for (s, y, sy), share in zip(pairs, reversed(shares)):
                step -= (float((y * step).sum()) / sy + share) * s
            dx = np.zeros_like(x)
            dx[:free] = step
            before, decrement = decrement, -float((gradient * step).sum()) / scale
            if self.system.max_step(x, dx) < 1.0 or not 0.0 <= decrement < SETTLING * before:
                return x, None
            if decrement < self.decrement:
                return x + dx, decrement
            found = self.system.evaluate(x + dx, 1)
            if not found[0] <= energy + 3e-12 * scale:
                return x, None
            x, energy, after = x + dx, *found[:2]

    def _leave_saddle(self, found, direction):
        """Go down along the softest mode of an indefinite Hessian, as far as the energy falls.

        Near a saddle (particles about to slip past each other) the gradient hardly has a part along the
        unstable mode, and Newton steps leave it slowly.
        """
        x, energy, gradient = found[:3]
        # A perfectly symmetric state has no part along the mode at all: a fixed crumb of everything gives it one.
        crumb = np.random.default_rng(0).standard_normal(len(direction))
        mode = direction / max(np.abs(direction).max(), 1e-300) + 1e-6 * crumb
        for _ in range(4):  # inverse iteration with the factored, shifted Hessian
            mode = self.solver.solve(mode)
            mode /= np.abs(mode).max()
        free = len(mode)
        if (gradient[:free] * mode).sum() > 0:
            mode = -mode
        dx = np.zeros_like(x)
        dx[:free] = mode
        best, length = 0.0, 1e-3
        limit = self.system.max_step(x, dx)
        while length < limit:
            value = self.system.energy(x + length * dx)
            if not value < energy:
                break
            best, energy, length = length, value, 2.0 * length
        if best == 0.0:
            return found
        trial = x + best * dx
        return (trial, *self.system.evaluate(trial, 2))
