"""The viscoelastic law of a rubber, from recorded loops or from what a paper prints of them.

The law is that of a run (docs/viscoelastic.md): Gent's network beside branches of a spring and a linear dashpot, here a bar
under uniaxial stress at constant volume (`mechanics.point`), whose grips follow the test. Stresses are nominal, in MPa.
A fit says which of its parameters the tests determine: from the Jacobian J of the residuals, whose singular values are the
certainty of each combination of parameters, and from the window of times that a test can see.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import combinations
from pathlib import Path

import numpy as np

from ..mechanics.laws import gent, hencky_norton
from ..mechanics.point import follow
from .analysis import Analysis, LabError, Value
from .mechanical import MechanicalTest, evaluate
from .signals import noise, turning_points

PIECES = 300  # stretches of a test that are smoothed into one value each ...
SMOOTH = 6  # ... of so many samples at least
NEVER = 1e-4  # a limit stretch of whose invariant the tests reach less is not seen
FACTOR = 0.5  # standard deviation of the logarithm from which a parameter counts as not determined
ALIKE, VAGUE = 0.95, 0.1  # correlation from which two parameters known no better than this can't be told apart
BEYOND = 30.0  # how far outside the window of times a relaxation time is looked for
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
                ends = np.exp(p + min(1.96 * u, 23.0) * np.array([-1, 1]))  # a factor of 1e10 either way says enough
                made[name] = Value(float(np.exp(p)), "s" if "time" in name else "MPa", None, tuple(map(float, ends)))
        return made


def parts(p, seen, exponent=1.0):
    """The laws of parameter vectors p (m, 2 + 2 k) as parts of m bars, stresses in MPa; relaxation times of dashpots with
    another exponent than 1 are those at the stress G."""
    p = np.atleast_2d(p)
    branches = [_branch(np.exp(p[:, k]), np.exp(p[:, k + 1]), exponent) for k in range(2, p.shape[1], 2)]
    return [_network(np.exp(p[:, 0]), seen / np.maximum(p[:, 1], 1e-6)), *branches]


def _network(modulus, limit):
    return gent.LAW, _rows(gent.LAW, mu=modulus, Jm=limit)


def _branch(modulus, time, exponent=1.0):
    linear = {"n": 1.0, "s_ref": 1.0, "fluidity": 1 / (3 * modulus * time)}
    return hencky_norton.LAW, _rows(hencky_norton.LAW, G=modulus, **(linear if exponent == 1 else {"A": 1 / (3 * time), "n": exponent, "s_ref": modulus}))


def _rows(law, **values):
    """The parameter table of as many bars as a value has entries; what is not given is zero."""
    return np.stack(np.broadcast_arrays(*(values.get(key, 0.0) for key in law.parameters)), axis=1)


def _stretch_at(invariant):
    """The stretch of a bar at constant volume with the invariant I - 3."""
    return float(max(root.real for root in np.roots([1.0, 0.0, -3.0 - invariant, 2.0])))


def _least_squares(residuals, start, seen, times=(1e-6, 1e9), **options):
    """`Rubber` without its covariance. residuals(p (m, k)) -> (m, n), all vectors p in one pass; times: the range of relaxation times [s]."""
    from scipy.optimize import least_squares

    step = 1e-4
    ways = step * np.diag(np.where(np.arange(len(start)) == 1, -1.0, 1.0))  # the share is moved away from the limit

    @lru_cache(maxsize=2)
    def around(p):  # bars are followed side by side: the slopes cost hardly more than the value
        rows = residuals(np.vstack([np.array(p), np.array(p) + ways]))
        return rows[0], ((rows[1:] - rows[0]) / np.diag(ways)[:, None]).T

    low, high = np.full(len(start), -np.inf), np.full(len(start), np.inf)
    low[1], high[1] = -step, 0.999
    low[2::2] = max(start[0], *start[2::2]) - 20  # nothing is left of a branch there
    low[3::2], high[3::2] = np.log(times)
    found = least_squares(lambda p: around(tuple(p))[0], start, lambda p: around(tuple(p))[1], bounds=(low, high), x_scale=1.0, **options)
    return Rubber(found.x, seen, found.fun, found.jac, np.zeros((len(start),) * 2))


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


def reproduced(p, seen, printed: Printed, steps=STEPS, exponent=1.0):
    """The printed figures (m, 5) by the law of parameter vectors p (m, k), in the order of `Printed.figures`."""
    time, strain = printed.pull(steps)
    stress, _ = follow(parts(p, seen, exponent), time, 1 + strain)
    columns = [stress[:, -1]]
    time, strain = printed.loops(2, steps)
    stress, _ = follow(parts(p, seen, exponent), time, 1 + strain, sense=1)
    for loop in (slice(0, 2 * steps + 1), slice(2 * steps + 1, None)):
        work = 0.5 * (stress[:, loop][:, 1:] + stress[:, loop][:, :-1]) * np.diff(strain[loop])
        put_in = np.maximum(work, 0).sum(axis=1)
        columns += [work.sum(axis=1), work.sum(axis=1) / put_in]
    return np.stack(columns, axis=1)


def fit_printed(printed: Printed, steps=STEPS, exponent=1.0) -> Rubber:
    """The network and one branch that come nearest to printed figures (least squares in their uncertainties).

    exponent: of the dashpot, which pulls at one rate do not tell.
    """
    _, values, u = printed.figures()
    seen = gent.invariant_limit(1 + printed.breaks)
    modulus = printed.first[0] / printed.height
    start = np.array([np.log(printed.strength[0] / (3 * printed.breaks)), 0.7, np.log(modulus), -np.log(printed.rate)])
    return _determined(_least_squares(lambda p: (reproduced(p, seen, printed, steps, exponent) - values) / u, start, seen), 1.0)


# --- from recorded tests ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Course:
    """A test as the fit follows it: `time` [s] and `stretch` of the grips at nodes, and the `stress` [MPa]
    that was recorded at some of them with the standard deviation `u`. sense: as in `Bar.pull`."""

    name: str
    time: np.ndarray
    stretch: np.ndarray
    at: np.ndarray  # nodes at which `stress` is compared
    stress: np.ndarray
    u: float
    sense: int
    peak: float

    def by(self, p, seen, fine=0):
        """The law's stress (m, n) at the nodes for parameter vectors p (m, k); `fine`: increments are divided by that and by
        twice that, and the error of first order is taken out."""
        laws = parts(p, seen)
        once = follow(laws, self.time, self.stretch, self.sense, split=max(fine, 1))[0]
        return 2 * follow(laws, self.time, self.stretch, self.sense, split=2 * fine)[0] - once if fine else once


def course(test: MechanicalTest, pieces=PIECES) -> Course:
    """A test up to its break, smoothed over pieces of equal way and time between its turning points.

    Raises LabError: no times, times that do not rise, true stress and strain.
    """
    if test.measure != "nominal":
        raise LabError(f"{test.name}: the law is fitted to nominal stress and strain; leave out --true")
    if test.time is None:
        raise LabError(f"{test.name}: no column of times, which a viscoelastic law needs; name it with --column \"time=COLUMN [s]\"")
    outcome = evaluate(test)
    time, strain, stress = (column[: outcome.end] for column in (test.time, test.strain, test.stress))
    rising = np.concatenate([[True], np.diff(np.maximum.accumulate(time)) > 0])
    if rising.mean() < 0.5:
        raise LabError(f"{test.name}: the times do not rise: check which column is read")
    time, strain, stress = time[rising] - time[0], strain[rising], stress[rising]
    if strain.min() <= -1:
        raise LabError(f"{test.name}: a strain of -100 % or less leaves nothing of the specimen; check the unit of the strain")
    way = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(strain)))]) / np.abs(np.diff(strain)).sum()
    measure = 0.5 * (way + time / time[-1])
    turns = turning_points(strain, outcome.smallest)
    cuts = np.unique(np.concatenate([np.searchsorted(measure, np.linspace(0, 1, pieces + 1)), turns]))
    cuts = cuts[cuts < len(time)]
    nodes = [(time[k], strain[k], None, 0.0) for k in turns]
    for a, b in zip(cuts, [*cuts[1:], len(time)]):
        inside = slice(a + 1, b) if a in turns else slice(a, b)
        if b > inside.start and time[inside.start] > 0:
            nodes.append(_middle(time[inside], strain[inside], stress[inside]))
    nodes.sort(key=lambda node: node[0])
    times, strains = np.array([node[0] for node in nodes]), np.array([node[1] for node in nodes])
    at = np.array([k for k, node in enumerate(nodes) if node[2] is not None and k > 0])
    u = noise(stress) * np.median([nodes[k][3] for k in at])
    peak = float(np.abs(stress).max())
    pushed = -outcome.sense * stress
    loose = np.quantile(pushed, 0.999) < max(SLACK * peak, 3 * noise(stress))
    return Course(test.name, times, 1 + strains, at, np.array([nodes[k][2] for k in at]), max(u, 1e-6 * peak), outcome.sense if loose else 0, peak)


def _middle(time, strain, stress):
    """(time, strain, stress, standard deviation per noise) in the middle of a piece: parabolas through it, or its middle sample
    where it has few. A mean would be off by the curvature."""
    if len(time) < SMOOTH:
        k = len(time) // 2
        return time[k], strain[k], stress[k], 1.0
    x = (time - time.mean()) / np.ptp(time)
    first = np.linalg.pinv(np.vander(x, 3))[-1]  # what each sample adds to the parabola at the mean time
    return time.mean(), first @ strain, first @ stress, float(np.sqrt(first @ first))


def fit(tests: list[MechanicalTest], branches: int, pieces=PIECES) -> tuple[Rubber, list[Course]]:
    """The network and so many branches whose stresses come nearest to those recorded, as shares of each test's peak.

    Uncertainties are those of the residuals' scatter, widened for residuals that follow each other. Raises LabError.
    """
    courses = [course(test, pieces) for test in tests]
    seen = max(float(gent.invariant_limit(each.stretch).max()) for each in courses)
    samples = sum(len(each.at) for each in courses)
    if samples < 4 * (2 + 2 * branches):
        raise LabError(f"{samples} samples are too few for {2 + 2 * branches} parameters; fit fewer branches")

    times = _window(courses) * np.array([1 / BEYOND, BEYOND])

    def residuals(p, fine=0):
        return np.concatenate([(each.by(p, seen, fine)[:, each.at] - each.stress) / each.peak for each in courses], axis=1)

    coarse = [_least_squares(residuals, start, seen, times, max_nfev=30, ftol=1e-4, xtol=1e-4) for start in _starts(courses, branches, seen, residuals)]
    best = min(coarse, key=lambda each: (each.residuals**2).sum())
    # Two increments and more in the shortest relaxation time.
    fine = int(np.clip(np.ceil(2 * _window(courses)[0] / best.times.min(initial=np.inf)), 1, 3))
    found = _least_squares(lambda p: residuals(p, fine), best.p, seen, times, max_nfev=20, ftol=1e-9, xtol=1e-9)
    order = np.argsort(found.times)
    columns = np.concatenate([[0, 1], np.stack([2 + 2 * order, 3 + 2 * order], 1).ravel()])
    found = replace(found, p=found.p[columns], jacobian=found.jacobian[:, columns])
    variance = (found.residuals**2).sum() / (len(found.residuals) - len(found.p))
    return _determined(found, variance * _memory(found.residuals, courses)), courses


def _memory(residuals, courses):
    """How many times more uncertain a mean of residuals is than were they independent: (1 + r)/(1 - r) of neighbours' correlation r."""
    ends = np.cumsum([len(each.at) for each in courses])
    rows = np.split(residuals, ends[:-1])
    r = sum(float(row[1:] @ row[:-1]) for row in rows) / max(float((residuals**2).sum()), 1e-300)
    return (1 + min(max(r, 0.0), 0.99)) / (1 - min(max(r, 0.0), 0.99))


