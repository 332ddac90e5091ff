"""From a cycler's recording to what papers print of a cell: capacity, efficiency, voltage, energy, retention, rates, life.

Charge is positive. In a half cell against lithium the discharge lithiates the working electrode, whichever it is. Equation
11 is that of Xiong et al. 2024, Supplementary Information (doi 10.1038/s41467-024-48174-8).
"""

from dataclasses import dataclass, replace

import numpy as np

from ..electrode import formulas
from .analysis import Analysis, LabError, Value
from .cyclers.table import RESTING, SMALL_STEP, Recording, count_cycles

WAYS = ("charge", "discharge")
# The half of a cycle whose charge comes back, and the half that put it in.
EFFICIENCIES = {"full": ("discharge", "charge"), "cathode": ("discharge", "charge"), "anode": ("charge", "discharge")}
ALIKE = 0.05  # relative: currents nearer than this are one rate
ALIKE_TEMPERATURE = 3.0  # K: means nearer than this are one temperature
LEAST = 1e-6  # of the largest charge: less is none
SAME_END = 0.02  # of the range of voltage: a half that ends this near to where the others of its kind end is finished
LASTING = 3  # cycles below a retention end a life; fewer are an outlier
SHOWN_CYCLES = 6  # profiles in a figure
POINTS = 1500  # of a profile in a figure


@dataclass(frozen=True)
class Electrode:
    """What capacities are divided by, where it is known: mass [mg], area [cm^2], thickness [um].

    active, framework: (weight fraction, capacity [mAh/g]) of the active material and of what else stores charge, for the
    utilisation; one_c: the current of 1 C [mA].
    """

    mass: float | None = None
    area: float | None = None
    thickness: float | None = None
    active: tuple[float, float] | None = None
    framework: tuple[float, float] = (0.0, 0.0)
    one_c: float | None = None

    @property
    def volume(self):
        """cm^3, None where area or thickness is not known."""
        return None if self.area is None or self.thickness is None else formulas.electrode_volume(self.area, self.thickness)

    @property
    def unit(self):
        """The unit in which capacities are compared: per mass if that is known, else per area, else absolute."""
        return "mAh/g" if self.mass else "mAh/cm2" if self.area else "mAh"

    def scaled(self, capacity):
        """`capacity` [mAh] in `unit`."""
        return capacity / (self.mass / 1e3 if self.mass else self.area or 1.0)


# --- steps and cycles -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Cycles:
    """A recording by cycle: `table`, columns (n,) with their units; `steps` the same by step; `unfinished`: numbers of
    cycles of which a half is missing or may have been cut short."""

    recording: Recording
    capacity: str
    electrode: Electrode
    of: str
    table: dict[str, np.ndarray]
    steps: dict[str, np.ndarray]
    unfinished: tuple[int, ...]
    choices: dict
    notes: list[str]

    @property
    def numbers(self):
        return self.table["cycle"]

    @property
    def whole(self):
        """(n,) bool: cycles with both halves, ended as they should."""
        return ~np.isin(self.numbers, self.unfinished)

    @property
    def compared(self):
        """The capacity that is compared from cycle to cycle, (n,) in `electrode.unit`."""
        return self.electrode.scaled(self.table[f"{self.of} [mAh]"])

    def reference(self, number=None):
        """Index of the cycle that others are compared with: that `number`, or the first whole one. Raises LabError."""
        if number is None:
            whole = np.flatnonzero(self.whole & (self.compared > 0))
            if not len(whole):
                raise LabError(f"{self.recording.path}: no cycle is whole: both a charge and a discharge are needed to compare cycles")
            return int(whole[0])
        found = np.flatnonzero(self.numbers == number)
        if not len(found) or not self.compared[found[0]] > 0:
            raise LabError(f"--reference: got {number}; {self.recording.path} has the cycles {self.numbers[0]} to {self.numbers[-1]} (with a {self.of})")
        return int(found[0])


