"""A measured cell beside a simulated electrode, cycle by cycle, in one table."""

import re

import numpy as np

from ..result import Result
from .analysis import Analysis, LabError, Value
from .cyclers.table import SMALL_STEP
from .cycling import WAYS, Cycles, utilisation
from .table import needed, pick, read_table

TIME = (r"(test|total|elapsed)? ?time|t|s", r".*\btime\b.*")
THICKNESS = (r"thickness( change)?|displacement|dilation|expansion", r".*(thickness|displacement|dilat|expansion).*")
PRESSURE = (r"(stack |applied )?pressure|stress", r".*pressure.*")
STATES = {"lithiation": "lithiated", "delithiation": "delithiated"}


def sensor(path, columns=None) -> dict[str, np.ndarray]:
    """The log of a thickness or pressure sensor: "time [s]" since the start of the test, and "thickness [um]" or "pressure
    [MPa]" or both, arrays (n,). Raises LabError."""
    table = read_table(path)
    time = pick(table, "time", "s", TIME, columns)
    if time is None:
        raise needed(table, "time")
    found = {"thickness [um]": pick(table, "thickness", "um", THICKNESS, columns), "pressure [MPa]": pick(table, "pressure", "MPa", PRESSURE, columns)}
    found = {name: values for name, values in found.items() if values is not None}
    if not found:
        raise needed(table, "thickness")
    whole = np.isfinite(time)
    order = np.argsort(time[whole], kind="stable")
    return {"time [s]": time[whole][order]} | {name: values[whole][order] for name, values in found.items()}


def against(made: Cycles, result: Result, log=None) -> Analysis:
    """Measured capacity, utilisation and thickness or pressure, and a run's contact ratio, porosity, thickness and pressure,
    by cycle. `log`: from `sensor`, on the clock of the cycler. Raises LabError where the run has ended no half cycle."""
    try:
        rows = result.cycles
        numbers = np.asarray(rows["cycle []"]).astype(int)
    except KeyError:
        numbers = np.zeros(0, int)
    if not len(numbers):
        raise LabError(f"{result.directory}: the run has ended no half cycle yet; there is nothing to compare with")
    measured = _measured(made, log)
    computed = _computed(result, rows, numbers)
    every = np.union1d(measured.pop("cycle"), numbers)
    table = {"cycle": every}
    own = made.numbers.astype(int)
    for name, values in measured.items():
        table[f"measured {name}"] = _placed(every, own, values)
    for name, (at, values) in computed.items():
        table[f"run {name}"] = _placed(every, at, values)
    shared = np.intersect1d(own[made.whole], numbers)
    values = {"cycles in both": Value(float(len(shared)))}
    if len(shared) > 1:
        first, last = int(shared[0]), int(shared[-1])
        names = ["measured utilisation [%]"] if "measured utilisation [%]" in table else []
        names += [f"measured capacity [{made.electrode.unit}]", *(name for name in table if name.startswith("run ") and (" lithiated" in name or "-any" in name))]
        for name in dict.fromkeys(names):
            before, after = (table[name][every == number][0] for number in (first, last))
            quantity, unit = re.fullmatch(r"(.*?)(?: \[(.*)\])?", name).groups()
            if np.isfinite(before) and np.isfinite(after):
                values[f"change of {quantity}, cycle {first} to {last}"] = Value(float(after - before), unit or "")
    choices = made.choices | {
        "run": str(result.directory),
        "cycles of the run": "put beside the measured cycles of the same number",
        "states of the run": "at the end of each lithiation and delithiation",
    }
    if log is not None:
        choices["sensor"] = "its clock is the cycler's; value at the end of each half cycle, by linear interpolation"
    analysis = Analysis("cycles", values, {"against the run": table}, choices, list(made.notes), curves={"measured": made, "phases": _active(result)})
    if not result.complete:
        analysis.notes.append("the run has not come to its end")
    return analysis


def _placed(every, at, values):
    out = np.full(len(every), np.nan)
    out[np.searchsorted(every, at)] = values
    return out


def _measured(made, log):
    table = made.table
    out = {"cycle": made.numbers.astype(int)}
    out[f"capacity [{made.electrode.unit}]"] = np.where(made.whole, made.compared, np.nan)
    if made.electrode.active:
        out["utilisation [%]"] = np.where(made.whole, 100 * utilisation(made), np.nan)
    for way in WAYS:
        if f"pressure after {way} [MPa]" in table:
            out[f"pressure after {way} [MPa]"] = table[f"pressure after {way} [MPa]"]
    if log is not None:
        for way in WAYS:
            ends = _ends(made, way)
            for name in log:
                if name != "time [s]":
                    quantity, unit = name.split(" [")
                    known = np.isfinite(log[name])
                    out[f"{quantity} after {way} [{unit}"] = np.interp(ends, log["time [s]"][known], log[name][known], left=np.nan, right=np.nan)
    return out


def _ends(made, way):
    """Time [s] at which the last step of a direction ends, (m,) by cycle, NaN where a cycle has none."""
    charge = made.steps[f"{way} [mAh]"]
    time = made.recording["time [s]"]
    last = np.append(made.steps["record"][1:], len(time)) - 1
    ends = np.full(len(made.numbers), np.nan)
    for i in np.flatnonzero(charge > SMALL_STEP * charge.max(initial=0.0)):
        ends[np.searchsorted(made.numbers, made.steps["cycle"][i])] = time[last[i]]
    return ends


def _active(result):
    return [name for name, phase in result.study.phases.items() if phase.role == "active"]


def _computed(result, rows, numbers):
    """{name: (cycles, values)} of a run at the ends of its halves."""
    halves = np.asarray(rows["half []"])
    wanted = {f"contact {a}-{b} []": (f"contact ratio {a}-{b}", 100, "%") for a in _active(result) for b in (*result.study.phases, "any") if f"contact {a}-{b} []" in rows}
    wanted |= {"porosity []": ("porosity", 100, "%"), "thickness [um]": ("thickness", 1, "um"), "wall pressure [GPa]": ("pressure", 1e3, "MPa")}
    out = {}
    for column, (name, scale, unit) in wanted.items():
        if column not in rows:
            continue
        for half, state in STATES.items():
            if name.startswith("contact") and half == "delithiation":
                continue  # a particle that shrank touches little, whatever it touches when it works
            at = np.flatnonzero(halves == half)
            if len(at):
                out[f"{name}, {state} [{unit}]"] = numbers[at], scale * np.asarray(rows[column])[at].astype(float)
    return out
