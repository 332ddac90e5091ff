"""Tensile and compressive tests: the energy of hysteresis loops, residual strain, strength, break and healing.

Stress and strain are work conjugate: the work per initial volume is the integral of nominal stress over nominal strain,
and, at constant volume, of true stress over true strain too. Strains are fractions, stresses MPa, so work is in MJ/m^3.
The loss coefficient is that of Pan et al., Nat. Commun. 15 (2024), doi 10.1038/s41467-024-46472-9: energy dissipated over
energy put in (its Fig. 2f), which lies between 0 and 1; not the one with 2 pi and the stored energy below.
"""

from dataclasses import dataclass, replace

import numpy as np

from .analysis import Analysis, LabError, Value
from .signals import NOISE_FACTOR, SHARE, noise, smallest_reversal, turning_points

REVERSED = 0.25  # a test is reversed where it goes this share of its height to the other side of its start
BROKEN, HALF = 0.1, 0.5  # break: the stress falls below a tenth for good; the last sample above half is its place
EVEN = 0.3  # times are used where no interval is shorter than this share of the median one
CLEAR = 3.0  # standard deviations above which a stress is not zero
NEAR_ZERO = 0.1  # share of a loop's peak stress below which the unloading is followed to zero stress ...
FOLLOWED, THINNED = 10, 250  # ... with so many samples at least, and at most
POWERS = np.array([1.0, 1.5, 2.0, 3.0, 4.0, 6.0])  # of the distance from zero stress
ALIKE = 1.2  # loops whose heights differ by more are not averaged
ROUGH = 10  # samples below which a loop is called rough


@dataclass(frozen=True)
class MechanicalTest:
    """A recording: strain (n,) a fraction, stress (n,) MPa, time (n,) s or None; `measure` says which they are."""

    name: str
    strain: np.ndarray
    stress: np.ndarray
    time: np.ndarray | None = None
    measure: str = "nominal"

    def true(self):
        """The same test in true stress and true strain, at constant volume and without a neck. Raises LabError."""
        if np.any(self.strain <= -1):
            raise LabError(f"{self.name}: a strain of -100 % or less leaves nothing of the specimen; check the unit of the strain")
        return replace(self, strain=np.log1p(self.strain), stress=self.stress * (1 + self.strain), measure="true, at constant volume")


@dataclass(frozen=True)
class Loop:
    """One loop; `first` and `last` are samples. Strains are fractions, stress MPa, work MJ/m^3 of the initial volume."""

    first: int
    peak: int
    last: int
    peak_strain: float
    peak_stress: float
    end_strain: float
    put_in: float
    given_back: float
    u_dissipated: float
    loss: float
    u_loss: float
    residual: float  # strain at which the unloading reaches zero stress, nan where it does not
    u_residual: float
    chord: float  # work along the straight line from the loop's end back to its beginning

    @property
    def dissipated(self):
        return self.put_in - self.given_back


@dataclass(frozen=True)
class Outcome:
    """What one test gives: its loops, and how far it went. Samples from `end` on lie behind a break."""

    test: MechanicalTest
    loops: list[Loop]
    kind: str  # "pulsating", "reversed" or "monotonic"
    sense: int  # 1 where the strain first rises, -1 where it falls
    end: int
    broke: bool
    strength: float
    u_strength: float
    longest: float  # the strain at break, or the largest one
    u_longest: float
    work: float  # of the whole loading, for a monotonic test
    smallest: float  # reversal of strain that counts
    unfinished: bool