def cycles(recording: Recording, electrode=Electrode(), capacity=None, begin=None, of=None, cell=None) -> Cycles:
    """A recording by cycle.

    capacity: "file" or "integrated", by default the file's where it has one; begin: "charge" or "discharge" counts cycles
    anew, each beginning so; of: the half whose capacity is compared, by default the discharge, of an anode ("cell") the
    charge, in which its lithium comes back. Raises LabError.
    """
    if capacity is None:
        capacity = "file" if "file capacity [Ah]" in recording else "integrated"
    if f"{capacity} capacity [Ah]" not in recording:
        raise LabError(f"--capacity: {recording.path} holds no capacity of its own; leave the option away, or integrate the current with --capacity integrated")
    of = of or ("charge" if cell == "anode" else "discharge")
    choices = recording.choices | {"capacity": "the cycler's own" if capacity == "file" else "the integrated current", "compared": of}
    number = recording["cycle []"]
    if begin is not None:
        new = np.append(True, np.diff(recording["step []"]) > 0)
        number = count_cycles(new, recording[f"{capacity} capacity [Ah]"], begin)
        choices["cycles"] = f"counted: a cycle begins with each {begin}"
    steps = by_step(recording, number, capacity)
    table = by_cycle(steps)
    unfinished, notes = _unfinished(steps, table), []
    if not (steps["charge [mAh]"].any() or steps["discharge [mAh]"].any()):
        notes.append(f"no charge passes: all {len(recording)} records are at rest")
    if "file capacity [Ah]" in recording:
        other = "integrated" if capacity == "file" else "file"
        theirs = by_cycle(by_step(recording, number, other))
        for way in WAYS:
            own = table[f"{way} [mAh]"]
            share = np.where(own > SMALL_STEP * own.max(initial=0.0), theirs[f"{way} [mAh]"] / np.where(own > 0, own, 1.0), np.nan)
            table[f"{way}, {other} - {capacity} [%]"] = 100 * (share - 1)
    several = _turning(steps)
    if several:
        notes.append(f"{'cycle' if len(several) == 1 else 'cycles'} {_listed(several)} of the file hold{'s' if len(several) == 1 else ''} several charges and discharges, which are added up; --begin charge or discharge counts each as a cycle")
    if unfinished and len(table["cycle"]) > 1:
        notes.append(f"{'cycle' if len(unfinished) == 1 else 'cycles'} {_listed(unfinished)} may be unfinished (a half is missing, or ends at another voltage than the others) and {'is' if len(unfinished) == 1 else 'are'} left out of means, retention and life")
    return Cycles(recording, capacity, electrode, of, table, steps, unfinished, choices, [*recording.notes, *notes])


def by_step(recording, number, capacity) -> dict[str, np.ndarray]:
    """Each step in one row: columns (k,), "record" its first record. number: (n,) cycle of each record; capacity: "file" or
    "integrated"."""
    time, voltage = recording["time [s]"], recording["voltage [V]"]
    passed = np.diff(recording[f"{capacity} capacity [Ah]"], prepend=0.0) * 1e3  # mAh between records
    new = np.append(True, (np.diff(recording["step []"]) != 0) | (np.diff(number) != 0))
    first = np.flatnonzero(new)
    last = np.append(first[1:], len(time)) - 1
    # What passes until a rest is first recorded belongs to the step before it.
    block = np.cumsum(new) - 1
    block[first[1:]] -= np.abs(recording["current [A]"][first[1:]]) <= RESTING * np.abs(recording["current [A]"]).max(initial=0.0)
    # The voltage at which a charge passed: the mean of two records, but where it jumped between steps.
    same = block[1:] == block[:-1]
    between = voltage.copy()
    between[1:] = np.where(same & ~new[1:], 0.5 * (voltage[1:] + voltage[:-1]), np.where(same, voltage[:-1], voltage[1:]))
    energy = passed * between
    table = {"step": recording["step []"][first], "cycle": number[first], "record": first, "time [s]": time[first]}
    if "step time [s]" in recording:
        began = recording["step time [s]"]
        table["duration [s]"] = time[last] - time[first] + np.where(np.isfinite(began[first]), np.minimum(began[first], np.diff(time[first], prepend=time[0])), 0.0)
    else:
        table["duration [s]"] = time[last] - time[np.maximum(first - 1, 0)]
    for way, sign in (("charge", 1.0), ("discharge", -1.0)):
        table[f"{way} [mAh]"] = np.bincount(block, np.maximum(sign * passed, 0.0), len(first))
        table[f"{way} [mWh]"] = np.bincount(block, np.where(sign * passed > 0, sign * energy, 0.0), len(first))
    table["first voltage [V]"], table["last voltage [V]"] = voltage[first], voltage[last]
    for name, unit, scale in (("temperature [degC]", "temperature [degC]", 1.0), ("pressure [Pa]", "pressure [MPa]", 1e-6)):
        if name in recording:
            table[unit] = _means(recording[name] * scale, first)
            if unit == "pressure [MPa]":
                table["last pressure [MPa]"] = recording[name][last] * scale
    return table


def _means(values, first):
    """Means over blocks that begin at `first`, of what is finite."""
    known = np.isfinite(values)
    count = np.add.reduceat(known.astype(float), first)
    return np.divide(np.add.reduceat(np.where(known, values, 0.0), first), count, out=np.full(len(first), np.nan), where=count > 0)


