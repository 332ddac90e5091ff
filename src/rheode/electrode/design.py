"""An electrode on paper: from what goes in and how densely it is pressed to capacity, energy and room to swell.

A design file (docs/design.md) names components by weight or by volume, a loading, and a thickness, a porosity
or how porous the mixture is under a pressure. `Design.load` reads it, `Design.quantities` computes it.
"""

import csv
import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, PrivateAttr, ValidationError, field_validator, model_validator

from .. import materials as library
from .. import units
from ..reading import Count, Model, Quantity, StudyError, faults_of, nearest, override, read_mapping, refuse, refuse_at, told
from . import audit, formulas

DESIGNS = Path(__file__).parents[1] / "examples" / "designs"

KINDS = {
    "all-active": "everything holds lithium, no electrolyte: Eqs 6 and 8",
    "solid-electrolyte": "active material in a solid electrolyte, empty pores: Eqs 5 and 7",
    "liquid-filled": "pores full of a liquid electrolyte: Eqs 4 and 7",
}
SUM = 1e-3  # how far fractions may be from 1 (33.3 % three times); they are scaled to it


def _share(**limits):
    return Annotated[float, Quantity("share", **limits)]


def _above_zero(kind):
    return Annotated[float, Quantity(kind, above=0)]


# --- the file -------------------------------------------------------------------------------------


class Component(Model):
    """A solid component; what is not given here is taken from its material."""

    material: str | None = Field(None, description="A material of the library, by name or formula, or the path of a material file")
    role: Literal["active", "framework", "electrolyte", "carbon", "binder"] = Field(description="What it does in the electrode; active material and an all-active electrode's framework hold lithium")
    weight: _share(least=0, most=1) | None = Field(None, description="Weight fraction of the solid")
    volume: _share(least=0, most=1) | None = Field(None, description="Volume fraction of the solid, in place of the weight fraction")
    density: _above_zero("density") | None = Field(None, description="Theoretical density as pressed")
    capacity: _above_zero("specific capacity") | None = Field(None, description="Capacity per mass as pressed; not more than its material's")
    voltage: Annotated[float, Quantity("voltage", least=0)] | None = Field(None, description="Average voltage against Li/Li+")
    volume_change: _share(above=-0.9, most=10) | None = Field(None, description="Relative change of volume from lithiation 0 to 1")
    made: Literal["unlithiated", "lithiated"] | None = Field(None, description="The state it is pressed in; by default its material's")


class Liquid(Model):
    """The liquid in the pores of a liquid-filled electrode."""

    material: str | None = Field(None, description="A material of the library or the path of a material file")
    density: _above_zero("density") | None = Field(None, description="Its density")


class Pressing(Model):
    """How porous the mixture is under a pressure."""

    pressure: Annotated[float, Quantity("pressure", least=0)] = Field(description="Pressure it is pressed with")
    curve: dict[str, str | float] | None = Field(None, description="Porosities by pressure, such as {0 MPa: 57 %, 100 MPa: 24 %}; between them it is linear")
    table: str | None = Field(None, description="A table of pellets, bundled (`s4`) or a CSV file (docs/audit.md), with pressures and weight fractions: porosities are recomputed from its masses and thicknesses")

    @field_validator("curve")
    @classmethod
    def _read(cls, given):
        try:
            points = {units.parse(pressure, "pressure"): units.parse(porosity, "share") for pressure, porosity in (given or {}).items()}
        except units.UnitError as error:
            raise refuse(f"pressures and porosities such as {{0 MPa: 57 %, 100 MPa: 24 %}} ({error})") from None
        if given is not None and (len(points) < 2 or not all(0 <= p and 0 <= porosity < 1 for p, porosity in points.items())):
            raise refuse("at least two pressures from 0, with porosities from 0 to below 1")
        return dict(sorted(points.items())) or None

    @model_validator(mode="after")
    def _one_of_both(self):
        if (self.curve is None) == (self.table is None):
            raise refuse_at(("curve", "one of curve and table is needed, and no more"))
        return self


class Uncertainty(Model):
    """One standard uncertainty of each measured number; all others count as exact."""

    thickness: _share(least=0, most=1) | None = Field(None, description="Of the measured thickness (or of the pellets' that a pressing curve rests on), relative")
    loading: _share(least=0, most=1) | None = Field(None, description="Of the loading, relative")
    porosity: _share(least=0, most=1) | None = Field(None, description="Of a porosity that is given, as a difference (2 % are 2 points)")
    capacity: _share(least=0, most=1) | None = Field(None, description="Of the measured capacity, relative")
    voltage: _share(least=0, most=1) | None = Field(None, description="Of the voltage, relative")


