"""Materials as potentials: what a material's law stands for at a point, and the phase it makes on a mesh."""

from __future__ import annotations

import numpy as np

from rheode.mechanics.bulk import Bulk
from rheode.mechanics.laws import Law, gent, hencky_norton
from rheode.mechanics.phase import Phase
from rheode.mechanics.solid import Solid


def _hencky_norton(values):
    return [(hencky_norton.LAW, values)]


def _viscoelastic(values):
    network = values | {"Jm": gent.invariant_limit(values["limit_stretch"])}
    return [(gent.LAW, network), *((hencky_norton.LAW, branch | {"K": 0.0, "fluidity": 0.0}) for branch in values["branches"])]


# Name of a material's law -> the point laws that act in parallel, each with its parameters, from `Material.at`.
LAWS = {"hencky-norton": _hencky_norton, "viscoelastic": _viscoelastic}

# Ratio of K to G above which the volumetric energy is condensed over pairs of cells, as six-node triangles lock there.
NEARLY_INCOMPRESSIBLE = 20.0


def laws(material, lithiation, temperature) -> list[tuple[Law, dict]]:
    """Point laws in parallel and their parameters (GPa, 1/s, as numbers or one a cell) at a lithiation and temperature [K]."""
    parts = LAWS[material.law](material.at(np.asarray(lithiation, float), temperature))
    return [(law, {key: values[key] for key in law.parameters}) for law, values in parts]


def phase(name, material, nodes, cells, unknowns, lithiation, temperature, second_order=False) -> Phase:
    """A material on cells (m, 6) of a mesh, stress-free at `lithiation`; second_order: see `Solid`."""
    parts, K = _volume(material, lithiation, lithiation, temperature)
    solids = [Solid(_part(name, k), law, nodes, cells, unknowns, values, second_order) for k, (law, values) in enumerate(parts)]
    volume = [] if K is None else [Bulk(_part(name, "volume"), nodes, cells, unknowns, K)]
    return Phase(name, [*solids, *volume])


def fields(name, material, start, lithiation, temperature) -> dict:
    """What `begin` tells the parts of a phase: growth since `start`, where the mesh is stress-free, and parameters."""
    x = np.asarray(lithiation, float)
    growth = material.growth(x) / material.growth(start)
    parts, K = _volume(material, start, x, temperature)
    told = {_part(name, k): {"growth": growth} | values for k, (_, values) in enumerate(parts)}
    return told if K is None else told | {_part(name, "volume"): {"growth": growth, "K": K}}


def _volume(material, start, lithiation, temperature):
    """(laws, None), or of a material that keeps its volume (laws without bulk modulus, bulk modulus).

    It is one that is nearly incompressible at the start, or a metal that creeps by its mechanisms: beside K a fluid.
    """
    parts = laws(material, lithiation, temperature)
    values = material.at(np.asarray(start, float), temperature)
    if np.all(values["K"] < NEARLY_INCOMPRESSIBLE * values["G"]) and material.mechanisms is None:
        return parts, None
    return [(law, values | {"K": 0.0}) for law, values in parts], sum(values["K"] for _, values in parts)


def _part(name, k):
    return f"{name} {k}"
