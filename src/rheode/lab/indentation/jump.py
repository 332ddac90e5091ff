"""`rheode lab jump`: strain-rate jumps within one indent, H and strain rate of each part, m and the creep exponent.

Xiong et al. 2024, Methods and Eqs 5-7. A jump shows as a kink in ln P over time: within a part Pdot/P is constant,
whether the instrument controls the load or the depth. Each part is judged by its later share, in which the
hardness has followed the jump. Strain rate and hardness are means over the same points with the same weights, so
that m is right even where the hardness still follows.
"""

from dataclasses import dataclass

import numpy as np

from ..analysis import Analysis, LabError, Value
from .batches import RULE, mean, outliers
from .hardness import loading, reduced_modulus
from .law import Assumptions, law_of, stress_of, values_of, variants
from .oliver_pharr import NM, contact_depth, evaluate
from .preparing import Prepared
from .sensitivity import Sensitivity, fit

BEGIN = 0.1  # share of the largest depth before which no jump is looked for
SMALLEST = 1.3  # ratio of neighbouring rates that counts as a jump
SETTLE = 0.4  # share of the depth of each part that is left out after its jump
SLIVER = 0.25  # of the depth of the median part: what is shorter is the jump itself, not a part
BINS = 500  # places at which a jump may be
FEWEST = 4  # points of a part
SHARED = 8.0  # points' worth of the noise of all parts in that of each
HARDNESS = ("modulus", "stiffness")


@dataclass(frozen=True)
class Part:
    """One part of constant rate: where it lies in the indent, and which of its points count."""

    begin: int
    end: int
    counted: slice


def parts(time, depth, load, begin=BEGIN, smallest=SMALLEST, settle=SETTLE) -> list[Part]:
    """The parts of constant Pdot/P of a loading in contact; arrays of shape (n,), indices into them.

    time [s], depth [um], load [mN] of the loading alone. begin: share of the largest depth before which nothing counts;
    smallest: ratio of rates that counts as a jump; settle: share of the depth of a part that is left out after its jump.
    """
    start = int(np.argmax(depth > begin * depth.max()))
    edges = _edges(time[start:], depth[start:], load[start:])
    edges = _merged(time[start:], load[start:], edges, np.log(smallest))
    made = [(start + a, start + b) for a, b in zip(edges[:-1], edges[1:])]
    middle = np.median([depth[b - 1] - depth[a] for a, b in made])
    made = [(a, b) for a, b in made if depth[b - 1] - depth[a] > SLIVER * middle]
    spans = [depth[b - 1] - depth[a] for a, b in made]
    longest = max(spans[1:], default=spans[0])  # the part before the first jump counts over no more depth than the others
    found = []
    for (a, b), span in zip(made, spans):
        from_depth = depth[b - 1] - (1.0 - settle) * min(span, longest)
        first = a + int(np.argmax(depth[a:b] >= from_depth))
        first = min(max(first, a + 1), b - 3) if b - a >= FEWEST else a
        found.append(Part(a, b, slice(first, b)))
    return found


