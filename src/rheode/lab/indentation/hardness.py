"""`rheode lab indent`: hardness and modulus of a batch of indents, from the oscillation or from the unloadings."""

import numpy as np

from ..analysis import Analysis, LabError, Value
from .batches import FEWEST, RULE, mean, outliers, scatter
from .oliver_pharr import NM, evaluate, fit_unloading
from .preparing import NM_S, Prepared
from .records import Indent
from .segments import Cycle, contact, cycles

RESULTS = {"hardness": "hardness [GPa]", "reduced modulus": "reduced modulus [GPa]", "modulus": "modulus [GPa]"}


def hardness(prepared: Prepared, window=None, keep_outliers=False) -> Analysis:
    """Hardness and modulus of prepared indents: point by point where they were made with an oscillation (CSM), else a
    cycle of loading and unloading.

    window: depths [um] to average over (CSM), by default the instrument's, else the deeper half. keep_outliers: let
    every indent count. Raises LabError where no indent gives a value.
    """
    if all(indent.stiffness is not None for indent in prepared.indents):
        return _continuous(prepared, window, keep_outliers)
    return _quasi_static(prepared, keep_outliers)


def loading(indent: Indent) -> slice:
    """The loading in contact of the cycle with the largest load, beyond the depths of earlier cycles. Raises LabError."""
    parts = cycles(indent.time, indent.load, indent.depth)
    if not parts:
        raise LabError(f"indent {indent.name}: the load never rises; leave this indent out of the file")
    part = max(parts, key=lambda each: indent.load[each.held])
    first = contact(indent.load, indent.depth, part)
    before = float(indent.depth[: part.start].max(initial=-np.inf)) if part is not parts[0] else -np.inf
    beyond = np.flatnonzero(indent.depth[first : part.loaded] <= before)
    return slice(first + (int(beyond[-1]) + 1 if beyond.size else 0), part.loaded + 1)


def evaluated(indent: Indent) -> np.ndarray:
    """Which points of an indent with an oscillation (CSM) count, a mask of shape (n,).

    Depth, load and stiffness are positive, and the point is one of those for which the instrument stored a hardness of
    its own; where it stored none at all, one of the loading in contact. None count where the load never rises.
    """
    if "hardness" in indent.columns and np.isfinite(indent.columns["hardness"]).any():
        within = np.isfinite(indent.columns["hardness"])
    else:
        within = np.zeros(len(indent.time), bool)
        if cycles(indent.time, indent.load, indent.depth):
            within[loading(indent)] = True
    return within & (indent.depth > 0.0) & (indent.load > 0.0) & (indent.stiffness > 0.0)


def rates(time, depth, load) -> tuple[float, float]:
    """(hdot/h, Pdot/P) [1/s]: the slopes of ln h and ln P against time, arrays of shape (n,); nan with fewer than 3 points."""
    if len(time) < 3:
        return np.nan, np.nan
    t = time - time.mean()
    return tuple(float(t @ np.log(values) / (t @ t)) for values in (depth, load))


def _continuous(prepared, window, keep_outliers):
    indents = prepared.indents
    points, table, chosen = [], [], []
    for indent in indents:
        part = np.flatnonzero(evaluated(indent))
        depth, load, time = indent.depth[part], indent.load[part], indent.time[part]
        found = evaluate(depth, load, indent.stiffness[part], prepared.tip, prepared.constants)
        deepest = float(depth.max(initial=0.0))
        low, high = window or indent.window or (0.5 * deepest, deepest)
        chosen.append((low, high))
        inside = (depth >= low) & (depth <= high) & np.isfinite(found["hardness"]) & np.isfinite(found["modulus"])
        hdot, Pdot = rates(time[inside], depth[inside], load[inside])
        row = {"indent": indent.name, "points": int(inside.sum()), "from [nm]": low * NM, "to [nm]": high * NM}
        for name, column in RESULTS.items():
            values = found[name][inside]
            row[column] = float(values.mean()) if values.size > 1 else np.nan
            row[f"{name} scatter [GPa]"] = float(values.std(ddof=1)) if values.size > 1 else np.nan
        row |= {"hdot/h [1/s]": hdot, "Pdot/P [1/s]": Pdot} | _drift(prepared, indent)
        table.append(row)
        points.append(_points(indent, part, found))
    table = _columns(table)
    apart = [""] * len(indents) if keep_outliers else outliers({column: table[column] for column in RESULTS.values() if "reduced" not in column})
    table["left out because"] = apart
    if window and not any(table["points"]):
        deepest = max(indent.depth.max() for indent in indents)
        raise LabError(f"no indent was evaluated between {window[0] * NM:.4g} and {window[1] * NM:.4g} nm; the deepest reaches {deepest * NM:.4g} nm")
    kept = np.array([not reason for reason in apart])
    values = _means(table, kept)
    values["strain rate (hdot/h)"] = mean(np.asarray(table["hdot/h [1/s]"])[kept], "1/s")
    values["strain rate (Pdot/P)"] = mean(np.asarray(table["Pdot/P [1/s]"])[kept], "1/s")
    joined = {name: np.concatenate([each[name] for each in points]) for name in points[0]}
    values |= _against(joined)
    choices = prepared.choices | {
        "method": "continuous stiffness (CSM), every point of the loading (those that the instrument evaluated, where it stored a hardness)",
        "averaged over depths": "from " + " or ".join(dict.fromkeys(f"{low * NM:.4g} to {high * NM:.4g} nm" for low, high in chosen[:3])) + _window_origin(window, indents),
        "strain rates": "hdot/h is the strain rate of Xiong et al. 2024 (Eq. 6); Pdot/P, which instruments control, is twice that at constant hardness",
        "outliers": "kept, as asked for" if keep_outliers else RULE,
    }  # fmt: skip
    curves = _curves(prepared, apart) | {"windows": chosen}
    analysis = Analysis("indent", values, {"indents": table, "points": joined}, choices, _notes(prepared, table, kept), curves=curves)
    return _finished(analysis, kept)