def by_cycle(steps) -> dict[str, np.ndarray]:
    """Each cycle in one row, in order of appearance: columns (m,)."""
    number, index = np.unique(steps["cycle"], return_inverse=True)
    m = len(number)
    table = {"cycle": number}
    for way in WAYS:
        for unit in ("mAh", "mWh"):
            table[f"{way} [{unit}]"] = np.bincount(index, steps[f"{way} [{unit}]"], m)
    for way in WAYS:
        charge = table[f"{way} [mAh]"]
        counts = charge > LEAST * charge.max(initial=0.0)
        table[f"mean {way} voltage [V]"] = np.divide(table[f"{way} [mWh]"], charge, out=np.full(m, np.nan), where=counts)
        table[f"{way} current [mA]"] = _main_current(steps, way, index, m)
    for name in ("temperature [degC]", "pressure [MPa]"):
        if name in steps:
            known = np.isfinite(steps[name])
            weight = np.where(known, np.maximum(steps["duration [s]"], 1e-9), 0.0)
            total = np.bincount(index, weight, m)
            table[name] = np.divide(np.bincount(index, weight * np.nan_to_num(steps[name]), m), total, out=np.full(m, np.nan), where=total > 0)
    for way, place in (("charge", "after charge"), ("discharge", "after discharge")):
        if "last pressure [MPa]" in steps:
            at = _last_of(steps, way, index, m)
            table[f"pressure {place} [MPa]"] = np.where(at >= 0, steps["last pressure [MPa]"][at], np.nan)
    return table


def _main_current(steps, way, index, m):
    """Mean current [mA] of the step that passed most of a cycle's charge: that of the constant-current step."""
    charge = steps[f"{way} [mAh]"]
    order = np.lexsort((charge, index))
    last = np.append(np.flatnonzero(np.diff(index[order])), len(order) - 1)
    main = order[last]
    hours = steps["duration [s]"][main] / 3600
    current = np.full(m, np.nan)
    moving = (charge[main] > 0) & (hours > 0)
    current[index[main][moving]] = charge[main][moving] / hours[moving]
    return current


def _last_of(steps, way, index, m):
    """For each cycle the last step of a direction, -1 where it has none."""
    charge = steps[f"{way} [mAh]"]
    counts = np.flatnonzero(charge > SMALL_STEP * charge.max(initial=0.0))
    at = np.full(m, -1)
    np.maximum.at(at, index[counts], counts)
    return at


def _unfinished(steps, table):
    """Numbers of the cycles of which a half is missing, and of the last if it ends elsewhere than those before."""
    charges = [table[f"{way} [mAh]"] for way in WAYS]
    missing = {int(number) for number, *of in zip(table["cycle"], *charges) if any(charge <= SMALL_STEP * most.max(initial=0.0) for charge, most in zip(of, charges))}
    number, index = np.unique(steps["cycle"], return_inverse=True)
    moves = steps["charge [mAh]"] + steps["discharge [mAh]"]
    if moves[-1] <= SMALL_STEP * moves.max():  # a rest follows: the half before it was ended
        return tuple(sorted(missing))
    way = "charge" if steps["charge [mAh]"][-1] > steps["discharge [mAh]"][-1] else "discharge"
    ends = _last_of(steps, way, index, len(number))
    before = ends[:-1][ends[:-1] >= 0]
    if len(before):
        span = np.ptp(np.append(steps["first voltage [V]"], steps["last voltage [V]"]))
        if abs(steps["last voltage [V]"][-1] - np.median(steps["last voltage [V]"][before])) > SAME_END * span:
            missing.add(int(number[-1]))
    return tuple(sorted(missing))


def _turning(steps):
    """Numbers of the cycles in which a direction comes back after the other."""
    charge, discharge = steps["charge [mAh]"], steps["discharge [mAh]"]
    least = SMALL_STEP * max(charge.max(initial=0.0), discharge.max(initial=0.0))
    moving = np.flatnonzero(np.maximum(charge, discharge) > least)
    way, number = np.sign(charge - discharge)[moving], steps["cycle"][moving]
    turns = (way[1:] != way[:-1]) & (number[1:] == number[:-1])
    found, count = np.unique(number[1:][turns], return_counts=True)
    return tuple(found[count > 1].tolist())


def _listed(numbers):
    return ", ".join(map(str, numbers)) if len(numbers) <= 5 else f"{', '.join(map(str, numbers[:4]))}, ... ({len(numbers)} in all)"


# --- the table of cycles --------------------------------------------------------------------------


