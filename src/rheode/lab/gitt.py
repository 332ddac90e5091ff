"""Galvanostatic intermittent titration: pulses found, judged, and turned into chemical diffusivities.

Weppner and Huggins (J. Electrochem. Soc. 124 (1977) 1569): a short pulse of duration tau moves the voltage along sqrt(t), and

    D = 4/pi (V/A)^2 [(dEs/tau) / (dE/dsqrt(t))]^2 = 4/(pi tau) (m V_m/(M A))^2 (dEs/dEt)^2,

V/A the volume of the active material over the area through which it is filled; spheres of radius R have V/A = R/3, so
D = 4/(9 pi) R^2 [...]^2. That straight line holds for t << R^2/D only: fitted over t it gives a D of a sphere that is too
low by about 1.8 sqrt(D t/R^2), 30 % at t = 0.03 R^2/D. The diffusivity reported here is therefore that of the whole
response of the body, of which the square root is the beginning: the surface composition q_s(t) of a sphere (or film)
under constant current, read on the equilibrium curve E(q) that the rests themselves trace,

    E(t) = E(q_s(t; D)) + constant,

with D and the constant fitted. It needs neither a straight E(q) nor a short pulse. The straight line is reported beside it.
"""

from dataclasses import dataclass, field

import numpy as np

from .analysis import Analysis, LabError, Value
from .diffusion import FACE, SHAPES, left_over, surface_lead

RESTING = 0.005  # a current below this share of the largest is rest
STEADY = 0.02  # a pulse's current stays within this share of its median
START = 0.05  # the fit begins after this share of its window: double layers and charge transfer come first
REACH = 0.5  # and ends after this many l^2/D: later the surface follows the mean and says nothing about D
STRAIGHT = 0.02  # largest departure from a straight line in sqrt(t), share of the rise
SPAN = 2.25  # a straight line is one over this factor of time at least
MISFIT = 0.02  # largest r.m.s. departure from the fitted response, share of the rise
SHORT = 4.0  # a pulse may last this many l^2/D at most: little of it lies before REACH then
RELAXED = 0.05  # largest drift that is left after a rest, share of dEs
COMPLETE = 0.9  # a pulse shorter than this share of the median one was cut off
CLEAR = 5.0  # dEs is different from 0 where it exceeds this many of its standard uncertainties
KINETIC = 0.25  # largest change of the overpotential from pulse to pulse, share of dEs
UNCERTAIN = 0.3  # largest standard uncertainty of ln D
BINS, FEWEST = 60, 8  # means over equal steps of sqrt(t); as few as that carry a fit
SAMPLE, CLEARLY = 7, 0.7  # pulses, and the share of their misfit, by which it is told what a record's time means
SEARCH = (1e-5, 1e2)  # D tau/l^2 between which D is sought


@dataclass(eq=False)
class Pulse:
    """A current pulse and the rests around it, as indices into the recording, and what was found of it.

    Rest before: first..start, pulse: start..stop, rest after: stop..last (each without its end). Voltages in V, times in s,
    charges in A s, `rate` is D/l^2 in 1/s, `log_u` the standard uncertainty of ln D.
    """

    first: int
    start: int
    stop: int
    last: int
    current: float = np.nan
    begin: float = np.nan
    duration: float = np.nan
    interval: float = np.nan
    charge: float = np.nan
    before: float = np.nan
    after: float = np.nan
    u_step: float = np.nan
    window: tuple = (np.nan, np.nan)
    rate: float = np.nan
    log_u: float = np.nan
    offset: float = np.nan
    misfit: float = np.nan
    straight: tuple = (np.nan, np.nan)
    slope: float = np.nan
    r2: float = np.nan
    straight_rate: float = np.nan
    reasons: list = field(default_factory=list)

    @property
    def step(self):
        return self.after - self.before


def length_of(volume: float, area: float, shape: str = "sphere") -> float:
    """l of the volume/area form, in volume/area's unit: 3 V/A, the radius of spheres of that area, or V/A of a film."""
    return FACE[shape] * volume / area


