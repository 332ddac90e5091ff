"""Reader of conductivity tables: rows of conductivity, or of resistance with geometry, over temperature or pressure."""

import re
from pathlib import Path

import numpy as np

from .analysis import LabError
from .conductivity import Measurements, four_probe, from_geometry
from .table import Table, needed, pick, pick_text, read_table

CONDUCTIVITY = (r"(ionic |electronic |electrical )?(conductivity|cond\.?)|sigma|σ", r".*conductivity.*")
# Of "log10(sigma)" the header's name is "log10": what is in brackets counts as its unit.
LOG = (r"(log ?(10)?|lg)( ?\(?(conductivity|cond\.?|sigma|σ).*)?",)
LN = (r"ln( ?\(?(conductivity|cond\.?|sigma|σ).*)?",)
RESISTANCE = (r"(bulk )?resistance|r ?b?(ulk)?|impedance",)
THICKNESS = (r"thickness|height|l", r".*thickness.*")
AREA = (r"(electrode |contact |cross[- ]section(al)? )?area", r".*area.*")
DIAMETER = (r"diameter|dia\.?", r".*diameter.*")
TEMPERATURE = (r"temperature|temp\.?|t", r".*temp.*")
PRESSURE = (r"(stack |applied |pelletizing )?pressure|p", r".*pressure.*")
DENSITY = (r"(pellet |apparent )?density|rho|ρ", r".*density.*")
MASS = (r"mass|weight|m",)
REPLICATE = r".*(sample|replicate|repeat|run|cell|pellet|index|date|time|operator|note|comment|file|source|doi|ref).*|no\.?|n|#|id"
CELSIUS, KELVIN = {"c", "degc", "°c", "℃", "celsius", "oc", "deg c"}, {"k", "kelvin"}
COLDEST = 150.0  # temperatures without a unit that reach below this are degrees Celsius: few conductivities were measured below 150 K
FEW = 1 / 3  # a column of numbers names series where it has at most this share of different values


def read(path, columns=None, series=None, log: str | None = None, thickness=None, area=None, diameter=None, spacing=None, relative=np.nan) -> Measurements:
    """A conductivity table as Measurements.

    columns: from rheode.lab.table.parse_columns. series: names of the columns that tell series apart; by default the columns
    of words, and of numbers that recur, that are none of the known quantities nor mark replicates. log: "10" or "e", where
    the column holds logarithms of S/cm. thickness [cm], area [cm^2], diameter [cm]: of rows that do not state them.
    spacing [cm]: of four probes in line; resistances are then V/I of theirs. relative: standard uncertainty of conductivities
    from that of the geometry, a share.
    Raises LabError.
    """
    table = read_table(path)
    choices, notes = {}, []
    n = len(table)

    def column(quantity, unit, patterns):
        return pick(table, quantity, unit, patterns, columns)

    def spread(values, given, factor=1.0):
        """A column, or one value for all rows, nan where neither is."""
        if values is not None:
            return values
        return np.full(n, np.nan if given is None else factor * given)

    L = spread(column("thickness", "mm", THICKNESS), thickness, 10.0)
    d = spread(column("diameter", "cm", DIAMETER), diameter)
    S = spread(column("area", "cm^2", AREA), area)
    S = np.where(np.isfinite(S), S, np.pi * d**2 / 4)
    density = spread(column("density", "g/cm^3", DENSITY), None)
    mass = column("mass", "g", MASS)
    if mass is not None:
        density = np.where(np.isfinite(density), density, mass / (S * L / 10))
    sigma = _conductivity(table, columns, log, choices, notes)
    if sigma is None:
        resistance = column("resistance", "ohm", RESISTANCE)
        if resistance is None:
            raise needed(table, "conductivity")
        if spacing is not None:
            sigma = four_probe(resistance, L / 10, spacing, np.where(np.isfinite(d), d, np.inf))
            choices["conductivity"] = f"four probes in line, {10 * spacing:g} mm apart" + (", at the centre of a disc" if np.isfinite(d).any() else ", on a wide pellet")
        else:
            if not np.isfinite(S * L).any():
                raise LabError(f"{table.path}: resistances need thickness and area (or diameter): as columns, or with --thickness and --area or --diameter")
            sigma = from_geometry(resistance, L / 10, S)
            choices["conductivity"] = "thickness/(resistance x area)"
    temperature = _temperature(table, columns, choices, notes)
    pressure = spread(column("pressure", "MPa", PRESSURE), None)
    labels = _series(table, columns, series)
    if len(np.unique(labels)) > 1:
        choices["series told apart by"] = ", ".join(_series_columns(table, columns, series))
    whole = np.isfinite(sigma)
    if not whole.any():
        raise LabError(f"{table.path}: no row holds a conductivity, or a resistance with its geometry")
    if not whole.all():
        notes.append(f"{np.count_nonzero(~whole)} of {n} rows lack a conductivity and are left out")
    arrays = (sigma, temperature if temperature is not None else np.full(n, np.nan), pressure, L, density, labels, np.full(n, relative))
    return Measurements(*(values[whole] for values in arrays), choices, notes)


