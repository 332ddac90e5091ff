"""Potentials in parallel as one phase."""

import numpy as np
from grids import hencky
from test_mechanics_derivatives import model

from rheode.mechanics.laws import hencky_norton
from rheode.mechanics.phase import Phase
from rheode.mechanics.solid import Solid


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
