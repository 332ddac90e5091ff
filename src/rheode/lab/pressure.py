"""Operando stack pressure: its amplitude and drift cycle by cycle, measured and simulated by the same rules.

A recording is a history in the form of `rheode.result.Result.history`: columns `time [s]`, `cycle []` (from 1, 0 before the
first), `half []` ("clamp", "lithiation", "delithiation", "rest") and `wall pressure [GPa]`, with `lithiation []` or
`charge [mAh]` where known. So a simulated run goes through the functions below as it is.
"""

import numpy as np

from .analysis import Analysis, LabError, Value
from .signals import noise, turning_points

PRESSURE = "wall pressure [GPa]"
HALVES = ("lithiation", "delithiation")
IDLE = 0.01  # of the largest current: below, the cell rests
END = 0.05  # share of a half cycle's samples from which its last pressure is taken
FEW = 8  # with fewer samples in that share the last one is taken as it is
MPA = 1000.0  # in a GPa


# --- halves ----------------------------------------------------------------------------------------


def halves_from_current(current, lithiates="discharge") -> np.ndarray:
    """The half cycle of each sample from the current (n,), negative on discharge; "rest" below 1 % of the largest.

    lithiates: "discharge" where the electrode that counts takes up lithium on discharge (a cathode), or "charge".
    """
    sign = np.where(np.abs(current) < IDLE * np.abs(current).max(), 0, np.sign(current))
    on_discharge, on_charge = HALVES if lithiates == "discharge" else HALVES[::-1]
    return np.select([sign < 0, sign > 0], [on_discharge, on_charge], "rest")


def halves_from_steps(steps, lithiates="discharge") -> np.ndarray:
    """The half cycle of each sample from the names of the cycler's steps, or from names of half cycles themselves."""
    names = {}
    on_discharge, on_charge = HALVES if lithiates == "discharge" else HALVES[::-1]
    for name in np.unique(steps):
        low = str(name).lower()
        if "lithiation" in low:
            names[name] = HALVES[1] if low.startswith("de") else HALVES[0]
        elif "dis" in low or "dchg" in low:
            names[name] = on_discharge
        elif "ch" in low:
            names[name] = on_charge
        else:
            names[name] = "rest"
    return np.array([names[name] for name in steps])


def halves_from_pressure(pressure, rising="lithiation") -> np.ndarray:
    """The half cycle of each sample from the turning points of the pressure alone."""
    turns = turning_points(pressure)
    other = HALVES[rising == "lithiation"]
    half = np.empty(len(pressure), dtype="<U12")
    for first, last in zip(turns, turns[1:]):
        half[first : last + 1] = rising if pressure[last] > pressure[first] else other
    return half


def count_cycles(half) -> np.ndarray:
    """Number of the cycle of each sample: one more whenever the first kind of half cycle comes again; 0 before it.

    Rests belong to the cycle they lie in; a rest within a half cycle does not end it.
    """
    cycle = np.zeros(len(half), int)
    number, before, first = 0, None, None
    for i, name in enumerate(half.tolist()):
        if name in HALVES and name != before:
            first = first or name
            number += name == first
            before = name
        cycle[i] = number
    return cycle


def history(time, pressure, half, charge=None, capacity=None) -> dict:
    """A recording in the form of a run's history. time (n,) s, pressure (n,) GPa, half (n,), charge (n,) mAh taken up.

    capacity: charge [mAh] from x = 0 to 1, where the lithiation is wanted.
    """
    made = {"time [s]": time, "cycle []": count_cycles(half), "half []": half, PRESSURE: pressure}
    if charge is not None:
        made["charge [mAh]"] = charge
        if capacity is not None:
            made["lithiation []"] = charge / capacity
    return made


# --- cycles ----------------------------------------------------------------------------------------