def evaluate(test: MechanicalTest) -> Outcome:
    """Find the loops of a test and what they cost; find its strength and its break.

    Raises LabError: too short, no change of strain, stress and strain counted in opposite senses.
    """
    strain, stress = test.strain, test.stress
    if len(strain) < 8:
        raise LabError(f"{test.name}: {len(strain)} samples with both strain and stress, at least 8 are needed")
    if np.ptp(strain) == 0 or np.ptp(stress) == 0:
        raise LabError(f"{test.name}: the {'strain' if np.ptp(strain) == 0 else 'stress'} never changes: check which columns are read")
    u_strain, u_stress = noise(strain), noise(stress)
    end, broke = _break(strain, stress, u_strain, u_stress)
    strain, stress = strain[:end], stress[:end]
    time = None if test.time is None else test.time[:end]
    if end < 4:
        raise LabError(f"{test.name}: the stress is gone after {end} samples: there is nothing before the break")
    smallest = smallest_reversal(strain)
    turns = turning_points(strain, smallest)
    sense = 1 if strain[turns[1]] > strain[turns[0]] else -1
    strain, stress = sense * strain, sense * stress  # the first loading goes up; work keeps its sign

    steps, sampling = work_steps(strain, stress, time, turns)
    cuts, peaks, kind = _cuts(strain, turns)
    unfinished = kind != "monotonic" and not broke and np.ptp(strain[cuts[-1] :]) > REVERSED * np.ptp(strain)
    corners = np.unique(np.concatenate([turns, cuts]))
    found = []
    for first, peak, last in zip(cuts, peaks, cuts[1:]):
        found.append(_loop(strain, stress, steps, sampling, corners, (first, peak, last), (u_strain, u_stress), kind, sense))
    total = sum(loop.dissipated for loop in found) if found else steps.sum()
    if total < 0:
        raise LabError(f"{test.name}: the test gives work back instead of taking it up: stress and strain are counted in opposite senses; turn one round with --flip")
    largest = int(np.argmax(np.abs(stress)))
    return Outcome(
        test, found, kind, sense, end, broke,
        strength=float(sense * stress[largest]), u_strength=u_stress,
        longest=float(sense * (strain[-1] if broke else strain[np.argmax(np.abs(strain))])), u_longest=u_strain,
        work=float(steps.sum()), smallest=smallest, unfinished=unfinished,
    )


def work_steps(strain, stress, time, turns):
    """Work between neighbouring samples (n - 1,) and what the trapezoidal rule makes of it, both MJ/m^3.

    Between two turning points strain and stress are cubic splines of time, or of the number of the sample where there is
    no time or its intervals differ much; work is the exact integral along them. (The trapezoidal rule cuts the corners
    of a convex loop: of an ellipse of N samples it misses 6.6/N^2.)
    """
    trapezoid = (stress[1:] + stress[:-1]) / 2 * np.diff(strain)
    steps = trapezoid.copy()
    for first, last in zip(turns, turns[1:]):
        if last - first >= 4:
            steps[first:last] = _along(strain[first : last + 1], stress[first : last + 1], None if time is None else time[first : last + 1])
    return steps, trapezoid


def _along(strain, stress, time):
    from scipy.interpolate import CubicSpline

    place = np.arange(len(strain), dtype=float)
    if time is not None:
        intervals = np.diff(time)
        if intervals.min() > EVEN * np.median(intervals):
            place = time
    curve = CubicSpline(place, np.column_stack([strain, stress]))
    nodes, weights = np.polynomial.legendre.leggauss(3)  # exact for the fifth degree of stress times strain rate
    half = np.diff(place)[:, None] / 2
    at = place[:-1, None] + half * (nodes + 1)
    return (curve(at)[..., 1] * curve(at, 1)[..., 0] * weights * half).sum(axis=1)


def _break(strain, stress, u_strain, u_stress):
    """(samples up to the break, True), or (all samples, False).

    In a break the stress falls below a tenth of its maximum for good while the strain does not go back; in an unloading
    the strain goes back.
    """
    sense = 1 if abs(stress.max()) >= abs(stress.min()) else -1
    pull, stretch = sense * stress, sense * strain
    low = BROKEN * pull.max()
    loaded = np.flatnonzero(pull >= low)
    if low / 2 < CLEAR * u_stress or loaded[-1] == len(pull) - 1:
        return len(pull), False
    gone = loaded[-1] + 1
    slack = np.flatnonzero(pull[:gone] < low / 2)  # half: noise at `low` itself begins no new loading
    begin = slack[-1] + 1 if len(slack) else 0  # the last time under load
    high = np.flatnonzero(pull[begin:gone] >= HALF * pull[begin:gone].max())[-1] + begin
    if stretch[gone] < stretch[high] - max(CLEAR * np.sqrt(2) * u_strain, 1e-9 * np.ptp(strain)):
        return len(pull), False
    return high + 1, True