class Sweep(Model):
    """A sweep over the weight fraction of a component; the others keep their proportions, and every mixture has the utilisation and voltage of the electrode unless others are given."""

    component: str = Field(description="The component that is varied")
    from_: _share(least=0, most=1) = Field(0.1, alias="from", description="Smallest weight fraction")
    to: _share(least=0, most=1) = Field(0.9, description="Largest weight fraction")
    points: Annotated[int, Count(2, 1000)] = Field(33, description="How many compositions are computed")
    utilisation: dict[str, str | float] | None = Field(None, description="Utilisation of the active material by that weight fraction, such as {20 %: 60 %, 80 %: 90 %}, linear between; by default the electrode's for all")

    @field_validator("utilisation")
    @classmethod
    def _read(cls, given):
        try:
            points = {units.parse(fraction, "share"): units.parse(share, "share") for fraction, share in (given or {}).items()}
        except units.UnitError as error:
            raise refuse(f"weight fractions and utilisations such as {{20 %: 60 %, 80 %: 90 %}} ({error})") from None
        if given is not None and (len(points) < 2 or not all(0 <= share <= 1 for point in points.items() for share in point)):
            raise refuse("at least two weight fractions with utilisations, all from 0 to 100 %")
        return dict(sorted(points.items())) or None

    @model_validator(mode="after")
    def _rising(self):
        if not self.from_ < self.to:
            raise refuse_at(("to", f"got {self.to:g}; more than `from`, {self.from_:g}"))
        return self


