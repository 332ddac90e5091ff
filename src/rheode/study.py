"""The study file: what is simulated, validated as a whole, every dimensional value with its unit.

`Study.load` reads a YAML file or a bundled example and either returns a complete `Study` (floats in
um, GPa, s, K; defaults filled in, materials resolved) or raises `StudyError` with all faults at once.
"""

import math
import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError, ValidationInfo, field_validator, model_validator

from . import materials as library
from . import publications, units
from .materials import Material
from .reading import Count, FieldType, Model, Quantity, StudyError, faults_of, nearest, override, read_mapping, refuse, refuse_at, to_yaml, told

__all__ = ["Study", "StudyError", "example_names"]

EXAMPLES = Path(__file__).parent / "examples"
DENSEST = 0.84  # area fraction at which random packings of discs jam for good
MOST_ELEMENTS = 1e6  # a mesh this large takes hours an increment on a desk
MEDIUM_PRESSURE = 3.0  # GPa per unit stiffness ratio: what the third medium pulls with in pores that open (0.03 MPa at 1e-5, walls of 0.1 MPa)
# Particles that swell by more than MUCH and creep little under the stack's pressure open pores widely and slide far, where cells of the
# medium hold them apart. What creeps does so under less than LOW_PRESSURE, GPa: of se-60mse's porosity at full lithiation (seed 1) medium
# and barrier differ by 4 points at 10 MPa, 0.8 at 30, 0.4 at 50, 0.2 at 100; of fes-60mse's at 100 MPa by 6.
LOW_PRESSURE, MUCH = 0.04, 0.2

ROLES = ("active", "framework", "electrolyte")

Share = Annotated[float, Quantity("share", least=0, most=1)]


class Phase(Model):
    """One solid phase; its key is the short name used in column names."""

    material: str = Field(description="A material of the library, one defined under `materials`, or the path of a material file")
    role: Literal[ROLES] = Field(description="What the phase does in the electrode")
    fraction: Annotated[float, Quantity("share", above=0, below=1)] | None = Field(None, description="Area fraction in the undeformed box; needed for a packing, a mesh brings its own")
    fills: Annotated[float, Quantity("share", above=0, most=1)] | None = Field(None, description="Share of the pores between the particles that the phase fills, bonded to them, instead of a fraction; below 1 it coats the particles and the middles of the widest pores stay empty")
    lithiates: bool | None = Field(None, description="Whether x changes in it; by default in active phases only")

    @model_validator(mode="before")
    @classmethod
    def _lithiates_if_active(cls, given):
        if isinstance(given, dict) and given.get("lithiates") is None and given.get("role") in ROLES:
            return {**given, "lithiates": given["role"] == "active"}
        return given

    @model_validator(mode="after")
    def _active_lithiates(self):
        if self.role == "active" and self.lithiates is False:
            raise refuse_at(("lithiates", "got false; an active phase lithiates (role: framework is for one that does not)"))
        if self.fills is not None and self.role != "electrolyte":
            raise refuse_at(("fills", f"got {self.fills:g} for role: {self.role}; pores are filled by a phase of role: electrolyte"))
        if self.fills is not None and self.fraction is not None:
            raise refuse_at(("fraction", f"got {self.fraction:g} beside fills; a phase that fills pores takes what the others leave, so give one of the two"))
        return self


class _Box(FieldType):
    """(width, height) in um, from a side or a pair of lengths."""

    allowed = "a length such as '10 um', or a pair [width, height]"
    _side = Quantity("length", above=0, most=1e4)
    schema = {"anyOf": [_side.schema, {"type": "array", "items": _side.schema, "minItems": 2, "maxItems": 2}]}

    def read(self, given):
        sides = given if isinstance(given, (list, tuple)) else [given, given]
        if len(sides) != 2:
            raise refuse(self.allowed)
        return tuple(self._side.read(side) for side in sides)

    def write(self, box):
        width, height = map(self._side.write, box)
        return width if width == height else [width, height]


