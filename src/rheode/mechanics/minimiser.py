"""Newton's method with an inertia check: one minimisation is one increment.

The exact Hessian is factored; where it has negative pivots it is blended with its
positive semi-definite projection, with the smallest weight that makes it positive
definite.  Pure projection converges slowly, the bare Hessian may not descend.
The line search needs only the energy, which is infinite for inverted elements.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np

log = logging.getLogger("rheode.newton")

# Weights of the projected Hessian, tried in this order.
LADDER = (0.0, 0.02, 0.05, 0.12, 0.3, 0.6, 1.0)


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

    def __init__(self, system, solver, residual=1e-7, decrement=1e-14, iterations=60):
        self.system, self.solver = system, solver
        self.residual, self.decrement, self.iterations = residual, decrement, iterations
        self._analysed = None

    def _factor(self, hessian, correction, rung):
        """Factor the blend; returns (rung that worked or None, factorisations)."""
        signature, indptr, indices = self.system.sparsity
        if signature != self._analysed:
            self.solver.analyse(indptr, indices)
            self._analysed = signature
        if correction is None:
            rung = 0
        count = 0
        while rung < len(LADDER):
            weight = LADDER[rung]
            values = hessian if weight == 0.0 else hessian + weight * correction
            count += 1
            if self.solver.factor(values) == 0:
                return rung, count
            if correction is None:
                break
            rung += 1
        return None, count

    def __call__(self, x) -> Outcome:
        free = self.system.unknowns.free
        x = x.copy()
        self.system.update(x)
        energy, gradient, hessian, correction = self.system.evaluate(x, 2)
        if not np.isfinite(energy):
            return Outcome(x, False, "the start is inadmissible (inverted element)")
        rung = factorisations = 0
        for iteration in range(self.iterations):
            g = gradient[:free]
            residual = np.abs(g).max(initial=0.0) / max(self.system.force_scale, 1e-300)
            rung, count = self._factor(hessian, correction, max(rung - 1, 0))
            factorisations += count
            if rung is None:
                return Outcome(x, False, "the Hessian could not be made positive definite", iteration, factorisations)
            dx = np.zeros_like(x)
            dx[:free] = -self.solver.solve(g)
            slope = float(g @ dx[:free])
            if not np.isfinite(slope) or slope > 0:
                return Outcome(x, False, "the linear solver returned no descent direction", iteration, factorisations)
            decrement = -slope / (abs(energy) + 1e-12)
            log.debug("  %2d  energy %.10e  residual %.1e  decrement %.1e  blend %.2f",
                      iteration, energy, residual, decrement, LADDER[rung])  # fmt: skip
            done = decrement < self.decrement or (residual < self.residual and decrement < 1e-10)
            step = min(1.0, self.system.max_step(x, dx))
            found = self._search(x, dx, step, energy, slope)
            if found is None:
                if decrement < 1e-9:  # the energy can no longer tell the two points apart
                    return Outcome(x, True, "round-off", iteration, factorisations, residual, decrement)
                return Outcome(x, False, "the line search found no lower energy", iteration, factorisations)
            x, energy, gradient, hessian, correction = found
            if done:
                reason = "decrement" if decrement < self.decrement else "residual"
                return Outcome(x, True, reason, iteration + 1, factorisations, residual, decrement)
            self.system.update(x)
        return Outcome(x, False, f"{self.iterations} iterations were not enough", self.iterations, factorisations)

    def _search(self, x, dx, step, energy, slope):
        """Backtrack until the energy falls enough (Armijo); None where it does not."""
        noise = 1e-13 * abs(energy)
        # The full step is nearly always accepted, so its Hessian is not computed in vain.
        trial = x + step * dx
        evaluated = self.system.evaluate(trial, 2)
        if evaluated[0] <= energy + 1e-4 * step * slope + noise:
            return trial, *evaluated
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
                return trial, *self.system.evaluate(trial, 2)
        return None
