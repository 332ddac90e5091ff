"""Which mechanism deforms a polycrystal: dislocation creep, Nabarro-Herring, Coble, or the theoretical limit.

Rates are equivalent strain rates [1/s] under a uniaxial (von Mises) stress s [GPa]; shear stress is
s/sqrt(3). The diffusional laws are those of a grain, or a sample, of size d:

    dislocation      A exp(-Q/R (1/T - 1/T0)) (s/(f s_ref))^n,   f = sqrt(1 + h/d)
    Nabarro-Herring  14 s Omega D / (k T d^2)
    Coble            47 s Omega delta D_b / (k T d^3)

(Herring 1950; Coble 1963; Frost and Ashby 1982). They act side by side: rates add. The factor f of
"smaller is stronger" (Nix and Gao 1998) is 1 unless a size effect is asked for. At the theoretical
limit, a shear stress of 0.1 G, the lattice itself gives way (Frost and Ashby 1982).

Parameters stand in `sets/*.yaml`, each with its source; a user's own file has the same form.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
from pydantic import Field, ValidationError, model_validator

from .. import materials
from ..materials import SETS, Known, sets
from ..reading import Model, StudyError, faults_of, read_mapping, refuse_at
from ..units import GAS_CONSTANT, show

BOLTZMANN = 1.380649e-14  # GPa um^3 / K, exact in the SI
HERRING, COBLE = 14.0, 47.0  # geometry of equiaxed grains
IDEAL = 0.1  # theoretical shear strength over G

DISLOCATION, NABARRO_HERRING, COBLE_CREEP = "dislocation creep", "Nabarro-Herring creep", "Coble creep"


T = TypeVar("T")


class Activated(Known[T], Generic[T]):
    """A rate or diffusivity with an activation energy: its value at a temperature, or its prefactor."""

    value: T | None = Field(None, description="The value at `temperature`")
    prefactor: T | None = Field(None, description="In place of value and temperature: the factor before the exponential")

    @model_validator(mode="after")
    def _one_of_both(self):
        if (self.value is None) == (self.prefactor is None):
            raise refuse_at(("value", "one of `value` (with its `temperature`) and `prefactor` is needed, and no more"))
        if (self.value is None) != (self.temperature is None):
            raise refuse_at(("temperature", "missing; the temperature the value belongs to (a pre-exponential one is given as `prefactor`)" if self.temperature is None else "a prefactor has none"))
        return self

    @property
    def law(self) -> tuple[float, float]:
        """(value, 1/temperature [1/K]) that the Arrhenius law starts from."""
        return (self.prefactor, 0.0) if self.value is None else (self.value, 1 / self.temperature)


class CreepSet(Model):
    """The parameters of a material's mechanisms."""

    title: str = Field("", description="What it is, in words")
    material: str = Field(description="Name of the material in the library")
    shear_modulus: Known[materials.quantity("stress", above=0)] = Field(description="Shear modulus G")
    melting_temperature: materials.Temperature = Field(description="Melting temperature")
    creep_rate: Activated[materials.quantity("creep rate", above=0)] = Field(description="Rate of dislocation creep at the reference stress")
    reference_stress: Known[materials.quantity("stress", above=0)] = Field(description="Stress the rate belongs to")
    stress_exponent: Known[materials.quantity("share", least=1, most=100)] = Field(description="Stress exponent of dislocation creep")
    activation_energy: materials.Energy = Field(description="Activation energy of dislocation creep")
    lattice_diffusivity: Activated[materials.quantity("diffusivity", above=0)] = Field(description="Self-diffusivity of the lattice")
    lattice_energy: materials.Energy = Field(description="Activation energy of lattice diffusion")
    boundary_diffusivity: Activated[materials.quantity("diffusivity", above=0)] = Field(description="Diffusivity along grain boundaries")
    boundary_energy: materials.Energy = Field(description="Activation energy of boundary diffusion")
    boundary_width: Known[materials.quantity("length", above=0)] = Field(description="Width of a grain boundary")
    atomic_volume: Known[materials.quantity("atomic volume", above=0)] = Field(description="Volume of an atom")
    boundary_decades: Known[materials.quantity("share", least=0, most=10)] | None = Field(None, description="Decades by which the boundary diffusivity may lie above or below")
    strengthening_length: Known[materials.quantity("length", above=0)] | None = Field(None, description="Length h of the strengthening sqrt(1 + h/d) of small samples")
    strengthening_factor: Known[materials.quantity("share", least=1, most=1000)] | None = Field(None, description="Factor by which the strengthening length may be longer or shorter")

    @property
    def names(self) -> list[str]:
        return [name for name in type(self).model_fields if isinstance(getattr(self, name), Known)]

    def text(self) -> str:
        """Every parameter with its source and conditions, for a person."""
        lines = [f"Parameters of {self.title or self.material}:"]
        for name, known in self.model_dump(mode="json").items():
            if isinstance(known, dict):
                if isinstance(getattr(self, name), Activated):
                    name += ", prefactor" if "prefactor" in known else f" at {known.pop('temperature')}"
                    known.setdefault("value", known.get("prefactor"))
                lines.append(f"  {name:30} {materials.amount(known):>12}  {'; '.join(materials.origin(known)) or 'no source given'}")
        return "\n".join(lines)