def _cuts(strain, turns):
    """Samples between which the loops lie, the peak of each loop, and the kind of test.

    A pulsating test is cut at its valleys; a reversed one, which goes to the other side of its start as well, where it
    comes up through the strain it started from.
    """
    peaks, valleys = turns[1::2], turns[::2]
    if len(turns) < 3:
        return turns[:1], turns[:0], "monotonic"
    start = strain[0]
    if np.median(start - strain[valleys[1:]]) <= REVERSED * np.median(strain[peaks] - start):
        return valleys, peaks[: len(valleys) - 1], "pulsating"
    cuts = [turns[0]]
    for valley, after in zip(valleys[1:], [*turns[3::2], None]):
        if after is not None:  # on its way up
            cuts.append(valley + int(np.argmin(np.abs(strain[valley : after + 1] - start))))
    return np.array(cuts), peaks[: len(cuts) - 1], "reversed"


def _loop(strain, stress, steps, trapezoid, corners, at, noises, kind, sense):
    first, peak, last = at
    u_strain, u_stress = noises
    put_in = given_back = 0.0
    edges = corners[(corners >= first) & (corners <= last)]
    for a, b in zip(edges, edges[1:]):
        # Along one branch the work first falls while the specimen gives back, then rises once the stress has turned.
        work = np.concatenate([[0.0], np.cumsum(steps[a:b])])
        given_back -= work.min()
        put_in += work[-1] - work.min()
    if kind == "reversed":
        put_in += _stub(strain, stress, last) - _stub(strain, stress, first)
    sampling = steps[first:last].sum() - trapezoid[first:last].sum()
    u_work = np.hypot(_spread(strain[first : last + 1], stress[first : last + 1], u_strain, u_stress), sampling)
    dissipated = put_in - given_back
    up, down = (_spread(strain[a : b + 1], stress[a : b + 1], 0.0, u_stress) for a, b in ((first, peak), (peak, last)))
    # Both parts end at the same sample of the peak: its strain's error is theirs together.
    shared = stress[peak] * u_strain * dissipated / put_in
    u_loss = np.sqrt(down**2 + (given_back / put_in * up) ** 2 + shared**2 + sampling**2) / put_in if put_in > 0 else np.nan
    residual, u_residual = _zero_stress(strain[peak : last + 1], stress[peak : last + 1], stress[peak], u_strain, u_stress) if kind == "pulsating" else (np.nan, np.nan)
    return Loop(
        int(first), int(peak), int(last),
        peak_strain=float(sense * strain[peak]), peak_stress=float(sense * stress[first : last + 1].max()), end_strain=float(sense * strain[last]),
        put_in=float(put_in), given_back=float(given_back), u_dissipated=float(u_work),
        loss=float(dissipated / put_in) if put_in > 0 else np.nan, u_loss=float(u_loss),
        residual=sense * residual, u_residual=u_residual,
        chord=float((stress[last] + stress[first]) / 2 * (strain[first] - strain[last])),
    )


def _stub(strain, stress, cut):
    """The work from the sample of a cut to the strain the test began with, where that is as near as the neighbours are."""
    beside = strain[max(cut - 1, 0) : cut + 2]
    return stress[cut] * (strain[0] - strain[cut]) if abs(strain[0] - strain[cut]) <= np.ptp(beside) else 0.0


def _spread(strain, stress, u_strain, u_stress):
    """Standard deviation of the trapezoidal integral of stress over strain from independent noise in both."""

    def weights(y):
        middle = np.concatenate([y[:1], y, y[-1:]])
        return (middle[2:] - middle[:-2]) / 2

    by_strain = -weights(stress)
    by_strain[0] -= stress[0]
    by_strain[-1] += stress[-1]
    return float(np.sqrt(u_stress**2 * np.sum(weights(strain) ** 2) + u_strain**2 * np.sum(by_strain**2)))


