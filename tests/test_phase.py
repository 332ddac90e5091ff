"""Potentials in parallel as one phase."""

import numpy as np
import pytest
from grids import grid, hencky
from test_mechanics_derivatives import model

from rheode.cycling.phases import fields, phase
from rheode.materials import Material
from rheode.mechanics.laws import hencky_norton
from rheode.mechanics.phase import Phase
from rheode.mechanics.potential import unknowns
from rheode.mechanics.solid import Solid, pressure


def halves(rng):
    """One creeping solid, and the same as two with half the moduli and flow stress, after an increment."""
    nodes, cells, u = model()
    whole = hencky(18.0, A=1e3, n=4.9, s_ref=4.8)
    half = whole | {key: 0.5 * whole[key] for key in ("K", "G", "s_ref")}
    one = Phase("se", [Solid("se", hencky_norton.LAW, nodes, cells, u, whole)])
    two = Phase("se", [Solid("se", hencky_norton.LAW, nodes, cells, u, half) for _ in range(2)])
    x = u.start() + 0.04 * rng.standard_normal(u.size)
    for phase in (one, two):
        for part in phase.parts:
            part.begin(1e5, {"se": {"growth": 1.2}})
            part.commit(x)
    return one, two, x


def test_two_halves_are_the_whole():
    """Requirement: parts of a phase act in parallel: stresses, energies and dissipation add, strains do not."""
    one, two, x = halves(np.random.default_rng(0))
    assert one.slip.max() > 1e-3
    for whole, parts in (
        (one.cauchy(x), two.cauchy(x)),
        (one.slip, two.slip),
        (one.creep_strain(), two.creep_strain()),
        (one.stored, two.stored),
        (one.dissipated, two.dissipated),
        (one.chemical, two.chemical),
        (one.deformation(x), two.deformation(x)),
    ):
        np.testing.assert_allclose(parts, whole, rtol=1e-10, atol=1e-14)


def test_the_inelastic_strain_is_that_of_the_part_that_flows():
    """Requirement: beside an elastic part a phase's inelastic strain is that of the part that flows."""
    rng = np.random.default_rng(1)
    nodes, cells, u = model()
    parts = [Solid("se", hencky_norton.LAW, nodes, cells, u, hencky(18.0, A=A, n=4.9, s_ref=4.8)) for A in (0.0, 1e3)]
    x = u.start() + 0.04 * rng.standard_normal(u.size)
    for part in parts:
        part.begin(1e5, {})
        part.commit(x)
    phase = Phase("se", parts)
    np.testing.assert_array_equal(phase.slip.ravel(), parts[1].slip)
    np.testing.assert_array_equal(phase.creep_strain(), parts[1].creep_strain())


def test_nearly_incompressible_materials_share_pressures():
    """Requirement: from K/G = 20 on the volume is a part of its own; confined growth gives K Jl ln Jl as ever."""
    growing = {"name": "gel", "volume_change": 0.5, "young_modulus": "1 GPa", "poisson_ratio": 0.4995}
    nodes, cells = grid(2, 2)
    u = unknowns(len(nodes), [(np.arange(len(nodes)), 0, "held"), (np.arange(len(nodes)), 1, "held")], [], ["held", "stretch zz"])
    for ratio, parts in ((0.4995, 2), (0.47, 1)):
        material = Material.model_validate(growing | {"poisson_ratio": ratio})
        gel = phase("gel", material, nodes, cells, u, 0.0, 300.0)
        assert len(gel.parts) == parts
        told = fields("gel", material, 0.0, 1.0, 300.0)
        for part in gel.parts:
            part.begin(1.0, told)
            part.commit(u.start())
        K = material.at(0.0, 300.0)["K"]
        assert pressure(gel.cauchy(u.start())) == pytest.approx(np.full((len(cells), 3), K * 1.5 * np.log(1.5)))
        assert gel.stored == pytest.approx(1.5 * 0.5 * K * np.log(1.5) ** 2)  # per grown volume
        assert gel.chemical == pytest.approx(gel.stored)
        assert gel.dissipated == 0.0
