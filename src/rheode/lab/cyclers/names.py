"""From named columns to a `Raw` record: which column is which quantity, and in which unit."""

import re
from dataclasses import dataclass, field

import numpy as np

from ..analysis import LabError
from ..table import factor
from .sources import DURATION, NUMBER, TEXT, Source
from .table import Raw

# Quantities of a column map, with the unit they are turned into; those without one are plain numbers or words.
QUANTITIES = {
    "time": "s", "step time": "s", "voltage": "V", "current": "A", "charge capacity": "A*h", "discharge capacity": "A*h", "capacity": "A*h",
    "net capacity": "A*h", "charge passed": "A*h", "step": "", "half cycle": "", "cycle": "", "direction": "", "temperature": "degC", "pressure": "Pa",
}  # fmt: skip
_FIELDS = {"charge capacity": "charge", "discharge capacity": "discharge", "capacity": "counter", "net capacity": "passed"}
_SURER = ("charge passed", "net capacity", "charge capacity", "capacity")  # of counters of charge, the surest first
_UNITS = {"s", "seconds", "h", "hours", "min", "minutes", "v", "volts", "a", "amps", "amperes"}  # names that are units
_CELSIUS = {"c", "degc", "°c", "℃", "celsius", "º c", "oc", "deg c", "�c", ""}
_KELVIN, _FAHRENHEIT = {"k", "kelvin"}, {"f", "degf", "°f", "fahrenheit"}


@dataclass(frozen=True)
class ColumnMap:
    """Which column holds which quantity, as a person says it: {quantity: (column, unit or "")}."""

    columns: dict[str, tuple[str, str]] = field(default_factory=dict)
    discharge_positive: bool = False

    def __post_init__(self):
        for quantity in self.columns:
            if quantity not in QUANTITIES:
                raise LabError(f"--column: got the quantity {quantity!r}; allowed are {', '.join(QUANTITIES)}")


def record(source: Source, format: str, patterns: dict[str, tuple], given: ColumnMap = ColumnMap(), units: dict[str, str] = {}) -> Raw:
    """The quantities that a table holds.

    patterns: {quantity: regular expressions of names, the best first}, lower case, blanks for underscores; `given`
    goes first; units: of quantities whose unit the format fixes. Raises LabError.
    """
    found, scale, offset = {}, {}, {}
    for quantity, unit in QUANTITIES.items():
        named = given.columns.get(quantity, (None, ""))
        number = _named(source, quantity, named[0]) if named[0] else _matching(source, patterns.get(quantity, ()), quantity)
        if number is None:
            continue
        words = source.words(number)
        where = f"{source.path}: column {source.names[number]!r} ({quantity})"
        written = named[1] or units.get(quantity) or source.units[number] or _own_unit(source.names[number])
        if quantity == "direction":
            found[quantity] = (number, TEXT)
        elif unit == "s" and words:
            found[quantity] = (number, DURATION)
        elif unit == "" and words and quantity == "step":  # a step may have a name only
            found[quantity] = (number, TEXT)
        else:
            found[quantity] = (number, NUMBER)
            if quantity == "temperature":
                scale[quantity], offset[quantity] = _celsius(written, where)
            elif unit:
                scale[quantity] = factor(written, unit, where, quantity, source.names[number])
    _keep_surest(found)
    frame = source.columns(found)
    values = {}
    for quantity, (_, kind) in found.items():
        if kind == TEXT:
            values[quantity] = frame[quantity]
            continue
        column = frame[quantity].to_numpy()
        if not np.isfinite(column).any() and quantity not in ("voltage", "time", "current"):
            continue  # an empty column is none
        values[quantity] = column * scale[quantity] + offset.get(quantity, 0.0) if quantity in scale else column
    if "voltage" not in values:
        raise LabError(f"{source.path}: no column of voltage among {', '.join(map(repr, source.names))}; name it with --column \"voltage=COLUMN [UNIT]\"")
    if "direction" in values:
        values["sense"] = sense(values.pop("direction"))
    if "charge passed" in values:
        values["net capacity"] = np.cumsum(np.nan_to_num(values.pop("charge passed")))
    for quantity in ("step", "cycle"):
        if quantity in values:
            values[quantity] = _number(values[quantity])
    if "half cycle" in values:  # a step may turn round
        halves = np.nan_to_num(values.pop("half cycle"))
        values["step"] = values.get("step", 0.0) * (halves.max() + 1) + halves
    if given.discharge_positive and "current" in values:
        values["current"] = -values["current"]
    raw = Raw(source.path, format, **{_FIELDS.get(name, name.replace(" ", "_")): column for name, column in values.items()})
    raw.choices |= {f"column of {quantity}": _said(source, number) for quantity, (number, _) in found.items()}
    return raw