class Packing(Model):
    """A random packing of discs, whole inside the box."""

    kind: Literal["packing"] = Field(description="A random packing")
    particles: Annotated[int, Count(2, 5000)] = Field(28, description="Number of discs, all phases together")
    box: Annotated[tuple[float, float], _Box()] = Field((10.0, 10.0), description="Side of the square box, or [width, height]; height is the stacking direction")
    size_spread: Annotated[float, Quantity("share", least=0, most=0.6)] = Field(0.2, description="Coefficient of variation of the radii")
    seed: Annotated[int, Count(0, 2**32 - 1)] = Field(1, description="The same seed gives the same packing")
    gap: Annotated[float, Quantity("length", above=0)] = Field(0.01, description="Smallest initial distance between discs and to the walls")
    mesh_size: Annotated[float, Quantity("length", above=0)] | None = Field(None, description="Size of the elements; by default 0.7 mean particle radii")
    contact_size: Annotated[float, Quantity("length", above=0)] | None = Field(None, description="Size of the elements near contacts, up to mesh_size; by default 0.33 mean particle radii")
    placement: Literal["random", "deposited"] = Field("random", description="Where the discs are: anywhere in the box, or fallen in from above and stuck, a loose bed in which every disc rests on another")
    skeleton: Literal["loose", "welded", "cohesive"] = Field("loose", description="Whether contacts are bridged by necks, so that what they join bears load before it is clamped: none, the framework's, or all")

    @field_validator("contact_size")
    @classmethod
    def _refines(cls, size, info: ValidationInfo):
        coarse = info.data.get("mesh_size")
        if None not in (coarse, size) and size > coarse:
            raise refuse(f"a length up to mesh_size, {units.show(coarse, 'length')}")
        return size

    def mean_radius(self, fraction: float) -> float:
        """Radius [um] of equal discs that fill `fraction` of the box."""
        return math.sqrt(fraction * self.box[0] * self.box[1] / (math.pi * self.particles))

    def with_sizes(self, fraction: float) -> "Packing":
        """The packing with element sizes that suit its particles where none were given."""
        fine, coarse = (float(f"{share * self.mean_radius(fraction):.2g}") for share in (0.33, 0.7))
        contact_size = self.contact_size or min(fine, self.mesh_size or fine)
        return self.model_copy(update={"mesh_size": self.mesh_size or max(coarse, contact_size), "contact_size": contact_size})


class MeshFile(Model):
    """A mesh of the user's own."""

    kind: Literal["mesh"] = Field(description="A mesh from a file")
    file: str = Field(description="Path of the mesh (npz with nodes, triangles, phase, particle; or a format of meshio), relative to the study file")
    mesh_size: Annotated[float, Quantity("length", above=0)] | None = Field(None, description="Size of the elements that fill the pores, where the file has none; by default twice the mean side of the particles' surface")

    @field_validator("file")
    @classmethod
    def _is_there(cls, path, info: ValidationInfo):
        context = info.context or {}
        absolute = os.path.abspath(os.path.join(context.get("folder", "."), path))
        if not context.get("stored") and not os.path.isfile(absolute):
            raise refuse(f"the path of a mesh file ({absolute} is none)")
        return absolute


class Channel(Model):
    """A straight pore through a layer, closed below, filled to its mouth and open to a gap above."""

    kind: Literal["channel"] = Field(description="A filled pore in a layer: the active phase in it, the framework around it")
    width: Annotated[float, Quantity("length", above=0)] = Field(description="Width of the pore")
    depth: Annotated[float, Quantity("length", above=0)] = Field(description="Thickness of the layer")
    porosity: Annotated[float, Quantity("share", above=0, most=1)] = Field(description="Width of the pore by that of the box; the rest is the framework, to which the filling sticks. At 1 there is no framework, and the filling slides along the sides of the box")
    gap: Annotated[float, Quantity("length", above=0)] | None = Field(None, description="Room between the layer and the top wall; by default as high as the pore is wide")
    cells_across: Annotated[int, Count(2, 100)] = Field(8, description="Elements across the pore; they are up to eight times as long as wide")


class Rigid(Model):
    """No wall moves (the symmetry walls of the published simulation)."""

    kind: Literal["rigid"] = Field(description="Four walls that stay where they are")


class Pressure(Model):
    """The top wall moves under a constant stack pressure."""

    kind: Literal["pressure"] = Field(description="The top wall under constant pressure")
    pressure: Annotated[float, Quantity("pressure", above=0, most=10)] = Field(description="Stack pressure on the top wall")


class Fixture(Model):
    """The top wall against a spring: what an operando pressure cell does."""

    kind: Literal["fixture"] = Field(description="The top wall against a spring")
    preload: Annotated[float, Quantity("pressure", above=0, most=10)] = Field(description="Pressure after clamping")
    stiffness: Annotated[float, Quantity("stiffness", above=0)] = Field(description="Stiffness of the fixture per unit nominal strain of the electrode's thickness")


class Medium(Model):
    """The soft medium that fills the pores and carries contact."""

    stiffness_ratio: Annotated[float, Quantity("share", above=0, most=0.1)] = Field(1e-5, description="Stiffness of the medium relative to the framework; smaller is closer to true contact and slower")
    length: Annotated[float, Quantity("length", above=0)] = Field(1.5, description="Length of the regularisation by second gradients: about a particle radius; a shorter one lets crushed cells fold")
    viscosity: Annotated[float, Quantity("share", least=0, most=1e4)] = Field(0.1, description="Stress by the medium's shear modulus that resists a shear of 1 in a half cycle; at most what 4e-4 of the stack pressure (of 100 MPa between rigid walls) allows. The softer the medium, the more its convergence wants: about 1e-6 / stiffness_ratio")