class Design(Model):
    """An electrode. Attributes are those of the file, in rheode's own units (um, g/cm^3, mg/cm^2, mAh/g, V)."""

    name: str = Field(description="By default the file's")
    title: str = Field("", description="What it is, in words")
    kind: Literal["all-active", "solid-electrolyte", "liquid-filled"] = Field(description="; ".join(f"{kind}: {words}" for kind, words in KINDS.items()))
    components: dict[str, Component] = Field(description="The solid components by name")
    liquid: Liquid | None = Field(None, description="The liquid electrolyte, of a liquid-filled electrode")
    loading: _above_zero("loading") | None = Field(None, description="Mass of the solid per area")
    mass: _above_zero("mass") | None = Field(None, description="Mass of the solid; with an area it gives the loading")
    area: _above_zero("area") | None = Field(None, description="Area of the electrode")
    diameter: _above_zero("length") | None = Field(None, description="Diameter of a round electrode, in place of the area")
    thickness: _above_zero("length") | None = Field(None, description="Measured thickness")
    porosity: _share(least=0, below=1) | None = Field(None, description="Share of pores in the volume")
    pressing: Pressing | None = Field(None, description="Porosity from a pressing curve")
    voltage: _above_zero("voltage") | None = Field(None, description="Average voltage; by default that of the components, by their share of the capacity")
    measured_capacity: Annotated[float, Quantity("specific capacity", least=0)] | None = Field(None, description="Capacity that was measured, per mass of the solid; by default the theoretical one")
    utilisation: _share(least=0, most=1) | None = Field(None, description="Utilisation of the active material, in place of a measured capacity")
    lithiation: _share(least=0, most=1) = Field(1.0, description="Lithiation up to which the balance of volumes is drawn")
    uncertainty: Uncertainty = Field(Uncertainty(), description="Uncertainties of what was measured")
    sweep: Sweep | None = Field(None, description="A sweep over composition")
    _solid: "Solid" = PrivateAttr()
    _pellets: "Pellets" = PrivateAttr(None)

    @classmethod
    def load(cls, design, overrides=()) -> "Design":
        """The design in a YAML file or a bundled example; `overrides`: texts "KEY=VALUE". Raises StudyError with all faults."""
        path, folder = Path(design), None
        if str(design) in bundled() and not path.is_file():
            path, folder = DESIGNS / f"{design}.yaml", "."  # it names no files itself; those of an override are the caller's
        elif path.suffix not in (".yaml", ".yml") and not path.exists():
            raise StudyError(f"{told(str(design))}: no such file, and no bundled design of this name{nearest(str(design), bundled())}; bundled are {', '.join(bundled())}")
        return cls.from_mapping(read_mapping(path, "`rheode design` lists designs to start from"), folder or path.parent, path.stem, overrides)

    @classmethod
    def from_mapping(cls, data: dict, folder=".", name: str = "design", overrides=()) -> "Design":
        """The design in a mapping as it stands in a file; paths in it start from `folder`. Raises StudyError with all faults."""
        data, faults = override(data, overrides, "loading='5 mg/cm^2'")
        data = {"name": name} | {key: value for key, value in data.items() if value is not None}  # `key: null` takes an entry away
        try:
            design = cls.model_validate(data)
        except ValidationError as error:
            raise StudyError([*faults, *faults_of(error, cls, data)]) from None
        faults += _inconsistencies(design)
        if not faults:
            design._solid, faults = _solid(design, Path(folder))
        if not faults and design.pressing is not None and design.pressing.table is not None:
            design._pellets = Pellets.of(design, Path(folder))
        if not faults:
            faults += _impossibilities(design)
        if faults:
            raise StudyError(list(dict.fromkeys(faults)))
        return design

    @property
    def solid(self) -> "Solid":
        """Fractions and properties of the solid components."""
        return self._solid

    @property
    def pellets(self) -> "Pellets | None":
        """The table that the pressing curve is read from."""
        return self._pellets

    @cached_property
    def electrode_area(self) -> float | None:
        """cm^2."""
        return self.area if self.diameter is None else formulas.disc_area(self.diameter)

    def quantities(self) -> list["Result"]:
        """Everything that follows, in order, with uncertainties."""
        return _results(self, self.solid)

    def value(self, name: str) -> float:
        """One of the quantities by its name, in its own unit; nan if it does not follow."""
        return compute(self, self.solid)[name]

    def swept(self) -> list[dict[str, float]]:
        """A row for each composition of the sweep: quantities by name, `weight fraction` first, uncertainties as `u(name)`.

        The loading, a given voltage and, unless the sweep gives others, the utilisation stay; the porosity follows a
        pressing table and otherwise stays too (`told_sweep`). Raises StudyError if there is no sweep.
        """
        if self.sweep is None:
            passive = [name for name, part in self.components.items() if part.role != "active"]
            raise StudyError(f"sweep: {self.name} has none; such as {{component: {[*self.components, *passive][-1]}, from: 10 %, to: 90 %}}")
        fractions = np.linspace(self.sweep.from_, self.sweep.to, self.sweep.points)
        return [self.at_fraction(self.sweep.component, w) for w in fractions]

    def pressed(self) -> list[dict[str, float]]:
        """A row for each pressure at which a porosity is known: quantities by name, `pressure` first, uncertainties as `u(name)`.

        Loading and utilisation stay. Raises StudyError if there is no pressing curve.
        """
        if self.pressing is None:
            raise StudyError(f"pressing: {self.name} has none; such as {{pressure: 100 MPa, curve: {{0 MPa: 57 %, 100 MPa: 24 %}}}}")
        known = self.pressing.curve if self.pellets is None else self.pellets.pressures
        return [self.at_pressure(pressure) for pressure in sorted({*map(float, known), self.pressing.pressure})]

    def at_pressure(self, pressure: float) -> dict[str, float]:
        """The quantities under another pressure [GPa], as in `pressed`."""
        at = self._with(pressing=self.pressing.model_copy(update={"pressure": pressure}))
        values, spread = compute(at, self.solid), uncertainties(at, self.solid)
        return {"pressure": pressure, **values, **{f"u({name})": spread[name] for name in SWEPT}}

    def at_fraction(self, component: str, fraction: float) -> dict[str, float]:
        """The quantities with another weight fraction of a component, as in `swept`."""
        at, fixed = self._held(), self.solid.with_weight(component, fraction)
        if self.sweep is not None and self.sweep.utilisation and component == self.sweep.component:
            known = self.sweep.utilisation
            at = at._with(utilisation=_between(fraction, np.array(list(known)), np.array(list(known.values())), "utilisation", _percent, "it is given"))
        values, spread = compute(at, fixed), uncertainties(at, fixed)
        return {"weight fraction": float(fraction), **values, **{f"u({name})": spread[name] for name in SWEPT}}

    def _held(self):
        """The design with what stays in a sweep given directly: porosity, loading, utilisation."""
        here = compute(self, self.solid)
        changes = {"measured_capacity": None, "utilisation": here["utilisation"], "loading": here["loading"], "mass": None, "thickness": None}
        if self.pressing is None:
            relative = self.uncertainty.thickness if self.porosity is None else None
            spread = self.uncertainty.porosity if relative is None else (1 - here["porosity"]) * relative
            changes |= {"porosity": here["porosity"], "uncertainty": self.uncertainty.model_copy(update={"thickness": None, "porosity": spread})}
        return self._with(**changes)

    def _with(self, **changes):
        other = self.model_copy(update=changes)
        other._solid, other._pellets = self._solid, self._pellets
        return other


def bundled() -> list[str]:
    """The designs that come with rheode."""
    return sorted(path.stem for path in DESIGNS.glob("*.yaml"))


# --- what is wrong with a design -------------------------------------------------------------------