def per_cycle(made: Cycles, cell=None, reference=None) -> Analysis:
    """Capacity, efficiency, voltage, energy, retention and utilisation of every cycle.

    cell: "full", or "cathode" or "anode" for a half cell with such a working electrode, says which half put the charge in
    and so what the coulombic efficiency is; without it both ratios are given under their own names. reference: number of
    the cycle that retention refers to, by default the first whole one. Raises LabError.
    """
    electrode, table = made.electrode, made.table
    choices, notes = dict(made.choices), list(made.notes)
    out = {"cycle": table["cycle"]}
    for way in WAYS:
        out[f"{way} [mAh]"] = table[f"{way} [mAh]"]
    for way in WAYS:
        charge = table[f"{way} [mAh]"]
        if electrode.mass:
            out[f"{way} [mAh/g]"] = charge / (electrode.mass / 1e3)
        if electrode.area:
            out[f"{way} [mAh/cm2]"] = charge / electrode.area
        if electrode.volume:
            out[f"{way} [mAh/cm3]"] = charge / electrode.volume
    out |= _efficiency(made, cell, choices, notes)
    with np.errstate(divide="ignore", invalid="ignore"):
        for way in WAYS:
            out[f"mean {way} voltage [V]"] = table[f"mean {way} voltage [V]"]
        for way in WAYS:
            out[f"{way} [mWh]"] = table[f"{way} [mWh]"]
            if electrode.mass:
                out[f"{way} [Wh/kg]"] = table[f"{way} [mWh]"] / electrode.mass * 1e3
            if electrode.volume:
                out[f"{way} [Wh/L]"] = table[f"{way} [mWh]"] / electrode.volume
        if cell in ("full", "cathode"):  # an anode against lithium takes its energy from the lithium
            out["energy efficiency [%]"] = np.where(made.whole, 100 * table["discharge [mWh]"] / table["charge [mWh]"], np.nan)
    at = made.reference(reference) if reference is not None or np.any(made.whole) else None
    if at is not None:
        out["retention [%]"] = np.where(made.whole, 100 * made.compared / made.compared[at], np.nan)
        choices["retention"] = f"of the {made.of} capacity, against cycle {made.numbers[at]}"
    if electrode.active:
        out["utilisation [%]"] = 100 * utilisation(made)
        choices["utilisation"] = f"Eq. 11: active {electrode.active[0]:g} x {electrode.active[1]:g} mAh/g, framework {electrode.framework[0]:g} x {electrode.framework[1]:g} mAh/g, of the {made.of} capacity"
        if np.nanmax(np.where(made.whole, out["utilisation [%]"], np.nan), initial=0.0) > 105:
            notes.append("the utilisation exceeds 100 %: check the mass, and that the weight fractions refer to it")
    for way in WAYS:
        out[f"{way} current [mA]"] = table[f"{way} current [mA]"]
    if electrode.one_c:
        out["rate [C]"] = table[f"{made.of} current [mA]"] / electrode.one_c
        choices["1 C"] = f"{electrode.one_c:.6g} mA"
    out |= {name: values for name, values in table.items() if name.startswith(("temperature", "pressure")) or name.endswith("[%]")}
    choices |= _amounts(electrode)
    choices["average voltage"] = "energy by capacity: the voltage weighted with the charge"
    choices["a rate"] = f"the mean current of the step that passes most charge; alike within {100 * ALIKE:g} %"
    tables = {"cycles": out, "steps": made.steps}
    tables |= {name: group for name, group in (("rates", rates(made)), ("temperatures", temperatures(made))) if group is not None and len(group["first cycle"]) > 1}
    return Analysis("cycles", _headlines(made, out, cell, at), tables, choices, notes, curves={"cycles": made, "cell": cell})


def _efficiency(made, cell, choices, notes):
    """Columns of the coulombic efficiency [%]."""
    charge = {way: made.table[f"{way} [mAh]"] for way in WAYS}

    def ratio(back, put):
        least = SMALL_STEP * charge[put].max(initial=0.0)
        return 100 * np.divide(charge[back], charge[put], out=np.full(len(charge[put]), np.nan), where=charge[put] > least)

    if cell is None:
        choices["coulombic efficiency"] = "not said which half puts the charge in: both ratios are given; --cell full, cathode or anode names one"
        return {"discharge/charge [%]": ratio("discharge", "charge"), "charge/discharge [%]": ratio("charge", "discharge")}
    back, put = EFFICIENCIES[cell]
    choices["coulombic efficiency"] = f"{back} / {put} capacity of the same cycle ({'full cell' if cell == 'full' else f'half cell, the working electrode is {_article(cell)}'})"
    number, index = np.unique(made.steps["cycle"], return_inverse=True)
    ends = {way: _last_of(made.steps, way, index, len(number)) for way in WAYS}
    early = made.whole & (ends[back] < ends[put])
    if early.any():
        notes.append(f"in {np.count_nonzero(early)} of {np.count_nonzero(made.whole)} cycles the {back} comes before the {put} it is divided by; --begin {put} counts cycles so that it follows")
    return {"coulombic efficiency [%]": ratio(back, put)}


def _article(cell):
    return f"{'an' if cell == 'anode' else 'a'} {cell}"


def utilisation(made: Cycles) -> np.ndarray:
    """Share of the active material's capacity that each cycle obtained, (m,): Eq. 11. Raises LabError without a mass."""
    electrode = made.electrode
    if not electrode.mass:
        raise LabError("--active: the utilisation needs the electrode's mass; give --mass (of all that the weight fractions refer to)")
    weight, capacity = electrode.active
    return formulas.utilisation(made.table[f"{made.of} [mAh]"] / (electrode.mass / 1e3), capacity, weight, electrode.framework[1], electrode.framework[0])


