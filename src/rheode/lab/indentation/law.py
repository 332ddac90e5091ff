"""From hardness and its sensitivity to the solver's creep law: rate = A (q/s_ref)^n, with its uncertainty.

    flow stress          q = H / tabor             equivalent strain rate    e = factor * hdot/h
    so                   n = 1/m                   s_ref = H(hdot/h = A/factor) / tabor

Neither conversion is measured by the indenter: both are assumptions, stated with the result. The factor between
hardness and flow stress is varied within its range, which widens the interval of s_ref. A is a choice: any A gives the
same law with its own s_ref.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...materials import ENDS, Material, resolve
from ...reading import StudyError, to_yaml
from ...units import write
from ..analysis import LabError, Value
from .sensitivity import LEVEL, Estimate, Sensitivity, combined

POISL = 0.09  # equivalent strain rate per hdot/h measured on amorphous Se: Poisl, Oliver and Fabes, J. Mater. Res. 10 (1995) 2024


@dataclass(frozen=True)
class Assumptions:
    """What turns H(rate) into a law beside the measurement.

    creep_rate: A [1/s] (that of Xiong et al. 2024, Table S6); tabor: H/q, varied over `tabor_range`; factor: equivalent
    strain rate per hdot/h; convention: what the rates of the measurement are, "hdot/h" or "Pdot/P", the latter taken
    as twice the former; temperature [K] of the measurement.
    """

    creep_rate: float = 1e3
    tabor: float = 3.0
    tabor_range: tuple[float, float] = (2.7, 3.3)
    factor: float = 1.0
    convention: str = "hdot/h"
    temperature: float = 298.15

    def check(self):
        """Raises LabError, naming the option, where a value is out of its range."""
        if not self.creep_rate > 0.0:
            raise LabError(f"--creep-rate: got {self.creep_rate:g} 1/s; a rate above 0")
        if not 0.5 <= self.tabor <= 5.0:
            raise LabError(f"--tabor: got {self.tabor:g}; hardness over flow stress from 0.5 to 5, usually 3")
        if not 0.0 < self.tabor_range[0] <= self.tabor <= self.tabor_range[1]:
            raise LabError(f"--tabor-range: got {self.tabor_range[0]:g}, {self.tabor_range[1]:g}; the lowest and the highest factor, with --tabor {self.tabor:g} between them")
        if not 0.0 < self.factor <= 10.0:
            raise LabError(f"--rate-factor: got {self.factor:g}; a number above 0 and up to 10, 1 for hdot/h itself")

    def choices(self) -> dict:
        low, high = self.tabor_range
        return {
            "creep rate coefficient A [1/s]": self.creep_rate,
            "hardness over flow stress (Tabor)": f"{self.tabor:g}, assumed; varied evenly from {low:g} to {high:g} in the uncertainty of s_ref",
            "equivalent strain rate": f"{self.factor:g} times hdot/h, assumed; {POISL:g} was measured on amorphous Se (Poisl, Oliver and Fabes 1995)",
            "strain rate convention": self.convention + (" (Xiong et al. 2024, Eq. 6)" if self.convention == "hdot/h" else ", taken as twice hdot/h in the law"),
            "temperature [degC]": round(self.temperature - 273.15, 2),
        }


@dataclass(frozen=True)
class Law:
    """n and ln s_ref [GPa] as estimates; `measured`: ln s_ref with the assumptions held at their values."""

    m: Estimate
    reference: Estimate
    measured: Estimate

    @property
    def n(self) -> Value:
        low, high = self.m.interval()
        return Value(1.0 / self.m.value, "", self.m.error / self.m.value**2, (1.0 / high, 1.0 / low), LEVEL)

    @property
    def s_ref(self) -> Value:
        return stress_of(self.reference)


def stress_of(estimate: Estimate) -> Value:
    """A stress [GPa] from its logarithm."""
    low, high = estimate.interval()
    value = float(np.exp(estimate.value))
    return Value(value, "GPa", value * estimate.error, interval=(float(np.exp(low)), float(np.exp(high))), level=LEVEL)


def reference_stress(line: Sensitivity, assumed: Assumptions) -> Estimate:
    """ln s_ref [GPa] at the assumptions' values, with the error of the measurement alone."""
    rate = assumed.creep_rate / assumed.factor * (2.0 if assumed.convention == "Pdot/P" else 1.0)
    hardness = line.at(rate)
    return Estimate(hardness.value - np.log(assumed.tabor), hardness.error, hardness.freedom)


def law_of(line: Sensitivity, assumed: Assumptions) -> Law | None:
    """The creep law of a hardness line; None where m is not above 0 with 95 % confidence."""
    if not line.m.interval()[0] > 0.0:
        return None
    measured = reference_stress(line, assumed)
    low, high = assumed.tabor_range
    tabor = Estimate(0.0, float(np.log(high / low) / np.sqrt(12.0)), np.inf)  # an even distribution
    return Law(line.m, combined(measured.value, [measured, tabor], [1.0, 1.0]), measured)