class Barrier(Model):
    """The film between surfaces that keeps them apart, for contact: barrier."""

    distance: Annotated[float, Quantity("length", above=0)] = Field(0.01, description="Gap at which two surfaces begin to push each other apart")
    stiffness: Annotated[float, Quantity("pressure", above=0)] = Field(0.1, description="Pressure at half that gap; at a gap d it is stiffness (distance/d - 1)")
    friction: Annotated[float, Quantity("share", least=0, most=10)] = Field(0.0, description="Coefficient of friction between particles and on walls")
    drag: Annotated[float, Quantity("share", least=0, most=10)] = Field(0.01, description="Pressure on a particle that moves by its radius in a half cycle relative to the walls, by the stack pressure (by 100 MPa between rigid walls): gives rearrangements a speed that increments can follow")


class Mechanics(Model):
    """How the mechanical problem is posed."""

    plane: Literal["plane_strain", "generalized_plane_strain"] = Field("plane_strain", description="Out-of-plane stretch: held at 1, or one unknown for the whole electrode")
    out_of_plane_pressure: Annotated[float, Quantity("pressure", least=0, most=10)] = Field(0.0, description="Mean pressure out of plane; for generalized_plane_strain only")
    contact: Literal["third-medium", "barrier"] = Field("third-medium", description="How contact is represented: by a soft medium in the pores, or, where pores stay empty, by a film at the surfaces")
    medium: Medium = Field(Medium(), description="The third medium")
    barrier: Barrier = Field(Barrier(), description="The barrier; its numbers matter for contact: barrier only")
    inertia: bool = Field(False, description="Whether the solids have mass, from the densities of their materials; at battery rates it changes nothing that can be measured")

    @field_validator("out_of_plane_pressure")
    @classmethod
    def _has_its_unknown(cls, pressure, info: ValidationInfo):
        if pressure > 0 and info.data.get("plane") == "plane_strain":
            raise refuse("0 GPa under plane_strain (a pressure needs plane: generalized_plane_strain)")
        return pressure


class Interface(Model):
    """A bond that may part; its key names the two phases, `si-electrolyte`. Interfaces that are not named stay bonded."""

    strength: Annotated[float, Quantity("pressure", least=0)] = Field(description="Largest traction that it bears in opening; 0 for faces that only touch")
    energy: Annotated[float, Quantity("fracture energy", above=0)] = Field(description="Work that parting it takes, per area before deformation")
    shear: Annotated[float, Quantity("share", least=0, most=100)] = Field(1.0, description="Strength in sliding by that in opening; the energy is the same")
    stiffness: Annotated[float, Quantity("interface stiffness", above=0)] | None = Field(None, description="Traction by opening before it tears, and pressure by overlap where faces meet again; by default that of a layer of the softer phase a tenth of an element thick, or more where strength and energy ask for it")

    @field_validator("stiffness")
    @classmethod
    def _energy_suffices(cls, stiffness, info: ValidationInfo):
        strength, energy = info.data.get("strength"), info.data.get("energy")
        if None not in (stiffness, strength, energy) and stiffness * energy <= 0.5 * strength**2:
            raise refuse(f"above {units.show(0.5 * strength**2 / energy, 'interface stiffness')}, strength^2 / (2 energy), below which the energy is spent before the strength is reached")
        return stiffness


Duration = Annotated[float, Quantity("time", least=0)]


class Rest(Model):
    """Time at constant x after each half cycle."""

    lithiated: Duration = Field(0.0, description="After each lithiation")
    delithiated: Duration = Field(0.0, description="After each delithiation")


class Cycling(Model):
    """The protocol: a current, a range of x, a number of cycles."""

    rate: Annotated[float, Quantity("rate", above=0, most=units.parse("1000 C", "rate"))] = Field(description="A current: 0.1 C takes 10 h for x from 0 to 1 and 7.8 h from 1 to 0.22")
    cycles: Annotated[int, Count(1, 100_000)] = Field(description="Number of cycles; one is a lithiation and a delithiation")
    lithiation: Annotated[float, Quantity("share", above=0, most=1)] = Field(1.0, description="x at the end of each lithiation")
    delithiation: Share = Field(0.0, description="x at the end of each delithiation; below lithiation")
    start: Share = Field(0.0, description="x at which the electrode was made, as meshed and free of stress, and at which the first lithiation starts; below lithiation")
    rest: Rest = Field(Rest(), description="Rest after each half cycle: one time, or {lithiated: 1 h, delithiated: 0 h}")

    @property
    def duration(self) -> float:
        """Time [s] of all half cycles and rests."""
        swing = self.lithiation - self.delithiation
        way = (self.lithiation - self.start) + swing + (self.cycles - 1) * 2 * swing
        return way / self.rate + self.cycles * (self.rest.lithiated + self.rest.delithiated)

    @field_validator("delithiation", "start")
    @classmethod
    def _below_lithiation(cls, x, info: ValidationInfo):
        top = info.data.get("lithiation")
        if top is not None and x >= top:
            raise refuse(f"a number below lithiation, {top:g}")
        return x

    @field_validator("rest", mode="before")
    @classmethod
    def _one_time_for_both(cls, given):
        return given if isinstance(given, (dict, Rest)) else {"lithiated": given, "delithiated": given}


