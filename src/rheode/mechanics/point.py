"""Laws in parallel at one point that is pulled or pushed at constant volume: what a testing machine sees.

The same `respond` and `relax` as on a mesh, so that parameters fitted to a test are those of a run.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit


class Bar:
    """A bar of laws in parallel under uniaxial stress, its volume constant; a row of parameters each bar.

    parts: [(law, table (m, k))], the law's parameters of m bars.  Stress is nominal, in the unit of the
    parameters (GPa), stretch the current length over that of the virgin bar.
    """

    def __init__(self, parts):
        self.parts = [(law, np.atleast_2d(np.asarray(table, float))) for law, table in parts]
        self.bars = len(self.parts[0][1])
        self.flow = np.zeros((len(self.parts), self.bars))  # logarithm of each part's inelastic stretch
        self.dissipated = np.zeros(self.bars)  # energy per volume
        self.stored = np.zeros(self.bars)
        self.length = np.zeros(self.bars)  # logarithm of the stretch

    def pull(self, stretch, dt, sense=0):
        """Nominal stress (m,) after `dt` [s] in which the grips go to `stretch` (a number or (m,)).

        sense: 1 where the grips only pull, as on a strip that goes slack, -1 where they only push, as
        platens do; there the bar is left to itself and stays as long as it likes. 0: clamped.
        """
        e = np.broadcast_to(np.log(stretch), (self.bars,)).astype(float)
        force, _ = self._force(e, dt)
        if sense:
            free = sense * force < 0.0
            if free.any():
                e = self._left_alone(np.where(free, self.length, e), dt, free)
                force = np.where(free, 0.0, force)
        self.stored = np.zeros(self.bars)
        for k, (law, table) in enumerate(self.parts):
            ratio, stored, _, dissipated = law.relax(_stretches(e, self.flow[k]), table, dt)
            self.flow[k] -= np.log(ratio[:, 0])
            self.stored += stored
            self.dissipated += dissipated
        self.length = e
        return force * np.exp(-e)

    def _left_alone(self, e, dt, free):
        """Logarithms of the stretch (m,), those of `free` bars without stress, by Newton's method from `e`."""
        for _ in range(60):
            force, stiffness = self._force(e, dt)
            step = np.where(free, np.clip(-force / stiffness, -0.2, 0.2), 0.0)
            e = e + step
            if np.abs(step).max() < 1e-10:
                break
        return e

    def _force(self, e, dt):
        """First and second derivative, (m,) each, of the incremental energy by the logarithm of the stretch."""
        force, stiffness = np.zeros(self.bars), np.zeros(self.bars)
        for (law, table), flow in zip(self.parts, self.flow):
            s = _stretches(e, flow)
            _, p, h = law.respond(s, table, dt, 2)
            _add_along(force, stiffness, s, p, h)
        return force, stiffness


@njit(cache=True)
def _stretches(e, flow):
    """Principal stretches (m, 3) of bars at constant volume, the inelastic ones taken out."""
    s = np.empty((len(e), 3))
    for i in range(len(e)):
        s[i, 0] = math.exp(e[i] - flow[i])
        s[i, 1] = s[i, 2] = 1.0 / math.sqrt(s[i, 0])
    return s


@njit(cache=True)
def _add_along(force, stiffness, s, p, h):
    """Add the derivatives along the way of a bar, on which the other two stretches shrink by half the rate."""
    for i in range(len(s)):
        a, b, c = s[i, 0], -0.5 * s[i, 1], -0.5 * s[i, 2]
        force[i] += p[i, 0] * a + p[i, 1] * b + p[i, 2] * c
        stiffness[i] += h[i, 0] * a * a + h[i, 1] * b * b + h[i, 2] * c * c
        stiffness[i] += 2.0 * (h[i, 3] * a * b + h[i, 4] * a * c + h[i, 5] * b * c)
        stiffness[i] += p[i, 0] * a - 0.5 * (p[i, 1] * b + p[i, 2] * c)


def follow(parts, time, stretch, sense=0, finest=0.02, split=1):
    """Nominal stress of m bars along a test: times (n,) [s] and stretches (n,) of the grips. Returns (stress (m, n), bar).

    Between samples the grips move evenly, in increments that stretch by no more than `finest` and, at rest, of
    which each is at most a tenth longer than the one before (the flow slows down); each is divided into `split`.
    The first sample is the virgin bar. sense: as in `Bar.pull`. The error is of first order in the increment.
    """
    bar = Bar(parts)
    out = np.zeros((bar.bars, len(time)))
    last = np.inf
    for k in range(1, len(time)):
        dt, way = time[k] - time[k - 1], abs(np.log(stretch[k] / stretch[k - 1]))
        if way < finest and dt > 1.5 * last:
            growing = 1.1 ** np.arange(int(np.ceil(np.log1p(0.1 * dt / last) / np.log(1.1))))
            increments = dt * growing / growing.sum()
        else:
            count = max(1, int(np.ceil(way / finest)))
            increments = np.full(count, dt / count)
        last = increments[-1]
        elapsed = 0.0
        for increment in np.repeat(increments / split, split):
            elapsed += increment
            stress = bar.pull(stretch[k - 1] + elapsed / dt * (stretch[k] - stretch[k - 1]), increment, sense)
        out[:, k] = stress
    return out, bar