def _conductivity(table, columns, log, choices, notes):
    """S/cm, None where there is no such column."""
    for base, patterns in (("10", LOG), ("e", LN)):
        values = None if (columns or {}).get("conductivity") else pick(table, "conductivity", None, patterns)
        if values is not None:
            choices["conductivity"] = f"from the column of its logarithm (base {base}) in S/cm"
            return np.power(10.0, values) if base == "10" else np.exp(values)
    raw = pick(table, "conductivity", None, CONDUCTIVITY, columns)
    if raw is None:
        return None
    if log is None and np.nanmax(raw) < 0:
        log = "10"
        notes.append("all conductivities are negative: they are taken for log10 of S/cm; --log e says natural logarithms")
    if log is not None:
        if log not in ("10", "e"):
            raise LabError(f"--log: got {log!r}, expected 10 or e")
        choices["conductivity"] = f"from its logarithm (base {log}) in S/cm"
        return np.power(10.0, raw) if log == "10" else np.exp(raw)
    if _unit(table, raw, columns, "conductivity"):
        return pick(table, "conductivity", "S/cm", CONDUCTIVITY, columns)
    choices["unit of the conductivity"] = "S/cm, the file states none"
    notes.append("the conductivity has no unit: S/cm is taken")
    return raw


def _temperature(table, columns, choices, notes):
    """K, None where there is no such column."""
    raw = pick(table, "temperature", None, TEMPERATURE, columns)
    if raw is None:
        return None
    unit = _unit(table, raw, columns, "temperature").lower().strip("()[] ")
    if unit in CELSIUS:
        return raw + 273.15
    if unit in KELVIN:
        return raw
    if unit and unit != "1":
        raise LabError(f"{table.path}: temperature in {unit!r}; degC and K are read")
    if np.nanmin(raw) < COLDEST:
        choices["unit of the temperature"] = f"degC: the file states none, and temperatures reach below {COLDEST:g}"
        notes.append("the temperature has no unit: degrees Celsius are taken")
        return raw + 273.15
    choices["unit of the temperature"] = f"K: the file states none, and all temperatures are above {COLDEST:g}"
    notes.append("the temperature has no unit: K is taken")
    return raw


def _unit(table, values, columns, quantity):
    """The unit of a column that `pick` returned as it is: as stated, or as in the header."""
    stated = (columns or {}).get(quantity, ("", ""))[1]
    return stated or next(unit for unit, column in zip(table.units, table.columns) if column is values)


def _series_columns(table, columns, series):
    """Names of the columns that tell series apart."""
    if series:
        return list(series)
    quantities = CONDUCTIVITY + LOG + LN + RESISTANCE + THICKNESS + AREA + DIAMETER + TEMPERATURE + PRESSURE + DENSITY + MASS
    taken = {column.lower() for column, _ in (columns or {}).values()}
    found = []
    for name, values in zip(table.names, table.columns):
        plain = name.strip().lower().replace("_", " ")
        if plain in taken or re.fullmatch(REPLICATE, plain) or (values.dtype.kind == "f" and any(re.fullmatch(pattern, plain) for pattern in quantities)):
            continue
        if values.dtype.kind == "U" or len(np.unique(values[np.isfinite(values)])) <= FEW * len(values):
            found.append(name)
    return found


def _series(table: Table, columns, series):
    """A label for each row: the cells that tell series apart, or the file's name."""
    names = _series_columns(table, columns, series)
    if not names:
        return np.full(len(table), Path(table.path).stem)
    cells = [pick_text(table, "series", (), {"series": (name, "")}) for name in names]
    return np.array([", ".join(part for part in row if part not in ("", "nan")) for row in zip(*cells)])