def _amounts(electrode):
    given = {"mass": (electrode.mass, "mg"), "area": (electrode.area, "cm2"), "thickness": (electrode.thickness, "um"), "volume": (electrode.volume, "cm3")}
    return {name: f"{value:.6g} {unit}" for name, (value, unit) in given.items() if value}


def _headlines(made, out, cell, at):
    whole = np.flatnonzero(made.whole)
    values = {"cycles": Value(float(len(made.numbers)))}
    if not len(whole):
        return values
    unit = made.electrode.unit
    first, last = whole[0], whole[-1]
    for i in (first, last) if first != last else (first,):
        for way in WAYS:
            values[f"{way} capacity, cycle {made.numbers[i]}"] = Value(float(made.electrode.scaled(made.table[f"{way} [mAh]"][i])), unit)
    if "coulombic efficiency [%]" in out:
        efficiency = out["coulombic efficiency [%]"]
        values[f"coulombic efficiency, cycle {made.numbers[first]}"] = Value(float(efficiency[first]), "%")
        later = whole[1:]
        if len(later):
            values["mean coulombic efficiency of the later cycles"] = Value(float(np.mean(efficiency[later])), "%", error_of_mean(efficiency[later]))
    for way in WAYS:
        values[f"mean {way} voltage, cycle {made.numbers[first]}"] = Value(float(out[f"mean {way} voltage [V]"][first]), "V")
    if made.electrode.mass:
        values[f"discharge energy, cycle {made.numbers[first]}"] = Value(float(out["discharge [Wh/kg]"][first]), "Wh/kg")
    if made.electrode.volume:
        values[f"energy density, cycle {made.numbers[first]}"] = Value(float(out["discharge [Wh/L]"][first]), "Wh/L")
    if at is not None and last > at:
        values[f"retention, cycle {made.numbers[last]} of cycle {made.numbers[at]}"] = Value(float(out["retention [%]"][last]), "%")
    if "utilisation [%]" in out:
        best = whole[np.argmax(out["utilisation [%]"][whole])]
        values[f"utilisation, cycle {made.numbers[first]}"] = Value(float(out["utilisation [%]"][first]), "%")
        if best != first:
            values[f"largest utilisation, cycle {made.numbers[best]}"] = Value(float(out["utilisation [%]"][best]), "%")
    differences = [out[name][whole] for name in out if " - " in name]
    if differences:
        other = "integrated - file" if made.capacity == "file" else "file - integrated"
        worst = max((values[np.nanargmax(np.abs(values))] for values in differences if np.isfinite(values).any()), key=abs, default=np.nan)
        values[f"largest difference of capacity, {other}"] = Value(float(worst), "%")
    return values


def error_of_mean(values):
    """Standard error, None for one value and for values that agree to rounding."""
    error = float(np.std(values, ddof=1) / np.sqrt(len(values))) if len(values) > 1 else 0.0
    return error if error > 1e-9 * abs(np.mean(values)) else None


# --- rates, temperatures, life --------------------------------------------------------------------


def rates(made: Cycles) -> dict | None:
    """Cycles that follow each other at one current, a row each: rate capability. None without whole cycles."""
    return _grouped(made, made.table[f"{made.of} current [mA]"], lambda a, b: abs(a - b) <= ALIKE * abs(b))


def temperatures(made: Cycles) -> dict | None:
    """Cycles that follow each other at one temperature, a row each; None where the file has no such channel."""
    if "temperature [degC]" not in made.table:
        return None
    return _grouped(made, made.table["temperature [degC]"], lambda a, b: abs(a - b) <= ALIKE_TEMPERATURE)


def _grouped(made, values, alike):
    whole = np.flatnonzero(made.whole & np.isfinite(values))
    if not len(whole):
        return None
    groups = [[whole[0]]]
    for i in whole[1:]:
        if alike(values[i], values[groups[-1][0]]):
            groups[-1].append(i)
        else:
            groups.append([i])
    electrode, capacity = made.electrode, made.compared
    mean = np.array([capacity[group].mean() for group in groups])
    table = {
        "first cycle": np.array([made.numbers[group[0]] for group in groups]),
        "last cycle": np.array([made.numbers[group[-1]] for group in groups]),
        f"{made.of} current [mA]": np.array([np.mean(made.table[f"{made.of} current [mA]"][group]) for group in groups]),
    }
    if electrode.one_c:
        table["rate [C]"] = table[f"{made.of} current [mA]"] / electrode.one_c
    if "temperature [degC]" in made.table:
        table["temperature [degC]"] = np.array([np.mean(made.table["temperature [degC]"][group]) for group in groups])
    table |= {
        f"mean capacity [{electrode.unit}]": mean,
        f"spread [{electrode.unit}]": np.array([capacity[group].std(ddof=1) if len(group) > 1 else np.nan for group in groups]),
        "of the first [%]": 100 * mean / mean[0],
    }
    return table