def _edges(time, depth, load):
    """Where straight pieces of ln P over time meet: the cheapest piecewise fit with a price for each piece."""
    y, t = np.log(load), time - time[0]
    # Bins equal in a mean of time order and depth: fast parts have few points, slow ones little depth.
    x = np.log(np.maximum.accumulate(depth))
    place = np.arange(len(t)) / len(t) + (x - x[0]) / max(x[-1] - x[0], 1e-12)
    cut = np.unique(np.concatenate([[0], np.searchsorted(place, np.linspace(0.0, place[-1], BINS + 1)[1:-1]), [len(t)]]))
    sums = np.array([np.concatenate([[0.0], np.cumsum(values)])[cut] for values in (np.ones_like(t), t, t * t, y, t * y, y * y)])
    price = 12.0 * _variance(y, t) * np.log(len(cut))
    best, back = np.zeros(len(cut)), np.zeros(len(cut), int)
    for j in range(1, len(cut)):
        n, st, stt, sy, sty, syy = sums[:, j][:, None] - sums[:, :j]
        with np.errstate(divide="ignore", invalid="ignore"):
            ctt, cty, cyy = stt - st * st / n, sty - st * sy / n, syy - sy * sy / n
            misfit = np.where(ctt > 0.0, cyy - cty * cty / ctt, cyy)
        cost = best[:j] + np.maximum(misfit, 0.0) + price
        cost[n < FEWEST] = np.inf
        back[j] = int(np.argmin(cost))
        best[j] = cost[back[j]] if np.isfinite(cost[back[j]]) else np.inf
    edges = [len(cut) - 1]
    while edges[-1] > 0:
        edges.append(back[edges[-1]])
    return [int(cut[i]) for i in reversed(edges)]


def _variance(y, t):
    """Variance of the noise of y about its course, from the misfit of each point between its neighbours."""
    share = (t[1:-1] - t[:-2]) / np.maximum(t[2:] - t[:-2], 1e-12)
    off = y[1:-1] - (1.0 - share) * y[:-2] - share * y[2:]
    spread = 1.4826 * np.median(np.abs(off)) / np.sqrt(1.5)
    return max(spread, 1e-6) ** 2


def _merged(time, load, edges, least):
    """Neighbours of nearly one rate become one part, the most alike first."""
    edges = list(edges)
    while len(edges) > 2:
        rates = [_slope(time[a:b], np.log(load[a:b])) for a, b in zip(edges[:-1], edges[1:])]
        logs = np.log(np.maximum(rates, 1e-9))
        steps = np.abs(np.diff(logs))
        if steps.min() >= least:
            break
        del edges[int(np.argmin(steps)) + 1]
    return edges


def _slope(t, y):
    t = t - t.mean()
    return float(t @ y / (t @ t))


def measure(prepared: Prepared, begin=BEGIN, smallest=SMALLEST, settle=SETTLE, source=HARDNESS[0]) -> tuple[dict[str, list], list[dict], dict[str, str]]:
    """(rates and hardness of every part of every prepared indent, as the columns of a table; the curves they come from;
    by name of the indent why it gives none).

    begin, smallest, settle: see `parts`; source: what gives the contact depth, "modulus" (one modulus for the whole
    indent: that of the oscillation, else of the unloading) or "stiffness" (point by point). Raises LabError.
    """
    rows, courses, curves, failed = [], [], [], {}
    for indent in prepared.indents:
        try:
            where = loading(indent)
        except LabError:
            failed[indent.name] = "its load never rises"
            continue
        time, depth, load = indent.time[where], indent.depth[where], indent.load[where]
        once = np.concatenate([[True], np.diff(time) > 0.0])
        time, depth, load = time[once], depth[once], load[once]
        if len(time) < 3 * FEWEST:
            failed[indent.name] = f"{len(time)} points of loading are too few to find jumps in"
            continue
        found = _hardness(prepared, indent, where, once, begin, source)
        for number, part in enumerate(parts(time, depth, load, begin, smallest, settle), 1):
            row, course = _judged(time, depth, load, found, part)
            rows.append({"indent": indent.name, "part": number} | row)
            courses.append(course)
        curves.append({"indent": indent.name, "time": time, "depth": depth, "load": load, "hardness": found["hardness"]})
    if not rows:
        raise LabError(f"no indent has a loading to find jumps in ({next(iter(failed.values()))}); record faster, and see that the units are right")
    table = {name: [row[name] for row in rows] for name in rows[0]}
    return table | _averaged(courses), curves, failed