def analyse(time, voltage, current, length: float | None = None, shape: str = "sphere", window=None, rest_below: float | None = None) -> Analysis:
    """Diffusivity of every titration pulse in a recording.

    time (n,) s, increasing; voltage (n,) V of one electrode against a reference or a counter electrode that stays put;
    current (n,) A, charge positive. length: radius of the spheres, or thickness of the film [um]; None leaves D/l^2.
    window: (from, to) in s after the start of a pulse, used instead of the automatic one. rest_below: current [A] below
    which the cell rests. Raises LabError.
    """
    if shape not in SHAPES:
        raise LabError(f"shape: got {shape!r}, expected one of {', '.join(SHAPES)}")
    time, voltage, current = _cleaned(time, voltage, current)
    threshold = RESTING * np.abs(current).max() if rest_below is None else rest_below
    pulses = find_pulses(time, current, threshold)
    if not pulses:
        raise LabError(f"no pulse was found: no current above {threshold:.3g} A with a rest on either side; GITT needs pulses separated by rests")
    for pulse in pulses:
        _levels(pulse, time, voltage)
    noise = _noise(voltage, pulses)
    opens = _opens(time, voltage, current, pulses, shape, window, noise)
    charge, curves = _fitted(time, voltage, current, pulses, opens, shape, window, noise)
    _judge(pulses, time, voltage, current, noise, shape)
    return _analysis(pulses, time, voltage, charge, curves, length, shape, window, threshold, opens)


def _cleaned(time, voltage, current):
    time, voltage, current = (np.asarray(a, dtype=float) for a in (time, voltage, current))
    whole = np.isfinite(time) & np.isfinite(voltage) & np.isfinite(current)
    time, voltage, current = time[whole], voltage[whole], current[whole]
    if len(time) < 10:
        raise LabError(f"got {len(time)} rows with time, voltage and current; a titration needs many more")
    if np.any(np.diff(time) < 0):
        raise LabError("the time goes backwards; give the total time of the test, not the time of its steps")
    if not np.any(current):
        raise LabError("the current is zero throughout; there is no pulse")
    return time, voltage, current


# --- pulses and what surrounds them ----------------------------------------------------------------


def find_pulses(time, current, threshold) -> list[Pulse]:
    """Every run of current of one sign, with the rests before and after it (empty where there is none)."""
    state = np.where(np.abs(current) > threshold, np.sign(current), 0.0)
    edges = np.concatenate([[0], np.flatnonzero(np.diff(state)) + 1, [len(state)]])
    runs = [(a, b) for a, b in zip(edges[:-1], edges[1:])]
    pulses = []
    for i, (a, b) in enumerate(runs):
        if state[a] == 0:
            continue
        rest = runs[i - 1][0] if i > 0 and state[runs[i - 1][0]] == 0 else a
        last = runs[i + 1][1] if i + 1 < len(runs) and state[runs[i + 1][0]] == 0 else b
        if rest == a and last == b:
            continue  # current without any rest: ordinary cycling
        pulses.append(Pulse(rest, a, b, last))
    return pulses


def _charges(time, current, pulses, opens):
    """Charge passed [A s] at each index; sets current, begin, duration and charge of the pulses.

    opens: records open their intervals, so the pulse begins with its first one, and ends up to an interval after its last;
    else they close them, and the interval before the first is the pulse's. No more than one of the pulse's own intervals is
    taken for that: rests may be recorded more seldom.
    """
    steps = np.diff(time) * (current[1:] + current[:-1]) / 2
    for pulse in pulses:
        part = slice(pulse.start, pulse.stop)
        pulse.current = float(np.median(current[part]))
        own = float(np.median(np.diff(time[part]))) if pulse.stop - pulse.start > 1 else 0.0
        before = min(time[pulse.start] - time[pulse.start - 1], own) if pulse.start and not opens else 0.0
        after = min(time[pulse.stop] - time[pulse.stop - 1], own) / 2 if pulse.stop < len(time) and opens else 0.0
        pulse.charge = float(np.trapezoid(current[part], time[part])) + pulse.current * (before + after)
        pulse.duration = abs(pulse.charge / pulse.current)
        pulse.begin = float(time[pulse.start] - before)
        pulse.interval = own
        if pulse.start:
            steps[pulse.start - 1] = pulse.current * before
        if pulse.stop < len(time):
            steps[pulse.stop - 1] = pulse.current * after
    return np.concatenate([[0.0], np.cumsum(steps)])


