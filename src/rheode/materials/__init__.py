"""Materials: what is known of each phase, from where, and how it follows lithiation.

`library/*.yaml` has one file a material; every value stands there with its unit, its source and the
conditions it was measured under. A user's own file has the same form and may extend a library one.
"""

from functools import lru_cache
from pathlib import Path
from typing import Annotated, Generic, Literal, TypeVar

import numpy as np
from pydantic import Field, ValidationError, field_validator, model_serializer, model_validator

from ..reading import Model, Quantity, StudyError, faults_of, nearest, read_mapping, refuse_at, told
from ..units import GAS_CONSTANT

LIBRARY, SETS = (Path(__file__).parent / folder for folder in ("library", "sets"))

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
    uncertainty: T | None = Field(None, description="Half the width of the range it is known to lie in")
    source: str = Field("", description="Where it is printed or who measured it")
    temperature: Annotated[float, Quantity("temperature", above=0)] | None = Field(None, description="Temperature it was obtained at")
    conditions: str = Field("", description="How it was obtained, and what else it depends on")

    @field_validator("uncertainty", mode="wrap")
    @classmethod
    def _spread(cls, given, read):
        """The limits of a value are not those of its uncertainty: an exponent above 1 may be uncertain by 0.2."""
        quantities = [each for each in cls.model_fields["value"].metadata if isinstance(each, Quantity)]
        return Quantity(quantities[0].kind, least=0).read(given) if quantities and given is not None else read(given)

    @model_validator(mode="before")
    @classmethod
    def _bare(cls, given):
        return given if isinstance(given, (dict, cls)) else {"value": given}

    @model_serializer(mode="wrap")
    def _short(self, handler):
        return {key: value for key, value in handler(self).items() if value is not None and value != ""}


class Ends(_Parameter[T], Generic[T]):
    """A parameter at x = 0 and at x = 1; a single value stands for both, an end that is not given is not known."""

    unlithiated: Known[T] | None = Field(None, description="At x = 0")
    lithiated: Known[T] | None = Field(None, description="At x = 1")

    @model_validator(mode="before")
    @classmethod
    def _single(cls, given):
        if isinstance(given, cls) or (isinstance(given, dict) and given.keys() & {"unlithiated", "lithiated"}):
            return given
        return {"unlithiated": given, "lithiated": given}

    @model_serializer(mode="wrap")
    def _short(self, handler):
        both = {end: known for end, known in handler(self).items() if known is not None}
        return both["unlithiated"] if len(both) == 2 and both["unlithiated"] == both["lithiated"] else both


def quantity(kind: str, **limits):
    """The type of a float that is written as a quantity of `kind` (a key of units.KINDS)."""
    return Annotated[float, Quantity(kind, **limits)]


Modulus = Ends[quantity("stress", above=0)]
Poisson = Ends[quantity("share", above=-1, below=0.5)]
CreepRate = Ends[quantity("creep rate", above=0)]
Exponent = Ends[quantity("share", least=1, most=100)]
Stress = Ends[quantity("stress", above=0)]
VolumeChange = Known[quantity("share", above=-0.9, most=10)]
Energy = Known[quantity("molar energy", least=0)]
Temperature = Known[quantity("temperature", above=0)]
Melting = Ends[quantity("temperature", above=0)]
Density = Ends[quantity("density", above=0)]
Capacity = Ends[quantity("specific capacity", above=0)]
Voltage = Known[quantity("voltage", least=0)]
Conductivity = Ends[quantity("conductivity", above=0)]

Duration = Known[quantity("time", above=0)]
Length = Known[quantity("length", above=0)]
Stretch = Known[quantity("share", above=1)]
BulkModulus = Known[quantity("stress", above=0)]

REMEDY = "give it in a material of your own that extends this one"

CREEP = ("creep_rate", "stress_exponent", "reference_stress")
SIZED = ("mechanisms", "sample_size")
# What the solver needs of a material of each law, and what belongs to that law alone.
ELASTIC = ("young_modulus", "poisson_ratio")
NETWORK = ("network_modulus", "limit_stretch", "bulk_modulus")
ENDS = ("unlithiated", "lithiated")
GROUPS = ("conversion", "alloy", "insertion", "framework", "electrolyte", "additive", "variant")