def load(name_or_path) -> CreepSet:
    """The set of a material (by any of its names), or a user's file. Raises StudyError, one line for each fault."""
    name = str(name_or_path)
    if name.endswith((".yaml", ".yml")):
        path = Path(name)
    else:
        try:
            material = materials.load(name)
        except StudyError as error:
            raise StudyError([f"material: {fault}" if fault.startswith("got ") else fault for fault in error.faults]) from None
        if material.name not in sets():
            raise StudyError(
                f"{material.name}: no set of creep mechanisms; missing are {', '.join(_absent(material))} (sets: {', '.join(sets())}; "
                f"a .yaml file of your own will do, docs/screening.md shows one)"
            )
        path = SETS / f"{material.name}.yaml"
    data = read_mapping(path, "docs/screening.md shows a set to start from")
    try:
        return CreepSet.model_validate(data)
    except ValidationError as error:
        raise StudyError([f"{path}: {fault}" for fault in faults_of(error, CreepSet, data)]) from None


def _absent(material):
    """What a set needs and the library does not know of `material`."""
    needed = [name for name, field in CreepSet.model_fields.items() if field.is_required() and name != "material"]
    return [name.replace("_", " ") for name in needed if getattr(material, name, None) is None]


def published_strength(creep: CreepSet) -> Known | None:
    """The strength of the set's material in the library [GPa], if it has one: for comparison."""
    return materials.load(creep.material).known("strength") if creep.material in materials.names() else None


# --- rates -----------------------------------------------------------------------------------------


def arrhenius(known: Activated, energy: float, temperature):
    """`known` at `temperature` [K] with an activation energy [J/mol]."""
    value, inverse = known.law
    return value * np.exp(-energy / GAS_CONSTANT * (1 / np.asarray(temperature, float) - inverse))


def strengthening(creep: CreepSet, size, stretch=1.0):
    """By what factor a sample of `size` [um] resists dislocations more than the bulk; `stretch` multiplies the length h. Raises StudyError if the set does not say."""
    if creep.strengthening_length is None:
        raise StudyError(f"{creep.material}: strengthening_length is not known, so its strength can't be told against size")
    return np.sqrt(1 + stretch * creep.strengthening_length.value / np.asarray(size, float))


def dislocation_rate(creep: CreepSet, stress, temperature, factor=1.0):
    """Power-law creep [1/s]; `factor` multiplies the reference stress. Arrays broadcast, here and below."""
    shifted = arrhenius(creep.creep_rate, creep.activation_energy.value, temperature)
    return shifted * (np.asarray(stress, float) / (factor * creep.reference_stress.value)) ** creep.stress_exponent.value


def herring_rate(creep: CreepSet, stress, temperature, size):
    """Diffusion through the lattice of grains of `size` [um] (Nabarro 1948, Herring 1950) [1/s]."""
    diffusivity = arrhenius(creep.lattice_diffusivity, creep.lattice_energy.value, temperature)
    return HERRING * np.asarray(stress, float) * creep.atomic_volume.value * diffusivity / (BOLTZMANN * temperature * np.asarray(size, float) ** 2)


def coble_rate(creep: CreepSet, stress, temperature, size, decades=0.0):
    """Diffusion along the boundaries of grains of `size` [um] (Coble 1963) [1/s]; `decades` shifts the boundary diffusivity."""
    diffusivity = arrhenius(creep.boundary_diffusivity, creep.boundary_energy.value, temperature) * 10.0**decades
    flux = creep.boundary_width.value * diffusivity * creep.atomic_volume.value
    return COBLE * np.asarray(stress, float) * flux / (BOLTZMANN * temperature * np.asarray(size, float) ** 3)