def ends(history, spread=None) -> list[dict]:
    """The pressure [GPa] with its standard uncertainty where each half cycle ends, before the rest: a dict a half cycle.

    The first entry, half "start", is the pressure before the first half cycle begins. The last half cycle counts though
    it may not be whole. spread: noise of the pressure [GPa]; 0 for a computed history, estimated where None.
    """
    time, pressure, half, cycle = (history[name] for name in ("time [s]", PRESSURE, "half []", "cycle []"))
    known = np.isfinite(pressure)
    working = np.flatnonzero(np.isin(half, HALVES) & known)
    if not len(working):
        raise LabError("no half cycle was found: the pressure has no cycles, or the current and the steps name none")
    if spread is None:
        spread = noise(pressure[known])
    breaks = np.flatnonzero((half[working][1:] != half[working][:-1]) | (cycle[working][1:] != cycle[working][:-1])) + 1
    groups = np.split(working, breaks)
    idle = np.flatnonzero(known[: working[0]])
    found = []
    for name, group in [("start", idle if len(idle) else groups[0][::-1]), *((str(half[group[0]]), group) for group in groups)]:
        value, u = _end(time[group], pressure[group], spread)
        found.append({"cycle": int(cycle[group[-1]]), "half": name, "time": float(time[group[-1]]), "pressure": value, "u": u, "samples": group})
    return found


def _end(time, pressure, spread):
    """The last pressure of a half cycle: where many samples lie near its end, a parabola through them."""
    count = int(END * len(time))
    if count < FEW or spread == 0:
        return float(pressure[-1]), spread
    x, y = time[-count:] - time[-1], pressure[-count:]
    scale = np.abs(x).max()
    if scale == 0:
        return float(y.mean()), spread / np.sqrt(count)
    terms = np.vander(x / scale, 3)
    fit, *_ = np.linalg.lstsq(terms, y, rcond=None)
    # What the pressure does around the parabola counts as noise too, where it does more than the record's noise.
    around = max(spread, float(np.sqrt(np.sum((y - terms @ fit) ** 2) / (count - 3))))
    return float(fit[-1]), around * float(np.sqrt(np.linalg.pinv(terms.T @ terms)[-1, -1]))


