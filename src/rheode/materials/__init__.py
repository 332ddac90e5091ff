"""Materials: what is known of each phase, from where, and how it follows lithiation.

`library/*.yaml` has one file a material; every value stands there with its unit, its source and the
conditions it was measured under. A user's own file has the same form and may extend a library one.
"""

from functools import lru_cache
from pathlib import Path
from typing import Annotated, Generic, Literal, TypeVar

import numpy as np
from pydantic import Field, ValidationError, model_serializer, model_validator

from ..reading import Model, Quantity, StudyError, faults_of, nearest, read_mapping, refuse_at, told
from ..units import GAS_CONSTANT

LIBRARY = Path(__file__).parent / "library"

# How a parameter goes from the unlithiated end member (a) to the lithiated one (b).
INTERPOLATIONS = {
    "linear": lambda a, b, x: a + (b - a) * x,
    "geometric": lambda a, b, x: a ** (1.0 - x) * b**x,
}


T = TypeVar("T")


class _Parameter(Model, Generic[T]):
    @classmethod
    def __get_pydantic_json_schema__(cls, schema, handler):
        full = handler.resolve_ref_schema(handler(schema))
        return {"anyOf": [next(iter(full["properties"].values())), full]}


class Known(_Parameter[T], Generic[T]):
    """One known value with where it comes from; the bare value may stand for it."""

    value: T = Field(description="The value")
    source: str = Field("", description="Where it is printed or who measured it")
    conditions: str = Field("", description="How and at which temperature it was obtained")

    @model_validator(mode="before")
    @classmethod
    def _bare(cls, given):
        return given if isinstance(given, (dict, cls)) else {"value": given}

    @model_serializer(mode="wrap")
    def _short(self, handler):
        return {key: value for key, value in handler(self).items() if value != ""}


class Ends(_Parameter[T], Generic[T]):
    """A parameter at x = 0 and at x = 1; a single value stands for both."""

    unlithiated: Known[T] = Field(description="At x = 0")
    lithiated: Known[T] = Field(description="At x = 1")

    @model_validator(mode="before")
    @classmethod
    def _single(cls, given):
        if isinstance(given, cls) or (isinstance(given, dict) and given.keys() & {"unlithiated", "lithiated"}):
            return given
        return {"unlithiated": given, "lithiated": given}

    @model_serializer(mode="wrap")
    def _short(self, handler):
        both = handler(self)
        return both["unlithiated"] if both["unlithiated"] == both["lithiated"] else both


Modulus = Ends[Annotated[float, Quantity("stress", above=0)]]
Poisson = Ends[Annotated[float, Quantity("share", above=-1, below=0.5)]]
CreepRate = Ends[Annotated[float, Quantity("creep rate", above=0)]]
Exponent = Ends[Annotated[float, Quantity("share", least=1, most=100)]]
Stress = Ends[Annotated[float, Quantity("stress", above=0)]]
VolumeChange = Known[Annotated[float, Quantity("share", above=-0.9, most=10)]]
Energy = Known[Annotated[float, Quantity("molar energy", least=0)]]
Temperature = Known[Annotated[float, Quantity("temperature", above=0)]]
Density = Ends[Annotated[float, Quantity("density", above=0)]]

CREEP = ("creep_rate", "stress_exponent", "reference_stress")