def _fitted(time, voltage, current, pulses, opens, shape, window, noise, chosen=None):
    """(charge passed [A s], curves to draw by the pulses' starts); fits all pulses, or those `chosen`."""
    charge, curves = _charges(time, current, pulses, opens), {}
    for segment in _segments(pulses):
        equilibrium = _equilibrium(segment, charge)
        for pulse in segment:
            if chosen is None or pulse in chosen:
                curves[pulse.start] = _fit(pulse, time, voltage, charge[max(pulse.start - 1, 0)], equilibrium, shape, window, noise)
    return charge, curves


def _opens(time, voltage, current, pulses, shape, window, noise):
    """Whether the recorder's records open their intervals: a few pulses fit clearly better so."""
    chosen = [pulses[i] for i in np.unique(np.linspace(0, len(pulses) - 1, SAMPLE).round().astype(int))]
    misfits = []
    for opens in (False, True):
        _fitted(time, voltage, current, pulses, opens, shape, window, noise, chosen)
        misfits.append([pulse.misfit for pulse in chosen])
    with np.errstate(divide="ignore", invalid="ignore"):
        better = np.array(misfits[1]) / np.array(misfits[0])
    better = better[np.isfinite(better)]
    return bool(len(better) and np.median(better) < CLEARLY)


def _levels(pulse, time, voltage):
    """Voltages at the ends of the rests: means over their last twentieth."""
    pulse.before, u_before = _level(time, voltage, pulse.first, pulse.start)
    pulse.after, u_after = _level(time, voltage, pulse.stop, pulse.last)
    pulse.u_step = float(np.hypot(u_before, u_after))


def _level(time, voltage, a, b):
    if b <= a:
        return np.nan, np.nan
    end = time[b - 1]
    part = voltage[a:b][time[a:b] >= end - 0.05 * (end - time[a])]
    resolution = _resolution(voltage[a:b])
    scatter = part.std(ddof=1) / np.sqrt(len(part)) if len(part) > 2 else 0.0
    return float(part.mean()), float(np.hypot(scatter, resolution / np.sqrt(12)))


def _resolution(values):
    """Smallest step between the values that occur."""
    steps = np.diff(np.unique(values[-2000:]))
    steps = steps[steps > 1e-9]
    return float(steps.min()) if len(steps) else 0.0


def _noise(voltage, pulses):
    """Standard deviation of a single voltage: from second differences inside the pulses."""
    found = [np.median(np.abs(np.diff(voltage[p.start : p.stop], 2))) for p in pulses if p.stop - p.start > 20]
    return float(np.median(found) / 0.6745 / np.sqrt(6)) if found else 0.0


def _segments(pulses):
    """Pulses that follow each other in one direction: their rests trace one equilibrium curve."""
    segments, sign, last = [], 0.0, None
    for pulse in pulses:
        if np.sign(pulse.current) != sign or last != pulse.first:
            segments.append([])
        segments[-1].append(pulse)
        sign, last = np.sign(pulse.current), pulse.stop
    return segments


def _equilibrium(segment, charge):
    """(E(q), lowest q, highest q) through the rests of a segment, shape-preserving between them and straight beyond; None
    without two rests."""
    from scipy.interpolate import PchipInterpolator

    nodes = {}
    for pulse in segment:
        middle = charge[pulse.start] if pulse.start == 0 else charge[pulse.start - 1]
        nodes[float(middle)] = pulse.before
        nodes[float(middle + pulse.charge)] = pulse.after
    q = np.array(sorted(nodes))
    E = np.array([nodes[x] for x in q])
    q, E = q[np.isfinite(E)], E[np.isfinite(E)]
    keep = np.concatenate([[True], np.diff(q) > 1e-6 * np.ptp(q)]) if len(q) > 1 else np.ones(len(q), bool)
    q, E = q[keep], E[keep]
    if len(q) < 2:
        return None
    curve = PchipInterpolator(q, E)
    ends = curve.derivative()(q[[0, -1]])

    def at(x):
        return curve(np.clip(x, q[0], q[-1])) + ends[0] * np.minimum(x - q[0], 0) + ends[1] * np.maximum(x - q[-1], 0)

    return at, q[0], q[-1]


# --- the response and the straight line ------------------------------------------------------------