def rates(creep: CreepSet, stress, temperature, size, decades=0.0, factor=1.0) -> dict[str, np.ndarray]:
    """Rate of each mechanism [1/s] by name."""
    return {
        DISLOCATION: dislocation_rate(creep, stress, temperature, factor),
        NABARRO_HERRING: herring_rate(creep, stress, temperature, size),
        COBLE_CREEP: coble_rate(creep, stress, temperature, size, decades),
    }


def creep_law(creep: CreepSet, temperature: float, size: float | None = None) -> dict[str, float]:
    """All mechanisms at a temperature [K] in a sample of `size` [um] as rate = A (s/s_ref)^n + fluidity s.

    A [1/s], n, s_ref [GPa], fluidity [1/(GPa s)]. Grains are as large as the sample, which is strengthened
    where the set has a strengthening length. Without a size: dislocation creep of the bulk. Raises StudyError above melting.
    """
    _solid(creep, temperature)
    law = {"A": float(arrhenius(creep.creep_rate, creep.activation_energy.value, temperature)), "n": creep.stress_exponent.value}
    if size is None:
        return law | {"s_ref": creep.reference_stress.value, "fluidity": 0.0}
    factor = 1.0 if creep.strengthening_length is None else float(strengthening(creep, size))
    fluidity = float(herring_rate(creep, 1.0, temperature, size) + coble_rate(creep, 1.0, temperature, size))
    return law | {"s_ref": factor * creep.reference_stress.value, "fluidity": fluidity}


def normalised(creep: CreepSet, stress):
    """Shear stress over G of a von Mises stress [GPa]."""
    return np.asarray(stress, float) / (np.sqrt(3.0) * creep.shear_modulus.value)


# --- the map ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Map:
    """A deformation-mechanism map for grains of one size.

    Below `boundary` diffusion is the fastest, along grain boundaries where `coble`, through the lattice
    elsewhere; above it dislocations are.
    """

    creep: CreepSet
    size: float  # um
    homologous: np.ndarray  # (m,) T/Tm
    shear: np.ndarray  # (n,) tau/G
    rate: np.ndarray  # (n, m) 1/s, of all mechanisms together
    boundary: np.ndarray  # (m,) tau/G
    coble: np.ndarray  # (m,) bool

    def records(self) -> list[dict]:
        """The map as CSV has it, a line a temperature: the boundaries, and the stress of each decade of strain rate."""
        melting, unit = self.creep.melting_temperature.value, np.sqrt(3.0) * self.creep.shear_modulus.value
        lines = []
        for column, (homologous, boundary, coble) in enumerate(zip(self.homologous, self.boundary, self.coble)):
            line = {"homologous temperature []": homologous, "temperature [K]": homologous * melting, "below boundary []": COBLE_CREEP if coble else NABARRO_HERRING, "boundary tau/G []": boundary}
            for exponent in range(-10, 5, 2):
                shear = np.exp(np.interp(exponent, np.log10(self.rate[:, column]), np.log(self.shear), left=np.nan, right=np.nan))
                line[f"stress at 1e{exponent} 1/s [MPa]"] = None if np.isnan(shear) else shear * unit * 1000
            lines.append({key: value if isinstance(value, str) or value is None else float(value) for key, value in line.items()})
        return lines


def deformation_map(creep: CreepSet, size: float, homologous=None, shear=None) -> Map:
    """The map for grains (or a sample) of `size` [um], by default from T/Tm = 0.3 to melting and from tau/G = 1e-8 to the theoretical limit.

    Raises StudyError where it is too cold for rates above zero.
    """
    homologous = np.linspace(0.3, 1.0, 281) if homologous is None else np.asarray(homologous, float)
    shear = np.geomspace(1e-8, IDEAL, 281) if shear is None else np.asarray(shear, float)
    temperature = homologous * creep.melting_temperature.value
    stress = (shear * np.sqrt(3.0) * creep.shear_modulus.value)[:, None]
    rate = sum(rates(creep, stress, temperature[None, :], size).values())
    herring, coble = herring_rate(creep, 1.0, temperature, size), coble_rate(creep, 1.0, temperature, size)
    dislocation = dislocation_rate(creep, 1.0, temperature)
    if not np.all(np.minimum(np.maximum(herring, coble), dislocation) > 0):
        raise StudyError(f"temperature: got {show(float(temperature.min()), 'temperature')!r}; so cold that the rates of {creep.material} are zero in a computer's arithmetic")
    boundary = (np.maximum(herring, coble) / dislocation) ** (1 / (creep.stress_exponent.value - 1))
    return Map(creep, size, homologous, shear, rate, normalised(creep, boundary), coble > herring)


