import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rheode.electrode import formulas as f

SE, MSE = 4.81, 6.52
SE_60MSE = [0.4, 0.6]


def test_theoretical_density_is_eq_3():
    """Requirement: 1 g of the mixture has the volume of its parts (Eq. 3); 5.71 g/cm^3 for Se-60MSe, 2.31 for Se-50SE-10SP."""
    assert f.theoretical_density(SE_60MSE, [SE, MSE]) == pytest.approx(1 / (0.4 / 4.81 + 0.6 / 6.52))
    assert round(f.theoretical_density(SE_60MSE, [SE, MSE]), 2) == 5.71
    assert round(f.theoretical_density([0.4, 0.5, 0.1], [SE, 1.64, 2.25]), 2) == 2.31


@given(st.lists(st.tuples(st.floats(0.01, 1), st.floats(0.5, 20)), min_size=1, max_size=5))
def test_weight_and_volume_fractions_are_each_others_inverse(parts):
    """Requirement: a composition may be given by weight or by volume; both describe one electrode."""
    weights = np.array([w for w, _ in parts]) / sum(w for w, _ in parts)
    densities = np.array([rho for _, rho in parts])
    volumes = f.volume_fractions(weights, densities)
    assert volumes.sum() == pytest.approx(1)
    assert f.weight_fractions(volumes, densities) == pytest.approx(weights)
    assert f.theoretical_density(weights, densities) == pytest.approx(volumes @ densities)


def test_the_simulated_electrode_has_the_published_fractions():
    """Requirement: 24.7 % of pores in Se-60MSe leave 35.6 vol.% of Se and 39.7 vol.% of MSe (main text), to 0.2 points."""
    solid = f.volume_fractions(SE_60MSE, [SE, MSE]) * (1 - 0.247)
    assert 100 * solid == pytest.approx([35.6, 39.7], abs=0.2)


def test_density_and_porosity_of_a_pellet():
    """Requirement: Eqs 1 and 2, by hand: 995 mg on 0.785 cm^2, 2.60 mm thick, is 4.88 g/cm^3 and 14.6 % porous."""
    loading = f.mass_loading(995.0, 0.785)
    assert f.density(loading, 2600.0) == pytest.approx(0.995 / (0.785 * 0.260))
    assert f.thickness(loading, f.density(loading, 2600.0)) == pytest.approx(2600.0)
    porosity = f.porosity(f.density(loading, 2600.0), f.theoretical_density(SE_60MSE, [SE, MSE]))
    assert round(100 * porosity, 2) == 14.60
    assert f.porous_density(5.0, 0.2) == pytest.approx(4.0)
    assert f.disc_area(10_000.0) == pytest.approx(math.pi / 4)
    assert f.electrode_volume(0.785, 2.0) == pytest.approx(0.000157)


def test_liquid_in_the_pores_weighs():
    """Requirement: Eq. 4, the conventional cathode of the SI: 60/30/10 wt.% with 30 vol.% of electrolyte."""
    solid = 1 / (0.6 / 4.81 + 0.3 / 2.25 + 0.1 / 1.8)
    assert f.porous_density(f.theoretical_density([0.6, 0.3, 0.1], [4.81, 2.25, 1.8]), 0.3, 1.22) == pytest.approx(0.7 * solid + 0.3 * 1.22)


def test_capacity_and_energy():
    """Requirement: Eqs 8 to 11 by hand on the first row of Table S7."""
    assert f.specific_capacity(SE_60MSE, [675, 89]) == pytest.approx(323.4)
    assert f.specific_capacity([0.4, 0.5, 0.1], [675, 0, 0]) == pytest.approx(270)
    assert f.areal_capacity(323.4, 3.0) == pytest.approx(0.9702)
    energy = f.specific_energy(323.4, 2.08)
    assert energy == pytest.approx(672.672)
    assert f.energy_density(energy, f.density(3.0, 8.2)) == pytest.approx(2461.0, abs=0.1)  # 0.97 mAh 2.08 V in 8.2e-4 cm^3
    assert f.volumetric_capacity(675, 4.81) == pytest.approx(3246.75)


def test_utilisation_is_the_main_texts():
    """Requirement: Eq. 11: 608.2 mAh/g of Se, as the main text prints it, are 90.1 % of 675."""
    measured = 0.4 * 608.2 + 0.6 * 80
    assert f.utilisation(measured, 675, 0.4, 80, 0.6) == pytest.approx(0.901, abs=5e-4)
    assert f.utilisation(0.4 * 518.2, 675, 0.4) == pytest.approx(0.768, abs=5e-4)


def test_pores_fill_when_the_solid_has_their_volume():
    """Requirement: the balance of volumes: at the filling lithiation the solid is the box, beyond it the stack must give way."""
    volumes = f.volume_fractions(SE_60MSE, [SE, MSE])
    swelling = f.swelling(volumes, [0.98, 0.0], [0.0, 0.0])
    assert swelling == pytest.approx(0.98 * volumes[0])
    full = f.filling_change(0.247, swelling)
    assert full == pytest.approx(0.247 / (0.356 * 0.98), rel=6e-3)  # 24.7 % of pores against 35.6 % of Se that doubles
    assert (1 - 0.247) * (1 + swelling * full) == pytest.approx(1)
    assert f.volume_beyond_pores(0.247, swelling, full) == pytest.approx(0, abs=1e-12)
    assert f.volume_beyond_pores(0.247, swelling, 1.0) == pytest.approx(0.356 * 1.98 + 0.397 - 1, abs=2e-3)
    needed = f.porosity_needed(swelling, 1.0)
    assert f.volume_beyond_pores(needed, swelling, 1.0) == pytest.approx(0, abs=1e-12)
    assert f.volume_beyond_pores(needed - 0.01, swelling, 1.0) > 0


def test_what_is_pressed_lithiated_shrinks():
    """Requirement: a component pressed at x = 1 is at its largest then: pores only open on delithiation."""
    swelling = f.swelling([1.0], [0.5], [1.0])
    assert swelling == pytest.approx(0.5 / 1.5)
    assert f.volume_beyond_pores(0.1, swelling, -1.0) == 0
    assert (1 + swelling * -1.0) == pytest.approx(1 / 1.5)
    assert f.porosity_needed(swelling, -1.0) == 0
    assert f.filling_change(0.2, 0.0) == math.inf