def _inconsistencies(design) -> list[str]:
    """Faults that need no material."""
    faults = []
    for way in ("weight", "volume"):
        given = {name: getattr(part, way) for name, part in design.components.items() if getattr(part, way) is not None}
        if len(given) == len(design.components) and given:
            if abs(sum(given.values()) - 1) > SUM + 1e-12:
                faults.append(f"components: the {way} fractions {' + '.join(f'{100 * share:.6g} %' for share in given.values())} add up to {100 * sum(given.values()):.6g} %; must be 100 %")
            break
        if given and way == "weight":
            faults += [f"components.{name}.weight: missing; a fraction for each component, all by weight or all by volume" for name in design.components if name not in given]
            break
    else:
        faults.append("components: weight (or volume) fractions are missing; one for each component, all by weight or all by volume")
    if any(part.weight is not None and part.volume is not None for part in design.components.values()):
        faults.append("components: fractions by weight and by volume; one of both")
    roles = {part.role for part in design.components.values()}
    if "active" not in roles:
        faults.append("components: none has the role active; at least one")
    if design.kind == "all-active" and "electrolyte" in roles:
        faults.append("kind: got 'all-active'; with an electrolyte it is 'solid-electrolyte'")
    if design.kind == "solid-electrolyte" and "electrolyte" not in roles:
        faults.append("components: none has the role electrolyte, which a solid-electrolyte electrode needs")
    if (design.kind == "liquid-filled") != (design.liquid is not None):
        faults.append("liquid: missing; the liquid electrolyte, such as {material: liquid-electrolyte}" if design.liquid is None else f"liquid: the pores of a {design.kind} electrode are empty; kind: liquid-filled has a liquid")
    if design.area is not None and design.diameter is not None:
        faults.append("diameter: area and diameter are given; one of both")
    area = design.area is not None or design.diameter is not None
    if design.loading is not None and design.mass is not None:
        faults.append("mass: loading and mass are given; one of both")
    if design.mass is not None and not area:
        faults.append("area: missing; a mass needs an area or a diameter to give a loading")
    dense = [key for key in ("thickness", "porosity", "pressing") if getattr(design, key) is not None]
    loaded = design.loading is not None or design.mass is not None
    if not dense:
        faults.append("thickness: missing; one of thickness (with a loading), porosity and pressing")
    elif len(dense) > 1 and (loaded or dense != ["thickness", "porosity"]):
        faults.append(f"{dense[1]}: {' and '.join(dense)} are given{' with a loading' if loaded else ''}; one of them, or thickness and porosity without a loading")
    elif not loaded and dense == ["thickness"]:
        faults.append("loading: missing; with a thickness a loading, a mass and an area, or a porosity")
    elif not loaded and dense != ["thickness", "porosity"]:
        faults.append("loading: missing; a loading, a mass and an area, or a thickness and a porosity")
    if design.measured_capacity is not None and design.utilisation is not None:
        faults.append("utilisation: measured_capacity and utilisation are given; one of both")
    measured = {"thickness": "thickness" in dense or "pressing" in dense, "loading": loaded, "porosity": "porosity" in dense, "capacity": design.measured_capacity is not None, "voltage": design.voltage is not None}
    faults += [f"uncertainty.{key}: the {key} is not given, so it has no uncertainty of its own" for key, there in measured.items() if getattr(design.uncertainty, key) is not None and not there]
    if design.sweep is not None and design.sweep.component not in design.components:
        faults.append(f"sweep.component: got {told(design.sweep.component)}{nearest(design.sweep.component, design.components)}; one of {', '.join(design.components)}")
    if design.sweep is not None and len(design.components) < 2:
        faults.append("sweep: a composition of one component can't vary")
    return faults


def _impossibilities(design) -> list[str]:
    """Faults that show when it is computed."""
    here = compute(design, design.solid)
    faults = []
    if here["porosity"] < 0:
        least = formulas.thickness(here["loading"], here["theoretical density"])
        faults.append(f"thickness: got {units.show(design.thickness, 'length')}; at least {least:.4g} um, or the porosity is negative ({100 * here['porosity']:.1f} %)")
    if design.sweep is not None:
        try:
            for fraction in (design.sweep.from_, design.sweep.to):
                design.at_fraction(design.sweep.component, fraction)
        except StudyError as error:
            faults += [f"sweep: {fault}" for fault in error.faults]
    theory = here["theoretical specific capacity"]
    if design.measured_capacity is not None and design.measured_capacity > theory * (1 + 1e-3):
        faults.append(f"measured_capacity: got {units.show(design.measured_capacity, 'specific capacity')}; at most {units.show(theory, 'specific capacity')}, what the components hold")
    framework = theory - float((design.solid.weights * design.solid.capacities)[design.solid.active].sum())
    if design.measured_capacity is not None and design.measured_capacity < framework * (1 - 1e-3):
        faults.append(f"measured_capacity: got {units.show(design.measured_capacity, 'specific capacity')}; at least {framework:.4g} mAh/g, what the framework alone holds, or the utilisation of the active material is negative ({100 * here['utilisation']:.1f} %)")
    return faults