def _fit(pulse, time, voltage, q0, equilibrium, shape, window, noise):
    """Sets rate, offset, misfit, window, straight line and log_u of a pulse that starts at the charge q0 [A s]; returns
    what a figure draws of it."""
    if equilibrium is None or pulse.stop - pulse.start < FEWEST or not np.isfinite(pulse.before):
        return None
    t, E = time[pulse.start : pulse.stop], voltage[pulse.start : pulse.stop]
    at, lowest, highest = equilibrium

    def fitted(end, at=at):
        span = window or (START * end, end)
        bins = _bins(t - pulse.begin, E, *span)
        return None if bins is None else (*_search(bins, pulse, q0, at, shape), bins, span)

    best = fitted(pulse.duration)
    if best is None:
        return None
    for _ in range(0 if window else 5):
        end = min(pulse.duration, REACH / best[0])
        if abs(end / best[5][1] - 1) < 0.05:
            break
        again = fitted(end)
        if again is None:
            break
        best = again
    pulse.rate, _, pulse.offset, curvature, bins, pulse.window = best
    root, mean, count = bins
    surface = q0 + pulse.current / pulse.rate * surface_lead(pulse.rate * root**2, shape)
    model = pulse.offset + at(surface)
    residual = mean - model
    rise = abs(mean[-1] - mean[0])
    pulse.misfit = float(np.sqrt(np.mean(residual**2)) / rise) if rise > 0 else np.inf
    others = [] if window else [fitted(pulse.window[1] / 2)]
    if not lowest <= surface[-1] <= highest:  # the surface runs beyond what the rests know of E(q): would a straight one matter?
        others.append(fitted(pulse.window[1], lambda q: pulse.step / pulse.charge * (q - q0)))
    spread = [np.log(other[0] / pulse.rate) / np.sqrt(3) for other in others if other is not None]
    pulse.log_u = float(np.sqrt(_log_u(residual, curvature) ** 2 + np.sum(np.square(spread)) + (pulse.interval / pulse.duration) ** 2 / 3))
    straight = _straight(bins, noise)
    if straight is not None:
        upto, intercept, pulse.slope, pulse.r2 = straight
        pulse.straight = (pulse.window[0], float(root[upto - 1] ** 2))
        pulse.straight_rate = float(4 / np.pi / FACE[shape] ** 2 * (pulse.step / pulse.duration / pulse.slope) ** 2)
    return {"root": np.sqrt(np.maximum(t - pulse.begin, 0.0)), "E": E, "fit root": root, "fit": model, "line": straight}


def _bins(t, E, low, high):
    """(sqrt t, mean E, records) of the records between low and high over equal steps of sqrt(t); None where too few."""
    inside = (t >= low) & (t <= high * (1 + 1e-9))
    if inside.sum() < FEWEST:
        return None
    x, y = np.sqrt(t[inside]), E[inside]
    place = np.minimum(((x - x[0]) / (x[-1] - x[0]) * BINS).astype(int), BINS - 1)
    count = np.bincount(place, minlength=BINS)
    filled = count > 0
    if filled.sum() < FEWEST:
        return None
    return tuple(np.bincount(place, weights=a, minlength=BINS)[filled] / count[filled] for a in (x, y)) + (count[filled],)


def _search(bins, pulse, q0, at, shape):
    """(D/l^2, r.s.s., offset, second derivative of the r.s.s. by ln D) of the best response."""
    from scipy.optimize import minimize_scalar

    root, mean, _ = bins

    def residual(log_rate):
        rate = np.exp(log_rate)
        return mean - at(q0 + pulse.current / rate * surface_lead(rate * root**2, shape))

    def rss(log_rate):
        r = residual(log_rate)
        return float(((r - r.mean()) ** 2).sum())

    grid = np.log(np.geomspace(*SEARCH, 57) / pulse.duration)
    sums = [rss(g) for g in grid]
    best = int(np.argmin(sums))
    near = minimize_scalar(rss, bounds=(grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]), method="bounded", options={"xatol": 1e-6})
    step = 0.02
    curvature = (rss(near.x + step) - 2 * near.fun + rss(near.x - step)) / step**2
    return float(np.exp(near.x)), near.fun, float(residual(near.x).mean()), curvature


def _log_u(residual, curvature):
    """Standard uncertainty of ln D from scatter; residuals that hang together count as fewer."""
    n = len(residual)
    if curvature <= 0 or n <= 2:
        return np.inf
    variance = (residual**2).sum() / (n - 2)
    scale = (residual**2).sum()
    together = float(np.clip((residual[1:] * residual[:-1]).sum() / scale, 0.0, 0.9)) if scale > 0 else 0.0
    return float(np.sqrt(2 * variance / curvature * (1 + together) / (1 - together)))