def _curves(prepared, apart):
    """Load over depth of every indent from its contact on, and which of them are left out."""
    drawn = []
    for indent in prepared.indents:
        touching = indent.depth > 0.0
        drawn.append((indent.name, indent.depth[touching] * NM, indent.load[touching]))
    return {"load over depth": drawn, "left out": {indent.name for indent, why in zip(prepared.indents, apart) if why}}


def _window_origin(window, indents):
    if window is not None:
        return ""
    return ", as the instrument averaged" if indents[0].window is not None else ", the deeper half"


def _points(indent, part, found):
    """The points of one indent as the table shows them."""
    n = len(part)
    nothing = np.full(len(indent.time), np.nan)
    return {
        "indent": np.full(n, indent.name, dtype=object), "time [s]": indent.time[part], "depth [nm]": indent.depth[part] * NM,
        "load [mN]": indent.load[part], "stiffness [N/m]": indent.stiffness[part] * 1000.0,
        "contact depth [nm]": found["contact depth"] * NM, "area [nm^2]": found["area"] * NM**2,
        **{column: found[name] for name, column in RESULTS.items()},
        "instrument's hardness [GPa]": indent.columns.get("hardness", nothing)[part], "instrument's modulus [GPa]": indent.columns.get("modulus", nothing)[part],
    }  # fmt: skip


def _quasi_static(prepared, keep_outliers):
    rows = []
    for indent in prepared.indents:
        parts = cycles(indent.time, indent.load, indent.depth)
        own = indent.cycles if indent.cycles and len(next(iter(indent.cycles.values()))) == len(parts) else {}
        for number, part in enumerate(parts):
            rows.append(_cycle(prepared, indent, number, part) | {
                f"instrument's {name} [GPa]": float(own[name][number]) if name in own else np.nan for name in RESULTS
            } | {"instrument's stiffness [N/m]": _own_stiffness(own, number)})  # fmt: skip
    if not rows or not any(np.isfinite(row["hardness [GPa]"]) for row in rows):
        raise LabError("no indent has an unloading that a stiffness can be taken from; with an oscillation, name its column with --column \"stiffness=COLUMN [N/m]\"")
    deepest = _deepest(rows, prepared.indents)
    measured = {column: np.array([rows[i][column] if i is not None else np.nan for i in deepest]) for column in ("hardness [GPa]", "modulus [GPa]")}
    apart = [""] * len(prepared.indents) if keep_outliers else outliers(measured)
    reason = {indent.name: why for indent, why in zip(prepared.indents, apart)}
    for row in rows:
        row["left out because"] = reason[row["indent"]]
    table = _columns(rows)
    kept = np.array([not why for why in apart])
    peaks = _columns([rows[i] for i, why in zip(deepest, apart) if i is not None and not why])
    values = _means(peaks, np.ones(len(peaks["indent"]), bool), peaks["stiffness error [N/m]"]) if peaks else {}
    values |= _against(table)
    choices = prepared.choices | {
        "method": "quasi-static: a power law through each unloading", "means over": "the cycle with the largest load of every indent",
        "outliers": "kept, as asked for" if keep_outliers else RULE + "; judged by that cycle",
    }  # fmt: skip
    notes = _notes(prepared, {"indent": [indent.name for indent in prepared.indents], "left out because": apart}, kept)
    return _finished(Analysis("indent", values, {"cycles": table}, choices, notes, curves=_curves(prepared, apart)), kept)


