"""A state observed in one pass says what its potentials say, and what it comes to is right for deformations known by hand."""

import numpy as np
import pytest

from rheode.mechanics.elements import gradients_t6
from rheode.mechanics.observation import observe, survey
from rheode.mechanics.solid import pressure, von_mises
from test_cycling import GENERALIZED, pair, study  # noqa: F401


@pytest.mark.parametrize("overrides", [GENERALIZED, ["phases.mse.material=copolymer"]])
def test_what_is_observed_is_what_the_potentials_say(pair, overrides):  # noqa: F811
    """Requirement: energies, forces and stresses that are measured are those that the solver balances, of every potential."""
    from rheode.cycling.model import Model

    model = Model(study(*overrides), pair)
    x = model.unknowns.start() + 5e-4 * np.random.default_rng(1).standard_normal(model.unknowns.size)
    model.begin(1e4, 0.3)
    model.system.commit(x)
    model.system.begin(0.0, {})
    for part in model.system.potentials:
        seen, said = observe(part, x), part.evaluate(x, 1)
        assert seen.energy == pytest.approx(said.energy, rel=1e-12)
        np.testing.assert_allclose(seen.gradient, said.gradient, rtol=0, atol=1e-12 * np.abs(said.gradient).max())
        if hasattr(part, "cauchy"):
            np.testing.assert_allclose(seen.stress, part.cauchy(x), rtol=0, atol=1e-12 * np.abs(part.cauchy(x)).max())
    state = model.observe(x)
    inside = model.system.evaluate(x, 1)[1] - sum(model._sum(load, load.evaluate(x, 1).gradient) for load in model.loads)
    assert state.force == pytest.approx(inside[[model.unknowns.blocks[name][0] for name in ("wall top", "wall right", "stretch zz")]], rel=1e-9)


TRIANGLE = np.array([[0.0, 0.0], [1.3, 0.2], [0.4, 0.9]])
NODES = np.concatenate([TRIANGLE, 0.5 * (TRIANGLE + np.roll(TRIANGLE, -1, axis=0))])


def deformed(F, z=0.0, stress=np.zeros(4)):
    """`survey` of one cell under a deformation gradient F (2, 2) with out-of-plane stretch 1 + z and a uniform stress."""
    x = np.append((NODES @ (np.asarray(F, float) - np.eye(2)).T).ravel(), z)
    gradients, weights = gradients_t6(NODES, np.arange(6)[None])
    return survey(x, np.arange(13)[None], gradients, weights, np.tile(stress, (1, 3, 1)))


def test_distortion_and_det():
    golden = (1 + np.sqrt(5)) / 2
    turn = np.array([[np.cos(0.3), -np.sin(0.3)], [np.sin(0.3), np.cos(0.3)]])
    for F, det, ratio in (
        (np.eye(2), 1.0, 1.0), (3 * turn, 9.0, 1.0), (np.diag([0.5, 2.0]), 1.0, 4.0), ([[1, 1], [0, 1]], 1.0, golden**2),
    ):  # fmt: skip
        _, areas, _, smallest, largest = deformed(F, z=-0.1)
        assert smallest == pytest.approx(0.9 * det) and largest == pytest.approx(ratio)
        area = 0.5 * (1.3 * 0.9 - 0.2 * 0.4)
        assert areas.sum() == pytest.approx(0.9 * det * area)
    for F in np.random.default_rng(1).normal(size=(50, 2, 2)):
        stretches = np.linalg.svd(F, compute_uv=False)
        _, _, _, smallest, largest = deformed(F)
        assert largest == pytest.approx(stretches[0] / stretches[1], rel=1e-9)
        assert smallest == pytest.approx(np.linalg.det(F))


def test_invariants_of_the_stress():
    stress = np.array([0.1, -0.3, 0.7, 0.2])
    mises, _, mean, _, _ = deformed([[1.2, 0.1], [0.0, 0.9]], stress=stress)
    assert mises == pytest.approx(np.full((1, 3), von_mises(stress))) and mean == pytest.approx(pressure(stress))