def _window(courses):
    """The relaxation times [s] that tests can see: from the interval of the pieces to the length of the longest test."""
    return np.array([min(np.median(np.diff(each.time)) for each in courses), max(each.time[-1] for each in courses)])


def _starts(courses, branches, seen, residuals, number=2):
    """Parameter vectors to start from: for clamped ends the stress is linear in the moduli, so that they follow from relaxation
    times on a grid by linear least squares; the best combinations are then compared with their free ends."""
    from scipy.optimize import nnls

    times = np.geomspace(*_window(courses), 9 if branches < 3 else 7)
    shares = np.array([1e-3, 0.4, 0.8])
    loaded = [np.abs(each.stress) > 0.05 * each.peak for each in courses]

    def clamped(laws):
        return np.concatenate([follow(laws, each.time, each.stretch)[0][:, each.at[some]] / each.peak for each, some in zip(courses, loaded)], axis=1)

    networks, dashpots = clamped([_network(1.0, seen / shares)]), clamped([_branch(1.0, times)])
    wanted = np.concatenate([each.stress[some] / each.peak for each, some in zip(courses, loaded)])
    tried = []
    for share, network in zip(shares, networks):
        for chosen in combinations(range(len(times)), branches):
            moduli, misfit = nnls(np.column_stack([network, *dashpots[list(chosen)]]), wanted)
            moduli = np.maximum(moduli, 1e-3 * moduli.max())
            p = [np.log(moduli[0]), share, *(part for G, k in zip(moduli[1:], chosen) for part in (np.log(G), np.log(times[k])))]
            tried.append((misfit, p))
    best = np.array([p for _, p in sorted(tried, key=lambda each: each[0])[:12]])
    return best[np.argsort((residuals(best) ** 2).sum(axis=1))[:number]]


