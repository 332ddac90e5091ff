"""Screening of electrode materials: do they creep where the cell works, and what do they hold?

A polycrystal flows like a viscous fluid above about 0.3 of its melting temperature (Xiong et al. 2024,
Fig. 2a); below, it is brittle. Beside that homologous temperature stand what a material is chosen for:
capacity per mass and per volume, voltage, and how much it swells.
"""

import csv
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from .. import materials as library
from ..materials import Material
from ..reading import StudyError
from ..units import show
from .formulas import volumetric_capacity

CREEPABLE = 0.3  # homologous temperature above which a material creeps (Xiong et al. 2024, main text)
GROUPS = ("conversion", "alloy", "insertion", "framework")  # what holds lithium
FARADAY = 96485.33212 / 3.6  # mAh/mol, CODATA 2018


def homologous_temperature(material: Material, temperature: float) -> float:
    """T/Tm of a material as it is made, at `temperature` [K]. Raises StudyError if its melting temperature is not known."""
    return temperature / material.value("melting_temperature")


def behaviour(homologous: float) -> str:
    """"brittle", "creepable" (above 0.3) or "liquid" (from 1)."""
    return "liquid" if homologous >= 1 else "creepable" if homologous > CREEPABLE else "brittle"


def shear_modulus(material: Material) -> float | None:
    """G [GPa] of a material as it is made: the tabulated one, or E/(2 (1 + nu)); None if neither is known."""
    if found := material.known("shear_modulus"):
        return found.value
    E, nu = material.known("young_modulus"), material.known("poisson_ratio")
    return E.value / (2 * (1 + nu.value)) if E and nu else None


@dataclass(frozen=True)
class Row:
    """What screening says of one material; None is not known.

    `basis` is the formula of the end member whose mass and volume the capacities belong to: the
    lithiated one where it is known, since that is what must find room in a cell.
    """

    material: Material
    temperature: float  # K
    homologous: float | None
    shear_modulus: float | None  # GPa
    basis: str
    of_lithiated: bool  # is the basis the lithiated end?
    capacity: float | None  # mAh/g of the basis
    density: float | None  # g/cm^3 of the basis
    voltage: float | None  # V
    volume_change: float | None

    @property
    def name(self) -> str:
        return self.material.name

    @property
    def behaviour(self) -> str:
        return "" if self.homologous is None else behaviour(self.homologous)

    @property
    def caveat(self) -> str:
        """Why it does not creep though the criterion has it so, in words; nothing if there is no such reason."""
        known = self.material.brittle_below
        if self.behaviour != "creepable" or known is None or self.temperature >= known.value:
            return ""
        return f"brittle below about {show(known.value, 'temperature')} though above {CREEPABLE} of its melting temperature ({known.source})"

    @property
    def unplaced(self) -> str:
        """Why it is not on a map of stress and temperature; nothing if it is."""
        return _unplaced(self.material)

    @property
    def volumetric(self) -> float | None:
        """mAh/cm^3 of the basis."""
        return None if None in (self.capacity, self.density) else volumetric_capacity(self.capacity, self.density)

    def record(self) -> dict:
        """The row as CSV has it: a column a quantity, with its unit in the name."""
        ends = {}
        for end in library.ENDS:
            capacity, density = (_value(self.material, name, end) for name in ("capacity", "density"))
            volumetric = None if None in (capacity, density) else volumetric_capacity(capacity, density)
            ends |= {f"capacity {end} [mAh/g]": capacity, f"density {end} [g/cm3]": density, f"volumetric capacity {end} [mAh/cm3]": volumetric}
        return {
            "material": self.name,
            "formula": _formula(self.material, self.material.made),
            "lithiated formula": _formula(self.material, "lithiated"),
            "shear modulus [GPa]": self.shear_modulus,
            "melting temperature [K]": _value(self.material, "melting_temperature"),
            "homologous temperature []": self.homologous,
            "behaviour []": self.behaviour,
            "brittle below [K]": _value(self.material, "brittle_below"),
            **ends,
            "voltage [V]": self.voltage,
            "volume change []": self.volume_change,
        }


def screen(names=(), temperature: float = 298.0) -> list[Row]:
    """A row for each material named, at `temperature` [K]; without names for all of the library that hold lithium.

    What is not known of a material is None. Raises StudyError with all faults.
    """
    if not names:
        return [_row(material, temperature) for group, members in library.grouped().items() if group in GROUPS for material in members]
    rows, faults = [], []
    for name in dict.fromkeys(names):
        try:
            rows.append(_row(library.load(name), temperature))
        except StudyError as error:
            faults += [f"material: {fault}" if fault.startswith("got ") else fault for fault in error.faults]
    if faults:
        raise StudyError(faults)
    return rows


def _row(material, temperature):
    melting = material.known("melting_temperature")
    basis = next((end for end in ("lithiated", material.made) if material.known("capacity", end)), material.made)
    return Row(
        material=material,
        temperature=temperature,
        homologous=temperature / melting.value if melting else None,
        shear_modulus=shear_modulus(material),
        of_lithiated=basis == "lithiated" or material.known("capacity", basis) is None,
        basis=_formula(material, basis) if material.known("capacity", basis) else "",
        capacity=_value(material, "capacity", basis),
        density=_value(material, "density", basis),
        voltage=_value(material, "voltage"),
        volume_change=_value(material, "volume_change"),
    )


def _unplaced(material):
    lacks = [] if material.known("melting_temperature") else ["melting temperature"]
    return " and ".join(f"no {lack}" for lack in lacks + ([] if shear_modulus(material) else ["shear modulus"]))