def _straight(bins, noise):
    """(bins used, intercept, slope, R^2) of the longest straight beginning of E over sqrt(t); None where none is."""
    root, mean, count = bins
    for upto in range(len(root), FEWEST - 1, -1):
        x, y = root[:upto], mean[:upto]
        if x[-1] ** 2 < SPAN * x[0] ** 2:
            return None
        slope, intercept = np.polyfit(x, y, 1)
        away = np.abs(y - intercept - slope * x)
        if np.all(away <= np.maximum(STRAIGHT * abs(slope) * (x[-1] - x[0]), 4 * noise / np.sqrt(count[:upto]))):
            total = ((y - y.mean()) ** 2).sum()
            return upto, float(intercept), float(slope), float(1 - (away**2).sum() / total) if total > 0 else 0.0
    return None


# --- the verdict -----------------------------------------------------------------------------------


def _judge(pulses, time, voltage, current, noise, shape):
    """Adds to each pulse the reasons for which it is refused; widens its uncertainty by what the rests leave open."""
    durations = np.array([p.duration for p in pulses if p.stop - p.start > 1])
    whole = float(np.median(durations)) if len(durations) else np.nan
    alike = len(durations) > 1 and np.mean(np.abs(durations / whole - 1) < 0.02) > 0.5  # a programme of equal pulses
    for pulse, change, bend in zip(pulses, _changes(pulses), _bends(pulses)):
        say = pulse.reasons.append
        if pulse.first == pulse.start:
            say("no rest before it")
        if pulse.last == pulse.stop:
            say("cut off: no rest after it")
        elif alike and pulse.duration < COMPLETE * whole:
            say(f"cut off after {pulse.duration:.3g} s of {whole:.3g} s")
        on = current[pulse.start : pulse.stop]
        if np.mean(np.abs(on / pulse.current - 1) > STEADY) > 0.02:
            say("the current is not constant")
        if not np.isfinite(pulse.step):
            continue
        step = abs(pulse.step)
        if step <= CLEAR * pulse.u_step or step == 0:
            say(f"dEs = {1e3 * pulse.step:.3g} mV is not clear of 0")
            continue
        if np.sign(pulse.step) != np.sign(pulse.current):
            say(f"dEs = {1e3 * pulse.step:.3g} mV has the wrong sign")
            continue
        drifts = [_drift(time, voltage, a, b, noise) for a, b in ((pulse.first, pulse.start), (pulse.stop, pulse.last))]
        for drift, name in zip(drifts, ("before", "after")):
            if drift > RELAXED * step:
                say(f"the rest {name} it is not relaxed: about {1e3 * drift:.2g} mV to go, dEs {1e3 * step:.3g} mV")
        if not np.isfinite(pulse.rate):
            say("too few records in the pulse")
            continue
        if not 2 * SEARCH[0] < pulse.rate * pulse.duration < SEARCH[1] / 2:
            say("no response of diffusion: any D fits or none")
            continue
        if pulse.rate * pulse.duration > SHORT:
            say(f"{pulse.duration:.3g} s is not short against l^2/D = {1 / pulse.rate:.2g} s")
        resting = (time[pulse.last - 1] - time[pulse.stop]) if pulse.last > pulse.stop else 0.0
        left = left_over(pulse.rate * pulse.duration, pulse.rate * resting, shape)
        if pulse.last > pulse.stop and left > RELAXED:
            say(f"the rest of {resting:.3g} s is short against l^2/D = {1 / pulse.rate:.2g} s: E is {100 * left:.0f} % of dEs away from equilibrium")
        if pulse.misfit > MISFIT:
            say(f"not the law of diffusion: {100 * pulse.misfit:.0f} % misfit")
        if change > KINETIC * step:
            say(f"the overpotential changes by {1e3 * change:.2g} mV from pulse to pulse, dEs {1e3 * step:.3g} mV")
        pulse.log_u = float(np.hypot(pulse.log_u, 2 / step * np.sqrt(pulse.u_step**2 + (max(drifts) ** 2 + change**2 + bend**2) / 3)))
        if pulse.log_u > UNCERTAIN:
            say(f"ln D is uncertain by {pulse.log_u:.2g}")
    physical = [bool(p.reasons) and not any(r.startswith(("cut off", "no rest")) for r in p.reasons) for p in pulses]
    for i, pulse in enumerate(pulses):
        beside = [physical[j] for j in (i - 1, i + 1) if 0 <= j < len(pulses)]
        if not pulse.reasons and len(beside) == 2 and all(beside):
            pulse.reasons.append("it stands alone between refused pulses: they do not resolve E(q) here")