def _zero_stress(strain, stress, peak, u_strain, u_stress):
    """(strain, its standard uncertainty) at which an unloading from stress `peak` reaches zero; nan where it does not.

    Below a tenth of the peak (over the last ten samples where fewer are below) the stress is fitted by zero up to some strain
    e and by powers of x - e beyond it, with factors that are not negative: straight and rounded approaches, and a specimen
    that goes slack. Mean and standard deviation over all e, each as likely as its fit is; where the approach is rounded its
    shape is a guess, so that half the way from where a straight line would lead counts as uncertainty too.
    """
    from scipy.optimize import nnls

    clear = max(CLEAR * u_stress, 1e-6 * peak)
    low = np.flatnonzero(stress <= NEAR_ZERO * peak)
    if peak <= 0 or not len(low) or low[0] == 0 or not np.any(stress[low] <= clear):
        return np.nan, np.nan
    through = np.flatnonzero(stress < -2 * clear)  # beyond what noise does once in many samples
    last = through[0] + 1 if len(through) else len(strain)  # pushed back beyond zero it is not slack
    first = max(min(low[0] - 1, last - FOLLOWED), 0)  # a coarse record is followed further up: few points and noise tell no zero
    x, y = strain[first:last], stress[first:last]
    if len(x) < FOLLOWED:
        i = np.flatnonzero(y <= clear)[0]
        return float(np.interp(0.0, y[i - 1 : i + 1][::-1], x[i - 1 : i + 1][::-1])), float(abs(x[i] - x[i - 1]) / np.sqrt(3))
    if len(x) > THINNED:
        chosen = np.linspace(0, len(x) - 1, THINNED).astype(int)
        x, y = x[chosen], y[chosen]
    scale = np.ptp(x)

    def misfit(e):
        return nnls((np.maximum(x - e, 0) / scale)[:, None] ** POWERS, y, maxiter=1000)[1] ** 2

    top = np.sort(x)[-3]  # beyond it nothing is left to fit
    tried = np.linspace(x.min(), top, 61)
    for _ in range(3):
        squares = np.array([misfit(e) for e in tried])
        variance = max(squares.min() / max(len(x) - 1 - len(POWERS), 1), u_stress**2, 1e-18 * peak**2)
        weights = np.exp(-(squares - squares.min()) / (2 * variance))
        mean = float(weights @ tried / weights.sum())
        spread = float(np.sqrt(weights @ (tried - mean) ** 2 / weights.sum()))
        step = tried[1] - tried[0]
        if spread > 1.5 * step:
            break
        tried = np.linspace(max(mean - 5 * max(spread, step), x.min()), min(mean + 5 * max(spread, step), top), 41)
    floor = max(clear, 0.01 * peak)
    low = (y >= floor) & (y <= 3 * floor)
    straight = np.polyval(np.polyfit(y[low], x[low], 1), 0.0) if low.sum() >= 3 else mean
    return mean, float(np.sqrt(max(spread, step / np.sqrt(12)) ** 2 + u_strain**2 + ((straight - mean) / 2) ** 2))


# --- analyses --------------------------------------------------------------------------------------


def loops(tests: list[MechanicalTest], healed: list[MechanicalTest] = (), choices=None) -> Analysis:
    """Loops, strength, break and healing of tests: one `Analysis` of kind "loops".

    tests: of one material, a test a specimen; healed: tests of cut and healed specimens. With several tests the
    values are means over them and their uncertainty that of the mean. Raises LabError.
    """
    outcomes = [evaluate(test) for test in tests]
    mended = [evaluate(test) for test in healed]
    values, notes = {}, []
    _loop_values(values, outcomes)
    _end_values(values, outcomes)
    tables = {}
    if any(outcome.loops for outcome in outcomes):
        tables["loops"] = _loop_table(outcomes)
    tables["tests"] = _test_table(outcomes + mended, len(outcomes))
    if mended:
        values |= healing(outcomes, mended)
    for outcome in outcomes + mended:
        notes += _remarks(outcome)
    curves = {"outcomes": outcomes, "healed": mended}
    return Analysis("loops", values, tables, (choices or {}) | _choices(outcomes + mended), notes, curves=curves)


def _mean(parts, unit):
    """Mean of (value, uncertainty) pairs: with several, the uncertainty is the standard error from their scatter."""
    numbers = np.array([value for value, _ in parts if np.isfinite(value)])
    if not len(numbers):
        return None
    if len(numbers) == 1:
        spread = next(u for value, u in parts if np.isfinite(value))
        return Value(float(numbers[0]), unit, float(spread) if np.isfinite(spread) else None)
    return Value(float(numbers.mean()), unit, float(numbers.std(ddof=1) / np.sqrt(len(numbers))))


