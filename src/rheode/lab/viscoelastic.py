"""The viscoelastic law of a rubber, from recorded loops or from what a paper prints of them.

The law is that of a run (docs/viscoelastic.md): Gent's network beside branches of a spring and a linear dashpot, here a bar
under uniaxial stress at constant volume (`mechanics.point`), whose grips follow the test. Stresses are nominal, in MPa.
A fit says which of its parameters the tests determine: from the Jacobian J of the residuals, whose singular values are the
certainty of each combination of parameters, and from the window of times that a test can see.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from ..mechanics.laws import gent, hencky_norton
from ..mechanics.point import follow
from .analysis import Analysis, LabError, Value
from .mechanical import MechanicalTest, evaluate
from .signals import noise, turning_points

PIECES = 300  # stretches of a test over which it is averaged
NEVER = 1e-4  # a limit stretch of whose invariant the tests reach less is not seen
FACTOR = 0.5  # standard deviation of the logarithm from which a parameter counts as not determined
ALIKE = 0.95  # correlation from which two parameters can't be told apart
SLACK = 0.02  # share of the peak: a specimen that never pushes back by more hangs loose when its grips come home
BULK_MODULUS = 2e3  # MPa; that of most polymers and liquids is 1 to 3 GPa
STEPS = 200  # increments of a printed test's ramp


@dataclass(frozen=True)
class Rubber:
    """A fitted law. p: logarithms of the network modulus [MPa], then share of the limit invariant that the tests reach, then
    logarithms of modulus [MPa] and relaxation time [s] of each branch. seen: the invariant I - 3 that the tests reach.
    residuals (n,), jacobian (n, len(p)): in standard deviations."""

    p: np.ndarray
    seen: float
    residuals: np.ndarray
    jacobian: np.ndarray
    covariance: np.ndarray

    @property
    def branches(self) -> int:
        return (len(self.p) - 2) // 2

    @property
    def network(self) -> float:
        return float(np.exp(self.p[0]))

    @property
    def limit(self) -> float:
        """Stretch of a bar at which the chains are taut; inf where the tests show no end."""
        return _stretch_at(self.seen / self.p[1]) if self.p[1] > NEVER else np.inf

    @property
    def moduli(self):
        return np.exp(self.p[2::2])

    @property
    def times(self):
        return np.exp(self.p[3::2])

    @property
    def spread(self):
        """Standard deviations of p."""
        return np.sqrt(np.diag(self.covariance))

    def names(self) -> list[str]:
        """Names of p, as the values carry them."""
        suffix = [""] if self.branches == 1 else [f" {k}" for k in range(1, self.branches + 1)]
        return ["network modulus", "limit stretch", *(f"{of}{each}" for each in suffix for of in ("branch modulus", "relaxation time"))]

    def values(self) -> dict[str, Value]:
        """Each parameter with its 95 % interval."""
        made = {}
        for name, p, u in zip(self.names(), self.p, self.spread):
            if name == "limit stretch":
                ends = [_stretch_at(self.seen / share) if share > NEVER else np.inf for share in (min(p + 1.96 * u, 1.0), p - 1.96 * u)]
                made[name] = Value(self.limit, "", None, tuple(ends))
            else:
                made[name] = Value(float(np.exp(p)), "s" if "time" in name else "MPa", None, tuple(np.exp(p + 1.96 * u * np.array([-1, 1]))))
        return made


def parts(p, seen):
    """The laws of parameter vectors p (m, 2 + 2 k) as parts of m bars, stresses in MPa."""
    p = np.atleast_2d(p)
    none, one = np.zeros(len(p)), np.ones(len(p))
    made = [(gent.LAW, np.stack([none, np.exp(p[:, 0]), seen / np.maximum(p[:, 1], 1e-6)], 1))]
    for k in range(2, p.shape[1], 2):
        G = np.exp(p[:, k])
        made.append((hencky_norton.LAW, np.stack([none, G, np.exp(-p[:, k + 1]) / 3.0, one, G, none], 1)))
    return made


def _stretch_at(invariant):
    """The stretch of a bar at constant volume with the invariant I - 3."""
    return float(max(root.real for root in np.roots([1.0, 0.0, -3.0 - invariant, 2.0])))


def _least_squares(residuals, start, seen, **options):
    """`Rubber` without its covariance. residuals(p (m, k)) -> (m, n), all vectors p in one pass."""
    from scipy.optimize import least_squares

    step = 1e-4

    def jacobian(p):
        rows = residuals(np.vstack([p, p + step * np.eye(len(p)) * np.where(np.arange(len(p)) == 1, -1, 1)[:, None]]))
        slopes = (rows[1:] - rows[0]) / step
        slopes[1] *= -1  # the share is moved away from the limit
        return slopes.T

    low, high = np.full(len(start), -np.inf), np.full(len(start), np.inf)
    low[1], high[1] = -step, 0.999
    found = least_squares(lambda p: residuals(p[None])[0], start, jacobian, bounds=(low, high), x_scale=1.0, **options)
    return Rubber(found.x, seen, found.fun, jacobian(found.x), np.zeros((len(start),) * 2))


def _determined(rubber, variance):
    """The same with its covariance; combinations that nothing determines are given a factor of e^10 and more."""
    _, values, rows = np.linalg.svd(rubber.jacobian, full_matrices=False)
    values = np.maximum(values / np.sqrt(variance), 1e-5)
    return replace(rubber, covariance=(rows.T / values**2) @ rows)


# --- from printed figures --------------------------------------------------------------------------


@dataclass(frozen=True)
class Printed:
    """What is printed of pulls at one nominal strain `rate` [1/s]: (value, standard uncertainty) pairs.

    strength [MPa] at the strain `breaks`; loops to the strain `height`, each after a rest [s] with free ends:
    energy dissipated [MJ/m^3] and loss coefficient of the first and of the second.
    """

    rate: float
    breaks: float
    strength: tuple[float, float]
    height: float
    rest: float
    first: tuple[float, float]
    first_loss: tuple[float, float]
    later: tuple[float, float]
    later_loss: tuple[float, float]

    def figures(self):
        """(names, values (5,), uncertainties (5,))."""
        names = ["strength", "first", "first_loss", "later", "later_loss"]
        return names, *np.array([getattr(self, name) for name in names]).T

    def loops(self, number=2, steps=STEPS):
        """Time [s] and strain of so many loops of the grips."""
        ramp = self.height / self.rate * np.arange(1, 2 * steps + 1) / steps
        strain = self.height * (1 - np.abs(1 - np.arange(1, 2 * steps + 1) / steps))
        times, strains = [np.zeros(1)], [np.zeros(1)]
        for _ in range(number):
            times += [times[-1][-1] + ramp, times[-1][-1] + ramp[-1:] + self.rest]
            strains += [strain, np.zeros(1)]
        return np.concatenate(times[:-1]), np.concatenate(strains[:-1])

    def pull(self, steps=STEPS):
        """Time [s] and strain of the pull to break."""
        strain = np.linspace(0, self.breaks, int(steps * max(self.breaks / self.height, 1)))
        return strain / self.rate, strain


# Pan et al., Nat. Commun. 15 (2024), doi 10.1038/s41467-024-46472-9, poly-AM share 0.8: 100 mm/min on a gauge of 16 mm, main text
# and Methods. The paper prints no uncertainties; 10 %, 0.04 and, of "around 1", 15 % are taken here.
PAN_2024 = Printed(
    rate=100 / 60 / 16, breaks=11.6, strength=(1.7, 0.17), height=4.0, rest=300.0,
    first=(1.4, 0.14), first_loss=(0.82, 0.04), later=(1.0, 0.15), later_loss=(0.80, 0.04),
)  # fmt: skip


def reproduced(p, seen, printed: Printed, steps=STEPS):
    """The printed figures (m, 5) by the law of parameter vectors p (m, k), in the order of `Printed.figures`."""
    time, strain = printed.pull(steps)
    stress, _ = follow(parts(p, seen), time, 1 + strain)
    columns = [stress[:, -1]]
    time, strain = printed.loops(2, steps)
    stress, _ = follow(parts(p, seen), time, 1 + strain, sense=1)
    for loop in (slice(0, 2 * steps + 1), slice(2 * steps + 1, None)):
        work = 0.5 * (stress[:, loop][:, 1:] + stress[:, loop][:, :-1]) * np.diff(strain[loop])
        put_in = np.maximum(work, 0).sum(axis=1)
        columns += [work.sum(axis=1), work.sum(axis=1) / put_in]
    return np.stack(columns, axis=1)


def fit_printed(printed: Printed, steps=STEPS) -> Rubber:
    """The network and one branch that come nearest to printed figures (least squares in their uncertainties)."""
    _, values, u = printed.figures()
    seen = gent.invariant_limit(1 + printed.breaks)
    modulus = printed.first[0] / printed.height
    start = np.array([np.log(printed.strength[0] / (3 * printed.breaks)), 0.7, np.log(modulus), -np.log(printed.rate)])
    return _determined(_least_squares(lambda p: (reproduced(p, seen, printed, steps) - values) / u, start, seen), 1.0)