def per_cycle(history, spread=None) -> dict:
    """A column table of whole cycles: pressures at their ends, amplitude and drift with standard uncertainties, all in MPa.

    With the pressures A, B, C at the beginning of a cycle, between its halves and at its end: amplitude B - (A + C)/2,
    counted positive where the lithiated state is the one under more pressure (a steady drift drops out); drift C - A.
    spread: as in `ends`.
    """
    states = ends(history, spread)
    pressure = history[PRESSURE]
    rows = []
    for before, middle, after in zip(states, states[1:], states[2:]):
        if middle["cycle"] != after["cycle"] or middle["half"] == after["half"]:
            continue
        sense = 1 if middle["half"] == "lithiation" else -1
        inside = pressure[middle["samples"][0] : after["samples"][-1] + 1]
        smooth = _running_mean(inside[np.isfinite(inside)], 1 if spread == 0 else int(END * len(inside)) // 4)
        lithiated, delithiated = (middle, after) if sense == 1 else (after, middle)
        rows.append({
            "cycle []": middle["cycle"],
            "start [MPa]": MPA * before["pressure"],
            "lithiated [MPa]": MPA * lithiated["pressure"],
            "u(lithiated) [MPa]": MPA * lithiated["u"],
            "delithiated [MPa]": MPA * delithiated["pressure"],
            "u(delithiated) [MPa]": MPA * delithiated["u"],
            "amplitude [MPa]": sense * MPA * (middle["pressure"] - (before["pressure"] + after["pressure"]) / 2),
            "u(amplitude) [MPa]": MPA * float(np.sqrt(middle["u"] ** 2 + (before["u"] ** 2 + after["u"] ** 2) / 4)),
            "drift [MPa]": MPA * (after["pressure"] - before["pressure"]),
            "u(drift) [MPa]": MPA * float(np.hypot(before["u"], after["u"])),
            "highest less lowest [MPa]": MPA * float(np.ptp(smooth)),
            "hours [h]": (after["time"] - before["time"]) / 3600,
        })
    return {name: [row[name] for row in rows] for name in rows[0]} if rows else {}


def _running_mean(x, width):
    if width < 2 or len(x) <= width:
        return x
    return np.convolve(x, np.full(width, 1 / width), mode="valid")


def trend(cycles) -> tuple[Value, Value]:
    """Amplitude and drift of all cycles of `per_cycle`, each MPa.

    Amplitude: the mean over cycles and its standard error. Drift: the slope of a line through the pressures at the cycles'
    ends against their number, from three cycles on; before, the mean change in a cycle.
    """
    amplitude, drift = np.array(cycles["amplitude [MPa]"]), np.array(cycles["drift [MPa]"])
    u_amplitude, u_drift = np.array(cycles["u(amplitude) [MPa]"]), np.array(cycles["u(drift) [MPa]"])
    number = len(amplitude)
    if number == 1:
        return Value(amplitude[0], "MPa", u_amplitude[0]), Value(drift[0], "MPa", u_drift[0])
    own = np.sqrt(np.sum(u_amplitude**2)) / number
    mean = Value(float(amplitude.mean()), "MPa", float(max(amplitude.std(ddof=1) / np.sqrt(number), own)))
    if number == 2:
        return mean, Value(float(drift.mean()), "MPa", float(max(drift.std(ddof=1) / np.sqrt(2), np.sqrt(np.sum(u_drift**2)) / 2)))
    at = np.array(cycles["cycle []"], float)
    end = np.array(cycles["start [MPa]"]) + drift
    at = at - at.mean()
    slope = float(at @ end / (at @ at))
    rest = end - end.mean() - slope * at
    own = u_drift.mean() / np.sqrt(2) / np.sqrt(at @ at)
    return mean, Value(slope, "MPa", float(max(np.sqrt(rest @ rest / (number - 2) / (at @ at)), own)))


def pressure(history, simulated=None, choices=None) -> Analysis:
    """Amplitude and drift of a recording, beside those of a simulated run's history where given: kind "pressure".

    Raises LabError: no pressure, none that changes, no whole cycle.
    """
    p = history[PRESSURE]
    here = p[np.isfinite(p)]
    if not len(here):
        raise LabError("the pressure column holds no number")
    if np.ptp(here) == 0:
        raise LabError(f"the pressure is {MPA * here[0]:g} MPa throughout: no sensor was connected, or another column holds it")
    cycles = per_cycle(history)
    first = ends(history)[0]
    values = {"pressure at the beginning": Value(MPA * first["pressure"], "MPa", MPA * first["u"])}
    notes = []
    if not cycles:
        raise LabError("no whole cycle was found (two half cycles, one after the other): record longer")
    values |= dict(zip(("amplitude per cycle", "drift per cycle"), trend(cycles)))
    tables = {"cycles": cycles}
    if simulated is not None:
        theirs = per_cycle(simulated, spread=0.0)
        if not theirs:
            raise LabError("the simulated run has no whole cycle yet: let it go on")
        values |= dict(zip(("amplitude per cycle, simulated", "drift per cycle, simulated"), (Value(value.value, "MPa") for value in trend(theirs))))
        tables["simulated cycles"] = theirs
        if np.ptp(simulated[PRESSURE]) < 1e-9:
            notes.append("the simulated run keeps its stack pressure constant: a study with walls of kind fixture follows a cell in a frame")
    if (here < 0).any():
        notes.append("the pressure is below zero at times: the sensor's zero is off")
    return Analysis("pressure", values, tables, (choices or {}) | _choices(history), notes, curves={"history": history, "simulated": simulated})


def _choices(history):
    return {
        "amplitude": "pressure between the halves of a cycle less the mean of those at its beginning and end; positive where the lithiated state has more",
        "drift": "pressure at the end of a cycle less that at its beginning; of all cycles the slope through their ends",
        "pressure at an end": f"where the current stops, before the rest: a parabola through the last {100 * END:g} % of the half cycle, or its last sample where those are fewer than {FEW}",
        "uncertainty": "noise of the recording; of mean and slope the scatter over cycles where that is more; not the sensor's calibration nor temperature",
        "noise": f"{MPA * noise(history[PRESSURE][np.isfinite(history[PRESSURE])]):.3g} MPa",
    }