class Branch(Model):
    """A spring and a dashpot in a row, beside the network of a viscoelastic material.

    The spring is Hencky's. The dashpot flows at the rate (q/s_ref)^n s_ref/(3 G tau): linear for n = 1, where the
    reference stress drops out, else tau is the relaxation time at the reference stress.
    """

    modulus: BulkModulus = Field(description="Shear modulus G of the spring")
    relaxation_time: Duration = Field(description="Relaxation time tau of the branch (at the reference stress)")
    stress_exponent: Known[quantity("share", least=1, most=100)] | None = Field(None, description="Stress exponent n of the dashpot; 1 if not given")
    reference_stress: BulkModulus | None = Field(None, description="von Mises stress at which the relaxation time holds; needed for an exponent other than 1")

    @model_validator(mode="after")
    def _whole(self):
        if self.stress_exponent is not None and self.stress_exponent.value != 1 and self.reference_stress is None:
            raise refuse_at(("reference_stress", "missing; the relaxation time of a power law belongs to a stress"))
        return self

    def dashpot(self) -> dict[str, float]:
        """G, s_ref [GPa], A [1/s] and n of rate = A (q/s_ref)^n."""
        G, n = self.modulus.value, self.stress_exponent.value if self.stress_exponent is not None else 1.0
        s_ref = self.reference_stress.value if self.reference_stress is not None else G
        return {"G": G, "A": s_ref / (3 * G * self.relaxation_time.value), "n": n, "s_ref": s_ref}