def rate_capability(made: Cycles) -> Analysis:
    """Capacity at each current, against the first; a rate that comes back shows what was lost for good."""
    table = rates(made)
    if table is None:
        raise LabError(f"{made.recording.path}: no whole cycle, so no rate can be told")
    values = {}
    name = f"{made.of} current [mA]"
    unit = made.electrode.unit
    for i in range(len(table["first cycle"])):
        at = f"{table['rate [C]'][i]:.3g} C" if "rate [C]" in table else f"{table[name][i]:.3g} mA"
        values[f"capacity at {at}, cycles {table['first cycle'][i]} to {table['last cycle'][i]}"] = Value(float(table[f"mean capacity [{unit}]"][i]), unit, _known(table[f"spread [{unit}]"][i]))
    choices = made.choices | _amounts(made.electrode) | {"a rate": f"the mean current of the step that passes most charge; cycles that follow each other alike within {100 * ALIKE:g} %", "uncertainty": "standard deviation over the cycles of a rate"}
    return Analysis("rates", values, {"rates": table}, choices, list(made.notes), curves={"cycles": made})


def _known(value):
    return float(value) if np.isfinite(value) else None


def compare(cells: list[Cycles], labels, reference=None) -> Analysis:
    """Capacity and retention of several cells against cycle."""
    _same_unit(cells)
    rows = []
    curves = []
    for made, label in zip(cells, labels):
        at = made.reference(reference)
        whole = np.flatnonzero(made.whole)
        last = whole[-1]
        retention = 100 * made.compared / made.compared[at]
        rows.append({"cell": label, "cycles": int(made.numbers[last]), "reference cycle": int(made.numbers[at]), f"reference capacity [{made.electrode.unit}]": float(made.compared[at]),
                     f"last capacity [{made.electrode.unit}]": float(made.compared[last]), "retention [%]": float(retention[last]),
                     "loss per cycle [%]": _loss_per_cycle(retention[last], made.numbers[last] - made.numbers[at])}
                    | ({"temperature [degC]": float(np.nanmean(made.table["temperature [degC]"]))} if "temperature [degC]" in made.table else {}))  # fmt: skip
        curves.append({"label": label, "cycle": made.numbers[whole], "capacity": made.compared[whole], "retention": retention[whole]})
    columns = list(dict.fromkeys(name for row in rows for name in row))
    table = {name: [row.get(name) for row in rows] for name in columns}
    values = {f"retention of {row['cell']}, cycle {row['cycles']}": Value(row["retention [%]"], "%") for row in rows}
    choices = cells[0].choices | {"retention": f"of the {cells[0].of} capacity, against the cycle named", "loss per cycle": "geometric: what a cycle keeps, to the power of the cycles, is the retention"}
    return Analysis("retention", values, {"cells": table}, choices, [note for made in cells for note in made.notes], curves={"cells": curves, "unit": cells[0].electrode.unit, "of": cells[0].of})


def _loss_per_cycle(retention, cycles):
    return float(100 * (1 - (retention / 100) ** (1 / cycles))) if cycles > 0 and retention > 0 else None


def _same_unit(cells):
    units = {made.electrode.unit for made in cells}
    if len(units) > 1:
        raise LabError(f"--mass, --area: capacities in {' and '.join(sorted(units))} can't be compared; give the same for every file")


def life(made: Cycles, to=0.8, reference=None) -> tuple[int, bool]:
    """(cycles to which the retention stays at `to` or above, whether the end of life was reached).

    It ends with the last cycle before LASTING cycles in a row (or all that are left) below `to`; where that does not
    happen the life is at least the last cycle.
    """
    at = made.reference(reference)
    whole = np.flatnonzero(made.whole & (np.arange(len(made.numbers)) >= at))
    below = made.compared[whole] < to * made.compared[at]
    for i in np.flatnonzero(below):
        if below[i : i + LASTING].all():
            return int(made.numbers[whole[i - 1]]) if i else int(made.numbers[at]), True
    return int(made.numbers[whole[-1]]), False


def life_against_pressure(cells: list[Cycles], labels, pressures, to=0.8, reference=None) -> Analysis:
    """Life of cells against their stack pressure [MPa], None for those whose file has a channel (its mean is taken)."""
    rows = []
    for made, label, pressure in zip(cells, labels, pressures):
        if pressure is None:
            if "pressure [MPa]" not in made.table:
                raise LabError(f"{made.recording.path}: no channel of pressure; give the stack pressure with --pressure, one a file")
            pressure = float(np.nanmean(made.table["pressure [MPa]"]))
        number, reached = life(made, to, reference)
        at = made.reference(reference)
        last = np.flatnonzero(made.whole)[-1]
        rows.append({"cell": label, "pressure [MPa]": pressure, "life [cycles]": number, "reached": reached, "reference cycle": int(made.numbers[at]), "last retention [%]": float(100 * made.compared[last] / made.compared[at])})
    table = {name: [row[name] for row in rows] for name in rows[0]}
    values = {f"life of {row['cell']} at {row['pressure [MPa]']:.4g} MPa": Value(float(row["life [cycles]"]), "cycles" if row["reached"] else "cycles at least") for row in rows}
    choices = cells[0].choices | {"end of life": f"retention below {100 * to:g} % for {LASTING} cycles in a row, or for all that are left", "retention": f"of the {cells[0].of} capacity"}
    return Analysis("life", values, {"life": table}, choices, [note for made in cells for note in made.notes], curves={"to": to})


