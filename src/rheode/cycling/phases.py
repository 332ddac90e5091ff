"""Materials as potentials: what a material's law stands for at a point, and the phase it makes on a mesh."""

from __future__ import annotations

import numpy as np

from rheode.mechanics.laws import Law, hencky_norton
from rheode.mechanics.phase import Phase
from rheode.mechanics.solid import Solid


def _hencky_norton(values):
    return [(hencky_norton.LAW, values)]


# Name of a material's law -> the point laws that act in parallel, each with its parameters, from `Material.at`.
LAWS = {"hencky-norton": _hencky_norton}


def laws(material, lithiation, temperature) -> list[tuple[Law, dict]]:
    """Point laws in parallel and their parameters (GPa, 1/s, as numbers or one a cell) at a lithiation and temperature [K]."""
    parts = LAWS[material.law](material.at(np.asarray(lithiation, float), temperature))
    return [(law, {key: values[key] for key in law.parameters}) for law, values in parts]


def phase(name, material, nodes, cells, unknowns, lithiation, temperature) -> Phase:
    """A material on cells (m, 6) of a mesh, stress-free at `lithiation`."""
    parts = laws(material, lithiation, temperature)
    return Phase(name, [Solid(_part(name, k), law, nodes, cells, unknowns, values) for k, (law, values) in enumerate(parts)])


def fields(name, material, start, lithiation, temperature) -> dict:
    """What `begin` tells the parts of a phase: growth since `start`, where the mesh is stress-free, and parameters."""
    x = np.asarray(lithiation, float)
    growth = material.growth(x) / material.growth(start)
    parts = laws(material, x, temperature)
    return {_part(name, k): {"growth": growth} | values for k, (_, values) in enumerate(parts)}


def _part(name, k):
    return f"{name} {k}"