class Material(Model):
    """A material over its range of lithiation.

    `hencky-norton`: isotropic Hencky elasticity with Norton creep (rate = A (q/s_ref)^n), or the creep of a set of
    `mechanisms` in samples of a size; elastic with neither. `viscoelastic`: Gent's network beside branches of a spring and a dashpot,
    for rubbers. Both grow isotropically to 1 + volume_change at x = 1. Everything may be missing: what a
    computation needs and does not find is a fault that names it.
    """

    name: str = Field(description="The name a study calls it by")
    title: str = Field("", description="What it is, in words")
    group: Literal[GROUPS] | None = Field(None, description="Where it stands in lists")
    formula: str = Field("", description="Its formula as made: another name for it (further names after commas)")
    lithiated_formula: str = Field("", description="Formula of the lithiated end member, which is found under it (further names after commas)")
    made: Literal["unlithiated", "lithiated"] = Field("unlithiated", description="The end member it is made and weighed as")
    law: Literal["hencky-norton", "viscoelastic"] = Field("hencky-norton", description="The constitutive law")
    interpolation: Literal["linear", "geometric"] = Field("linear", description="How parameters go from one end member to the other")
    volume_change: VolumeChange | None = Field(None, description="Relative change of volume at x = 1; without it the material can't lithiate")
    young_modulus: Modulus | None = Field(None, description="Young's modulus E")
    poisson_ratio: Poisson | None = Field(None, description="Poisson's ratio nu")
    creep_rate: CreepRate | None = Field(None, description="Creep rate coefficient A")
    stress_exponent: Exponent | None = Field(None, description="Stress exponent n")
    reference_stress: Stress | None = Field(None, description="Reference stress s_ref")
    reference_temperature: Temperature | None = Field(None, description="Temperature the creep parameters belong to")
    activation_energy: Energy | None = Field(None, description="Activation energy of creep: shifts A to the temperature of the study (Arrhenius)")
    mechanisms: str | None = Field(None, description="In place of creep_rate: the set of deformation mechanisms it creeps by (`rheode map` draws it), dislocations and diffusion side by side")
    sample_size: Length | None = Field(None, description="Size of its grains and of what it fills, for those mechanisms: small samples resist dislocations more and diffusion less; without it dislocation creep of the bulk")
    network_modulus: BulkModulus | None = Field(None, description="Viscoelastic: shear modulus of the network, all that is left at rest")
    limit_stretch: Stretch | None = Field(None, description="Viscoelastic: stretch of a pulled bar at which the network's chains are taut")
    bulk_modulus: BulkModulus | None = Field(None, description="Viscoelastic: bulk modulus K")
    branches: dict[str, Branch] = Field({}, description="Viscoelastic: springs and dashpots beside the network, by names of one's own")
    shear_modulus: Modulus | None = Field(None, description="Shear modulus as it is tabulated; screening only, the solver takes it from E and nu")
    hardness: Stress | None = Field(None, description="Indentation hardness; for the record")
    strength: Stress | None = Field(None, description="Yield or tensile strength; for the record")
    melting_temperature: Melting | None = Field(None, description="Melting temperature; screening")
    brittle_below: Temperature | None = Field(None, description="Temperature below which it is brittle, whatever its homologous temperature; screening")
    density: Density | None = Field(None, description="Theoretical density; screening and design")
    capacity: Capacity | None = Field(None, description="Capacity per mass of that end member; screening and design")
    voltage: Voltage | None = Field(None, description="Average voltage against Li/Li+; screening and design")
    electronic_conductivity: Conductivity | None = Field(None, description="Electronic conductivity; for the record")
    ionic_conductivity: Conductivity | None = Field(None, description="Ionic conductivity; for the record")

    @model_validator(mode="after")
    def _whole(self):
        given = [name for name in CREEP if getattr(self, name) is not None]
        faults = []
        if 0 < len(given) < len(CREEP):
            faults += [(name, f"missing; creep needs {', '.join(CREEP)} together (none of them: elastic)") for name in CREEP if name not in given]
        foreign = (*CREEP, *SIZED, *ELASTIC) if self.law == "viscoelastic" else (*NETWORK, "branches")
        faults += [(name, f"no parameter of the law {self.law}") for name in foreign if getattr(self, name)]
        if self.mechanisms is not None and self.mechanisms not in sets():
            faults.append(("mechanisms", f"got {told(self.mechanisms)}{nearest(self.mechanisms, sets())}; one of {', '.join(sets())}"))
        if self.mechanisms is not None and given:
            faults.append(("mechanisms", f"it brings its own creep; leave it out, or {', '.join(given)}"))
        if self.sample_size is not None and self.mechanisms is None:
            faults.append(("sample_size", "it matters to the mechanisms only, and none are given"))
        if self.activation_energy is not None and self.reference_temperature is None:
            faults.append(("reference_temperature", "missing; an activation_energy shifts the creep rate from this temperature"))
        if faults:
            raise refuse_at(*faults)
        return self

    @property
    def creeps(self) -> bool:
        return self.creep_rate is not None or self.mechanisms is not None

    @property
    def behaviour(self) -> str:
        """What it does under load, in words."""
        return "viscoelastic" if self.branches else "creeps" if self.creeps else "elastic"

    @property
    def dV(self) -> float:
        """Relative change of volume at x = 1; 0 for a material that can't lithiate."""
        return self.volume_change.value if self.volume_change is not None else 0.0

    def growth(self, x):
        """Jl(x) = 1 + dV x, the grown volume per stress-free volume. Any shape, no unit."""
        return 1.0 + self.dV * np.asarray(x, float)

    def mass(self, x: float) -> float:
        """Mass [g/cm3] per volume of the material at lithiation `x`: that of the end member it is made as, which growth
        spreads over its volume; lithium that comes and goes is not counted. Raises StudyError if its density is not known."""
        return self.value("density") * float(self.growth(float(self.made == "lithiated")) / self.growth(x))

    def at(self, x, temperature: float) -> dict[str, np.ndarray]:
        """The law's parameters at lithiation `x` (any shape, 0 to 1) and `temperature` [K].

        E, K, G, s_ref in GPa, A in 1/s, fluidity in 1/(GPa s), nu and n without unit, each of the shape of `x`; the
        creep rate is A (q/s_ref)^n + fluidity q. A is 0 (and n = s_ref = 1) for an elastic material. With an activation energy Q,
        A(T) = A(Tref) exp(-Q/R (1/T - 1/Tref)). Of a viscoelastic material: K, G of a sudden load, mu of
        the network [GPa], limit_stretch, and branches, each with G, A, n, s_ref.
        Raises StudyError if a value is not known.
        """
        x = np.asarray(x, float)
        if self.law == "viscoelastic":
            return self._viscoelastic(x, temperature)
        E, nu = self._interpolate("young_modulus", x), self._interpolate("poisson_ratio", x)
        return {"E": E, "nu": nu, "K": E / (3 * (1 - 2 * nu)), "G": E / (2 * (1 + nu))} | self._creep(x, temperature)

    def _creep(self, x, temperature):
        if self.mechanisms is not None:
            from . import mechanisms

            law = mechanisms.creep_law(_set(self.mechanisms), temperature, self.sample_size and self.sample_size.value)
            return {key: np.full_like(x, value) for key, value in law.items()}
        if self.creep_rate is None:
            return {"A": np.zeros_like(x), "n": np.ones_like(x), "s_ref": np.ones_like(x), "fluidity": np.zeros_like(x)}
        A = self._interpolate("creep_rate", x) * self.creep_shift(temperature)
        n, s_ref = self._interpolate("stress_exponent", x), self._interpolate("reference_stress", x)
        return {"A": A, "n": n, "s_ref": s_ref, "fluidity": np.zeros_like(x)}

    def _viscoelastic(self, x, temperature):
        mu, limit, K = (np.full_like(x, self.value(name)) for name in NETWORK)
        dashpots = [branch.dashpot() for branch in self.branches.values()]
        shift = self.creep_shift(temperature)
        branches = [{key: np.full_like(x, value) for key, value in each.items()} | {"A": np.full_like(x, shift * each["A"])} for each in dashpots]
        return {"K": K, "G": mu + sum(each["G"] for each in dashpots), "mu": mu, "limit_stretch": limit, "branches": branches}

    def creep_shift(self, temperature: float) -> float:
        """A(temperature) / A(reference temperature); 1 without an activation energy."""
        if self.activation_energy is None:
            return 1.0
        return float(np.exp(-self.activation_energy.value / GAS_CONSTANT * (1 / temperature - 1 / self.reference_temperature.value)))

    def unlithiated(self) -> "Material":
        """The same material held at x = 0: the end member without lithium at any x, and no growth."""
        return self._held("unlithiated")

    def lithiated(self) -> "Material":
        """The lithiated end member as a material of its own, named by its formula: no growth."""
        formula = listed(self.lithiated_formula)[0] if self.lithiated_formula else f"lithiated {self.name}"
        told_by = {"name": formula.lower(), "title": f"{formula}, the lithiated end of {self.name}", "formula": self.lithiated_formula}
        return self._held("lithiated").model_copy(update=told_by | {"lithiated_formula": "", "made": "unlithiated"})

    def _held(self, end):
        frozen = {"volume_change": None}
        for name in type(self).model_fields:
            parameter = getattr(self, name)
            if isinstance(parameter, Ends):
                known = getattr(parameter, end)
                frozen[name] = None if known is None else parameter.model_copy(update=dict.fromkeys(ENDS, known))
        if any(frozen.get(name) is None for name in CREEP):  # part of a creep law is none
            frozen |= dict.fromkeys((*CREEP, "activation_energy"))
        return self.model_copy(update=frozen)

    def known(self, parameter: str, end: str | None = None) -> Known | None:
        """What is known of `parameter` (a field's name) at an end member, by default the one it is made as."""
        found = getattr(self, parameter)
        return getattr(found, end or self.made) if isinstance(found, Ends) else found

    def value(self, parameter: str, end: str | None = None) -> float:
        """The value of `parameter` (a field's name) at an end member, by default the one it is made as.

        In rheode's own units. Raises StudyError, naming parameter and material, if it is not known.
        """
        found = self.known(parameter, end)
        if found is None:
            where = f".{end or self.made}" if isinstance(getattr(self, parameter), Ends) else ""
            raise StudyError(f"{self.name}: {parameter}{where} is not known; {REMEDY}")
        return found.value

    def lacking(self, lithiates: bool) -> list[str]:
        """What the solver needs and the material has not, one line each; x = 1 counts only if it lithiates."""
        asked = NETWORK if self.law == "viscoelastic" else (*ELASTIC, *(CREEP if self.creep_rate is not None else ()))
        lines = []
        for name in asked:
            parameter = getattr(self, name)
            absent = [end for end in ENDS[: 1 + lithiates] if isinstance(parameter, Ends) and getattr(parameter, end) is None]
            keys = [name] if parameter is None else [f"{name}.{end}" for end in absent]
            lines += [f"{key}: missing; {type(self).model_fields[name].description}, which the solver needs; {REMEDY}" for key in keys]
        return lines

    def _interpolate(self, name, x):
        a, b = (self.value(name, end) for end in ENDS)
        return INTERPOLATIONS[self.interpolation](a, b, x) if a != b else np.full_like(x, a)

    def statements(self) -> list[tuple[str, dict]]:
        """Every value as (parameter, what stands in the file), the end members one by one ("density, lithiated")."""
        found = []
        for name, given in self.definition().items():
            if name == "branches":
                found += [(f"{branch}, {parameter}", known) for branch, of in given.items() for parameter, known in of.items()]
            elif isinstance(given, dict):
                split = given.keys() <= {*ENDS}
                found += [(f"{name}, {end}", known) for end, known in given.items()] if split else [(name, given)]
        return found

    def text(self) -> str:
        """Every value with its source and conditions, for a person."""
        lines = [f"{self.name}: {self.title}" if self.title else self.name, f"  law {self.law}, {self.interpolation} between the end members"]
        for name, known in self.statements():
            lines.append(f"  {name:33} {amount(known):>11}  {'; '.join(origin(known)) or 'no source given'}")
        return "\n".join(lines)

    def definition(self) -> dict:
        """The material as it stands in a file, all values with their units."""
        return {key: value for key, value in self.model_dump(mode="json", exclude_none=True).items() if value not in ("", {})}