class Stepping(Model):
    """Limits of the adaptive increments, in x."""

    largest_step: Annotated[float, Quantity("share", above=0, most=1)] = Field(0.015, description="Largest change of x in an increment")
    first_step: Annotated[float, Quantity("share", above=0, most=1)] = Field(0.002, description="Change of x in the first increment; not above largest_step")
    smallest_step: Annotated[float, Quantity("share", above=0, most=1)] = Field(1e-6, description="Change of x below which a run stops; not above first_step")
    creep_tolerance: Annotated[float, Quantity("share", above=0)] = Field(
        0.03, description="Error that a half cycle's increments may add up to, by its mean creep strain (of 0.2 or more); the time integration's own estimate"
    )

    second_order: bool = Field(True, description="Whether creep is followed by the two-step formula of second order; false: by implicit Euler")

    @field_validator("first_step", "smallest_step")
    @classmethod
    def _in_order(cls, step, info: ValidationInfo):
        above = "largest_step" if info.field_name == "first_step" else "first_step"
        limit = info.data.get(above)
        if limit is not None and step > limit:
            raise refuse(f"a number up to {above}, {limit:g}")
        return step


@dataclass(frozen=True)
class ContactGap:
    """Distance that counts as contact: a `share` of the mean particle radius or a `length` [um]."""

    share: float | None = None
    length: float | None = None

    def of(self, mean_radius: float) -> float:
        """The distance in um for a mean particle radius in um."""
        return self.length if self.length is not None else self.share * mean_radius


class _ContactGap(FieldType):
    allowed = "a share of the mean particle radius such as '1 %' (up to 50 %), or a length such as '0.01 um'"
    schema = {"type": "string", "examples": ["1 %", "0.01 um"]}

    def read(self, given):
        share = isinstance(given, str) and given.strip().endswith("%")
        try:
            value = units.parse(given, "share" if share else "length")
        except units.UnitError:
            raise refuse(self.allowed) from None
        if value <= 0 or (share and value > 0.5):
            raise refuse(self.allowed)
        return ContactGap(share=value) if share else ContactGap(length=value)

    def write(self, gap):
        return units.write(gap.length, "length") if gap.length is not None else units.percent(gap.share)


class Output(Model):
    """What is measured and stored."""

    frames_per_half_cycle: Annotated[int, Count(1, 1000)] = Field(10, description="How often the fields are stored")
    contact_gap: Annotated[ContactGap, _ContactGap()] = Field(ContactGap(share=0.01), description="Distance that counts as contact: a share of the mean particle radius, or a length")
    contact_pressure: Annotated[float, Quantity("pressure", above=0)] = Field(5e-3, description="Pressure on a particle's surface that counts as contact, where contact is counted by pressure")