# --- what is said of it ----------------------------------------------------------------------------


def add(analysis: Analysis, tests: list[MechanicalTest], branches: int, pieces=PIECES) -> Analysis:
    """Fit the law to the tests of a "loops" analysis and write into it what it gives: parameters, the law's loops beside
    those recorded, what the tests leave open, the lines of a material. Raises LabError."""
    rubber, courses = fit(tests, branches, pieces)
    laws = [each.by(rubber.p, rubber.seen, fine=2)[0] for each in courses]
    table = _beside(analysis.curves["outcomes"], courses, laws)
    if table["loop []"]:
        analysis.tables["the law's loops"] = table
    analysis.values |= rubber.values()
    misfit = float(np.sqrt((rubber.residuals**2).mean()))
    analysis.values["misfit of the law"] = Value(100 * misfit, "% of the peak stress")
    analysis.choices["viscoelastic law"] = (
        f"network of finite chains (Gent) beside {branches} branch{'es' if branches > 1 else ''} of a Hencky spring and a linear dashpot, uniaxial, at constant volume (docs/viscoelastic.md); "
        f"least squares of the stress over each test's peak at {sum(len(each.at) for each in courses)} places; ends of the specimen: "
        + ", ".join(f"{each.name} {'held' if each.sense == 0 else 'free where the stress is gone'}" for each in courses)
    )
    analysis.choices["intervals of the law"] = "95 %, from the residuals' scatter, widened where neighbours follow each other; of the law as it is, not of whether it is the right one"
    analysis.notes += open_questions(rubber, courses, misfit)
    analysis.material = material(rubber, courses, ", ".join(each.name for each in courses))
    analysis.curves["law"] = {each.name: (each.stretch - 1, law) for each, law in zip(courses, laws)}
    return analysis


