"""Quantities at the border: text with a unit outside, plain floats inside.

Inside rheode lengths are in um, stresses in GPa, times in s, temperatures in K. `parse` turns what a
user wrote ("18 GPa", "70 degC", "0.1 C") into such a float, `write` turns it back into the shortest
text that `parse` reads as exactly the same float.
"""

import math
import re
from dataclasses import dataclass
from functools import lru_cache

SECONDS_PER_HOUR = 3600.0
CELSIUS_ZERO = 273.15  # K
GAS_CONSTANT = 8.314462618  # J/(mol K), CODATA 2018


class UnitError(ValueError):
    """The text is not a quantity of the kind asked for; the message says what would be."""


@dataclass(frozen=True)
class Kind:
    """A kind of quantity: its name with article, the unit inside, and how it is written outside."""

    name: str
    unit: str
    shown: tuple[str, ...]
    example: str


KINDS = {
    "length": Kind("a length", "um", ("um", "nm", "mm"), "10 um"),
    "pressure": Kind("a pressure", "GPa", ("MPa", "GPa"), "100 MPa"),
    "stress": Kind("a stress", "GPa", ("GPa", "MPa"), "18 GPa"),
    "stiffness": Kind("a stiffness per unit strain of the electrode's thickness", "GPa", ("GPa", "MPa"), "5 GPa"),
    "interface stiffness": Kind("a stiffness of an interface", "GPa/um", ("GPa/um", "MPa/um"), "100 GPa/um"),
    "fracture energy": Kind("a fracture energy", "GPa*um", ("J/m^2", "mJ/m^2"), "1 J/m^2"),
    "time": Kind("a time", "s", ("h", "min", "s"), "1 h"),
    "temperature": Kind("a temperature", "K", ("degC", "K"), "70 degC"),
    "rate": Kind("a C-rate", "1/s", ("C", "1/s"), "0.1 C"),
    "creep rate": Kind("a creep rate", "1/s", ("1/s",), "1000 1/s"),
    "molar energy": Kind("a molar energy", "J/mol", ("kJ/mol", "J/mol"), "50 kJ/mol"),
    "density": Kind("a density", "g/cm^3", ("g/cm^3",), "4.8 g/cm^3"),
    "specific capacity": Kind("a specific capacity", "mAh/g", ("mAh/g",), "675 mAh/g"),
    "voltage": Kind("a voltage", "V", ("V", "mV"), "2.07 V"),
    "conductivity": Kind("a conductivity", "S/cm", ("S/cm", "mS/cm"), "2e-3 S/cm"),
    "diffusivity": Kind("a diffusivity", "um^2/s", ("um^2/s", "cm^2/s", "m^2/s"), "1e-10 cm^2/s"),
    "atomic volume": Kind("an atomic volume", "um^3", ("nm^3",), "0.0216 nm^3"),
    "mass": Kind("a mass", "mg", ("mg", "g"), "2.4 mg"),
    "area": Kind("an area", "cm^2", ("cm^2",), "16 cm^2"),
    "volume": Kind("a volume", "cm^3", ("cm^3",), "0.02 cm^3"),
    "loading": Kind("a mass per area", "mg/cm^2", ("mg/cm^2",), "3 mg/cm^2"),
    "charge": Kind("a charge", "mAh", ("mAh", "Ah"), "26.5 mAh"),
    "areal capacity": Kind("a charge per area", "mAh/cm^2", ("mAh/cm^2",), "1.66 mAh/cm^2"),
    "volumetric capacity": Kind("a charge per volume", "mAh/cm^3", ("mAh/cm^3",), "3250 mAh/cm^3"),
    "specific energy": Kind("an energy per mass", "Wh/kg", ("Wh/kg",), "650 Wh/kg"),
    "energy density": Kind("an energy per volume", "Wh/L", ("Wh/L",), "2000 Wh/L"),
    "share": Kind("a number", "", ("",), "0.22"),
}

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_TOKEN = r"[A-Za-zµμ°Å]+(?:(?:\^|\*\*)-?\d|[²³])?"
_UNIT = rf"(?:1\s*/\s*)?{_TOKEN}(?:\s*[*/·\s]\s*{_TOKEN})*|%"
_QUANTITY = re.compile(rf"\s*(?P<number>{_NUMBER})\s*(?P<unit>{_UNIT})?\s*", re.ASCII)
_C_OVER = re.compile(rf"\s*C\s*/\s*(?P<number>{_NUMBER})\s*", re.ASCII)


@lru_cache(maxsize=1)
def _registry():
    import pint  # half a second: only when the first unit is read

    return pint.UnitRegistry(cache_folder=None)


@lru_cache(maxsize=512)
def _factor(unit: str, target: str) -> float:
    """How many `target` one `unit` is. Raises UnitError for an unknown unit or another dimension."""
    registry = _registry()
    try:
        given = registry.parse_units(unit.replace("°", "deg"))
        return registry.Quantity(1.0, given).to(target).magnitude
    except Exception as error:  # pint raises a dozen unrelated types for text it can't read
        raise UnitError(f"unit {unit!r}") from error