class Study(Model):
    """A whole study. Use `Study.load` or `Study.from_mapping`; both resolve materials and paths."""

    name: str = Field(description="Short name, also of the run's folder; by default the name of the file")
    title: str = Field("", description="What the study is about, in words")
    publication: str | None = Field(None, description="Published values to print beside the computed ones: a name of the library")
    temperature: Annotated[float, Quantity("temperature", above=0, most=1273.15)] = Field(description="Temperature of the cell")
    definitions: dict[str, Material] = Field({}, alias="materials", description="Materials of the study's own by name, each complete or with `extends`")
    phases: dict[str, Phase] = Field(description="The solid phases by short name")
    microstructure: Annotated[Packing | MeshFile | Channel, Field(discriminator="kind")] = Field(description="Where the particles are")
    walls: Annotated[Rigid | Pressure | Fixture, Field(discriminator="kind")] = Field(description="What holds the electrode")
    mechanics: Mechanics = Field(Mechanics(), description="How the mechanical problem is posed")
    interfaces: dict[str, Interface] = Field({}, description="Bonds between phases that may part, by the names of the two phases (`si-electrolyte`)")
    cycling: Cycling = Field(description="The protocol")
    stepping: Stepping = Field(Stepping(), description="Limits of the adaptive increments")
    output: Output = Field(Output(), description="What is measured and stored")
    versions: dict[str, str] = Field({}, description="Versions of the programs, written by a run; not for you to set")

    @field_validator("name")
    @classmethod
    def _fits_a_folder(cls, name):
        if not re.fullmatch(r"\w[\w.+-]{0,80}", name):
            raise refuse("a short name of letters, digits, '-', '_' and '.'")
        return name

    @field_validator("publication")
    @classmethod
    def _is_published(cls, name):
        if name is not None and name not in publications.names():
            raise refuse(f"one of {', '.join(publications.names())}{nearest(name, publications.names())}")
        return name

    @field_validator("phases")
    @classmethod
    def _phases_make_an_electrode(cls, phases, info: ValidationInfo):
        faults = []
        for name in phases:
            if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name) or name in ("any", "wall", "pore", "pores"):
                faults.append((name, "not a phase name; letters, digits and '_', starting with a letter (any, wall, pore and pores are taken)"))
        if not any(phase.role == "active" for phase in phases.values()):
            faults.append(("", "no active phase; one phase at least needs role: active"))
        filling = [name for name, phase in phases.items() if phase.fills is not None]
        if len(filling) > 1:
            faults.append((f"{filling[1]}.fills", f"{filling[0]} fills the pores already; one phase can"))
        for name, phase in phases.items():
            material = info.data.get("definitions", {}).get(phase.material)
            if phase.lithiates and material is not None and material.volume_change is None:
                key = "material" if phase.role == "active" else "lithiates"
                faults.append((f"{name}.{key}", f"{material.name} has no volume_change, so it can't lithiate"))
        if faults:
            raise refuse_at(*faults)
        return dict(sorted(phases.items(), key=lambda item: item[1].fills is not None))  # in the order of the mesh

    @field_validator("microstructure")
    @classmethod
    def _can_be_packed(cls, micro, info: ValidationInfo):
        phases = info.data.get("phases")
        if phases is None or micro.kind != "packing":
            return micro
        phases = {name: phase for name, phase in phases.items() if phase.fills is None}
        missing = [name for name, phase in phases.items() if phase.fraction is None]
        if missing:
            raise refuse_at(*[("", f"a packing needs phases.{name}.fraction, which is missing; the area fraction of the phase") for name in missing])
        total = sum(phase.fraction for phase in phases.values())
        listed = " + ".join(f"{phase.fraction:g}" for phase in phases.values())
        if total > DENSEST:
            raise refuse_at(("", f"the phases' fractions {listed} = {total:g} can't be packed; discs reach {DENSEST} at most"))
        if micro.particles < len(phases):
            raise refuse_at(("particles", f"got {micro.particles}; at least one for each of the {len(phases)} phases"))
        radius = micro.mean_radius(total)
        with_gap = total * (1 + micro.gap / (2 * radius)) ** 2
        if with_gap > DENSEST:
            raise refuse_at(("gap", f"got '{units.show(micro.gap, 'length')}'; with it the discs (mean radius {radius:.3g} um) would fill {with_gap:.3g} of the box, and {DENSEST} is the most that can be packed"))
        micro = micro.with_sizes(total)
        elements = 2 * micro.box[0] * micro.box[1] / micro.mesh_size**2
        if elements > MOST_ELEMENTS:
            raise refuse_at(("mesh_size", f"got '{units.show(micro.mesh_size, 'length')}'; in this box it makes about {elements:.1e} elements, and {MOST_ELEMENTS:.0e} is the most"))
        return micro

    @field_validator("mechanics")
    @classmethod
    def _masses_are_known(cls, mechanics, info: ValidationInfo):
        phases, definitions = info.data.get("phases"), info.data.get("definitions", {})
        if mechanics.inertia and phases is not None:
            held = {name: _held(phase, definitions) for name, phase in phases.items()}
            missing = [name for name, material in held.items() if material is not None and material.known("density") is None]
            if missing:
                named = ", ".join(f"{held[name].name} ({name})" for name in missing)
                raise refuse_at(("inertia", f"true needs the density of {named}, which is not known; {library.REMEDY}"))
        return mechanics

    @field_validator("mechanics")
    @classmethod
    def _barrier_has_empty_pores(cls, mechanics, info: ValidationInfo):
        phases, micro = info.data.get("phases") or {}, info.data.get("microstructure")
        filling = [f"phases.{name}.fills" for name, phase in phases.items() if phase.fills is not None]
        filling += ["microstructure.kind: channel"] if micro is not None and micro.kind == "channel" else []
        if mechanics.contact == "barrier" and filling:
            raise refuse_at(("contact", f"got 'barrier' beside {filling[0]}; third-medium, as the barrier is for particles in empty pores"))
        return mechanics

    @field_validator("microstructure")
    @classmethod
    def _fills_its_channel(cls, micro, info: ValidationInfo):
        phases = info.data.get("phases")
        if phases is None or micro.kind != "channel":
            return micro
        wanted = ["active", "framework"][: 1 + (micro.porosity < 1)]
        if sorted(phase.role for phase in phases.values()) != wanted or any(phase.fills is not None for phase in phases.values()):
            raise refuse_at(("", f"a channel of porosity {micro.porosity:g} takes one {' and one '.join(wanted)} phase, the active one in the pore; got {', '.join(phase.role for phase in phases.values())}"))
        return micro

    @field_validator("interfaces")
    @classmethod
    def _between_phases(cls, interfaces, info: ValidationInfo):
        phases, mechanics = info.data.get("phases"), info.data.get("mechanics")
        if not interfaces or phases is None:
            return interfaces
        faults, seen = [], {}
        for key in interfaces:
            pair = key.split("-")
            if len(pair) != 2 or not set(pair) <= set(phases):
                faults.append((key, f"not an interface; two of the phases {', '.join(phases)} joined by '-'"))
                continue
            twin = seen.setdefault(frozenset(pair), key)
            if twin != key:
                faults.append((key, f"the same interface as {twin}; give it once"))
        if mechanics is not None and mechanics.contact == "barrier":
            faults.append(("", "interfaces part with contact: third-medium only; bodies that are bonded are too close for the barrier"))
        if faults:
            raise refuse_at(*faults)
        return interfaces

    @classmethod
    def load(cls, study, overrides=()) -> "Study":
        """The study in a YAML file or a bundled example.

        `study`: a path, or a name of `example_names()`. `overrides`: texts "KEY=VALUE" (dotted key
        path, YAML value). Raises StudyError with all faults.
        """
        path = Path(study)
        if str(study) in example_names() and not os.path.isfile(path):
            path = EXAMPLES / f"{study}.yaml"
        elif path.suffix not in (".yaml", ".yml") and not os.path.lexists(path):
            bundled = example_names()
            raise StudyError(f"{told(str(study))}: no such file, and no bundled study of this name{nearest(str(study), bundled)}; bundled are {', '.join(bundled)}")
        return cls.from_mapping(read_mapping(path), folder=path.parent, name=path.stem, overrides=overrides)

    @classmethod
    def from_mapping(cls, data: dict, folder=".", name: str = "study", overrides=()) -> "Study":
        """The study in a mapping as it stands in a file; paths in it start from `folder`.

        A study that carries `versions` was stored by a run, which has its mesh beside it: the mesh file
        it was made from may be gone. Raises StudyError with all faults.
        """
        data, faults = override(data, overrides, "walls.pressure='10 MPa'")
        data.setdefault("name", re.sub(r"[^\w.+-]+", "-", name)[:80].strip("-.") or "study")
        data, more = _resolve_materials(data, Path(folder))
        faults += more
        try:
            study = cls.model_validate(data, context={"folder": folder, "stored": bool(data.get("versions"))})
        except ValidationError as error:
            faults += faults_of(error, cls, data)
        if faults:
            raise StudyError(dict.fromkeys(faults))
        return study

    def materials(self) -> dict[str, Material]:
        """The material of each phase. One that does not lithiate is held at x = 0 whatever x it is given."""
        return {name: _held(phase, self.definitions) for name, phase in self.phases.items()}

    def fractions(self) -> dict[str, float]:
        """Area fraction of each phase of a packing in the undeformed box; what fills pores takes its share of the rest."""
        packed = sum(phase.fraction for phase in self.phases.values() if phase.fills is None)
        return {name: phase.fraction if phase.fills is None else phase.fills * (1 - packed) for name, phase in self.phases.items()}

    def published(self) -> list[publications.Published]:
        """The published values that belong to this study's materials, columns with its phases' names."""
        if self.publication is None:
            return []
        by_role = {phase.role: name for name, phase in reversed(self.phases.items())}
        active = self.phases[by_role["active"]].material
        return [
            replace(value, column=value.column.format_map({"framework": "", **by_role}))
            for value in publications.load(self.publication).values
            if value.active in ("", active) and ("framework" in by_role or "{framework}" not in value.column)
        ]

    def warnings(self, mesh=None) -> list[str]:
        """What is physically doubtful though it can be computed, one sentence each.

        mesh: the `Mesh` of the run, where it is known; a mesh of the user's own brings its area fractions.
        """
        said = []
        for name, material in self.materials().items():
            measured = material.reference_temperature
            flows = material.behaviour != "elastic"
            if flows and material.activation_energy is None and measured is not None and abs(measured.value - self.temperature) > 5:
                said.append(
                    f"Phase {name}: the {'creep' if material.creeps else 'viscoelastic'} law of {material.name} belongs to {units.show(measured.value, 'temperature')} and has no activation energy, "
                    f"so it is used unshifted at {units.show(self.temperature, 'temperature')}; creep at that temperature may differ by orders of magnitude."
                )
        if self.publication is not None and not self.published():
            said.append(f"{self.publication} has no values for these materials, so nothing published is printed beside the computed values.")
        if self.microstructure.kind != "packing":
            given = [name for name, phase in self.phases.items() if phase.fraction is not None]
            if given:
                said.append(f"The fractions of {', '.join(given)} are not used: the mesh brings its own area fractions.")
        if self.microstructure.kind == "packing" or mesh is not None:
            said += self._size_warnings(mesh)
        if self.walls.kind != "rigid":
            load = self.walls.pressure if self.walls.kind == "pressure" else self.walls.preload
            leftover = MEDIUM_PRESSURE * self.mechanics.medium.stiffness_ratio
            pores = all(phase.fills != 1 for phase in self.phases.values())
            if pores and self.mechanics.contact == "third-medium" and leftover > 0.05 * load:
                said.append(
                    f"The medium in the pores pulls or presses with up to about {leftover * 1e3:.2g} MPa by itself, {leftover / load:.0%} of the stack pressure; "
                    f"a smaller mechanics.medium.stiffness_ratio (now {self.mechanics.medium.stiffness_ratio:g}) brings it down, mechanics.contact: barrier takes it away."
                )
            elif pores and self.mechanics.contact == "third-medium" and self.walls.kind == "pressure" and (far := self._slide_far(load)):
                said.append(
                    f"Swelling by more than {MUCH:.0%} and little flow under {units.show(load, 'pressure')} in {' and '.join(far)}: pores open widely and particles slide far, which the "
                    "medium in the pores hinders (porosity at full lithiation 4 points too high in se-60mse under 10 MPa, 6 in fes-60mse under 100); "
                    "mechanics.contact: barrier does not."
                )
        return said

    def _swelling(self):
        """Volume of each phase at full lithiation by that at the start."""
        cycling = self.cycling
        return {name: material.growth(cycling.lithiation) / material.growth(cycling.start) for name, material in self.materials().items()}

    def _slide_far(self, load):
        """Names of the phases that swell much and cannot flow into the pores instead of opening them."""
        materials = self.materials()
        return [name for name, swelling in self._swelling().items() if swelling > 1 + MUCH and (load < LOW_PRESSURE or not materials[name].creeps)]

    def _size_warnings(self, mesh):
        said, swelling = [], self._swelling()
        fractions = self.fractions() if mesh is None else {name: mesh.area_fraction(name) for name in self.phases}
        total = sum(fraction for name, fraction in fractions.items() if self.phases[name].fills is None)
        grown = sum(fraction * swelling[name] for name, fraction in fractions.items())
        if self.walls.kind == "rigid" and grown > 1:
            said.append(
                f"The rigid box is overfull: at x = {self.cycling.lithiation:g} the phases would take {grown:.3f} of it, so the pores shut "
                "and the walls bear hydrostatic pressures of the order of a GPa."
            )
        for name, bond in self.interfaces.items():
            radius = self.microstructure.mean_radius(total) if mesh is None else mesh.mean_radius
            if bond.strength > 0 and (parts := 2 * bond.energy / bond.strength) > 0.1 * radius:
                said.append(
                    f"Interface {name} parts at an opening of {parts:.2g} um (twice its energy by its strength), {parts / radius:.0%} of the mean particle radius: "
                    "until then it bridges the gap, which does not count as lost contact."
                )
        if self.microstructure.kind != "packing":
            return said
        radius = self.microstructure.mean_radius(total)
        if self.microstructure.mesh_size > 1.001 * radius:
            said.append(
                f"The elements ({units.show(self.microstructure.mesh_size, 'length')}) are larger than the mean particle radius "
                f"({radius:.3g} um): stresses inside the particles are not resolved."
            )
        return said

    def summary(self) -> str:
        """The study in a few lines for a person."""
        micro, cycling, walls = self.microstructure, self.cycling, self.walls
        lines = [f"{self.name}: {self.title}" if self.title else self.name]
        fractions = self.fractions() if micro.kind == "packing" else {}
        for name, phase in self.phases.items():
            material = self.materials()[name]
            does = [f"{fractions[name]:.1%} of the box"] if fractions else []
            does += [f"fills {phase.fills:.0%} of the pores"] if phase.fills is not None else []
            does += [f"swells by {material.dV * cycling.lithiation:.1%}" if phase.lithiates else "does not lithiate", material.behaviour]
            lines.append(f"  {name}: {material.name}, {phase.role}, {', '.join(does)}")
        if micro.kind == "packing":
            width, height = (units.show(side, "length") for side in micro.box)
            lines.append(f"  {micro.particles} discs in {width} x {height}, porosity {1 - sum(fractions.values()):.3f}, {micro.placement}, {micro.skeleton} skeleton, seed {micro.seed}")
        elif micro.kind == "channel":
            lines.append(f"  a pore of {units.show(micro.width, 'length')} through {units.show(micro.depth, 'length')}, porosity {micro.porosity:g}")
        else:
            lines.append(f"  mesh from {micro.file}")
        load = {
            "rigid": lambda: "rigid walls",
            "pressure": lambda: f"{units.show(walls.pressure, 'pressure')} on the top wall",
            "fixture": lambda: f"a fixture of {units.show(walls.stiffness, 'stiffness')} with {units.show(walls.preload, 'pressure')} preload",
        }[walls.kind]()
        for name, bond in self.interfaces.items():
            lines.append(f"  {name} parts at {units.show(bond.strength, 'pressure')}, {units.show(bond.energy, 'fracture energy')}")
        lines.append(f"  {load}, {self.mechanics.plane.replace('_', ' ')}, {units.show(self.temperature, 'temperature')}")
        lines.append(
            f"  {cycling.cycles} cycle{'s' * (cycling.cycles > 1)} at {units.show(cycling.rate, 'rate')}, x {cycling.start:g} to {cycling.lithiation:g} "
            f"and back to {cycling.delithiation:g}: {units.show(cycling.duration, 'time')} of cell time"
        )
        return "\n".join(lines)

    def dump(self) -> str:
        """The complete study as YAML: every default written out, every material in full, all units,
        and the versions that it was made with.

        `Study.load` of the text gives an equal study.
        """
        data = self.model_dump(mode="json", by_alias=True)
        data["materials"] = {name: material.definition() for name, material in self.definitions.items()}
        data["versions"] = self.versions or _versions()
        return to_yaml({key: value for key, value in data.items() if value is not None})

    def __eq__(self, other):
        """Equal when they describe the same run, whatever versions made it."""
        if not isinstance(other, Study):
            return NotImplemented
        return self.model_dump(exclude={"versions"}) == other.model_dump(exclude={"versions"})

    __hash__ = None