# --- the solid ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Solid:
    """The solid components as arrays: `weights` (sum 1), `densities` g/cm^3, `capacities` mAh/g (0 where no lithium is
    held), `voltages` V and `volume_changes` (nan where not known), `pressed_at` (lithiation, 0 or 1), `active` (bool);
    `liquid` g/cm^3, 0 in empty pores."""

    names: tuple[str, ...]
    weights: np.ndarray
    densities: np.ndarray
    capacities: np.ndarray
    voltages: np.ndarray
    volume_changes: np.ndarray
    pressed_at: np.ndarray
    active: np.ndarray
    liquid: float = 0.0

    @property
    def volumes(self) -> np.ndarray:
        """Volume fractions, sum 1."""
        return formulas.volume_fractions(self.weights, self.densities)

    @property
    def swelling(self) -> float:
        """Change of the solid's volume from lithiation 0 to 1, per volume as pressed."""
        return float(formulas.swelling(self.volumes, self.volume_changes, self.pressed_at))

    def with_weight(self, name: str, fraction: float) -> "Solid":
        """With another weight fraction of a component, the others in their proportions."""
        index = self.names.index(name)
        rest = np.delete(self.weights, index)
        shares = rest / rest.sum() if rest.sum() > 0 else np.full(len(rest), 1 / len(rest))
        weights = np.insert((1 - fraction) * shares, index, fraction)
        return Solid(self.names, weights, self.densities, self.capacities, self.voltages, self.volume_changes, self.pressed_at, self.active, self.liquid)


def _solid(design, folder):
    """(the solid of a design, faults)."""
    faults, columns = [], []
    for name, part in design.components.items():
        where = f"components.{name}"
        material = _material(part.material, folder, where, faults)
        holds = part.role == "active" or (design.kind == "all-active" and part.role == "framework")
        if material is False:
            continue
        found = {key: getattr(part, key) for key in ("density", "capacity", "voltage", "volume_change")}
        made = part.made or (material.made if material else "unlithiated")
        for key, value in found.items():
            known = material.known(key, made) if material and (holds or key == "density") else None
            if value is None and known is not None:
                found[key] = known.value
            elif key == "capacity" and value is not None and known is not None and value > known.value * (1 + 1e-3):
                faults.append(f"{where}.capacity: got {units.show(value, 'specific capacity')}; at most {units.show(known.value, 'specific capacity')}, which {material.name} holds in theory (without `material` the value is yours)")
        of = part.material or name
        for key in ("density", "capacity") if holds else ("density",):
            if found[key] is None:
                faults.append(f"{where}.{key}: missing {key} of {of}; none is known{f' of it as it is {made}' if material else ''}, give it here")
        if holds and design.voltage is None and found["voltage"] is None:
            faults.append(f"voltage: missing; no voltage of {of} is known, give it for the electrode or for {where}")
        if not holds and part.capacity is not None:
            faults.append(f"{where}.capacity: a component of the role {part.role} holds no lithium in a {design.kind} electrode")
        columns.append((name, part.weight if part.weight is not None else part.volume, found["density"], (found["capacity"] if holds else 0.0), found["voltage"], (found["volume_change"] if holds else 0.0), float(made == "lithiated" and holds), part.role == "active"))
    liquid = 0.0
    if design.liquid is not None:
        material = _material(design.liquid.material, folder, "liquid", faults)
        known = material.known("density") if material else None
        liquid = design.liquid.density or (known.value if known else None)
        if liquid is None and material is not False:
            faults.append(f"liquid.density: missing density of {design.liquid.material or 'the liquid'}; none is known, give it here")
    if faults:
        return None, faults
    names, fractions, densities, capacities, voltages, changes, pressed_at, active = map(np.array, zip(*columns))
    changes, voltages = changes.astype(float), np.where(capacities > 0, voltages, np.nan).astype(float)
    if len(set(pressed_at[capacities > 0])) > 1:
        return None, ["components: some that hold lithium are pressed unlithiated, some lithiated; all in the same state"]
    fractions = fractions.astype(float) / fractions.sum()
    weights = fractions if all(part.weight is not None for part in design.components.values()) else formulas.weight_fractions(fractions, densities.astype(float))
    return Solid(tuple(map(str, names)), weights, densities.astype(float), capacities.astype(float), voltages, changes, pressed_at, active, liquid), []


def _material(name, folder, where, faults):
    """The material, None without a name, False if there is none of the name (a fault then)."""
    if name is None:
        return None
    try:
        return library.resolve(name, {}, folder)
    except StudyError as error:
        faults += [f"{where}.material: {fault}" if fault.startswith("got ") else fault for fault in error.faults]
        return False


