"""From tables to the arrays that the mechanical, sensor, pressure and scattering analyses take: which column is what."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from .analysis import LabError
from .mechanical import MechanicalTest
from .pressure import halves_from_current, halves_from_pressure, halves_from_steps, history
from .table import needed, pick, pick_text, read_table

# Names of columns, lower case and without underscores, the best first (German ones come with many test machines).
STRAIN = (r"nominal strain|engineering strain|eng\.? strain|strain|dehnung|compressive strain|tensile strain|axial strain", r".*\bstrain\b.*|elongation|.*dehnung.*")
STRESS = (r"nominal stress|engineering stress|eng\.? stress|stress|spannung|compressive stress|tensile stress|axial stress", r".*\bstress\b.*")
FORCE = (r"force|load|kraft|standard force|standardkraft", r".*\bforce\b.*|.*\bload\b.*|.*kraft.*")
DISPLACEMENT = (r"displacement|extension|crosshead|crosshead displacement|crosshead travel|weg|stroke|position", r".*displacement.*|.*extension.*|.*travel.*|.*stroke.*|.*weg.*")
TIME = (r"time|test time|total time|elapsed time|zeit|prüfzeit|running time|t", r".*\btime\b.*|.*zeit.*")

PRESSURE = (r"pressure|stack pressure|wall pressure|cell pressure|druck", r".*pressure.*|.*druck.*")
RESISTANCE = (r"resistance|sensor resistance|r|widerstand", r".*resistance.*|.*widerstand.*")
CONDUCTANCE = (r"conductance|g", r".*conductance.*")
MASS = (r"mass|weight|masse|gewicht", r".*\b(mass|weight)\b.*")
RUN = (r"run|cycle|repeat|series|mounting",)
CURRENT = (r"current|i|strom", r"current.*|.*\bcurrent\b.*|<i>")
STEP = (r"half|half cycle|step name|step type|state|step|status|mode", r".*step (name|type).*")
WAVENUMBER = (r"q|scattering vector|s", r".*\bq\b.*|.*scattering vector.*")
INTENSITY = (r"i|intensity|i\(q\)|counts", r".*intensity.*|.*counts.*")
GRAVITY = 9.80665  # m/s^2, standard
SECONDS = 3600.0  # in an hour


def read_test(path, area=None, length=None, columns=None, compression=False, tare=False, flip=False) -> MechanicalTest:
    """A mechanical test: strain and stress as they stand, or from displacement and force with `length` [mm] and `area` [mm^2].

    compression: positive numbers are compression (they are turned round); tare: the first stress is the zero; flip:
    stress is counted against strain. Rows without both numbers are left out. Raises LabError.
    """
    table = read_table(path)
    strain = pick(table, "strain", "", STRAIN, columns)
    stress = pick(table, "stress", "MPa", STRESS, columns)
    if strain is None:
        displacement = pick(table, "displacement", "mm", DISPLACEMENT, columns)
        if displacement is None:
            raise needed(table, "strain")
        strain = displacement / _given(length, path, "--length", "strain", "the displacement")
    if stress is None:
        force = pick(table, "force", "N", FORCE, columns)
        if force is None:
            raise needed(table, "stress")
        stress = force / _given(area, path, "--area", "stress", "the force")
    time = pick(table, "time", "s", TIME, columns)
    whole = np.isfinite(strain) & np.isfinite(stress)
    strain, stress = strain[whole], stress[whole]
    if time is not None:
        time = time[whole]
        time = time if np.all(np.isfinite(time)) and np.all(np.diff(time) > 0) else None
    if tare and len(stress):
        stress = stress - stress[0]
    if flip:
        stress = -stress
    if compression:
        strain, stress = -strain, -stress
    return MechanicalTest(Path(path).name, strain, stress, time)


def _given(size, path, option, wanted, source):
    if size is None:
        raise LabError(f"{path}: {wanted} comes from {source} and the specimen's size: give {option}, or name a column with --column \"{wanted}=COLUMN [UNIT]\"")
    return size


def read_calibration(paths, area=None, columns=None):
    """(load, resistance [ohm], run, unit of the load) from the files of a sensor's calibration, a run a file.

    The load is a pressure, or a force (or the weight of a mass) over `area` [mm^2], in kPa; a force in N without an area.
    A column `run` (or cycle, repeat) tells the runs within a file. Raises LabError.
    """
    loads, resistances, runs, units = [], [], [], set()
    for number, path in enumerate(paths, 1):
        table = read_table(path)
        resistance = _resistance(table, columns)
        load = pick(table, "pressure", "kPa", PRESSURE, columns)
        unit = "kPa"
        if load is None:
            load = pick(table, "force", "N", FORCE, columns)
            if load is None:
                mass = pick(table, "mass", "kg", MASS, columns)
                if mass is None:
                    raise needed(table, "pressure or force")
                load = GRAVITY * mass
            load, unit = (load, "N") if area is None else (load / area * 1000, "kPa")
        units.add(unit)
        within = pick_text(table, "run", RUN, columns)
        runs.append(np.full(len(table), str(number)) if within is None else np.array([f"{number}.{name}" if len(paths) > 1 else name for name in within]))
        loads.append(load)
        resistances.append(resistance)
    if len(units) > 1:
        raise LabError("some files hold a pressure and some a force: give --area, the sensor's")
    return np.concatenate(loads), np.concatenate(resistances), np.concatenate(runs), units.pop()


def read_readings(path, columns=None):
    """(resistance [ohm], time [s] or None) of a sensor in a cell. Raises LabError."""
    table = read_table(path)
    return _resistance(table, columns), pick(table, "time", "s", TIME, columns)


def _resistance(table, columns):
    resistance = pick(table, "resistance", "ohm", RESISTANCE, columns)
    if resistance is None:
        conductance = pick(table, "conductance", "S", CONDUCTANCE, columns)
        if conductance is None:
            raise needed(table, "resistance")
        with np.errstate(divide="ignore"):
            resistance = 1 / conductance
    return resistance


def read_pressure(paths, area=None, capacity=None, lithiates="discharge", columns=None):
    """(history, how its half cycles were told, notes) of the stack pressure; see `rheode.lab.pressure.history`.

    paths: a file with time and pressure (or force, over `area` [mm^2]) and, in the same file or another on the same
    clock, what the cycler did: a cycler's file of any make, or a table with the current or the names of the steps. Without
    either the turning points of the pressure are taken. capacity [mAh]: charge from x = 0 to 1. Rows without time or
    pressure are left out. Raises LabError.
    """
    parts = [_part(path, area, columns or {}) for path in paths]
    notes = [note for part in parts for note in part.notes]
    logs, cyclers = [part for part in parts if part.pressure is not None], [part for part in parts if part.current is not None or part.steps is not None]
    for found, what in ((logs, "pressure"), (cyclers, "current or steps")):
        if len(found) > 1:
            raise LabError(f"{found[1].path}: a second file with a {what}; give one cell at a time")
    if not logs:
        said = [note for note in notes if "pressure" in note]
        raise LabError(f"{', '.join(map(str, paths))}: " + (said[0] if said else "no column of pressure or force; name it with --column \"pressure=COLUMN [UNIT]\""))
    time, pressure = logs[0].time, logs[0].pressure
    whole = np.isfinite(time) & np.isfinite(pressure)
    time, pressure = time[whole], pressure[whole]
    if len(time) < 8:
        raise LabError(f"{logs[0].path}: {len(time)} rows with time and pressure, at least 8 are needed")
    if np.any(np.diff(time) < 0):
        raise LabError(f"{logs[0].path}: the time goes back; name the one that runs through with --column \"time=COLUMN [UNIT]\"")
    if np.ptp(pressure) == 0:
        raise LabError(f"{logs[0].path}: the pressure is {1000 * pressure[0]:g} MPa throughout: no sensor was connected, or another column holds it")
    if not cyclers:
        return history(time, pressure, halves_from_pressure(pressure)), "turning points of the pressure; where it rises counts as lithiation", notes
    half, charge, how = _cycled(cyclers[0], time, lithiates)
    return history(time, pressure, half, charge, capacity), how, notes


@dataclass(frozen=True)
class _Part:
    """What one file holds, arrays (n,): s, GPa, mA, mAh charged, words."""

    path: str
    time: np.ndarray
    pressure: np.ndarray | None = None
    current: np.ndarray | None = None
    charged: np.ndarray | None = None
    steps: np.ndarray | None = None
    notes: list[str] = field(default_factory=list)


def _part(path, area, columns):
    from .cyclers import ColumnMap, read
    from .cyclers.names import QUANTITIES

    try:
        file = read(path, ColumnMap({name: column for name, column in columns.items() if name in QUANTITIES}))
    except LabError as error:
        try:
            return _plain(path, area, columns)
        except LabError as other:  # of the two the one that speaks of the kind of file it is
            raise (other if "voltage" in str(error) else error) from None
    pressure = file["pressure [Pa]"] * 1e-9 if "pressure [Pa]" in file else None
    return _Part(file.path, file["time [s]"], pressure, 1000 * file["current [A]"], 1000 * file["integrated capacity [Ah]"], notes=file.notes)


def _plain(path, area, columns):
    table = read_table(path)
    time = pick(table, "time", "s", TIME, columns)
    if time is None:
        raise needed(table, "time")
    pressure = pick(table, "pressure", "GPa", PRESSURE, columns)
    if pressure is None:
        force = pick(table, "force", "N", FORCE, columns)
        if force is not None:
            pressure = force / _given(area, path, "--area", "pressure", "the force") / 1000
    current, charged = pick(table, "current", "mA", CURRENT, columns), None
    if current is not None:
        known = np.where(np.isfinite(current), current, 0.0)
        charged = np.append(0.0, np.cumsum((known[1:] + known[:-1]) / 2 * np.diff(time))) / SECONDS
    steps = pick_text(table, "step", STEP, columns)
    if pressure is None and current is None and steps is None:
        raise needed(table, "pressure, current or steps")
    return _Part(str(path), time, pressure, current, charged, steps)


def _cycled(part, time, lithiates):
    """(half cycle, charge taken up [mAh], how told) at the times of the pressure."""
    current = part.current
    known = np.isfinite(part.time) if current is None else np.isfinite(part.time) & np.isfinite(current)
    clock = part.time[known]
    if not len(clock) or time[-1] <= clock[0] or time[0] >= clock[-1]:
        raise LabError("the pressure and the current share no time: give files on the same clock")
    if current is None:
        half, charge, how = halves_from_steps(part.steps[known], lithiates), None, "names of the steps"
    elif not current[known].any():
        raise LabError(f"{part.path}: the current is zero throughout: the cell was never cycled in this file, or another column holds the current")
    else:
        half, how = halves_from_current(current[known], lithiates), "sign of the current, negative on discharge"
        charge = np.interp(time, clock, (-1 if lithiates == "discharge" else 1) * part.charged[known])
    last = np.clip(np.searchsorted(clock, time, side="right") - 1, 0, len(clock) - 1)
    half = np.where((time < clock[0]) | (time > clock[-1] + 1), "rest", half[last])
    return half, charge, f"{how}; {lithiates} counts as lithiation"


def read_scattering(path, columns=None):
    """(q [1/nm], intensity) of a scattering profile. Raises LabError."""
    table = read_table(path)
    per_angstrom = ["1/angstrom" if unit in ("A^-1", "A-1", "1/A", "A⁻¹") else unit for unit in table.units]  # no ampere here
    table = replace(table, units=per_angstrom)
    q = pick(table, "q", "1/nm", WAVENUMBER, columns)
    if q is None:
        raise needed(table, "q")
    intensity = pick(table, "intensity", None, INTENSITY, columns)
    if intensity is None:
        raise needed(table, "intensity")
    return q, intensity