_PER_LOOP = (
    ("dissipated energy", "MJ/m^3", lambda loop: (loop.dissipated, loop.u_dissipated)),
    ("loss coefficient", "", lambda loop: (loop.loss, loop.u_loss)),
    ("residual strain", "%", lambda loop: (100 * loop.residual, 100 * loop.u_residual)),
)


def _loop_values(values, outcomes):
    most = max(len(outcome.loops) for outcome in outcomes)
    heights = [abs(loop.peak_strain - outcome.test.strain[0]) for outcome in outcomes for loop in outcome.loops]
    for name, unit, of in _PER_LOOP if most else ():
        first = _mean([of(outcome.loops[0]) for outcome in outcomes if outcome.loops], unit)
        if first is not None:
            values[name if most == 1 else f"{name}, first loop"] = first
        if most == 1:
            continue
        if max(heights) > ALIKE * min(heights):
            later = _mean([of(outcome.loops[-1]) for outcome in outcomes if outcome.loops], unit)
        else:
            means = [_mean([of(loop) for loop in outcome.loops[1:]], unit) for outcome in outcomes]
            later = _mean([(mean.value, mean.uncertainty if mean.uncertainty is not None else np.nan) for mean in means if mean is not None], unit)
        if later is not None:
            values[f"{name}, {'last loop' if max(heights) > ALIKE * min(heights) else 'later loops'}"] = later


def _end_values(values, outcomes):
    broken = [outcome for outcome in outcomes if outcome.broke]
    if broken:
        values["strength"] = _mean([(outcome.strength, outcome.u_strength) for outcome in broken], "MPa")
        values["elongation at break"] = _mean([(100 * outcome.longest, 100 * outcome.u_longest) for outcome in broken], "%")
        whole = [outcome for outcome in broken if outcome.kind == "monotonic"]
        if whole:
            values["work to break"] = _mean([_toughness(outcome) for outcome in whole], "MJ/m^3")
    else:
        values["largest stress"] = _mean([(outcome.strength, outcome.u_strength) for outcome in outcomes], "MPa")
        values["largest strain"] = _mean([(100 * outcome.longest, 100 * outcome.u_longest) for outcome in outcomes], "%")


def _toughness(outcome):
    strain, stress = outcome.test.strain[: outcome.end], outcome.test.stress[: outcome.end]
    return outcome.work, _spread(strain, stress, outcome.u_longest, outcome.u_strength)


def healing(pristine: list[Outcome], healed: list[Outcome]) -> dict[str, Value]:
    """Healing efficiencies: strength, elongation at break and work to break of the healed over those of the pristine.

    Raises LabError where a test did not break, or is not a single pull.
    """
    for outcome in [*pristine, *healed]:
        if not outcome.broke or outcome.kind != "monotonic":
            raise LabError(f"{outcome.test.name}: healing compares single pulls to break, and this {'did not break' if not outcome.broke else 'holds loops'}")
    made = {}
    for name, of in (
        ("strength", lambda outcome: (outcome.strength, outcome.u_strength)),
        ("elongation at break", lambda outcome: (outcome.longest, outcome.u_longest)),
        ("work to break", _toughness),
    ):
        new, old = _mean([of(outcome) for outcome in healed], ""), _mean([of(outcome) for outcome in pristine], "")
        share = new.value / old.value
        made[f"healing efficiency, {name}"] = Value(100 * share, "%", 100 * abs(share) * np.hypot(new.uncertainty / new.value, old.uncertainty / old.value))
    return made