@dataclass(frozen=True)
class Pellets:
    """Porosities of pellets by the weight fraction of a component and by pressure, from a table as the audit reads it.

    `porosities` are recomputed from mass, area and thickness; `printed` and `densities` are those of the table (nan
    where none is).
    """

    name: str
    component: str | None  # the one whose fraction varies; None if all pellets are alike
    fractions: np.ndarray
    pressures: np.ndarray  # GPa
    porosities: np.ndarray
    printed: np.ndarray
    densities: np.ndarray  # g/cm^3

    @classmethod
    def of(cls, design: Design, folder: Path) -> "Pellets":
        """Raises StudyError if the table lacks what is needed."""
        name = design.pressing.table
        if name not in audit.bundled() and not (folder / name).is_file():
            raise StudyError(f"pressing.table: got {told(name)}{nearest(name, audit.bundled())}; a bundled table ({', '.join(audit.bundled())}) or the path of a CSV file")
        table = audit.load(name if name in audit.bundled() else folder / name)
        columns = {key: {f"{key} weight fraction", f"{part.material} weight fraction"} & set(table.columns) for key, part in design.components.items()}
        varied = {key: next(iter(found)) for key, found in columns.items() if found and len({row.entries[next(iter(found))].value for row in table.rows}) > 1}
        key = design.sweep.component if design.sweep is not None and design.sweep.component in varied else next(reversed(varied), None)
        points = []
        for cell in table.cells:
            if cell.column == "porosity" and "pressure" in cell.row.conditions:
                fraction = cell.row.entries[varied[key]].value if key else 0.0
                density = cell.row.entries.get("density")
                points.append((fraction, units.parse(cell.row.conditions["pressure"], "pressure"), cell.value, cell.entry.value, density.value if density else math.nan))
        if not points:
            raise StudyError(f"pressing.table: {name} has no porosities at pressures; columns `pressure [MPa]` and `porosity [%]` with what they follow from (docs/audit.md)")
        if len({point[:2] for point in points}) < len(points):
            raise StudyError(f"pressing.table: {name} has several pellets at one pressure; a column `NAME weight fraction [%]` of a component (or of its material) tells them apart")
        return cls(str(name), key, *map(np.array, zip(*sorted(points))))

    def at(self, fraction: float, pressure: float) -> float:
        """Porosity, linear between the pellets. Raises StudyError outside them."""
        levels = np.unique(self.fractions)
        along = [_between(pressure, self.pressures[self.fractions == level], self.porosities[self.fractions == level], "pressing.pressure", lambda p: units.show(p, "pressure")) for level in levels]
        return _between(fraction, levels, np.array(along), f"components.{self.component}", _percent) if self.component else along[0]


def _percent(share):
    return f"{100 * share:.4g} %"


def _between(x, xs, ys, key, show, known="porosities are known"):
    if not xs[0] - 1e-9 <= x <= xs[-1] + 1e-9:
        raise StudyError(f"{key}: got {show(x)}; from {show(xs[0])} to {show(xs[-1])}, where {known}")
    return float(np.interp(x, xs, ys))


# --- what follows ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Result:
    """A quantity that follows: `value` and `uncertainty` in `unit`; nan where it can't be told. `source`: its equation."""

    name: str
    value: float
    uncertainty: float
    unit: str
    source: str


# name: (unit, factor to it from rheode's own, source)
QUANTITIES = {
    "theoretical density": ("g/cm^3", 1, "Eq. 3"),
    "porosity": ("%", 100, "Eq. 2"),
    "density": ("g/cm^3", 1, "Eq. 1"),
    "loading": ("mg/cm^2", 1, "of the solid"),
    "thickness": ("um", 1, "Eq. 1"),
    "theoretical specific capacity": ("mAh/g", 1, "Eqs 7, 8: per mass of the solid"),
    "specific capacity": ("mAh/g", 1, "per mass of the solid"),
    "specific capacity with electrolyte": ("mAh/g", 1, "Eq. 7: per mass with the liquid"),
    "utilisation": ("%", 100, "Eq. 11"),
    "areal capacity": ("mAh/cm^2", 1, "specific capacity x loading"),
    "capacity": ("mAh", 1, "areal capacity x area"),
    "voltage": ("V", 1, ""),
    "specific energy": ("Wh/kg", 1, "Eq. 9: per mass of the electrode"),
    "energy density": ("Wh/L", 1, "Eq. 10 with the volume of the electrode"),
    "energy density without pores": ("Wh/L", 1, "Eq. 10 with V_0, the volume without pores"),
    "lithiation at which the pores are full": ("", 1, "balance of volumes"),
    "porosity left": ("%", 100, "in a rigid box, at the end of lithiation"),
    "thickness gained": ("%", 100, "at constant pressure, all pores filled first"),
    "thickness lithiated": ("um", 1, "at constant pressure, all pores filled first"),
    "thickness gained with pores": ("%", 100, "at constant pressure, the porosity as it was"),
    "porosity needed": ("%", 100, "so that a rigid box is just full"),
}
SWEPT = ("porosity", "density", "energy density", "specific energy")