def _beside(outcomes, courses, laws):
    rows = []
    for outcome, each, law in zip(outcomes, courses, laws):
        if outcome.loops:
            found = evaluate(MechanicalTest(each.name, each.stretch - 1, law, each.time)).loops
            if len(found) == len(outcome.loops):
                rows += [(each.name, number, *pair) for number, pair in enumerate(zip(outcome.loops, found), 1)]
    return ({"test": [name for name, *_ in rows]} if len(outcomes) > 1 else {}) | {
        "loop []": [number for _, number, *_ in rows],
        "dissipated [MJ/m^3]": [loop.dissipated for *_, loop, _ in rows],
        "by the law [MJ/m^3]": [law.dissipated for *_, law in rows],
        "loss coefficient []": [loop.loss for *_, loop, _ in rows],
        "by the law []": [law.loss for *_, law in rows],
    }


def open_questions(rubber: Rubber, courses: list[Course], misfit: float) -> list[str]:
    """What the tests do not tell of the law, a sentence each."""
    names, spread, said = rubber.names(), rubber.spread, []
    noises = float(np.sqrt(np.mean([(each.u / each.peak) ** 2 for each in courses])))
    if misfit > 3 * noises:
        said.append(f"The law bends otherwise than the recordings: {100 * misfit:.2g} % of the peak stress beside {100 * noises:.2g} % of noise. Softening that outlasts recovery, another branch or a power law is missing, and the intervals, widened for it, are those of a law that is not quite this material's.")
    limit = rubber.values()["limit stretch"].interval
    loose = [name for name, u in zip(names, spread) if name != "limit stretch" and u > FACTOR]
    if not np.isfinite(limit[1]):
        said.append(f"The tests show no end of the chains: any limit stretch above {limit[0]:.3g} fits.")
    if loose:
        said.append(f"Not determined by these tests, not even to a factor of {np.exp(1.96 * FACTOR):.1f} either way: {', '.join(loose)}.")
    correlation = rubber.covariance / np.outer(spread, spread)
    alike = [(names[i], names[j], correlation[i, j]) for i, j in combinations(range(len(names)), 2) if abs(correlation[i, j]) > ALIKE and max(spread[i], spread[j]) > VAGUE]
    alike = sorted(alike, key=lambda each: -abs(each[2]))[:3]
    said += [f"Not to be told apart by these tests: {a} and {b} (correlation {r:.2f}); only their {'product' if r < 0 else 'ratio'} is known well." for a, b, r in alike]
    shortest, longest = _window(courses)
    outside = [name for name, p in zip(names[3::2], rubber.p[3::2]) if not shortest <= np.exp(p) <= longest]
    if outside:
        said.append(f"Outside what the tests can see: {', '.join(outside)}.")
    said.append(f"Relaxation within {shortest:.2g} s, and beyond {longest:.2g} s, is not in these tests: what relaxes slower counts as network here, so that the equilibrium modulus of hours may be lower.")
    rates = [float(np.median(moving)) for each in courses if len(moving := _rates(each))]
    if max(rates) < 3 * min(rates):
        said.append(f"All at one strain rate (about {np.median(rates):.2g} 1/s): nothing tells a linear dashpot from a power law.")
    said.append(f"The bulk modulus and the temperature leave no trace in a bar that keeps its volume: {BULK_MODULUS / 1e3:g} GPa is assumed for a run.")
    return said