def values_of(law: Law) -> dict[str, Value]:
    return {"stress exponent n": law.n, "reference stress s_ref": law.s_ref, "s_ref, Tabor factor held": stress_of(law.measured)}


def variants(line: Sensitivity, assumed: Assumptions) -> dict[str, list]:
    """s_ref under other assumptions, as a table: n is the same under all of them."""
    tabors = sorted({1.0, *assumed.tabor_range, assumed.tabor})
    factors = sorted({1.0, POISL, assumed.factor}, reverse=True)
    rows = []
    for factor in factors:
        for tabor in tabors:
            value = reference_stress(line, Assumptions(assumed.creep_rate, tabor, (tabor, tabor), factor, assumed.convention)).value
            rows.append((tabor, factor, float(np.exp(value))))
    return dict(zip(("hardness over flow stress", "equivalent rate per hdot/h", "s_ref [GPa]"), map(list, zip(*rows))))


def material(law: Law | None, assumed: Assumptions, source: str, how: str, modulus: Value | None, poisson: float, hardness: Value | None, base: Material | None = None, extends: str | None = None, end: str = "both", folder: Path = Path(), rate: str = "") -> str:
    """The lines of a material file.

    law: None leaves it to the base (or the material elastic); source: of the values, in words; how: the conditions of
    the test; modulus [GPa]; hardness [GPa], at the `rate` in words; base: the material that the file extends, by
    the name `extends` (a path counts from `folder`); its other end member is kept where `end` is "unlithiated" or "lithiated". Raises LabError, also
    where the lines would be no material.
    """
    if end != "both" and base is None:
        raise LabError("--end: needs --extends with the material whose other end member is kept, such as --extends selenium")
    measured = {}
    if modulus is not None and np.isfinite(modulus.value):
        measured["young_modulus"] = _known(modulus.value, "GPa", source, f"{how}; Poisson's ratio {poisson:g} assumed", spread=modulus.uncertainty)
        measured["poisson_ratio"] = {"value": poisson, "source": source, "conditions": "assumed for the modulus"}
    if law is not None:
        n, s_ref = law.n, law.s_ref
        _allowed(n.value)
        assumptions = f"hardness / flow stress {assumed.tabor:g} ({assumed.tabor_range[0]:g} to {assumed.tabor_range[1]:g}) and strain rate {assumed.factor:g} hdot/h assumed"
        measured["creep_rate"] = _known(assumed.creep_rate, "1/s", source, "chosen; s_ref belongs to it")
        measured["stress_exponent"] = {
            "value": float(f"{n.value:.4g}"), "uncertainty": _half(n), "source": source,
            "conditions": f"{how}; 1/m, 95 % interval {n.interval[0]:.4g} to {n.interval[1]:.4g}",
        }  # fmt: skip
        measured["reference_stress"] = _known(
            s_ref.value, "GPa", source, f"{assumptions}; 95 % interval {s_ref.interval[0]:.4g} to {s_ref.interval[1]:.4g} GPa", spread=_half(s_ref)
        )
    if hardness is not None and np.isfinite(hardness.value):
        measured["hardness"] = _known(hardness.value, "GPa", source, f"{how}; {rate}" if rate else how, spread=hardness.uncertainty)
    lines = {}
    if base is not None:
        lines["extends"] = extends or base.name
    which = {"both": "", "unlithiated": "unlithiated end ", "lithiated": "lithiated end "}[end]
    lines["title"] = f"{base.title or base.name}; {which}measured by indentation" if base is not None else "Measured by indentation"
    for name, known in measured.items():
        lines[name] = known if end == "both" else _ends(base, name, known, end)
    if law is not None:
        lines["reference_temperature"] = {"value": write(assumed.temperature, "temperature"), "source": source, "conditions": "of the indents"}
    try:
        resolve("measured", {"measured": lines}, folder)
    except StudyError as error:
        raise LabError(error.faults[0].removeprefix("materials.measured.")) from None
    return to_yaml(lines)


def _ends(base, name, known, end):
    """A parameter with one end member measured and the other as the base has it."""
    other = next(each for each in ENDS if each != end)
    kept = base.definition().get(name)
    if kept is not None and kept.keys() & {*ENDS}:
        kept = kept.get(other)
    both = {end: known} | ({} if kept is None else {other: kept})  # a study that lithiates it asks for what is missing
    return {each: both[each] for each in ENDS if each in both}


def _known(value, unit, source, conditions, spread=None):
    made = {"value": f"{value:.4g} {unit}"}
    if spread is not None and np.isfinite(spread) and spread > 0.0:
        made["uncertainty"] = f"{spread:.2g} {unit}"
    return made | {"source": source, "conditions": conditions}


def _half(value):
    low, high = value.interval
    return float(f"{0.5 * (high - low):.2g}")


def _allowed(n):
    if not 1.0 <= n <= 100.0:
        raise LabError(f"the stress exponent 1/m = {n:.4g} is outside 1 to 100, which creep laws of rheode take; the material is not one that creeps by a power law here")