class Material(Model):
    """A material over its range of lithiation.

    Isotropic Hencky elasticity with Norton creep (rate = A (q/s_ref)^n) and isotropic growth to
    1 + volume_change at x = 1. Without the three creep parameters it is elastic.
    """

    name: str = Field(description="The name a study calls it by")
    title: str = Field("", description="What it is, in words")
    law: Literal["hencky-norton"] = Field("hencky-norton", description="The constitutive law")
    interpolation: Literal["linear", "geometric"] = Field("linear", description="How parameters go from one end member to the other")
    volume_change: VolumeChange | None = Field(None, description="Relative change of volume at x = 1; without it the material can't lithiate")
    young_modulus: Modulus = Field(description="Young's modulus E")
    poisson_ratio: Poisson = Field(description="Poisson's ratio nu")
    creep_rate: CreepRate | None = Field(None, description="Creep rate coefficient A")
    stress_exponent: Exponent | None = Field(None, description="Stress exponent n")
    reference_stress: Stress | None = Field(None, description="Reference stress s_ref")
    reference_temperature: Temperature | None = Field(None, description="Temperature the creep parameters belong to")
    activation_energy: Energy | None = Field(None, description="Activation energy of creep: shifts A to the temperature of the study (Arrhenius)")
    melting_temperature: Temperature | None = Field(None, description="Melting temperature; for the record")
    density: Density | None = Field(None, description="Density; for the record")

    @model_validator(mode="after")
    def _whole(self):
        given = [name for name in CREEP if getattr(self, name) is not None]
        faults = []
        if 0 < len(given) < len(CREEP):
            faults += [(name, f"missing; creep needs {', '.join(CREEP)} together (none of them: elastic)") for name in CREEP if name not in given]
        if self.activation_energy is not None and self.reference_temperature is None:
            faults.append(("reference_temperature", "missing; an activation_energy shifts the creep rate from this temperature"))
        if faults:
            raise refuse_at(*faults)
        return self

    @property
    def creeps(self) -> bool:
        return self.creep_rate is not None

    @property
    def dV(self) -> float:
        """Relative change of volume at x = 1; 0 for a material that can't lithiate."""
        return self.volume_change.value if self.volume_change is not None else 0.0

    def growth(self, x):
        """Jl(x) = 1 + dV x, the grown volume per stress-free volume. Any shape, no unit."""
        return 1.0 + self.dV * np.asarray(x, float)

    def at(self, x, temperature: float) -> dict[str, np.ndarray]:
        """The law's parameters at lithiation `x` (any shape, 0 to 1) and `temperature` [K].

        E, K, G, s_ref in GPa, A in 1/s, nu and n without unit, each of the shape of `x`. A is 0 (and
        n = s_ref = 1) for an elastic material. With an activation energy Q,
        A(T) = A(Tref) exp(-Q/R (1/T - 1/Tref)).
        """
        x = np.asarray(x, float)
        E, nu = self._interpolate(self.young_modulus, x), self._interpolate(self.poisson_ratio, x)
        if self.creeps:
            A = self._interpolate(self.creep_rate, x) * self.creep_shift(temperature)
            n, s_ref = self._interpolate(self.stress_exponent, x), self._interpolate(self.reference_stress, x)
        else:
            A, n, s_ref = np.zeros_like(x), np.ones_like(x), np.ones_like(x)
        return {"E": E, "nu": nu, "K": E / (3 * (1 - 2 * nu)), "G": E / (2 * (1 + nu)), "A": A, "n": n, "s_ref": s_ref}

    def creep_shift(self, temperature: float) -> float:
        """A(temperature) / A(reference temperature); 1 without an activation energy."""
        if self.activation_energy is None:
            return 1.0
        return float(np.exp(-self.activation_energy.value / GAS_CONSTANT * (1 / temperature - 1 / self.reference_temperature.value)))

    def unlithiated(self) -> "Material":
        """The same material held at x = 0: the end member without lithium at any x, and no growth."""
        frozen = {"volume_change": None}
        for name in ("young_modulus", "poisson_ratio", *CREEP, "density"):
            parameter = getattr(self, name)
            if parameter is not None:
                frozen[name] = parameter.model_copy(update={"lithiated": parameter.unlithiated})
        return self.model_copy(update=frozen)

    def _interpolate(self, parameter, x):
        a, b = parameter.unlithiated.value, parameter.lithiated.value
        return INTERPOLATIONS[self.interpolation](a, b, x) if a != b else np.full_like(x, a)

    def text(self) -> str:
        """Every value with its source and conditions, for a person."""
        lines = [f"{self.name}: {self.title}" if self.title else self.name, f"  law {self.law}, {self.interpolation} between the end members"]
        for name, given in self.definition().items():
            if not isinstance(given, dict):
                continue
            for end, known in given.items() if "unlithiated" in given else [("", given)]:
                where = "; ".join(filter(None, [known.get("source"), known.get("conditions")])) or "no source given"
                lines.append(f"  {name + (f', {end}' if end else ''):33} {known['value']!s:>11}  {where}")
        return "\n".join(lines)

    def definition(self) -> dict:
        """The material as it stands in a file, all values with their units."""
        return {key: value for key, value in self.model_dump(mode="json").items() if value is not None and value != ""}


def names() -> list[str]:
    """The materials of the library."""
    return sorted(path.stem for path in LIBRARY.glob("*.yaml"))


def load(name_or_path) -> Material:
    """A material of the library by name, or a user's file by path. Raises StudyError."""
    return resolve(str(name_or_path), {}, Path.cwd())


def resolve(name: str, own: dict, folder: Path) -> Material:
    """The material that a study means by `name`: one of its `own` definitions, the library's, or a file.

    Relative paths start from `folder`. Raises StudyError.
    """
    definition, where = _definition(name, own, folder, ())
    if name in own and definition.get("name", name) != name:
        raise StudyError(f"{where}.name: got {told(definition['name'])}; {name!r}, the key it stands under, or nothing")
    definition.setdefault("name", Path(name).stem)
    try:
        return Material.model_validate(definition)
    except ValidationError as error:
        in_study = name in own
        faults = faults_of(error, Material, definition, ("materials", name) if in_study else ())
        raise StudyError(faults if in_study else [f"{where}: {fault}" for fault in faults]) from None


def _definition(name, own, folder, asked):
    """(the mapping with everything it extends filled in, where it stands). `asked`: the names that led here."""
    if name in asked:
        raise StudyError(f"materials: {' extends '.join([*asked, name])}, round in a circle")
    if name in own:
        given, where = own[name], f"materials.{name}"
        if not isinstance(given, dict):
            raise StudyError(f"{where}: got {told(given)}; a mapping such as {{extends: selenium, reference_stress: 5 GPa}}")
    elif name in names():
        return dict(_library_file(name)), f"library material {name}"
    elif name.endswith((".yaml", ".yml")):
        path = Path(folder, name)
        given, where, folder = read_mapping(path), str(path), path.parent
    else:
        choices = list(dict.fromkeys([*own, *names()]))
        raise StudyError(f"got {told(name)}{nearest(name, choices)}; one of {', '.join(choices)}, or the path of a .yaml file")
    given = dict(given)
    base = given.pop("extends", None)
    if base is None:
        return given, where
    if not isinstance(base, str):
        raise StudyError(f"{where}.extends: got {told(base)}; the name of a material or the path of a .yaml file")
    itself = name in own and base == name  # `selenium: {extends: selenium}` means the library's
    others = {key: value for key, value in own.items() if key != name}
    try:
        inherited, _ = _definition(base, others, folder, asked if itself else (*asked, name))
    except StudyError as error:
        raise StudyError([f"{where}.extends: {fault}" if fault.startswith("got ") else fault for fault in error.faults]) from None
    inherited.pop("name", None)
    return {key: value for key, value in {**inherited, **given}.items() if value is not None}, where


@lru_cache(maxsize=None)
def _library_file(name):
    return read_mapping(LIBRARY / f"{name}.yaml")
