"""The viscoelastic law from printed figures and from recorded loops."""

import numpy as np
import pytest

from rheode import materials
from rheode.cycling import phases
from rheode.lab.mechanical import MechanicalTest, evaluate
from rheode.lab.viscoelastic import PAN_2024, fit_printed, parts, reproduced
from rheode.mechanics.point import Bar, follow

COPOLYMER = materials.load("copolymer")


@pytest.fixture(scope="module")
def copolymer():
    return fit_printed(PAN_2024)


def test_the_library_holds_what_the_fit_gives(copolymer):
    """Requirement: the copolymer's parameters are computed from the printed figures, not typed."""
    bonds = COPOLYMER.branches["bonds"]
    held = [1e3 * COPOLYMER.network_modulus.value, COPOLYMER.limit_stretch.value, 1e3 * bonds.modulus.value, bonds.relaxation_time.value]
    found = copolymer.values()
    assert held == pytest.approx([value.value for value in found.values()], rel=2e-3)
    spreads = [1e3 * COPOLYMER.network_modulus.uncertainty, COPOLYMER.limit_stretch.uncertainty, 1e3 * bonds.modulus.uncertainty, bonds.relaxation_time.uncertainty]
    assert [0.5 * np.ptp(value.interval) for value in found.values()] == pytest.approx(spreads, rel=0.05)


def test_one_set_of_parameters_gives_all_printed_figures():
    """Requirement: strength 1.7 MPa +- 10 % at 1160 %, first loop to 400 % 1.4 MJ/m3 +- 10 % at 0.82 +- 0.04, the next after 5 min 1.0 +- 15 % at 0.80 +- 0.04; from the library's rounded values, through the law of a run."""
    laws = phases.laws(COPOLYMER, 0.0, 298.15)
    bar = [(law, [[0.0 if key == "K" else float(values[key]) for key in law.parameters]]) for law, values in laws]
    time, strain = PAN_2024.pull()
    strength = 1e3 * follow(bar, time, 1 + strain)[0][0, -1]
    assert strength == pytest.approx(1.7, rel=0.1)
    time, strain = PAN_2024.loops(4)
    stress = 1e3 * follow(bar, time, 1 + strain, sense=1)[0][0]
    first, *later = evaluate(MechanicalTest("law", strain, stress, time)).loops
    assert len(later) == 3
    assert first.dissipated == pytest.approx(1.4, rel=0.1) and first.loss == pytest.approx(0.82, abs=0.04)
    for loop in later:
        assert loop.dissipated == pytest.approx(1.0, rel=0.15) and loop.loss == pytest.approx(0.80, abs=0.04)


def test_what_the_law_can_not_do(copolymer):
    """Requirement: known limits are numbers: after 5 min of rest the law keeps part of the elongation, where the paper's strip had come back; softening that outlasts recovery is not in it."""
    bar, ramp = Bar(parts(copolymer.p, copolymer.seen)), np.linspace(0, 4, 201)[1:]
    for strain in [*ramp, *(4 - ramp)]:
        bar.pull(1 + strain, 4 / 200 / PAN_2024.rate, 1)
    left = []
    for minutes in range(1, 31):
        for _ in range(20):
            bar.pull(1.0, 3.0, 1)
        left.append(float(np.exp(bar.length[0]) - 1))
    assert left[4] == pytest.approx(0.29, abs=0.02)
    assert left[-1] < 5e-3
    # Once it has come back it is new: nothing remembers the first loop.
    assert np.abs(bar.flow).max() < 5e-3


def test_compression_loops_overlap(copolymer):
    """Requirement: a fact that was not fitted: 20 compressive loops to 50 % overlap, and 85 % finds no end of the chains."""
    bar, rate = Bar(parts(copolymer.p, copolymer.seen)), 1 / 60 / 10  # 1 mm/min on 10 mm
    peaks = []
    for _ in range(20):
        for strain in [*np.linspace(0, 0.5, 51)[1:], *np.linspace(0.5, 0, 51)[1:]]:
            stress = bar.pull(1 - strain, 0.01 / rate, -1)[0]
            peaks.append(stress)
        bar.pull(1.0, 300.0, -1)
    peaks = np.min(np.reshape(peaks, (20, 100)), axis=1)
    assert peaks == pytest.approx(np.full(20, peaks[0]), rel=1e-3)
    assert np.isfinite(Bar(parts(copolymer.p, copolymer.seen)).pull(0.15, 510.0)[0])