def _changes(pulses):
    """By how much the overpotential differs from that of the next pulse (of the one before, for the last) [V]."""
    out = []
    for i, pulse in enumerate(pulses):
        others = [pulses[j].offset for j in (i + 1, i - 1) if 0 <= j < len(pulses) and np.sign(pulses[j].current) == np.sign(pulse.current)]
        others = [abs(offset - pulse.offset) for offset in others if np.isfinite(offset)]
        out.append(others[0] if others and np.isfinite(pulse.offset) else 0.0)
    return out


def _bends(pulses):
    """How far dEs is from what the neighbours' would have at its charge [V]: E(q) is not known better within a pulse."""
    slopes = np.array([pulse.step / pulse.charge for pulse in pulses])
    out = []
    for i, pulse in enumerate(pulses):
        beside = [slopes[j] for j in (i - 1, i + 1) if 0 <= j < len(pulses) and np.sign(pulses[j].current) == np.sign(pulse.current)]
        bend = abs((np.mean(beside) - slopes[i]) * pulse.charge) * (1.0 if len(beside) == 2 else 0.5) if beside else 0.0
        out.append(bend if np.isfinite(bend) else 0.0)
    return out


def _drift(time, voltage, a, b, noise):
    """Voltage that a rest still lacks [V]: its last two fifths followed as a geometric series."""
    if b - a < 4:
        return 0.0
    t, v = time[a:b], voltage[a:b]
    length = t[-1] - t[0]
    points = []
    for share in (0.6, 0.8, 1.0):
        near = v[np.abs(t - t[0] - share * length) <= 0.025 * length]
        points.append((near.mean(), noise / np.sqrt(len(near))) if len(near) else (np.interp(t[0] + share * length, t, v), noise))
    (v0, u0), (v1, u1), (v2, u2) = points
    earlier, later = v1 - v0, v2 - v1
    if abs(later) <= 3 * np.hypot(u1, u2) or later * earlier <= 0:
        return abs(later) if abs(later) > 3 * np.hypot(u1, u2) else 0.0
    ratio = min(later / earlier, 0.9)
    return float(abs(later) * ratio / (1 - ratio))


# --- the answer ------------------------------------------------------------------------------------


