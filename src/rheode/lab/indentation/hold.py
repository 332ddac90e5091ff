"""`rheode lab hold`: creep under constant load, the creep exponent from it, and the recovery after unloading.

Under a constant load P a contact of depth h_c carries H = P/A(h_c) and sinks in at the strain rate
(dh_c/dt)/h_c = r (H/H_m)^n. That is an equation for h_c(t) with three unknowns (where it starts, r and n), which are fitted
to the measured depth itself: no derivative of noisy data is taken. Rates from short pieces of the curve are shown
beside it, as its check. (Xiong et al. 2024, Methods "The constant load tests" and SI Figs S27, S28.)
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares

from ..analysis import Analysis, LabError, Value
from .batches import RULE, mean, outliers
from .hardness import reduced_modulus
from .law import Assumptions, law_of, stress_of, values_of, variants
from .oliver_pharr import NM
from .preparing import Prepared
from .segments import Cycle, cycles
from .sensitivity import Sensitivity, gathered

SETTLE = 0.1  # share of the hold that is left out at its beginning
SHORTEST = 5.0  # s
NODES = 400  # of the course of the depth
PIECES = 16  # into which the hold is cut for the rates that are shown
MISFIT = 2.5  # times the noise: beyond, the curve is not that of one exponent


@dataclass(frozen=True)
class Creep:
    """The creep of one hold: `line` is ln H over ln rate of the contact depth; time [s] from the start of the hold,
    depth [um] measured and fitted; load [mN]; modulus [GPa]; `misfit`: scatter about the fit over the noise."""

    line: Sensitivity
    time: np.ndarray
    depth: np.ndarray
    fitted: np.ndarray
    rate: np.ndarray
    hardness: np.ndarray
    load: float
    modulus: float
    misfit: float


def longest_hold(indent) -> Cycle | None:
    """The cycle with the longest hold at its load, of similarly long ones that with the largest load; None where none lasts `SHORTEST`."""
    parts = cycles(indent.time, indent.load, indent.depth)
    spans = [indent.time[part.held] - indent.time[part.loaded] for part in parts]
    longest = max(spans, default=0.0)
    if longest < SHORTEST:
        return None
    return max((part for part, span in zip(parts, spans) if span > 0.8 * longest), key=lambda part: indent.load[part.held])


def creep(prepared: Prepared, indent, settle=SETTLE, drift_error=0.0) -> Creep:
    """The creep of the longest hold of a prepared indent.

    settle: share of the hold left out at its beginning; drift_error: standard error of the drift taken out [um/s],
    which goes into the result. Raises LabError.
    """
    part = longest_hold(indent)
    if part is None:
        raise LabError(f"no hold of {SHORTEST:g} s or more at its largest load")
    own = slice(part.loaded + 1, part.held + 1)
    time, depth, load = indent.time[own] - indent.time[part.loaded], indent.depth[own], indent.load[own]
    kept = time >= settle * time[-1]
    time, depth, load = time[kept], depth[kept], float(np.median(load[kept]))
    if time.size < 10:
        raise LabError(f"{time.size} points of hold are too few; record faster or lower --settle")
    reduced, error = _reduced(prepared, indent, part, depth, load)
    elastic = _elastic(prepared, reduced, load)
    line, fitted, misfit = _fit(prepared.tip, time, depth, load, elastic)
    if drift_error > 0.0:
        line = line.widened(_fit(prepared.tip, time, depth - drift_error * time, load, elastic)[0])
    if error > 0.0:
        line = line.widened(_fit(prepared.tip, time, depth, load, _elastic(prepared, reduced + error, load))[0])
    rate, hardness = _pieces(prepared.tip, time, depth, load, elastic)
    return Creep(line, time, depth, fitted, rate, hardness, load, float(prepared.constants.modulus(reduced)), misfit)


def _reduced(prepared, indent, part, depth, load):
    """(reduced modulus, its standard error) [GPa] of a hold: of the unloading after it, else of the oscillation during it."""
    reduced, error = reduced_modulus(prepared, indent, part)
    if not np.isfinite(reduced) and indent.stiffness is not None:
        stiffness = float(np.nanmedian(indent.stiffness[part.loaded + 1 : part.held + 1]))
        middle = float(np.median(depth)) - prepared.constants.epsilon * load / stiffness
        reduced, error = float(np.sqrt(np.pi) * stiffness / (2.0 * prepared.constants.beta * np.sqrt(prepared.tip.area(middle)))), 0.0
    return reduced, error


def _elastic(prepared, reduced, load):
    """The function from contact depth to total depth, both [um], under a load [mN]; the same depth without a modulus."""
    if not np.isfinite(reduced):
        return lambda deep: deep
    sink = prepared.constants.epsilon * load * np.sqrt(np.pi) / (2.0 * prepared.constants.beta * reduced)
    return lambda deep: deep + sink / np.sqrt(prepared.tip.area(deep))


def _fit(tip, time, depth, load, elastic):
    """(line of ln H over ln rate, fitted depth, scatter over noise) of a hold; arrays of shape (n,)."""
    grid = np.linspace(0.3 * depth.min(), 1.5 * depth.max(), 4000)
    total = elastic(grid)
    rising = slice(int(np.argmin(total)), None)  # below, the contact would be too small to carry the load
    first, last = np.interp([depth[: max(3, len(depth) // 20)].mean(), depth[-max(3, len(depth) // 20) :].mean()], total[rising], grid[rising])
    if not last > first:
        raise LabError("the depth does not grow during the hold: there is no creep to analyse, or the drift that was taken out is larger than it")
    middle = np.log(load / tip.area(0.5 * (first + last)))
    span = time[-1] - time[0]
    # The fit's unknowns: ln of the depth at the start, ln of the rate at the middle hardness, ln m.
    start = np.array([np.log(first), np.log(np.log(last / first) / span), np.log(0.1)])

    def course(q):
        m = np.exp(q[2])
        ln_h = q[0] + np.linspace(0.0, 3.0 * np.log(last / first) + 0.02, NODES)
        slowness = np.exp(-q[1] + np.clip((middle - np.log(load / tip.area(np.exp(ln_h)))) / m, -300.0, 300.0))
        passed = np.concatenate([[0.0], np.cumsum(0.5 * (slowness[1:] + slowness[:-1]) * np.diff(ln_h))])
        return elastic(np.exp(np.interp(time - time[0], passed, ln_h)))

    scale = np.std(np.diff(depth, 2)) / np.sqrt(6.0) + 1e-9
    best = least_squares(lambda q: (course(q) - depth) / scale, start, x_scale=[1e-3, 0.1, 0.1], bounds=([-np.inf, -np.inf, np.log(1e-3)], [np.inf, np.inf, 0.0]), diff_step=1e-5)
    off = depth - course(best.x)
    freedom = len(depth) - 3
    variance = off @ off / freedom
    follow = float(np.clip(off[1:] @ off[:-1] / (off @ off), 0.0, 0.98))
    covariance = np.linalg.pinv(best.jac.T @ best.jac) * variance / scale**2 * (1.0 + follow) / (1.0 - follow)
    m = float(np.exp(best.x[2]))
    if not (1.01e-3 < m < 0.99 and np.isfinite(covariance).all() and covariance[2, 2] < 25.0):
        raise LabError("the depth tells no exponent: the hold is too short, or creep too slow for the noise")
    return Sensitivity.of_rate(middle, best.x[1], m, covariance[1:, 1:] * np.outer([1.0, m], [1.0, m]), freedom), depth - off, float(np.sqrt(variance) / scale)


def _pieces(tip, time, depth, load, elastic):
    """(strain rates [1/s], hardness [GPa]) from straight pieces of the measured curve, equal in ln of the time."""
    edges = np.geomspace(max(time[0], 1e-3 * time[-1]), time[-1] * 1.0001, PIECES + 1)
    rates, hardness = [], []
    for low, high in zip(edges, edges[1:]):
        inside = (time >= low) & (time < high)
        if inside.sum() < 5:
            continue
        h = depth[inside]
        deep = _contact(elastic, h.mean(), h)
        t = time[inside] - time[inside].mean()
        rates.append(float(t @ h / (t @ t) / _stretch(elastic, deep) / deep))
        hardness.append(float(load / tip.area(deep)))
    return np.array(rates), np.array(hardness)


def _contact(elastic, h, near):
    """The contact depth [um] at which the total depth is `h`."""
    grid = np.linspace(0.3 * near.min(), 1.5 * near.max(), 2000)
    total = elastic(grid)
    rising = slice(int(np.argmin(total)), None)
    return float(np.interp(h, total[rising], grid[rising]))


def _stretch(elastic, deep):
    """dh/dh_c at a contact depth."""
    return float((elastic(1.001 * deep) - elastic(0.999 * deep)) / (0.002 * deep))


def recovery(prepared: Prepared) -> dict[str, list]:
    """How far each indent comes back after its last unloading, as the columns of a table.

    h1: depth at the start of the hold, h2: at its end, h3: after unloading; delta-h1 = h2 - h3 comes back, delta-h2 = h3
    stays (Xiong et al. 2024, SI Fig. S28).
    """
    rows = []
    for indent in prepared.indents:
        part = longest_hold(indent)
        if part is None:
            continue
        after = np.arange(part.held + 1, len(indent.time))
        touching = np.flatnonzero((indent.load[after] <= 0.0) | (indent.depth[after] <= 0.0))
        after = after[: touching[0]] if touching.size else after
        if not after.size:
            continue
        last = after[np.argmin(indent.load[after])]
        h1, h2, h3 = (float(indent.depth[i]) * NM for i in (part.loaded, part.held, last))
        rise = indent.time[part.loaded] - indent.time[part.start]
        rows.append({
            "indent": indent.name, "load [mN]": float(indent.load[part.held]), "loading rate [mN/s]": float((indent.load[part.loaded] - indent.load[part.start]) / rise) if rise > 0.0 else np.nan,
            "hold [s]": float(indent.time[part.held] - indent.time[part.loaded]), "h1 [nm]": h1, "h2 [nm]": h2, "h3 [nm]": h3,
            "creep h2 - h1 [nm]": h2 - h1, "delta-h1 [nm]": h2 - h3, "delta-h2 [nm]": h3, "share that comes back": (h2 - h3) / h2,
            "unloaded to [%]": 100.0 * float(indent.load[last] / indent.load[part.held]),
        })  # fmt: skip
    return {name: [row[name] for row in rows] for name in rows[0]} if rows else {}


def hold(prepared: Prepared, assumed: Assumptions = Assumptions(), settle=SETTLE, keep_outliers=False) -> Analysis:
    """Creep exponent, creep law and recovery from holds at constant load.

    settle: share of each hold left out at its beginning; assumed: what turns hardness into a law. keep_outliers: let every
    indent count. Raises LabError.
    """
    assumed.check()
    if not 0.0 <= settle < 0.9:
        raise LabError(f"--settle: got {settle:g}; a share from 0 to 0.9 of the hold")
    holding = [indent for indent in prepared.indents if longest_hold(indent) is not None]
    if not holding:
        raise LabError(f"no indent has a hold of {SHORTEST:g} s or more at its largest load")
    found, failed = {}, {}
    for indent in holding:
        try:
            found[indent.name] = creep(prepared, indent, settle, prepared.drift.get(indent.name, (0.0, 0.0))[1] if indent.drift is not None else 0.0)
        except LabError as error:
            failed[indent.name] = str(error)
    if not found:
        raise LabError(f"no hold can be analysed: indent {next(iter(failed))}: {next(iter(failed.values()))}")
    m = np.array([each.line.m.value for each in found.values()])
    centre = float(np.mean([each.line.centre for each in found.values()]))
    level = np.array([np.exp(each.line.at(np.exp(centre)).value) for each in found.values()])
    apart = [""] * len(found) if keep_outliers else outliers({"m": m, f"hardness at {np.exp(centre):.2g} 1/s [GPa]": level})
    reason = dict(zip(found, apart))
    kept = [each for name, each in found.items() if not reason[name]]
    if not kept:
        raise LabError(f"no hold is left to analyse: indent {next(iter(found))}: {next(iter(apart))}")
    line = gathered([each.line for each in kept])
    law = law_of(line, assumed)
    values = {"strain-rate sensitivity m": Value(line.m.value, "", line.m.error, line.m.interval())}
    if law is not None:
        values |= values_of(law)
    values["hardness"] = stress_of(line.hardness)
    values["strain rate of that hardness (hdot/h)"] = Value(float(np.exp(line.centre)), "1/s")
    values["modulus"] = mean([each.modulus for each in kept], "GPa")
    table = {
        "indent": list(found), "load [mN]": [each.load for each in found.values()], "creep in the hold [nm]": [float(each.fitted[-1] - each.fitted[0]) * NM for each in found.values()],
        "m": m.tolist(), "m error": [each.line.m.error for each in found.values()], "n": (1.0 / m).tolist(),
        f"hardness at {np.exp(centre):.2g} 1/s [GPa]": level.tolist(), "modulus [GPa]": [each.modulus for each in found.values()],
        "scatter over noise": [each.misfit for each in found.values()], "left out because": [reason[name] for name in found],
    }  # fmt: skip
    tables = {"holds": table, "recovery": recovery(prepared), "creep rate": _rates(found)}
    if law is not None:
        tables["other assumptions"] = variants(line, assumed)
    choices = prepared.choices | assumed.choices() | {
        "creep from": f"the depth itself, fitted by the power law; the first {100 * settle:g} % of each hold left out",
        "strain rate": "of the contact depth, (dh_c/dt)/h_c", "contact depth from": "the modulus of the unloading after the hold",
        "drift in the interval": "the standard error of the rate in the hold at small load",
        "outliers": "kept, as asked for" if keep_outliers else RULE,
    }  # fmt: skip
    return Analysis("hold", values, tables, choices, list(prepared.notes) + _notes(prepared, found, reason, failed, law, line, tables["recovery"]), curves={"holds": found, "line": line, "law": law})


def _rates(found):
    """The rates of short pieces of every hold, as a table."""
    rows = [(name, rate, hardness) for name, each in found.items() for rate, hardness in zip(each.rate, each.hardness)]
    return dict(zip(("indent", "hdot/h [1/s]", "hardness [GPa]"), map(list, zip(*rows)))) if rows else {}


def _notes(prepared, found, reason, failed, law, line, recovered):
    notes = [f"Indent {name} is left out: {why}." for name, why in (failed | reason).items() if why]
    if law is None:
        low, high = line.m.interval()
        notes.append(f"m is not above zero with 95 % confidence ({low:.3g} to {high:.3g}): there is no creep law in these data.")
    bent = [name for name, each in found.items() if each.misfit > MISFIT]
    if bent:
        notes.append(f"The depth is not that of one exponent in {len(bent)} of {len(found)} holds (scatter beyond {MISFIT:g} times the noise): leave out more of the beginning with --settle, where creep is still primary.")
    lacking = [indent.name for indent in prepared.indents if indent.name in found and indent.drift is None]
    if lacking:
        notes.append(f"Thermal drift is not taken out of {len(lacking)} of {len(found)} holds: 0.05 nm/s are {0.05 * max(each.time[-1] for each in found.values()):.0f} nm in the longest. Give --drift with a rate.")
    missing = len(prepared.indents) - len(found) - len(failed)
    if missing:
        notes.append(f"{missing} indent{'s have' if missing > 1 else ' has'} no hold of {SHORTEST:g} s.")
    if recovered and max(recovered["unloaded to [%]"]) > 2.0:
        notes.append(f"Some indents are unloaded to {max(recovered['unloaded to [%]']):.0f} % of the load only: their h3 still holds elastic depth.")
    if len(found) - sum(map(bool, reason.values())) == 1:
        notes.append("One indent: how the hardness differs from place to place is not in the interval.")
    return notes