def fastest(creep: CreepSet, stress: float, temperature: float, size: float) -> str:
    """The mechanism that deforms grains of `size` [um] fastest at a von Mises stress [GPa] and temperature [K]."""
    if normalised(creep, stress) >= IDEAL:
        return "theoretical limit"
    each = rates(creep, stress, temperature, size)
    return max(each, key=lambda name: float(each[name]))


# --- the size effect -------------------------------------------------------------------------------


@dataclass(frozen=True)
class SizeEffect:
    """Strength [GPa, von Mises] of samples of `size` [um] at one strain rate and temperature.

    `dislocation`, `herring` and `coble` are what each mechanism alone would bear, `strength` what
    remains with all of them; `weakest` and `strongest` are that with boundary diffusivity and strengthening
    length at the ends of their ranges.
    """

    rate: float
    temperature: float
    size: np.ndarray
    dislocation: np.ndarray
    herring: np.ndarray
    coble: np.ndarray
    strength: np.ndarray
    weakest: np.ndarray
    strongest: np.ndarray

    def records(self) -> list[dict]:
        """The curves as CSV has them, a line a size."""
        curves = {name: getattr(self, name) for name in ("strength", "weakest", "strongest", "dislocation", "herring", "coble")}
        return [{"size [um]": float(size)} | {f"{name} [MPa]": float(curve[row]) * 1000 for name, curve in curves.items()} for row, size in enumerate(self.size)]


@dataclass(frozen=True)
class Crossover:
    """Where "smaller is stronger" turns into "smaller is much weaker": dislocations and diffusion carry half the rate each."""

    size: float  # um
    strength: float  # GPa
    mechanism: str  # the faster of the diffusional ones there
    range: tuple[float, float]  # um, with the boundary diffusivity at the ends of its range
    strengths: tuple[float, float]  # GPa at the crossover, with the strengthening length at the ends of its range


def _strength(creep, rate, temperature, size, decades=0.0, stretch=1.0):
    """von Mises stress [GPa] at which all mechanisms together give `rate`, at most the theoretical limit; by bisection."""
    factor = strengthening(creep, size, stretch)
    highest = np.sqrt(3.0) * IDEAL * creep.shear_modulus.value
    low, high = np.full(np.shape(size), np.log(1e-30)), np.full(np.shape(size), np.log(highest))
    for _ in range(100):
        middle = 0.5 * (low + high)
        above = sum(rates(creep, np.exp(middle), temperature, size, decades, factor).values()) > rate
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    return np.exp(0.5 * (low + high))


def size_effect(creep: CreepSet, rate: float, temperature: float, size=None) -> SizeEffect:
    """Strength against size [um] (by default around the crossover) at a strain rate [1/s] and temperature [K].

    Raises StudyError above melting, and if the set has no strengthening length.
    """
    _solid(creep, temperature)
    size = crossover(creep, rate, temperature).size * np.geomspace(1e-3, 1e2, 251) if size is None else np.asarray(size, float)
    spread = creep.boundary_decades.value if creep.boundary_decades else 0.0
    stretch = creep.strengthening_factor.value if creep.strengthening_factor else 1.0
    bulk = creep.reference_stress.value * (rate / float(dislocation_rate(creep, creep.reference_stress.value, temperature))) ** (1 / creep.stress_exponent.value)
    return SizeEffect(
        rate,
        temperature,
        size,
        bulk * strengthening(creep, size),
        rate / herring_rate(creep, 1.0, temperature, size),
        rate / coble_rate(creep, 1.0, temperature, size),
        *(_strength(creep, rate, temperature, size, -sign * spread, stretch**sign) for sign in (0, -1, 1)),
    )