def _loop_table(outcomes):
    rows = [(outcome.test.name, number, loop) for outcome in outcomes for number, loop in enumerate(outcome.loops, 1)]
    several = len(outcomes) > 1
    part = lambda of: [of(loop) for *_, loop in rows]  # noqa: E731
    return ({"test": [name for name, *_ in rows]} if several else {}) | {
        "loop []": [number for _, number, _ in rows],
        "peak strain [%]": part(lambda loop: 100 * loop.peak_strain),
        "peak stress [MPa]": part(lambda loop: loop.peak_stress),
        "end strain [%]": part(lambda loop: 100 * loop.end_strain),
        "put in [MJ/m^3]": part(lambda loop: loop.put_in),
        "given back [MJ/m^3]": part(lambda loop: loop.given_back),
        "dissipated [MJ/m^3]": part(lambda loop: loop.dissipated),
        "u(dissipated) [MJ/m^3]": part(lambda loop: loop.u_dissipated),
        "loss coefficient []": part(lambda loop: loop.loss),
        "u(loss coefficient) []": part(lambda loop: loop.u_loss),
        "residual strain [%]": part(lambda loop: 100 * loop.residual),
        "u(residual strain) [%]": part(lambda loop: 100 * loop.u_residual),
        "closing chord [MJ/m^3]": part(lambda loop: loop.chord),
    }


def _test_table(outcomes, pristine):
    return {
        "test": [outcome.test.name for outcome in outcomes],
        "state": ["as made" if i < pristine else "healed" for i in range(len(outcomes))],
        "kind": [outcome.kind for outcome in outcomes],
        "loops []": [len(outcome.loops) for outcome in outcomes],
        "broke": ["yes" if outcome.broke else "no" for outcome in outcomes],
        "largest stress [MPa]": [outcome.strength for outcome in outcomes],
        "strain at break, or largest [%]": [100 * outcome.longest for outcome in outcomes],
    }


def _remarks(outcome):
    name = outcome.test.name
    if not outcome.broke and outcome.kind == "monotonic":
        yield f"{name}: no break was found (the stress never fell for good while the strain went on); the largest strain is a lower bound of the elongation at break"
    if outcome.unfinished:
        yield f"{name}: the record goes on after the last whole loop; that part is in no loop"
    if any(loop.u_dissipated > 1e-2 * loop.dissipated for loop in outcome.loops):
        yield f"{name}: noise or wide sampling makes a loop's energy uncertain by more than 1 %"
    rough = [number for number, loop in enumerate(outcome.loops, 1) if loop.last - loop.first < ROUGH]
    if rough:
        yield f"{name}: loop{'s' if len(rough) > 1 else ''} {', '.join(map(str, rough))}: fewer than {ROUGH} samples, their energy is rough"
    opened = [number for number, loop in enumerate(outcome.loops, 1) if outcome.kind == "pulsating" and not np.isfinite(loop.residual)]
    if opened:
        yield f"{name}: loop{'s' if len(opened) > 1 else ''} {', '.join(map(str, opened))}: the stress does not come back to zero, so there is no residual strain"


def _choices(outcomes):
    return {
        "work": "per initial volume; integral of stress over strain along the samples, by cubic splines between turning points",
        "dissipated energy": "work put in less work given back between a loop's beginning and its end; the loop is not closed by a line (the table has the closing chord's work apart)",
        "loss coefficient": "dissipated energy over work put in (Pan et al. 2024)",
        "residual strain": f"where the unloading reaches zero stress, by a fit to the stresses below {100 * NEAR_ZERO:g} % of the peak, or to the last {FOLLOWED} samples where fewer are below: zero up to that strain, powers 1 to 6 beyond",
        "healing efficiency": "healed over as made, of strength, elongation at break and work to break; Pan et al. 2024 print the strengths and elongations, not the ratio",
        "loops begin": "at the valleys of a pulsating test, at the starting strain on the way up of a reversed one",
        "reversed test": f"goes {100 * REVERSED:g} % of its height to the other side of its start",
        "smallest reversal of strain": f"{NOISE_FACTOR:g} standard deviations of the noise or {100 * SHARE:g} % of the range: {', '.join(f'{100 * outcome.smallest:.3g} %' for outcome in outcomes)}",
        "break": f"the stress falls below {100 * BROKEN:g} % of its maximum for good while the strain does not go back; placed at the last sample above {100 * HALF:g} %",
        "uncertainty": "noise of stress and strain and the effect of sampling; of means over loops or tests their scatter; not that of the specimen's dimensions or the load cell",
        "strain and stress": outcomes[0].test.measure,
    }