def temperature_series(cells: list[Cycles], labels, given) -> Analysis:
    """Capacity against temperature [degC], from several files or from one whose temperature changes; `given`: of each
    file, None for those with a channel."""
    _same_unit(cells)
    unit = cells[0].electrode.unit
    rows, profiles = [], []
    for made, label, temperature in zip(cells, labels, given):
        if temperature is not None:
            made = replace(made, table=made.table | {"temperature [degC]": np.full(len(made.numbers), temperature)})
        groups = temperatures(made)
        if "temperature [degC]" not in made.table:
            raise LabError(f"{made.recording.path}: no channel of temperature; give it with --temperature, one a file")
        if groups is None:
            raise LabError(f"{made.recording.path}: no whole cycle, so no capacity can be told")
        for i in range(len(groups["first cycle"])):
            rows.append({"cell": label, **{name: column[i].item() for name, column in groups.items() if name != "of the first [%]"}})
            # The second cycle of a temperature: the first still carries what came before.
            numbers = made.numbers[made.whole]
            numbers = numbers[(numbers >= rows[-1]["first cycle"]) & (numbers <= rows[-1]["last cycle"])]
            profiles.append((rows[-1]["temperature [degC]"], profile(made, int(numbers[min(1, len(numbers) - 1)]))))
    best = max(rows, key=lambda row: row["temperature [degC]"])
    for row in rows:
        row["of the warmest [%]"] = 100 * row[f"mean capacity [{unit}]"] / best[f"mean capacity [{unit}]"]
    rows.sort(key=lambda row: row["temperature [degC]"])
    table = {name: [row.get(name) for row in rows] for name in rows[0]}
    values = {f"capacity at {row['temperature [degC]']:.3g} degC": Value(row[f"mean capacity [{unit}]"], unit, _known(row[f"spread [{unit}]"])) for row in rows}
    choices = cells[0].choices | {"a temperature": f"cycles that follow each other alike within {ALIKE_TEMPERATURE:g} K", "profile": "of the second cycle at a temperature, the first where there is one only"}
    return Analysis("temperatures", values, {"temperatures": table}, choices, [note for made in cells for note in made.notes], curves={"profiles": sorted(profiles, key=lambda each: each[0]), "unit": unit, "of": cells[0].of})


# --- profiles and their derivative ----------------------------------------------------------------


@dataclass(frozen=True)
class Half:
    """The records of a half cycle: time [s], capacity since its start in the electrode's unit, voltage [V], current [A]."""

    time: np.ndarray
    capacity: np.ndarray
    voltage: np.ndarray
    current: np.ndarray


def profile(made: Cycles, number: int) -> dict[str, Half]:
    """The halves of a cycle by direction; what it lacks is left out. Raises LabError."""
    steps = made.steps
    own = np.flatnonzero(steps["cycle"] == number)
    if not len(own):
        raise LabError(f"--cycle: got {number}; {made.recording.path} has the cycles {made.numbers[0]} to {made.numbers[-1]}")
    net, *columns = (made.recording[name] for name in (f"{made.capacity} capacity [Ah]", "time [s]", "voltage [V]", "current [A]"))
    edges = np.append(steps["record"], len(net))
    out = {}
    for way, sign in (("charge", 1.0), ("discharge", -1.0)):
        least = SMALL_STEP * steps[f"{way} [mAh]"].max(initial=0.0)
        parts = [slice(edges[i], edges[i + 1]) for i in own if steps[f"{way} [mAh]"][i] > least]
        if not parts:
            continue
        passed = [np.maximum(sign * np.diff(net[part], prepend=net[part.start - 1] if part.start else 0.0), 0.0) for part in parts]
        time, voltage, current = (np.concatenate([values[part] for part in parts]) for values in columns)
        out[way] = Half(time, made.electrode.scaled(np.cumsum(np.concatenate(passed)) * 1e3), voltage, current)
    return out


def shown(made: Cycles, wanted=None) -> list[int]:
    """Numbers of the cycles whose profiles are drawn: those `wanted`, or the first, the last and some between."""
    if wanted:
        return list(wanted)
    whole = made.numbers[made.whole] if made.whole.any() else made.numbers
    if len(whole) <= SHOWN_CYCLES:
        return [int(number) for number in whole]
    picks = np.unique(np.round(np.geomspace(1, len(whole), SHOWN_CYCLES)).astype(int)) - 1
    return [int(whole[i]) for i in picks]