def crossover(creep: CreepSet, rate: float, temperature: float) -> Crossover:
    """The size at which dislocations and diffusion share the strain rate [1/s] evenly at `temperature` [K]; by bisection.

    Raises StudyError above melting, and where the theoretical limit is reached before diffusion takes over.
    """
    _solid(creep, temperature)
    spread = creep.boundary_decades.value if creep.boundary_decades else 0.0
    stretch = creep.strengthening_factor.value if creep.strengthening_factor else 1.0
    sizes = [_crossover(creep, rate, temperature, decades) for decades in (0.0, spread, -spread)]
    stress = float(_strength(creep, rate, temperature, np.array(sizes[0])))
    if normalised(creep, stress) > 0.99 * IDEAL:
        raise StudyError(
            f"rate: got '{rate:g} 1/s' at {show(temperature, 'temperature')}, where {creep.material} reaches its theoretical limit before diffusion takes over: "
            f"there is no crossover (slower or warmer there is)"
        )
    diffusion = {name: float(value) for name, value in rates(creep, stress, temperature, sizes[0]).items() if name != DISLOCATION}
    ends = [float(_strength(creep, rate, temperature, np.array(_crossover(creep, rate, temperature, 0.0, by)), 0.0, by)) for by in (1 / stretch, stretch)]
    return Crossover(sizes[0], stress, max(diffusion, key=diffusion.get), (min(sizes), max(sizes)), tuple(ends))


def _crossover(creep, rate, temperature, decades, stretch=1.0):
    low, high = np.log(1e-6), np.log(1e6)
    for _ in range(100):
        size = np.exp(0.5 * (low + high))
        stress = _strength(creep, rate, temperature, np.array(size), decades, stretch)
        each = rates(creep, stress, temperature, size, decades, strengthening(creep, size, stretch))
        if each[DISLOCATION] > sum(each.values()) / 2:
            high = np.log(size)
        else:
            low = np.log(size)
    return float(np.exp(0.5 * (low + high)))


def _solid(creep, temperature):
    if temperature > creep.melting_temperature.value:
        raise StudyError(f"temperature: got {show(temperature, 'temperature')!r}; {creep.material} melts at {show(creep.melting_temperature.value, 'temperature')}")


def _about(value, kind="length"):
    """Two digits: more would not be meant."""
    return show(float(f"{value:.2g}"), kind)


def told_map(creep: CreepSet, temperature: float, size: float) -> str:
    """What the map says at one temperature [K] and grain size [um], in words. Raises StudyError above melting."""
    _solid(creep, temperature)
    found = deformation_map(creep, size, [temperature / creep.melting_temperature.value])
    slow = COBLE_CREEP if found.coble[0] else NABARRO_HERRING
    unit = np.sqrt(3.0) * creep.shear_modulus.value
    return (
        f"{show(temperature, 'temperature')} (T/Tm = {found.homologous[0]:.2f}), grains of {show(size, 'length')}: "
        f"{slow} below {_about(found.boundary[0] * unit, 'stress')} von Mises (tau/G = {found.boundary[0]:.2g}), {DISLOCATION} above, "
        f"theoretical limit at {_about(IDEAL * unit, 'stress')}."
    )


def told_state(creep: CreepSet, state, size: float) -> str:
    """Where a phase of a run (`screening.State`) stands on the map, in words."""
    rate = sum(float(each) for each in rates(creep, state.stress, state.temperature, size).values())
    return (
        f"{state.phase} in the run: {_about(state.stress, 'stress')} von Mises on average at {show(state.temperature, 'temperature')} "
        f"({_about(state.lowest, 'stress')} to {_about(state.highest, 'stress')} over its cycles), tau/G = {normalised(creep, state.stress):.2g}: "
        f"{fastest(creep, state.stress, state.temperature, size)}, {rate:.2g} 1/s."
    )


def told_size_effect(creep: CreepSet, rate: float, temperature: float) -> str:
    """The crossover size at a strain rate [1/s] and temperature [K], in words."""
    cross = crossover(creep, rate, temperature)
    low, high = (_about(size) for size in cross.range)
    spread = f" ({low} to {high} over {creep.boundary_decades.value:g} decades of boundary diffusivity either way)" if creep.boundary_decades else ""
    weak, strong = (_about(strength, "stress") for strength in cross.strengths)
    borne = f" ({weak} to {strong} over a factor of {creep.strengthening_factor.value:g} in the strengthening length either way)" if creep.strengthening_factor else ""
    return (
        f"At {rate:.3g} 1/s and {show(temperature, 'temperature')} smaller is stronger down to about {_about(cross.size)}{spread}, "
        f"where {_about(cross.strength, 'stress')} are borne{borne}; below, {cross.mechanism} makes smaller much weaker."
    )
