"""From tables to the arrays that the mechanical, sensor, pressure and scattering analyses take: which column is what."""

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
CHARGE = (r"charge taken up|charge|lithiated charge",)
WAVENUMBER = (r"q|scattering vector|s", r".*\bq\b.*|.*scattering vector.*")
INTENSITY = (r"i|intensity|i\(q\)|counts", r".*intensity.*|.*counts.*")
GRAVITY = 9.80665  # m/s^2, standard


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
    """(history, how its half cycles were told) of the stack pressure; see `rheode.lab.pressure.history`.

    paths: a file with time and pressure (or force, over `area` [mm^2]) and, in the same file or another on the same
    clock, the current or the names of the cycler's steps. Without either the turning points of the pressure are taken.
    capacity [mAh]: charge from x = 0 to 1. Rows without time or pressure are left out. Raises LabError.
    """
    log = cycler = None
    for table in map(read_table, paths):
        pressure = pick(table, "pressure", "GPa", PRESSURE, columns)
        if pressure is None:
            force = pick(table, "force", "N", FORCE, columns)
            if force is not None:
                pressure = force / _given(area, table.path, "--area", "pressure", "the force") / 1000
        current = pick(table, "current", "mA", CURRENT, columns)
        steps = pick_text(table, "step", STEP, columns)
        time = pick(table, "time", "s", TIME, columns)
        if time is None:
            raise needed(table, "time")
        if pressure is not None:
            if log is not None:
                raise LabError(f"{table.path}: a second file with a pressure; give one cell at a time")
            log = time, pressure
        if current is not None or steps is not None:
            if cycler is not None:
                raise LabError(f"{table.path}: a second file with the current or the steps; give one cell at a time")
            cycler = time, current, steps
    if log is None:
        raise LabError(f"{', '.join(map(str, paths))}: no column of pressure or force; name it with --column \"pressure=COLUMN [UNIT]\"")
    time, pressure = log
    whole = np.isfinite(time) & np.isfinite(pressure)
    time, pressure = time[whole], pressure[whole]
    if len(time) < 8:
        raise LabError(f"{paths[0]}: {len(time)} rows with time and pressure, at least 8 are needed")
    if np.any(np.diff(time) < 0):
        raise LabError(f"{paths[0]}: the time goes back; name the one that runs through with --column \"time=COLUMN\"")
    charge = None
    if cycler is None:
        half, how = halves_from_pressure(pressure), "turning points of the pressure; where it rises counts as lithiation"
    else:
        clock, current, steps = cycler
        running = np.isfinite(clock) & (True if current is None else np.isfinite(current))
        clock = clock[running]
        if not len(clock) or time[-1] <= clock[0] or time[0] >= clock[-1]:
            raise LabError("the pressure and the current share no time: give files on the same clock")
        if current is not None:
            current = current[running]
            if not current.any():
                raise LabError("the current is zero throughout: the cell was never cycled in this file, or another column holds the current")
            half, how = halves_from_current(current, lithiates), f"sign of the current (negative: discharge); {lithiates} counts as lithiation"
            sense = -1 if lithiates == "discharge" else 1
            charge = sense * np.concatenate([[0.0], np.cumsum((current[1:] + current[:-1]) / 2 * np.diff(clock))]) / 3600
            charge = np.interp(time, clock, charge)
        else:
            half, how = halves_from_steps(steps[running], lithiates), f"names of the steps; {lithiates} counts as lithiation"
        last = np.clip(np.searchsorted(clock, time, side="right") - 1, 0, len(clock) - 1)
        half = np.where((time < clock[0]) | (time > clock[-1] + 1), "rest", half[last])
    return history(time, pressure, half, charge, capacity), how


def read_scattering(path, columns=None):
    """(q [1/nm], intensity) of a scattering profile. Raises LabError."""
    table = read_table(path)
    q = pick(table, "q", "1/nm", WAVENUMBER, columns)
    if q is None:
        raise needed(table, "q")
    intensity = pick(table, "intensity", None, INTENSITY, columns)
    if intensity is None:
        raise needed(table, "intensity")
    return q, intensity