def differential_capacity(made: Cycles, wanted=None, step=0.005, smoothing=0.010) -> Analysis:
    """dQ/dV of cycles: the charge that passes in each `step` [V] of voltage, smoothed with a Gaussian of standard
    deviation `smoothing` [V] that keeps the charge.

    Counting charge into bins needs no monotonous voltage, and its integral over the voltage is the capacity.
    """
    unit = made.electrode.unit
    rows, curves, peaks = {"cycle": [], "half": [], "voltage [V]": [], f"dQ/dV [{unit}/V]": []}, [], {"cycle": [], "half": [], "voltage [V]": [], f"height [{unit}/V]": []}
    for number in shown(made, wanted):
        for way, half in profile(made, number).items():
            passed, current = np.diff(half.capacity, prepend=0.0), np.abs(half.current)
            steady = np.abs(current - _main(current, passed)) <= ALIKE * current
            at, slope = binned_slope(passed[steady], half.voltage[steady], step, smoothing)
            curves.append({"cycle": number, "half": way, "voltage": at, "slope": slope if way == "charge" else -slope})
            for name, values in zip(rows, ([number] * len(at), [way] * len(at), at, slope)):
                rows[name].extend(values.tolist() if hasattr(values, "tolist") else values)
            for i in _peaks(slope):
                for name, value in zip(peaks, (number, way, float(at[i]), float(slope[i]))):
                    peaks[name].append(value)
    if not curves:
        raise LabError(f"{made.recording.path}: no charge passes in it, so there is no dQ/dV")
    largest = {}
    for way in WAYS:
        own = [i for i, half in enumerate(peaks["half"]) if half == way and peaks["cycle"][i] == curves[0]["cycle"]]
        if own:
            highest = max(own, key=lambda i: peaks[f"height [{unit}/V]"][i])
            largest[f"highest peak of the {way}, cycle {curves[0]['cycle']}"] = Value(peaks["voltage [V]"][highest], "V", step / np.sqrt(12))
    choices = made.choices | _amounts(made.electrode) | {"dQ/dV": f"charge in bins of {1e3 * step:g} mV; of the constant current that passes most charge (within {100 * ALIKE:g} %), held voltages left out", "smoothing": f"Gaussian, standard deviation {1e3 * smoothing:g} mV, charge kept", "peaks": "maxima that stand out by 10 % of the highest"}
    return Analysis("dqdv", largest, {"peaks": peaks, "dqdv": rows}, choices, list(made.notes), curves={"curves": curves, "unit": unit})


def _main(current, passed):
    """The current in the middle of the charge that passed."""
    order = np.argsort(current)
    return current[order][np.searchsorted(np.cumsum(passed[order]), passed.sum() / 2)]


def binned_slope(passed, voltage, step=0.005, smoothing=0.010):
    """(voltage [V] (m,), dQ/dV (m,)) from the charge that `passed` between records (n,) and their voltage [V] (n,): charge
    in bins of `step` [V], smoothed with a Gaussian of standard deviation `smoothing` [V]; sum(dQ/dV) * step is the capacity.

    A charge between two records is spread evenly over the bins between their voltages.
    """
    edges = np.arange(np.floor(np.nanmin(voltage) / step), np.ceil(np.nanmax(voltage) / step) + 2) * step
    low, high = np.minimum(voltage, np.append(voltage[0], voltage[:-1])), np.maximum(voltage, np.append(voltage[0], voltage[:-1]))
    # The charge below each edge: all of what ended below it, and its share of what crosses it.
    below = _charge_below(edges, low, high, passed)
    slope = np.diff(below) / step
    if smoothing > 0:
        from scipy.ndimage import gaussian_filter1d

        slope = gaussian_filter1d(slope, smoothing / step, mode="reflect")  # a mirror at each end keeps the charge
    return (edges[:-1] + edges[1:]) / 2, slope


def _charge_below(edges, low, high, passed):
    """Charge (m,) that passed below each of `edges`, of parts (n,) that are spread evenly from `low` to `high`."""
    width = np.maximum(high - low, 1e-9)
    rate = passed / width
    # Its integral over the voltage is piecewise linear: the slope goes up by `rate` at `low` and down again at `low + width`.
    knots = np.concatenate([low, low + width])
    change = np.concatenate([rate, -rate])
    order = np.argsort(knots)
    knots, slope = knots[order], np.cumsum(change[order])
    reached = np.append(0.0, np.cumsum(slope[:-1] * np.diff(knots)))
    return np.interp(edges, knots, reached)


def _peaks(slope):
    from scipy.signal import find_peaks

    return find_peaks(slope, prominence=0.1 * slope.max(initial=0.0))[0] if slope.max(initial=0.0) > 0 else []
