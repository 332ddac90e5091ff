"""From state to state in adaptive increments: predictor, minimisation, cutback.

A failed increment never ends a run: it is tried again with a smaller step, from the
same committed state, down to a smallest step.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

log = logging.getLogger("rheode.stepping")


# A smaller share of the last increment's velocity is not worth a prediction.
LEAST_PREDICTION = 0.2

# Mean inelastic strain of a segment below which its errors count as if it were this large.
LEAST_STRAIN = 0.2


class Stopped(RuntimeError):
    """No increment of the smallest length converged; the message says where and why."""


@dataclass
class Steps:
    """Lengths of increments as shares of a segment, and how they adapt to the iterations.

    tolerance: error that the increments of a segment may add up to, by the mean inelastic strain that it brings (`LEAST_STRAIN`
    or more). second_order: whether creep is followed by the formula of second order (see `solid.Solid`).
    """

    first: float
    largest: float
    smallest: float
    easy: int = 7  # up to so many iterations the next increment is longer
    hard: int = 14  # from so many on it is shorter
    grow: float = 1.4
    shrink: float = 0.7
    cut: float = 0.35
    tolerance: float = np.inf
    second_order: bool = False


@dataclass
class Increment:
    """An accepted increment: where in the segment it ended, and what it took, failed attempts included."""

    fraction: float
    step: float
    iterations: int
    cutbacks: int
    reason: str
    residual: float


@dataclass
class Memory:
    """What the stepping carries from increment to increment; plain values, so that a restart can store it.

    velocity: change of the unknowns in the last increment divided by its length. rate: of the inelastic strain, likewise;
    length: of the increment it belongs to; earlier_rate, earlier_length: of the one before.
    """

    fraction: float = 0.0
    step: float = 0.0
    velocity: np.ndarray | None = None
    rate: np.ndarray | None = None
    length: float = 0.0
    earlier_rate: np.ndarray | None = None
    earlier_length: float = 0.0


def march(
    system,
    minimise,
    x: np.ndarray,
    begin: Callable[[float, float, np.ndarray], None],
    steps: Steps,
    memory: Memory,
    strain: Callable[[], np.ndarray] | None = None,
) -> Iterator[tuple[np.ndarray, Increment]]:
    """Carry `x` through a segment; yields (x, Increment) after each committed increment.

    begin(fraction, step, x) prepares the potentials for the increment of length `step` that
    ends at `fraction` of the segment, and sets the prescribed entries of `x` in place.
    strain() gives the inelastic strains of the committed state, weighted so that their sum is the mean: what the
    tolerance of `steps` is about. Raises Stopped.
    """
    if memory.step == 0.0:
        memory.step = steps.first
    while memory.fraction < 1.0:
        x, memory.velocity = system.remesh(x, memory.velocity)
        wanted, cutbacks, iterations = memory.step, 0, 0
        before = strain() if strain else None
        while True:
            step = min(wanted, 1.0 - memory.fraction)
            if 1.0 - memory.fraction - step < 0.3 * step:  # no crumb of an increment at the end
                step = 1.0 - memory.fraction
            end = 1.0 if step == 1.0 - memory.fraction else memory.fraction + step
            start = x.copy()
            begin(end, step, start)
            guess = _predict(system, start, memory.velocity, step)
            outcome = minimise(guess)
            iterations += outcome.iterations
            if not outcome.converged and guess is not start:
                log.debug("  without the predictor")
                outcome = minimise(start)
                iterations += outcome.iterations
            if outcome.converged:
                break
            cutbacks += 1
            log.debug("  cut back at %.5f + %.2e: %s", memory.fraction, step, outcome.reason)
            wanted = step * steps.cut
            if wanted < steps.smallest:
                raise Stopped(f"at {memory.fraction:.4f} of the segment no step of {step:.1e} converged: {outcome.reason}")
        memory.velocity = (outcome.x - x) / step
        system.commit(outcome.x)
        x = outcome.x
        memory.fraction = end
        if cutbacks or outcome.iterations >= steps.hard:
            memory.step = max(step * (1.0 if cutbacks else steps.shrink), steps.smallest)
        elif outcome.iterations <= steps.easy:
            memory.step = min(wanted * steps.grow, steps.largest)
        else:
            memory.step = wanted
        if strain:
            memory.step = min(memory.step, max(_accurate(memory, (strain() - before) / step, step, steps), steps.smallest))
        yield x, Increment(end, step, iterations, cutbacks, outcome.reason, outcome.residual)


def _accurate(memory, rate, step, steps):
    """The length at which the error of the strain takes no more than its share of the tolerance.

    Implicit Euler's error in an increment h is h^2/2 times the change of the rate in unit length, here between the last
    two increments. The second-order formula's is (1 + w)^2/(6 w (1 + 2 w)) h^3 times the change of that change, w the
    length by that of the increment before; the last three increments tell it.
    """
    (known, h2), (earlier, h3) = (memory.rate, memory.length), (memory.earlier_rate, memory.earlier_length)
    memory.rate, memory.length, memory.earlier_rate, memory.earlier_length = rate, step, known, h2
    if known is None:
        return np.inf
    allowed = steps.tolerance * max(float(rate.sum()), LEAST_STRAIN)  # by the length of the increment
    change = (rate - known) / (0.5 * (step + h2))
    if steps.second_order and earlier is not None:
        change = (change - (known - earlier) / (0.5 * (h2 + h3))) / (0.25 * (step + 2.0 * h2 + h3))
        w = step / h2
        error, order = (1.0 + w) ** 2 / (6.0 * w * (1.0 + 2.0 * w)) * step**2 * float(np.abs(change).sum()), 2
    else:
        error, order = 0.5 * step * float(np.abs(change).sum()), 1
    return step * (allowed / error) ** (1.0 / order) if error > 0.0 else np.inf


def _predict(system, start, velocity, step):
    """Go on as in the last increment, nearly as far as that is admissible; prescribed entries stay as they are."""
    if velocity is None:
        return start
    free = system.unknowns.free
    change = np.zeros_like(start)
    change[:free] = step * velocity[:free]
    share = system.max_step(start, change)
    guess = start + share * change
    return guess if share > LEAST_PREDICTION and system.energy(guess) < system.energy(start) else start