def _value(material, parameter, end=None):
    found = material.known(parameter, end)
    return None if found is None else found.value


def _formula(material, end):
    formulas = material.lithiated_formula if end == "lithiated" and material.lithiated_formula else material.formula
    return library.listed(formulas)[0] if formulas else material.name


def write_csv(path, records: list[dict]):
    """A table of records as CSV; what is not known stays empty. Raises StudyError if it can't be written."""
    try:
        with Path(path).open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=list(records[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows({key: _written(value) for key, value in record.items()} for record in records)
    except OSError as error:
        raise StudyError(f"{path}: can't be written ({error.strerror or error})") from None


def _written(value):
    return "" if value is None else f"{value:.10g}" if isinstance(value, float) else value


# --- the state of an electrode ---------------------------------------------------------------------


@dataclass(frozen=True)
class State:
    """The stress that a phase of a run bears: means over the phase, at the end and the extremes over its cycles."""

    phase: str
    material: Material
    temperature: float  # K
    stress: float  # GPa, von Mises, at the end of the run
    lowest: float  # GPa
    highest: float  # GPa

    @property
    def homologous(self) -> float | None:
        """T/Tm of what the phase is made as."""
        melting = self.material.known("melting_temperature")
        return self.temperature / melting.value if melting else None

    @property
    def unplaced(self) -> str:
        """Why it is not on a map of stress and temperature; nothing if it is."""
        return _unplaced(self.material)


def states(result) -> list[State]:
    """Where the phases of a run (a `rheode.Result`) stand. Raises StudyError if it has not begun to cycle."""
    cycling = np.asarray(result.history["half []"]) != "clamp"
    if not np.any(cycling):
        raise StudyError(f"{result.directory}: the run has not begun to cycle, so its phases bear no stress yet")
    found = []
    for phase, material in result.study.materials().items():
        stress = np.asarray(result.history[f"von Mises {phase} mean [GPa]"])[cycling]
        found.append(State(phase, material, result.study.temperature, float(stress[-1]), float(stress.min()), float(stress.max())))
    return found


def told_state(state: State) -> str:
    """Where a phase of a run stands among the materials, in words."""
    bears = f"{1000 * state.stress:.3g} MPa von Mises on average ({1000 * state.lowest:.3g} to {1000 * state.highest:.3g} MPa over its cycles)"
    where = f"not placed: {state.unplaced}" if state.unplaced else (
        f"T/Tm = {state.homologous:.2f} ({behaviour(state.homologous)}), tau/G = {state.stress / np.sqrt(3) / shear_modulus(state.material):.2g}"
    )  # fmt: skip
    return f"{state.phase} in the run ({state.material.name}) at {show(state.temperature, 'temperature')}: {bears}; {where}."


# --- Table S2 of Xiong et al. 2024, recomputed ------------------------------------------------------

TABLE_S2 = Path(__file__).parent / "tables" / "s2.csv"  # `rheode audit s2` audits it as it does all tables
ATOMIC_MASSES = {
    "Li": 6.94, "O": 15.999, "P": 30.974, "S": 32.06, "Mn": 54.938, "Fe": 55.845, "Co": 58.933, "Ni": 58.693, "Si": 28.085,
    "Ga": 69.723, "Ge": 72.630, "Se": 78.971, "Mo": 95.95, "In": 114.82, "Sn": 118.71, "Sb": 121.76, "Te": 127.60,
}  # fmt: skip  # g/mol, standard atomic weights (IUPAC 2021), abridged


def theoretical_capacity(formula: str, lithium: float | None = None) -> float:
    """mAh per g of `formula` ("Li15Si4") when `lithium` atoms of it, by default all, are exchanged. Faraday's law."""
    counts = {}
    for element, number, denominator in re.findall(r"([A-Z][a-z]?)(\d*\.?\d*)(?:/(\d+))?", formula):
        counts[element] = counts.get(element, 0) + float(number or 1) / float(denominator or 1)
    exchanged = counts.get("Li", 0) if lithium is None else lithium
    return exchanged * FARADAY / sum(ATOMIC_MASSES[element] * number for element, number in counts.items())


@dataclass(frozen=True)
class Audited:
    """A row of Table S2: what is printed, what follows from its own capacity and density, and what from its formula."""

    row: str
    capacity: str
    density: str
    printed: str
    product: float  # mAh/cm^3
    theoretical: float  # mAh/g, of the formula as printed

    @property
    def verdict(self) -> str:
        """"follows", "follows within the rounding of its factors" or "does not follow"."""
        step, printed = _half_step(self.printed), float(self.printed)
        if abs(self.product - printed) <= step:
            return "follows"
        factors = [(float(text), _half_step(text)) for text in (self.capacity, self.density)]
        low, high = ((factors[0][0] + sign * factors[0][1]) * (factors[1][0] + sign * factors[1][1]) for sign in (-1, 1))
        return "follows within the rounding of its factors" if low - step <= printed <= high + step else "does not follow"


def _half_step(text):
    """Half a unit of the last digit printed."""
    return 0.5 * 10.0 ** -len(text.partition(".")[2])


@lru_cache(maxsize=1)
def audit_table_s2() -> list[Audited]:
    """The volumetric capacities of Table S2 against its gravimetric capacities and densities, row by row."""
    with TABLE_S2.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
    return [
        Audited(
            row["material"],
            row["specific capacity [mAh/g]"],
            row["density [g/cm^3]"],
            row["volumetric capacity [mAh/cm^3]"],
            volumetric_capacity(float(row["specific capacity [mAh/g]"]), float(row["density [g/cm^3]"])),
            theoretical_capacity(row["formula"]),
        )
        for row in rows
    ]