def _averaged(courses):
    """Rates and hardness of every part and their standard errors, from the `_Course` of ln h, ln P and ln H of each.

    A fast part has too few points to tell its own noise: the variance of a point is that of the part's own points and,
    with the weight of `SHARED` further ones, that of all parts.
    """
    columns = {}
    for quantity, name, error in (("h", "hdot/h [1/s]", "hdot/h error [1/s]"), ("P", "Pdot/P [1/s]", "Pdot/P error [1/s]"), ("H", "hardness [GPa]", "hardness error [GPa]")):
        own = [course[quantity] for course in courses]
        squares, freedom = (np.array([getattr(each, field) for each in own]) for field in ("squares", "freedom"))
        common = np.nansum(squares) / max(np.nansum(freedom), 1.0)
        variance = (squares + SHARED * common) / (freedom + SHARED)
        if quantity == "H":
            columns[name] = [float(np.exp(each.mean)) for each in own]
            columns[error] = [float(each.lever * np.sqrt(v) * H) for each, v, H in zip(own, variance, columns[name])]
        else:
            columns[name] = [each.rate(v) for each, v in zip(own, variance)]
            columns[error] = [float(each.lever * np.sqrt(v)) for each, v in zip(own, variance)]
    return columns


@dataclass(frozen=True)
class _Course:
    """A logarithm over time within a part: weighted mean, slope and bend of the parabola through it, the sum of squares
    about it and its degrees of freedom; `lever`: error of mean or slope for unit noise of a point, `bend_lever` likewise,
    `spread`: weighted variance of time."""

    mean: float
    slope: float
    bend: float
    squares: float
    freedom: float
    lever: float
    bend_lever: float
    spread: float

    def rate(self, variance):
        """exp of the mean of the ln of the slope, as the hardness is averaged: a rate that changes within the part has
        a mean above it by half its relative variance. What noise of a point of this `variance` feigns is taken off."""
        excess = 2.0 * self.spread * (self.bend**2 - variance * self.bend_lever**2) / self.slope**2
        return float(self.slope * np.exp(-np.clip(excess, -0.5, 0.5)))


UNKNOWN = _Course(*[np.nan] * 8)


def _course(at, values, weight, slope):
    """The `_Course` of `values` over the centred times `at`; slope: whether it or the mean is wanted."""
    linear = (at @ values) / (at @ at)
    curve = at**2 - (at**2).mean() - at * (at @ at**2) / (at @ at)
    off = values - values.mean() - linear * at
    size = curve @ curve
    bend = float(curve @ off / size)
    off = off - bend * curve
    lever = 1.0 / np.sqrt(at @ at) if slope else np.sqrt(np.sum(weight**2))
    spread = float(weight @ at**2 - (weight @ at) ** 2)
    return _Course(float(weight @ values), float(linear), bend, float(off @ off), max(len(at) - 3, 0), float(lever), float(1.0 / np.sqrt(size)), spread)


def _hardness(prepared, indent, where, once, begin, source):
    """hardness [GPa], modulus [GPa] and elastic depth h - h_c [um] point by point along the loading."""
    depth, load = indent.depth[where][once], indent.load[where][once]
    found = None
    if indent.stiffness is not None:
        found = evaluate(depth, load, indent.stiffness[where][once], prepared.tip, prepared.constants)
        if source == "stiffness":
            return {"hardness": found["hardness"], "modulus": found["modulus"], "elastic": depth - found["contact depth"]}
        deep = found["reduced modulus"][depth > begin * depth.max()]
        reduced = float(np.nanmedian(deep)) if np.isfinite(deep).any() else np.nan
    else:
        reduced, _ = reduced_modulus(prepared, indent)
    if not np.isfinite(reduced):  # Eq. 5: the whole depth stands for the contact depth
        return {"hardness": load / prepared.tip.area(depth), "modulus": np.full(len(depth), np.nan), "elastic": np.zeros(len(depth))}
    deep = contact_depth(depth, load, reduced, prepared.tip, prepared.constants)
    modulus = found["modulus"] if found is not None else np.full(len(depth), prepared.constants.modulus(reduced))
    return {"hardness": load / prepared.tip.area(deep), "modulus": modulus, "elastic": depth - deep}