def compute(design: Design, solid: Solid, changes: dict | None = None) -> dict[str, float]:
    """All quantities of `solid` under the conditions of `design`, in rheode's own units; nan where one can't be told.

    `changes`: relative changes of thickness, loading, capacity and voltage, and a difference of the porosity, for
    uncertainties. Raises StudyError if a pressing table does not reach.
    """
    by = dict.fromkeys(Uncertainty.model_fields, 0.0) | (changes or {})
    theoretical = formulas.theoretical_density(solid.weights, solid.densities)
    porosity = _porosity(design, solid, by)
    thickness = None if design.thickness is None else design.thickness * (1 + by["thickness"])
    loading = design.loading if design.mass is None else formulas.mass_loading(design.mass, design.electrode_area)
    if loading is not None:
        loading *= 1 + by["loading"]
    if porosity is None:
        porosity = formulas.porosity(formulas.density(loading, thickness), theoretical)
    dry = formulas.porous_density(theoretical, porosity)
    if loading is None:
        loading = dry * thickness * formulas.UM_IN_CM / formulas.MG_IN_G
    if thickness is None:
        thickness = formulas.thickness(loading, dry)
    wet = formulas.porous_density(theoretical, porosity, solid.liquid)

    theory = formulas.specific_capacity(solid.weights, solid.capacities)
    held = solid.weights * solid.capacities
    active, framework = held[solid.active].sum(), held[~solid.active].sum()
    if design.measured_capacity is not None:
        capacity = design.measured_capacity * (1 + by["capacity"])
    else:
        capacity = (1.0 if design.utilisation is None else design.utilisation) * active + framework
    with np.errstate(invalid="ignore"):
        mean = np.nansum(held * solid.voltages) / theory if theory else math.nan
    voltage = (design.voltage if design.voltage is not None else mean) * (1 + by["voltage"])
    per_electrode = capacity * dry / wet
    energy = formulas.specific_energy(per_electrode, voltage)
    areal = formulas.areal_capacity(capacity, loading)

    swelling = solid.swelling
    start = float(solid.pressed_at[solid.capacities > 0].max(initial=0.0))
    change = design.lithiation - start
    gained = float(formulas.volume_beyond_pores(porosity, swelling, change))
    found = {
        "theoretical density": theoretical,
        "porosity": porosity,
        "density": wet,
        "loading": loading,
        "thickness": thickness,
        "theoretical specific capacity": theory,
        "specific capacity": capacity,
        "specific capacity with electrolyte": per_electrode,
        "utilisation": formulas.utilisation(capacity, active, 1.0, framework, 1.0) if active else math.nan,
        "areal capacity": areal,
        "capacity": areal * design.electrode_area if design.electrode_area is not None else math.nan,
        "voltage": voltage,
        "specific energy": energy,
        "energy density": formulas.energy_density(energy, wet),
        "energy density without pores": formulas.energy_density(formulas.specific_energy(capacity, voltage), theoretical),
        "lithiation at which the pores are full": start + formulas.filling_change(porosity, swelling),
        "porosity left": max(1 - (1 - porosity) * (1 + swelling * change), 0.0) if not math.isnan(swelling) else math.nan,
        "thickness gained": gained,
        "thickness lithiated": thickness * (1 + gained),
        "thickness gained with pores": swelling * change,
        "porosity needed": formulas.porosity_needed(swelling, change) if not math.isnan(swelling) else math.nan,
    }
    return {name: float(value) for name, value in found.items()}


def _porosity(design, solid, by):
    """The porosity if it is given or follows from pressing, else None."""
    if design.porosity is not None:
        return design.porosity + by["porosity"]
    if design.pressing is None:
        return None
    if design.pellets is not None:
        key = design.pellets.component
        known = design.pellets.at(solid.weights[solid.names.index(key)] if key else 0.0, design.pressing.pressure)
    else:
        curve = design.pressing.curve
        known = _between(design.pressing.pressure, np.array(list(curve)), np.array(list(curve.values())), "pressing.pressure", lambda p: units.show(p, "pressure"))
    return 1 - (1 - known) / (1 + by["thickness"])


def uncertainties(design: Design, solid: Solid) -> dict[str, float]:
    """Standard uncertainty of each quantity: first order, the measured numbers independent of each other."""
    total = dict.fromkeys(QUANTITIES, 0.0)
    step = 1e-5
    for key in Uncertainty.model_fields:
        given = getattr(design.uncertainty, key)
        if given:
            high, low = (compute(design, solid, {key: sign * step}) for sign in (1, -1))
            for name in total:
                slope = (high[name] - low[name]) / (2 * step) if math.isfinite(high[name]) else 0.0
                total[name] = math.hypot(total[name], slope * given)
    return total


def _results(design, solid):
    values, spread = compute(design, solid), uncertainties(design, solid)
    parts = [Result(f"{name} in the electrode", float(100 * (1 - values["porosity"]) * volume), float(100 * spread["porosity"] * volume), "vol.%", "") for name, volume in zip(solid.names, solid.volumes)]
    found = []
    for name, (unit, factor, source) in QUANTITIES.items():
        if (name == "capacity" and design.electrode_area is None) or (name == "specific capacity with electrolyte" and not solid.liquid):
            continue
        if name == "density":
            source = {"all-active": "Eqs 1, 6", "solid-electrolyte": "Eqs 1, 5", "liquid-filled": "Eqs 1, 4: with the liquid"}[design.kind]
        if name == "voltage":
            source = "given" if design.voltage is not None else "of the components, by their capacity"
        found.append(Result(name, factor * values[name], factor * spread[name], unit, source))
        found += parts if name == "porosity" else []
    return found