def _keep_surest(found):
    """Drop all counters of charge but the surest."""
    if "discharge capacity" not in found:
        found.pop("charge capacity", None)
    surest = next((quantity for quantity in _SURER if quantity in found), None)
    for quantity in {*_SURER, "discharge capacity"} - {surest, "discharge capacity" if surest == "charge capacity" else None}:
        found.pop(quantity, None)


def _own_unit(name):
    return name.lower().rstrip("s") if len(name) > 1 and name.lower() in _UNITS else name if name.lower() in _UNITS else ""


def sense(words) -> np.ndarray:
    """+1 for steps called charge, -1 for discharge, 0 for others; `words`: a polars Series of text."""
    kinds = words.unique().to_list()
    way = {kind: _way(kind) for kind in kinds}
    return words.replace_strict(list(way), list(way.values())).to_numpy().astype(np.int8)


def _way(kind):
    kind = kind.lower()
    if re.search(r"d(is)?[\s_-]?ch(ar)?ge?|dchg|放电", kind):
        return -1
    return 1 if re.search(r"ch(ar)?ge?|充电", kind) else 0


def _number(values):
    """Steps and cycles as numbers; names are numbered, cells without a number have that of the record before."""
    if not isinstance(values, np.ndarray):
        return values.rank("dense").to_numpy().astype(float)
    known = np.isfinite(values)
    if known.all():
        return values
    last = np.maximum.accumulate(np.where(known, np.arange(len(values)), -1))
    return np.where(last >= 0, values[last], values[known][0])


def _named(source, quantity, column):
    wanted = column.lower()
    for number, (name, unit) in enumerate(zip(source.names, source.units)):
        if wanted in (name.lower(), f"{name}/{unit}".lower(), f"{name}({unit})".lower(), f"{name} / {unit}".lower(), f"{name}_{unit}".lower(), f"{name} ({unit})".lower()):
            return number
    if column.isdecimal() and 1 <= int(column) <= len(source.names):
        return int(column) - 1
    raise LabError(f"{source.path}: --column {quantity}: no column {column!r}; there are {', '.join(map(repr, source.names))}")


def _matching(source, patterns, quantity):
    for pattern in patterns:
        fits = [i for i, name in enumerate(source.names) if re.fullmatch(pattern, plain(name))]
        if len(fits) == 1:
            return fits[0]
        if fits:
            raise LabError(f"{source.path}: {' and '.join(repr(source.names[i]) for i in fits)} may both be the {quantity}; choose with --column \"{quantity}=COLUMN [UNIT]\"")
    return None


def plain(name):
    """A name of a column as it is compared."""
    return " ".join(name.lower().replace("_", " ").split())


def _celsius(written, where):
    """(factor, offset) to degC of a unit of temperature."""
    unit = written.strip().lower()
    if unit in _CELSIUS:
        return 1.0, 0.0
    if unit in _KELVIN:
        return 1.0, -273.15
    if unit in _FAHRENHEIT:
        return 5 / 9, -32 * 5 / 9
    raise LabError(f"{where}: got the unit {written!r}, expected degC, K or degF")


def _said(source, number):
    return f"{source.names[number]} [{source.units[number]}]" if source.units[number] else source.names[number]