def _judged(time, depth, load, found, part):
    """(the row of one part but for rates and hardness, the courses of ln h, ln P and ln H that give these)."""
    t, h, P = time[part.counted], depth[part.counted], load[part.counted]
    H, E, elastic = (found[name][part.counted] for name in ("hardness", "modulus", "elastic"))
    known = np.isfinite(H) & (H > 0.0)
    row = {"from [nm]": float(h[0]) * NM, "to [nm]": float(h[-1]) * NM, "points": int(known.sum()), "modulus [GPa]": np.nan}
    if known.sum() < 3:
        return row, dict.fromkeys("hPH", UNKNOWN)
    t, h, P, elastic, H = t[known], h[known], P[known], elastic[known], H[known]
    at = t - t.mean()
    # The depth of the contact, with the elastic part as a straight line: its noise is that of the stiffness.
    h = h - np.polyval(np.polyfit(at, elastic, 1), at)
    # A least-squares slope is a mean of the rate with these weights; the hardness is averaged with the same.
    gap = np.median(np.diff(t))
    weight = (t - t[0] + gap) * (t[-1] - t + gap)
    weight /= weight.sum()
    courses = {name: _course(at, np.log(values), weight, name != "H") for name, values in (("h", h), ("P", P), ("H", H))}
    E = E[known]
    return row | {"modulus [GPa]": float(np.nanmean(E)) if np.isfinite(E).any() else np.nan}, courses


def line(table: dict[str, list], convention="hdot/h") -> Sensitivity:
    """The hardness of the parts in a table of `measure` over their rate. Raises LabError where it can't be drawn."""
    rate, hardness = np.asarray(table[f"{convention} [1/s]"], float), np.asarray(table["hardness [GPa]"], float)
    known = np.isfinite(rate) & np.isfinite(hardness) & (rate > 0.0)
    names = np.asarray(table["indent"])[known]
    try:
        return fit(np.log(rate[known]), np.log(hardness[known]), (np.asarray(table["hardness error [GPa]"]) / hardness)[known], names, (np.asarray(table[f"{convention} error [1/s]"]) / rate)[known])
    except ValueError:
        found = len(names)
        raise LabError(f"{found} part{'s' if found != 1 else ''} of constant rate in {len(set(names))} indent{'s' if len(set(names)) != 1 else ''}: m needs three parts or more of an indent, of different rates; see --jump and --begin") from None