def amount(known: dict) -> str:
    """The value as it stands in a file, with its uncertainty."""
    value, uncertainty = str(known["value"]), known.get("uncertainty")
    if uncertainty is None:
        return value
    number, _, unit = value.partition(" ")
    spread, _, same = str(uncertainty).partition(" ")
    return f"{number} +- {spread} {unit}".strip() if unit == same else f"{value} +- {uncertainty}"


def origin(known: dict) -> list[str]:
    """Source, temperature and conditions of what stands in a file, those that are given."""
    return [part for part in (known.get("source"), known.get("temperature"), known.get("conditions")) if part]


# What a line of the overview says is known: symbol, parameter.
SYMBOLS = {
    "E": "young_modulus", "nu": "poisson_ratio", "creep": "creep_rate", "G": "shear_modulus", "H": "hardness", "Y": "strength",
    "Tm": "melting_temperature", "rho": "density", "C": "capacity", "V": "voltage", "dV": "volume_change", "mu": "network_modulus",
    "ke": "electronic_conductivity", "ki": "ionic_conductivity",
}  # fmt: skip


def grouped() -> dict[str, list[Material]]:
    """The library by group, in the order of GROUPS."""
    library = [load(name) for name in names()]
    return {group: members for group in GROUPS if (members := [each for each in library if each.group == group])}