def _rates(each):
    rates = np.abs(np.diff(each.stretch) / np.diff(each.time))
    return rates[rates > 0.1 * rates.max()]


def material(rubber: Rubber, courses: list[Course], source: str) -> str:
    """The lines of a material file. Raises LabError where they would be no material."""
    from ..materials import resolve
    from ..reading import StudyError, to_yaml

    rate = np.median(np.concatenate([_rates(each) for each in courses]))
    how = f"fitted to tests of {max(each.time[-1] for each in courses):.3g} s at about {rate:.2g} 1/s, stretches {min(each.stretch.min() for each in courses):.3g} to {max(each.stretch.max() for each in courses):.3g}"

    def known(value, unit, conditions=how):
        low, high = value.interval
        made = {"value": f"{value.value:.4g} {unit}" if unit else float(f"{value.value:.4g}")}
        if np.isfinite(high) and high - low < value.value:
            half = f"{0.5 * (high - low):.2g}"
            made["uncertainty"] = f"{half} {unit}" if unit else float(half)
        return made | {"source": source, "conditions": f"{conditions}; 95 % interval {low:.4g} to {high:.4g}" + (f" {unit}" if unit else "")}

    found = rubber.values()
    limit = found["limit stretch"]
    if not np.isfinite(limit.value):  # so far off that nothing of it is felt
        limit = replace(limit, value=10 * max(each.stretch.max() for each in courses))
    names = rubber.names()
    lines = {
        "title": "Viscoelastic law fitted to recorded loops",
        "law": "viscoelastic",
        "network_modulus": known(found["network modulus"], "MPa"),
        "limit_stretch": known(limit, "", how if np.isfinite(found["limit stretch"].value) else f"{how}; no end of the chains was seen, far above the interval's lower end is chosen"),
        "branches": {
            f"branch-{k + 1}": {"modulus": known(found[names[2 + 2 * k]], "MPa"), "relaxation_time": known(found[names[3 + 2 * k]], "s")}
            for k in range(rubber.branches)
        },
        "bulk_modulus": {"value": f"{BULK_MODULUS / 1e3:g} GPa", "source": "assumed", "conditions": "not seen by these tests; most polymers and liquids have 1 to 3 GPa"},
    }
    try:
        resolve("measured", {"measured": lines}, Path())
    except StudyError as error:
        raise LabError(error.faults[0].removeprefix("materials.measured.")) from None
    return to_yaml(lines)