def _cycle(prepared, indent, number, part):
    """One cycle as the table shows it."""
    conventions = prepared.conventions
    window = (indent.unloading if prepared.own_windows else None) or conventions.window
    fit = fit_unloading(indent.depth[part.held : part.end + 1], indent.load[part.held : part.end + 1], window)
    stiffness = np.nan if fit is None else fit.at(conventions.stiffness_at)
    load = indent.load[part.loaded if conventions.load_at == "end of loading" else part.held]
    found = evaluate(indent.depth[part.held], load, stiffness, prepared.tip, prepared.constants)
    row = {
        "indent": indent.name, "cycle": number + 1, "depth [nm]": indent.depth[part.held] * NM, "load [mN]": load,
        "stiffness [N/m]": stiffness * 1000.0, "stiffness error [N/m]": np.nan if fit is None else fit.error * 1000.0,
        "contact depth [nm]": float(found["contact depth"]) * NM, "area [nm^2]": float(found["area"]) * NM**2,
        **{column: float(found[name]) for name, column in RESULTS.items()}, "exponent": np.nan if fit is None else fit.exponent,
    }  # fmt: skip
    return row | _drift(prepared, indent)


def _own_stiffness(own, number):
    """The instrument's stiffness [N/m] from its reduced modulus and area (beta = 1), which it stores with more digits."""
    if not {"reduced modulus", "area"} <= own.keys():
        return np.nan
    return float(2000.0 * own["reduced modulus"][number] * np.sqrt(own["area"][number] / np.pi))


def _deepest(rows, indents):
    """Index of the row of each indent with the largest load, None for an indent without any."""
    found = []
    for indent in indents:
        own = [i for i, row in enumerate(rows) if row["indent"] == indent.name]
        found.append(max(own, key=lambda i: rows[i]["load [mN]"]) if own else None)
    return found


def _drift(prepared, indent):
    removed = np.nan if indent.drift is None else indent.drift / NM_S
    left = prepared.drift.get(indent.name, (np.nan, np.nan))[0] / NM_S
    return {"drift taken out [nm/s]": removed, "drift left in the hold [nm/s]": left}


def _columns(rows):
    return {name: [row[name] for row in rows] for name in rows[0]} if rows else {}


def _means(table, kept, stiffness_errors=None):
    values = {}
    for name, column in RESULTS.items():
        measured = np.asarray(table[column], float)[kept]
        single = np.asarray(table.get(f"{name} scatter [GPa]", np.full(len(kept), np.nan)), float)[kept]
        values[name] = mean(measured, "GPa", single)
        if measured.size > 1:
            values[f"{name} scatter"] = scatter(measured, "GPa")
    return values


def _against(table):
    """How far the results are from the instrument's own, where it stored any: median and largest relative deviation."""
    found = {}
    for name in (*RESULTS, "stiffness"):
        unit = "N/m" if name == "stiffness" else "GPa"
        own = np.asarray(table.get(f"instrument's {name} [{unit}]", []), float)
        if own.size == 0:
            continue
        ours = np.asarray(table[f"{name} [{unit}]"], float)
        both = np.isfinite(own) & np.isfinite(ours) & (own > 0.0)
        if both.any():
            off = np.abs(ours[both] / own[both] - 1.0)
            found[f"{name} against the instrument's, median"] = Value(float(np.median(off)))
            found[f"{name} against the instrument's, largest"] = Value(float(off.max()))
    return found


def _notes(prepared, table, kept):
    notes = list(prepared.notes)
    notes += [f"Indent {name} is left out: {why}." for name, why in zip(table["indent"], table["left out because"]) if why]
    if len(kept) < FEWEST:
        notes.append(f"{len(kept)} indent{'s are' if len(kept) > 1 else ' is'} too few to tell an outlier.")
    return notes


def _finished(analysis, kept):
    if not kept.any() or not np.isfinite(analysis.values["hardness"].value):
        raise LabError("no indent gives a hardness; see that depth is zero at the surface and that the units are right")
    return analysis


def reduced_modulus(prepared: Prepared, indent: Indent, part: Cycle | None = None) -> tuple[float, float]:
    """(reduced modulus, its standard error from the fit) [GPa] from the unloading of a cycle, by default the one with the
    largest load; (nan, nan) without one."""
    part = part or max(cycles(indent.time, indent.load, indent.depth), key=lambda each: indent.load[each.held])
    if part.end <= part.held:
        return np.nan, np.nan
    fit = fit_unloading(indent.depth[part.held : part.end + 1], indent.load[part.held : part.end + 1], prepared.conventions.window)
    if fit is None:
        return np.nan, np.nan
    reduced = float(evaluate(indent.depth[part.held], indent.load[part.held], fit.stiffness, prepared.tip, prepared.constants)["reduced modulus"])
    return reduced, reduced * fit.error / fit.stiffness