def expected(kind: str) -> str:
    """What is allowed, in words: "a pressure such as '100 MPa'"."""
    return f"{KINDS[kind].name} such as {KINDS[kind].example if kind == 'share' else repr(KINDS[kind].example)}"


def parse(given, kind: str) -> float:
    """The value of `given` in rheode's own unit of `kind` (a key of KINDS).

    A share may be a number, a number as text, or a percentage; everything else is text with a unit.
    C-rates are read here, apart from pint, to which "0.1 C" is a charge: "0.1 C" and "C/10" are the
    current that takes ten hours from x = 0 to 1, in 1/s. Raises UnitError.
    """
    value = _parse(given, kind)
    if not math.isfinite(value):
        raise UnitError(f"{expected(kind)}, and finite")
    return value


def measure(given: str, unit: str) -> float:
    """The value of a text such as "1.8 um" in any `unit` of its dimension; for the instruments' own quantities.

    Raises UnitError: no number, no unit, another dimension, not finite.
    """
    match = _QUANTITY.fullmatch(given) if isinstance(given, str) and len(given) <= 200 else None
    if match is None:
        raise UnitError(f"a number with its unit, one of the dimension of {unit}")
    number = float(match["number"])
    if match["unit"] is None:
        raise UnitError(f"the unit is missing, one of the dimension of {unit}")
    if match["unit"] in ("degC", "°C") and unit == "K":
        number += CELSIUS_ZERO
    else:
        try:
            number *= _factor(match["unit"], unit)
        except UnitError:
            raise UnitError(f"{match['unit']!r} is not a unit of the dimension of {unit}") from None
    if not math.isfinite(number):
        raise UnitError(f"a finite number in {unit}")
    return number


def _parse(given, kind):
    refusal = UnitError(expected(kind))
    if isinstance(given, bool) or not isinstance(given, (str, int, float)):
        raise refusal
    if not isinstance(given, str):
        if kind != "share":
            raise UnitError(f"{expected(kind)}: the unit is missing")
        try:
            return float(given)
        except OverflowError:
            return math.inf
    if kind == "rate" and (match := _C_OVER.fullmatch(given)):
        hours = float(match["number"])
        return math.inf if hours == 0 else 1.0 / (hours * SECONDS_PER_HOUR)
    match = _QUANTITY.fullmatch(given)
    if match is None or len(given) > 200:
        if re.fullmatch(r"\s*\d+,\d+.*", given, re.DOTALL):
            raise UnitError(f"{expected(kind)}, with a point for the decimals")
        raise refusal
    number, unit = float(match["number"]), match["unit"]
    if kind == "share":
        if unit not in (None, "%"):
            raise refusal
        return number / 100.0 if unit else number
    if unit is None:
        raise UnitError(f"{expected(kind)}: the unit is missing")
    if kind == "rate" and unit == "C":
        return number / SECONDS_PER_HOUR
    if kind == "temperature":
        if unit in ("degC", "°C", "celsius"):
            return number + CELSIUS_ZERO
        if unit == "C":
            raise UnitError(f"{expected(kind)}: 'C' is a charge or a rate, write 'degC'")
        if unit not in ("K", "kelvin"):
            raise UnitError(f"{expected(kind)} or '343.15 K'")
        return number
    try:
        return number * _factor(unit, KINDS[kind].unit)
    except UnitError as error:
        raise UnitError(f"{expected(kind)}; {unit!r} is not a unit of it") from error


def write(value: float, kind: str):
    """`value` (in rheode's own unit of `kind`) as a handy text that `parse` reads back exactly.

    A share is written as a plain number.
    """
    if kind == "share":
        return value
    own = "1/s" if kind == "rate" else KINDS[kind].unit
    return _handiest([_exactly(value, kind, unit) for unit in KINDS[kind].shown]) or f"{value!r} {own}"


def show(value: float, kind: str) -> str:
    """`value` as a person would say it, rounded to four digits."""
    if kind == "share":
        return f"{value:.4g}"
    return _handiest([f"{_plain(_in(value, kind, unit), 4)} {unit}" for unit in KINDS[kind].shown])


def _handiest(texts):
    """The first that is short, or else the shortest; None is no text."""
    texts = [text for text in texts if text]
    return next((text for text in texts if "e" not in text.split()[0] and len(text.split()[0]) <= 4), min(texts, key=len, default=None))


def percent(share: float) -> str:
    """A share as the shortest percentage that `parse` reads back exactly, or as a number."""
    return _exactly(share, "share", "%") or repr(share)


def _exactly(value, kind, unit):
    for digits in (3, 6, 9, 12, 15, 17):
        text = f"{_plain(_in(value, kind, unit), digits)} {unit}"
        if parse(text, kind) == value:
            return text
    return None


def _plain(number, digits):
    return repr(float(f"{number:.{digits}g}")).removesuffix(".0")


def _in(value, kind, unit):
    if unit == "degC":
        return value - CELSIUS_ZERO
    if unit == "C":
        return value * SECONDS_PER_HOUR
    if unit == "%":
        return value * 100.0
    return value / _factor(unit, KINDS[kind].unit)