def overview() -> str:
    """The library for a person: a line a material, by group, with what is known of it."""
    lines = []
    for group, members in grouped().items():
        lines.append(f"{group}:")
        for each in members:
            ends = " -> ".join(listed(formulas)[0] for formulas in (each.formula, each.lithiated_formula) if formulas)
            known = " ".join(symbol for symbol, parameter in SYMBOLS.items() if getattr(each, parameter) is not None)
            lines.append(f"  {each.name:21}{ends:24}{known}")
    lines.append("Known: " + ", ".join(f"{symbol} {parameter.replace('_', ' ')}" for symbol, parameter in SYMBOLS.items()) + ".")
    lines.append("A run needs E and nu (of a viscoelastic material mu, limit stretch and bulk modulus), of an active phase dV and both ends. `rheode materials NAME` shows values and sources.")
    return "\n".join(lines)


def listed(text: str) -> list[str]:
    """The formulas in a text that gives several, separated by commas."""
    return [part.strip() for part in text.split(",") if part.strip()]


def sets() -> list[str]:
    """The materials with a set of creep mechanisms."""
    return sorted(path.stem for path in SETS.glob("*.yaml"))


@lru_cache(maxsize=None)
def _set(name):
    from . import mechanisms

    return mechanisms.load(name)


def names() -> list[str]:
    """The materials of the library."""
    return sorted(path.stem for path in LIBRARY.glob("*.yaml"))


@lru_cache(maxsize=1)
def other_names() -> dict[str, tuple[str, str]]:
    """Formulas in small letters, each with the material it means and the end member (""  for as made)."""
    found = {}
    for name in names():
        given = _library_file(name)
        for key, end in (("formula", ""), ("lithiated_formula", "lithiated")):
            found |= {formula.lower(): (name, end) for formula in listed(given.get(key, "")) if formula.lower() != name}
    return found


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
    elif name.lower() in {*names(), *other_names()}:
        stem, end = other_names().get(name.lower(), (name.lower(), ""))
        return (load(stem).lithiated().definition() if end else {"name": stem, **_library_file(stem)}), f"library material {stem}"
    elif name.endswith((".yaml", ".yml")):
        path = Path(folder, name)
        given, where, folder = read_mapping(path, "`rheode materials` lists what a material may extend"), str(path), path.parent
    else:
        near = nearest(name, [*own, *names(), *other_names()])
        mine = f"one of {', '.join(own)}, " if own else ""
        raise StudyError(f"got {told(name)}{near}; {mine}a name that `rheode materials` lists, or the path of a .yaml file")
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
    given = read_mapping(LIBRARY / f"{name}.yaml")
    base = given.pop("extends", None)
    return given if base is None else {key: value for key, value in {**_library_file(base), **given}.items() if value is not None}