def _held(phase, definitions):
    """The material of a phase, held at x = 0 if it does not lithiate; None where it is not defined."""
    material = definitions.get(phase.material)
    return material if material is None or phase.lithiates else material.unlithiated()


def _versions():
    import platform
    from importlib.metadata import PackageNotFoundError, version

    found = {"python": platform.python_version()}
    for package in ("rheode", "numpy", "scipy", "numba", "mkl"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:  # rheode run from its source, say
            continue
    return found


def example_names() -> list[str]:
    """The bundled studies."""
    return sorted(path.stem for path in EXAMPLES.glob("*.yaml"))


def _resolve_materials(data, folder):
    """(`data` with every material it uses in full under `materials`, faults).

    A phase that names a material file is given the material's name instead, so that what is stored
    afterwards stands for itself.
    """
    own, phases = data.get("materials"), data.get("phases")
    if own is not None and not isinstance(own, dict):
        return {**data, "materials": {}}, [f"materials: got {told(own)}; a mapping of names to definitions"]
    own = own or {}
    resolved, faults, phases = {}, [], dict(phases) if isinstance(phases, dict) else phases
    for name in own:
        try:
            resolved[name] = library.resolve(name, own, folder)
        except StudyError as error:
            faults += error.faults
    for phase, entry in phases.items() if isinstance(phases, dict) else ():
        named = entry.get("material") if isinstance(entry, dict) else None
        if not isinstance(named, str) or named in own:
            continue
        try:
            material = library.resolve(named, own, folder)
        except StudyError as error:
            faults += [f"phases.{phase}.material: {fault}" if fault.startswith("got ") else fault for fault in error.faults]
            continue
        if material.name in resolved and resolved[material.name] != material:
            faults.append(f"phases.{phase}.material: the file names its material {material.name!r}, which already stands for another; give it another `name`")
        resolved[material.name] = material
        phases[phase] = {**entry, "material": material.name}
    for entry in phases.values() if isinstance(phases, dict) else ():
        material = resolved.get(entry["material"]) if isinstance(entry, dict) and isinstance(entry.get("material"), str) else None
        if material is not None:
            lithiates = entry.get("lithiates") is True or (entry.get("lithiates") is None and entry.get("role") == "active")
            faults += [f"materials.{material.name}.{lack}" for lack in material.lacking(lithiates)]
    return {**data, "materials": resolved, "phases": phases} if phases is not None else {**data, "materials": resolved}, faults
