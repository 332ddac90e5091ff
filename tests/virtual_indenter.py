"""An indenter that does not exist: indents of known truth, with the noise that real ones have."""

from dataclasses import dataclass

import numpy as np
from scipy.integrate import solve_ivp


@dataclass(frozen=True)
class Truth:
    """rate = A (q/s_ref)^n for the flow stress q = H/tabor at the strain rate hdot_c/h_c; stresses in GPa, rates in 1/s."""

    n: float = 7.0
    s_ref: float = 3.0
    A: float = 1e3
    tabor: float = 3.0
    E: float = 18.0
    nu: float = 0.25
    beta: float = 1.034
    epsilon: float = 0.75
    tip: tuple = (24.5,)

    def rate(self, hardness):
        return self.A * (hardness / (self.tabor * self.s_ref)) ** self.n

    def hardness(self, rate):
        return self.tabor * self.s_ref * (rate / self.A) ** (1.0 / self.n)

    @property
    def reduced(self):
        return 1.0 / ((1.0 - self.nu**2) / self.E + (1.0 - 0.07**2) / 1141.0)

    def area(self, h_c):
        """um^2 at a contact depth in um."""
        nm = np.asarray(h_c) * 1e3
        return sum(c * nm ** (2.0 / 2**i) for i, c in enumerate(self.tip)) * 1e-6

    def seen(self, h_c, load):
        """(depth [um], stiffness [mN/um]) at a contact depth [um] and load [mN]."""
        stiffness = 2.0 * self.beta * self.reduced * np.sqrt(self.area(h_c) / np.pi)
        return h_c + self.epsilon * load / stiffness, stiffness


RATES = (0.12, 0.04, 0.012, 0.004, 0.12)  # the first until `first`, then a jump every `step`
FIRST, STEP = 2.0, 0.3  # um


def jumps(truth, rates=RATES, first=FIRST, step=STEP, dt=0.2, control="hdot/h"):
    """(time [s], depth [um], load [mN], stiffness [mN/um]) of a strain-rate-jump test without noise.

    control: "hdot/h" (of the contact depth) or "Pdot/P"; rates [1/s] of that quantity.
    """
    if control == "hdot/h":
        ends = first + step * np.arange(len(rates))
        edges = np.log(np.concatenate([[0.02], ends]))
        spans = np.diff(edges) / np.array(rates)
        starts = np.concatenate([[0.0], np.cumsum(spans)])
        time = np.arange(0.0, starts[-1], dt)
        h_c = np.exp(np.interp(time, starts, edges))
        now = np.array(rates)[np.clip(np.searchsorted(starts, time, side="right") - 1, 0, len(rates) - 1)]
        load = truth.hardness(now) * truth.area(h_c)
        return time, *_seen(truth, h_c, load)
    # Under load control ln h_c follows the law; the state is (ln h_c, ln P).
    ln_P = np.log(truth.hardness(rates[0] / 2.0) * truth.area(0.02))
    state, start, out = [np.log(0.02), ln_P], 0.0, []
    for rate, end in zip(rates, first + step * np.arange(len(rates))):
        def reached(t, y, end=end):
            return truth.seen(np.exp(y[0]), np.exp(y[1]))[0] - end

        reached.terminal = True
        move = solve_ivp(
            lambda t, y, rate=rate: [truth.rate(np.exp(y[1]) / truth.area(np.exp(y[0]))), rate],
            (start, start + 20.0 / rate), state, method="LSODA", rtol=1e-8, atol=1e-10, events=reached, dense_output=True,
        )  # fmt: skip
        times = np.arange(np.ceil(start / dt) * dt, move.t[-1], dt)
        out.append(np.stack([times, *move.sol(times)]))
        state, start = move.y[:, -1], move.t[-1]
    time, ln_h, ln_P = np.concatenate(out, axis=1)
    return time, *_seen(truth, np.exp(ln_h), np.exp(ln_P))


def hold(truth, load=100.0, rise=15.0, span=100.0, dt=0.2, rest=60.0):
    """(time, depth, load) of a constant-load hold without noise: loading at a constant pace, hold, unloading to 10 %
    in ten seconds, a rest there; units as in `jumps`."""
    def law(t, y):
        P = load * min(t / rise, 1.0)
        return [truth.rate(P / truth.area(np.exp(y[0])))]

    begin = 0.02 * rise
    first = 0.5 * np.log(load * 0.02 / truth.hardness(0.5 / begin) / truth.area(1.0))
    move = solve_ivp(law, (begin, rise + span), [first], method="LSODA", rtol=1e-9, atol=1e-11, dense_output=True, max_step=0.5)
    time = np.arange(begin, rise + span, dt)
    P = load * np.minimum(time / rise, 1.0)
    h_c = np.exp(move.sol(time)[0])
    depth, stiffness = truth.seen(h_c, P)
    down = np.arange(dt, 10.0, dt)
    share = 1.0 - 0.09 * down
    # Oliver and Pharr's unloading: a power law of exponent 1.25 with the stiffness of the contact at its start.
    back = depth[-1] - (1.0 - share ** (1 / 1.25)) * 1.25 * load / stiffness[-1]
    still = np.arange(dt, rest, dt)
    return (
        np.concatenate([time, time[-1] + down, time[-1] + down[-1] + still]),
        np.concatenate([depth, back, np.full(len(still), back[-1])]),
        np.concatenate([P, load * share, np.full(len(still), load * share[-1])]),
    )


def _seen(truth, h_c, load):
    depth, stiffness = truth.seen(h_c, load)
    return depth, load, stiffness


def noisy(rng, time, depth, load, stiffness, *, scatter=0.02, depth_noise=1e-3, load_noise=1e-3, stiffness_noise=0.01, drift=0.0, epsilon=0.75):
    """One indent as an instrument would store it: the arrays with noise of the depth [um], relative noise of load and
    stiffness, drift [um/s], and a hardness that differs from place to place by the share `scatter`."""
    place = np.exp(scatter * rng.standard_normal())
    elastic = epsilon * load / stiffness  # grows with the hardness at the same contact depth
    return (
        time,
        depth + (place - 1.0) * elastic + depth_noise * rng.standard_normal(len(time)) + drift * time,
        place * load * (1.0 + load_noise * rng.standard_normal(len(time))),
        stiffness * (1.0 + stiffness_noise * rng.standard_normal(len(time))),
    )