# --- what is told ---------------------------------------------------------------------------------

NEVER = "never"


def told_value(result: Result) -> str:
    """The value as a person reads it: four digits; `never` for pores that no lithiation fills."""
    if math.isnan(result.value):
        return "not known"
    if result.source == "balance of volumes" and not 0 <= result.value <= 1:
        return NEVER
    return _rounded(result.value, 4)


def _rounded(value, digits):
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    return f"{value:.{max(digits - 1 - math.floor(math.log10(abs(value))), 0)}f}" if 1e-3 < abs(value) < 1e6 else f"{value:.{digits}g}"


def told_uncertainty(result: Result) -> str:
    """Two digits, or nothing."""
    return _rounded(result.uncertainty, 2) if result.uncertainty > max(1e-12, 1e-9 * abs(result.value)) and told_value(result) not in (NEVER, "not known") else ""


def table(designs: list[Design]) -> list[tuple[str, ...]]:
    """Rows of texts: the quantities of a design with their sources, or those of several side by side."""
    found = [design.quantities() for design in designs]
    if len(designs) == 1:
        return [("quantity", "value", "+-", "unit", ""), *((r.name, told_value(r), told_uncertainty(r), r.unit, r.source) for r in found[0])]
    rows = [("quantity", *(design.name for design in designs), "unit")]
    for name, unit in dict.fromkeys((r.name, r.unit) for results in found for r in results if r.unit != "vol.%"):
        cells = [next((" +- ".join(filter(None, (told_value(r), told_uncertainty(r)))) for r in results if r.name == name), "") for results in found]
        rows.append((name, *cells, unit))
    return rows


def told_sweep(design: Design) -> str:
    """What a sweep takes for every mixture though it belongs to one, in words; nothing if there is no such thing."""
    kept = [] if design.sweep.utilisation else [f"the utilisation ({_percent(design.value('utilisation'))})"]
    kept += [f"the voltage ({_rounded(design.voltage, 4)} V)"] if design.voltage is not None else []
    kept += [] if design.pellets is not None and design.pellets.component == design.sweep.component else [f"the porosity ({_percent(design.value('porosity'))})"]
    own = design.solid.weights[design.solid.names.index(design.sweep.component)]
    listed = " and ".join(filter(None, (", ".join(kept[:-1]), *kept[-1:])))
    return f"Sweep: {listed} of the mixture with {_percent(own)} {design.sweep.component} {'are' if len(kept) > 1 else 'is'} assumed for every mixture." if kept else ""


def write_csv(path, *designs: Design):
    """Columns quantity, value, uncertainty, unit, source (of several designs with `design` before); empty where a value is not known or never reached."""
    rows = [
        (design.name, r.name, "" if told_value(r) in (NEVER, "not known") else f"{r.value:.10g}", f"{r.uncertainty:.10g}" if told_uncertainty(r) else "", r.unit, r.source)
        for design in designs
        for r in design.quantities()
    ]
    _write(path, ("design", "quantity", "value", "uncertainty", "unit", "source"), rows, len(designs) > 1)


def write_sweep(path, *designs: Design):
    """A row a composition, a column a quantity with its unit in the name, uncertainties as `u(name) [unit]`."""
    components = {design.sweep.component if design.sweep else "" for design in designs}
    _write_rows(path, {"weight fraction": (f"{components.pop() if len(components) == 1 else 'swept'} weight fraction [%]", 100)}, [(design.name, design.swept()) for design in designs])


def write_pressed(path, *designs: Design):
    """A row a pressure, columns as in `write_sweep`."""
    _write_rows(path, {"pressure": ("pressure [MPa]", 1000)}, [(design.name, design.pressed()) for design in designs])


def _write_rows(path, first, tables):
    columns = first | {name: (f"{name} [{unit}]", factor) for name, (unit, factor, _) in QUANTITIES.items()} | {f"u({name})": (f"u({name}) [{QUANTITIES[name][0]}]", QUANTITIES[name][1]) for name in SWEPT}
    rows = [[name, *(f"{factor * row[key]:.10g}" if math.isfinite(row[key]) else "" for key, (_, factor) in columns.items())] for name, found in tables for row in found]
    _write(path, ["design", *(heading for heading, _ in columns.values())], rows, len(tables) > 1)


def _write(path, header, rows, several):
    """`several`: with the first column, which names the design."""
    try:
        with Path(path).open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerows(row if several else row[1:] for row in (header, *rows))
    except OSError as error:
        raise StudyError(f"{path}: can't be written ({error.strerror or error})") from None