def jump(prepared: Prepared, assumed: Assumptions = Assumptions(), begin=BEGIN, smallest=SMALLEST, settle=SETTLE, source=HARDNESS[0], keep_outliers=False) -> Analysis:
    """m, n and the creep law from strain-rate-jump tests.

    begin, smallest, settle, source: see `measure`. assumed: what turns hardness into a law; its convention is that of the rates.
    keep_outliers: let every indent count. Raises LabError.
    """
    assumed.check()
    table, curves, failed = measure(prepared, begin, smallest, settle, source)
    names = list(dict.fromkeys(table["indent"]))
    levels = _levels(table, names, assumed.convention)
    apart = [""] * len(names) if keep_outliers else outliers(levels)
    reason = dict(zip(names, apart))
    table["left out because"] = [reason[name] for name in table["indent"]]
    kept = {name: [value for value, why in zip(values, table["left out because"]) if not why] for name, values in table.items()}
    sensitivity = line(kept, assumed.convention)
    law = law_of(sensitivity, assumed)
    values = {"strain-rate sensitivity m": Value(sensitivity.m.value, "", sensitivity.m.error, sensitivity.m.interval())}
    if law is not None:
        values |= values_of(law)
    values["hardness"] = stress_of(sensitivity.hardness)
    values[f"strain rate of that hardness ({assumed.convention})"] = Value(float(np.exp(sensitivity.centre)), "1/s")
    own = [[E for E, name in zip(kept["modulus [GPa]"], kept["indent"]) if name == each] for each in dict.fromkeys(kept["indent"])]
    moduli = [np.nanmean(found) if np.isfinite(found).any() else np.nan for found in own]
    values["modulus"] = mean(moduli, "GPa")
    ratio = np.asarray(kept["Pdot/P [1/s]"]) / np.asarray(kept["hdot/h [1/s]"])
    values["Pdot/P over hdot/h, median"] = Value(float(np.nanmedian(ratio)))
    choices = prepared.choices | assumed.choices() | {
        "jumps looked for from": f"{100 * begin:g} % of the largest depth", "a jump is": f"a change of Pdot/P by a factor of {smallest:g} or more",
        "left out after each jump": f"the first {100 * settle:g} % of the depth of the part",
        "contact depth from": _origin(prepared, source),
        "line": "ln H over ln rate with one slope for all indents and a level of its own for each; scatter beyond that of the points themselves is estimated; Student's t",
        "outliers": "kept, as asked for" if keep_outliers else RULE,
    }  # fmt: skip
    notes = list(prepared.notes) + _notes(law, sensitivity, names, failed | reason, ratio, assumed, values["modulus"].value)
    tables = {"parts": table}
    if law is not None:
        tables["other assumptions"] = variants(sensitivity, assumed)
    return Analysis("jump", values, tables, choices, notes, curves={"indents": curves, "line": sensitivity, "law": law, "convention": assumed.convention})


def _levels(table, names, convention):
    """By which an indent may be an outlier: its mean hardness and the slope of its own line."""
    hardness, slope = [], []
    for name in names:
        own = [i for i, each in enumerate(table["indent"]) if each == name]
        H, rate = (np.array([table[column][i] for i in own]) for column in ("hardness [GPa]", f"{convention} [1/s]"))
        known = np.isfinite(H) & (rate > 0.0)
        hardness.append(float(np.exp(np.log(H[known]).mean())) if known.any() else np.nan)
        slope.append(float(np.polyfit(np.log(rate[known]), np.log(H[known]), 1)[0]) if known.sum() > 1 and np.ptp(np.log(rate[known])) > 0.1 else np.nan)
    levels = {"mean hardness [GPa]": np.array(hardness)}
    return levels | ({"slope m": np.array(slope)} if np.isfinite(slope).all() else {})


def _origin(prepared, source):
    if all(indent.stiffness is not None for indent in prepared.indents):
        return "the stiffness of the oscillation (CSM), point by point" if source == "stiffness" else "one modulus for the whole indent, the median of the oscillation's (CSM)"
    return "one modulus for the whole indent, that of its unloading; the whole depth where there is no unloading (Eq. 5)"


def _notes(law, sensitivity, names, reason, ratio, assumed, modulus):
    notes = [f"Indent {name} is left out: {why}." for name, why in reason.items() if why]
    if law is None:
        low, high = sensitivity.m.interval()
        notes.append(f"m is not above zero with 95 % confidence ({low:.3g} to {high:.3g}): there is no creep law in these data.")
    if sum(not reason[name] for name in names) == 1:
        notes.append("One indent: how the hardness differs from place to place is not in the interval.")
    off = float(np.nanmax(np.abs(ratio / 2.0 - 1.0)))
    if off > 0.15:
        notes.append(f"Pdot/P is up to {100 * off:.0f} % away from twice hdot/h: in some parts the hardness still follows the jump, and the two conventions do not give the same m; hdot/h is the strain rate.")
    if not np.isfinite(modulus):
        notes.append("No modulus is known (no oscillation, no unloading): the whole depth counts as contact depth (Eq. 5), and the hardness is too low by what the contact sinks in.")
    if assumed.convention == "Pdot/P":
        notes.append("Rates are Pdot/P, about twice hdot/h: s_ref is that of hdot/h all the same, n does not depend on it.")
    return notes