def _analysis(pulses, time, voltage, charge, curves, length, shape, window, threshold, opens):
    accepted = [p for p in pulses if not p.reasons]
    scale = 1.0 if length is None else 1e-8 * length**2  # um^2/s -> cm^2/s
    unit = "1/s" if length is None else "cm^2/s"
    name = "D/l^2" if length is None else "D"
    rates = np.array([p.rate for p in accepted])
    values = {"pulses found": Value(len(pulses)), "pulses accepted": Value(len(accepted))}
    if accepted:
        order = np.argsort(rates)
        said = "diffusivity" if length is not None else "D/l^2"
        for what, p in ((said, None), (f"{said}, lowest", accepted[order[0]]), (f"{said}, highest", accepted[order[-1]])):
            rate = float(np.median(rates)) if p is None else p.rate
            log_u = float(np.median([q.log_u for q in accepted])) if p is None else p.log_u
            values[what] = Value(scale * rate, unit, scale * rate * log_u)
    zero = charge[pulses[0].start - 1] if pulses[0].start else 0.0
    numbers = [i + 1 for i in range(len(pulses))]
    table = {
        "pulse": numbers,
        "start [h]": [p.begin / 3600 for p in pulses],
        "charge passed [mAh]": [_before(p, charge, zero) / 3.6 for p in pulses],
        "E rest [V]": [p.before for p in pulses],
        "duration [s]": [p.duration for p in pulses],
        "dEs [mV]": [1e3 * p.step for p in pulses],
        "fit from [s]": [p.window[0] for p in pulses],
        "fit to [s]": [p.window[1] for p in pulses],
        "misfit [%]": [100 * p.misfit for p in pulses],
        f"{name} [{unit}]": [scale * p.rate for p in pulses],
        f"u({name}) [{unit}]": [scale * p.rate * p.log_u for p in pulses],
        "verdict": ["refused" if p.reasons else "accepted" for p in pulses],
        "reason": ["; ".join(p.reasons) for p in pulses],
    }
    details = {
        "pulse": numbers,
        "current [mA]": [1e3 * p.current for p in pulses],
        "overpotential [mV]": [1e3 * p.offset for p in pulses],
        "D tau/l^2": [p.rate * p.duration for p in pulses],
        "straight from [s]": [p.straight[0] for p in pulses],
        "straight to [s]": [p.straight[1] for p in pulses],
        "slope [mV/s^0.5]": [1e3 * p.slope for p in pulses],
        "R^2": [p.r2 for p in pulses],
        f"{name} of the straight line, uncorrected [{unit}]": [scale * p.straight_rate for p in pulses],
    }
    choices = {
        "response": f"surface of a {shape} under constant current, read on E(q) of the rests (shape-preserving cubic)",
        "length l": "not given: D/l^2 is reported" if length is None else f"{length:.6g} um, " + {"sphere": "the radius of the particles, not their diameter", "film": "the thickness of the film"}[shape],
        "volume/area of the active material": "l/3" if shape == "sphere" else "l",
        "area": "that of the particles' surfaces; the geometric area of the electrode only for a dense film",
        "time of a record": "the beginning of its interval" if opens else "the end of its interval",
        "straight line": f"D = 4/pi (V/A)^2 (dEs/tau / slope)^2, V/A = l{'/3' if shape == 'sphere' else ''} (Weppner and Huggins 1977); low for a sphere by 1.8 sqrt(D t/l^2)",
        "rest below [A]": threshold,
        "window": f"{START:g} to 1 of the pulse, at most {REACH:g} l^2/D" if window is None else f"{window[0]:g} to {window[1]:g} s",
        "means over steps of sqrt(t)": BINS,
        "straight": f"within {STRAIGHT:g} of the rise, or the noise, over a factor {SPAN:g} of time",
        "accepted": f"misfit <= {MISFIT:g} of the rise, tau <= {SHORT:g} l^2/D, |dEs| > {CLEAR:g} u, drift left after rests <= {RELAXED:g} dEs, change of overpotential <= {KINETIC:g} dEs, u(ln D) <= {UNCERTAIN:g}, current within {STEADY:g}",
        "voltage": "taken for that of the working electrode: whatever moves at the other one enters D",
        "equilibrium voltage": "mean of the last twentieth of the rest",
        "reported": "the median of the accepted pulses, with the median of their uncertainties",
        "uncertainty": "scatter about the fit, fit of the first half of the window, a straight E(q) where the surface runs beyond the last rest, dEs with drift left, change of overpotential, the interval of recording; not that of l",
    }
    notes = []
    if not accepted:
        notes.append(f"no pulse was accepted; the first was refused because: {'; '.join(pulses[0].reasons)}")
    if length is None:
        notes.append("no radius and no volume and area were given: D/l^2 is reported, l the radius of the particles (the thickness of a film)")
    if accepted and max(p.rate * p.duration for p in accepted) > 0.03:
        notes.append(f"pulses last up to {max(p.rate * p.duration for p in accepted):.2g} l^2/D: the straight line in sqrt(t) underestimates D, the fitted response does not")
    chosen = _example(accepted or [p for p in pulses if p.start in curves and curves[p.start]], rates if accepted else None)
    drawn = {"time": time, "voltage": voltage, "pulses": pulses, "scale": scale, "name": name, "unit": unit, "shape": shape,
             "q": np.array(table["charge passed [mAh]"])}
    if chosen is not None and curves.get(chosen.start):
        drawn["example"] = (pulses.index(chosen) + 1, chosen, curves[chosen.start])
    return Analysis("gitt", values, {"pulses": table, "straight lines in sqrt(t)": details}, choices, notes, curves=drawn)


def _before(pulse, charge, zero):
    return float(charge[pulse.start - 1] - zero) if pulse.start else 0.0


def _example(pulses, rates):
    if not pulses:
        return None
    return pulses[0] if rates is None else pulses[int(np.argsort(rates)[len(rates) // 2])]
