"""The viscoelastic law: limits of slow and fast, energy over closed cycles, a mesh against the bar of the laboratory."""

import numpy as np
import pytest
from grids import body, grid, on
from hypothesis import given, settings
from hypothesis import strategies as st

from rheode import materials
from rheode.cycling import phases
from rheode.mechanics.laws import gent, hencky_norton
from rheode.mechanics.linear import linear_solver
from rheode.mechanics.minimiser import Minimiser
from rheode.mechanics.phase import Phase
from rheode.mechanics.point import Bar, follow
from rheode.mechanics.potential import unknowns
from rheode.mechanics.solid import Solid
from rheode.mechanics.system import System
from rheode.study import Study

MU, JM = 0.03, 180.0  # MPa: near those of the copolymer
NETWORK = (gent.LAW, [[0.0, MU, JM]])


def branch(G, tau, n=1.0, s_ref=None):
    """A Maxwell branch as a part of a bar: modulus, relaxation time at the stress s_ref."""
    s_ref = s_ref or G
    return hencky_norton.LAW, [[0.0, G, s_ref / (3 * G * tau), n, s_ref, 0.0]]


def network_stress(stretch):
    """Nominal stress of an incompressible Gent bar, by hand."""
    return MU * (stretch - stretch**-2) * JM / (JM - stretch**2 - 2 / stretch + 3)


def test_the_network_alone_is_gents_bar():
    """Requirement: known answer: the uniaxial stress of Gent's network, up to near its taut chains."""
    stretch = np.array([1.0, 1.02, 2.0, 6.0, 13.0, 0.4])
    found, _ = follow([NETWORK], np.arange(len(stretch)), stretch)
    np.testing.assert_allclose(found[0], network_stress(stretch), rtol=1e-10, atol=1e-16)


def test_taut_chains_bear_no_further_stretch():
    """Requirement: at the limit stretch the energy grows without bound, beyond it there is no state."""
    limit = 5.0
    jm = gent.invariant_limit(limit)
    below, beyond = (gent.respond(np.array([[s, s**-0.5, s**-0.5]]), np.array([[0.0, MU, jm]]), 0.0, 0)[0][0] for s in (limit * (1 - 1e-9), limit * (1 + 1e-9)))
    assert np.isfinite(below) and below > 5 * MU * jm and beyond == np.inf


def test_a_long_network_is_neo_hookean():
    """Requirement: limit case: chains of endless length make the neo-Hookean solid."""
    s = np.array([[1.7, 0.9, 0.6]])
    w, p, _ = gent.respond(s, np.array([[2.0, 0.5, 1e9]]), 0.0, 2)
    J = s.prod()
    assert w[0] == pytest.approx(0.25 * (J ** (-2 / 3) * (s**2).sum() - 3) + np.log(J) ** 2, rel=1e-7)


@pytest.mark.parametrize("n", [1.0, 3.0])
def test_infinitely_slow_is_the_network(n):
    """Requirement: limit case: pulled slowly, only the equilibrium network bears stress."""
    stretch = 1 + np.linspace(0, 3, 200)
    seconds = 1e13 if n == 1 else 1e28  # the flow of a power law fades with the stress
    found, bar = follow([NETWORK, branch(0.7, 12.0, n), branch(0.3, 100.0)], np.linspace(0, seconds, 200), stretch)
    np.testing.assert_allclose(found[0], network_stress(stretch), rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("n", [1.0, 3.0])
def test_infinitely_fast_is_all_springs(n):
    """Requirement: limit case: pulled in no time, all springs act in parallel and nothing is lost."""
    stretch = 1 + np.concatenate([np.linspace(0, 3, 100), np.linspace(3, 0, 100)])
    found, bar = follow([NETWORK, branch(0.7, 12.0, n), branch(0.3, 100.0)], np.linspace(0, 1e-9, 200), stretch)
    np.testing.assert_allclose(found[0], network_stress(stretch) + 3 * (0.7 + 0.3) * np.log(stretch) / stretch, rtol=1e-6, atol=1e-8)
    assert bar.dissipated[0] < 1e-8


def test_a_linear_branch_relaxes_exponentially():
    """Requirement: known answer and convergence rate: stress at held length falls as exp(-t/tau), to first order in the increment."""
    tau, hold = 12.0, 20.0
    error = []
    for count in (40, 80, 160):
        bar = Bar([branch(0.7, tau)])
        bar.pull(2.0, 0.0)
        for _ in range(count):
            stress = bar.pull(2.0, hold / count)
        error.append(stress[0] / (3 * 0.7 * np.log(2) / 2 * np.exp(-hold / tau)) - 1)
    assert error[-1] < 0.02
    assert np.log2(np.array(error[:-1]) / error[1:]) == pytest.approx([1, 1], abs=0.05)


def test_a_power_law_branch_relaxes_as_its_rate_says():
    """Requirement: known answer: of dq/dt = -(q/tau)(q/s_ref)^(n-1), in closed form, at held length."""
    G, tau, n, s_ref = 0.7, 12.0, 4.0, 0.5
    bar = Bar([branch(G, tau, n, s_ref)])
    start = bar.pull(2.0, 0.0)[0] * 2.0  # Kirchhoff
    for _ in range(4000):
        end = bar.pull(2.0, 0.02)[0] * 2.0
    assert end == pytest.approx((start ** (1 - n) + (n - 1) * 80.0 / tau * s_ref ** (1 - n)) ** (1 / (1 - n)), rel=3e-3)


def test_slack_grips_do_not_push():
    """Requirement: a strip whose grips come back faster than it does bears no stress, recovers, and is pulled again from where it is."""
    time = np.array([0.0, 40, 80, 380, 420])
    parts = [NETWORK, branch(0.7, 12.0)]
    found, bar = follow(parts, time, np.array([1.0, 5, 1, 1, 5]), sense=1)
    clamped, _ = follow(parts, time, np.array([1.0, 5, 1, 1, 5]))
    assert clamped[0, 2] < -0.01 and found[0, 2] == 0 and found[0, 3] == 0
    bar = Bar(parts)
    lengths = []
    for k in range(1, 800):
        assert bar.pull(1 + 4 * (min(k, 800 - k) / 400), 0.1, 1)[0] >= 0
        lengths.append(float(np.exp(bar.length[0])))
    assert lengths[-1] > 1.3  # longer than the grips
    for _ in range(300):
        bar.pull(1.0, 10.0, 1)
    assert np.exp(bar.length[0]) == pytest.approx(1, abs=1e-3)


MODULUS, TIME = st.floats(0.05, 2.0), st.floats(0.05, 50.0)
WAVE = st.lists(st.floats(-0.5, 0.5), min_size=8, max_size=8)


@settings(max_examples=25, deadline=None)
@given(WAVE, MODULUS, TIME, st.sampled_from([1.0, 2.5, 6.0]), st.floats(0.1, 100.0))
def test_no_cycle_gives_energy(wave, modulus, tau, n, period):
    """Requirement: over a closed cycle of any deformation, sheared and turned, work is never gained; what is put in is stored or dissipated."""
    nodes, cells = grid(1, 1)
    u = unknowns(len(nodes), [], [], ["stretch zz"])
    law, (parameters,) = branch(modulus, tau, n)
    norton = dict(zip(law.parameters, parameters))
    phase = Phase("rubber", [
        Solid("rubber", gent.LAW, nodes, cells, u, {"K": 5.0, "mu": 0.3, "Jm": 40.0}),
        Solid("rubber", law, nodes, cells, u, norton),
    ])  # fmt: skip
    system = System(u, phase.parts)
    steps = 240
    t = np.linspace(0, 2 * np.pi, steps + 1)
    shapes = np.stack([np.sin(t), 0.5 * (1 - np.cos(t)), 0.5 * np.sin(2 * t), 0.5 * (1 - np.cos(2 * t))])
    stretch = np.reshape(wave, (2, 4)) @ shapes
    shear, turn = 2 * stretch[1], np.pi * stretch[1]
    x, force, work, trapezoid, moved = u.start(), np.zeros(u.size), 0.0, 0.0, 0.0
    for k in range(1, steps + 1):
        c, s, grow = np.cos(turn[k]), np.sin(turn[k]), np.exp(stretch[0, k])
        F = np.array([[c, -s], [s, c]]) @ np.array([[grow, shear[k] * grow], [0, 1 / grow]])
        before, x = x, x.copy()
        x[u.displacement] = nodes @ (F - np.eye(2)).T
        system.begin(period / steps, {})
        work += system.energy(x) - system.energy(before)  # of the increment's own stress, whatever the way
        now = system.evaluate(x, 1)[1]
        part = 0.5 * (now + force) @ (x - before)
        trapezoid, moved = trapezoid + part, moved + abs(part)
        system.commit(x)
        force = now
    assert phase.dissipated >= 0 and phase.stored >= -1e-15
    # The dashpot's potential is n/(n + 1) of what it dissipates.
    assert work >= phase.stored + n / (n + 1) * phase.dissipated - 1e-12
    assert trapezoid == pytest.approx(phase.stored + phase.dissipated, abs=0.01 * moved + 1e-9)


def test_a_mesh_is_the_bar_of_the_laboratory():
    """Requirement: parameters fitted to a tensile test are those of a run: a mesh under uniaxial stress follows the same loop, hardly compressible."""
    material = rubber()
    nodes, cells = grid(2, 2)
    tied = [(on(nodes, 0, 0.0), 0, "fixed"), (on(nodes, 1, 0.0), 1, "fixed"), (on(nodes, 1, 1.0), 1, "top")]
    u = unknowns(len(nodes), tied, ["stretch zz"], ["fixed", "top"])
    phase = phases.phase("rubber", material, nodes, cells, u, 0.0, 298.0)
    system = System(u, phase.parts)
    minimise, x = Minimiser(system, linear_solver()), u.start()
    laws = [(law, [[0.0 if key == "K" else float(values[key]) for key in law.parameters]]) for law, values in phases.laws(material, 0.0, 298.0)]
    bar = Bar(laws)
    for height in np.concatenate([np.arange(1.1, 2.75, 0.1), np.arange(2.6, 1.75, -0.1)]):
        system.begin(1.0, phases.fields("rubber", material, 0.0, 0.0, 298.0))
        x[u.blocks["top"]] = height - 1.0
        outcome = minimise(x)
        assert outcome.converged, outcome.reason
        x = outcome.x
        force = system.evaluate(x, 1)[1][u.blocks["top"][0]]
        system.commit(x)
        expected = bar.pull(height, 1.0)[0]
        assert force == pytest.approx(expected, rel=2e-3, abs=1e-3 * 7e-4)
    assert phase.dissipated == pytest.approx(bar.dissipated[0], rel=2e-3)


def rubber(**more):
    own = {
        "law": "viscoelastic", "network_modulus": "0.03 MPa", "limit_stretch": 14, "bulk_modulus": "0.5 GPa",
        "branches": {"bonds": {"modulus": "0.7 MPa", "relaxation_time": "12 s"}},
    }  # fmt: skip
    return materials.Material.model_validate({"name": "rubber"} | own | more)


def test_a_material_names_its_parts():
    """Requirement: a viscoelastic material is a network and its branches, which alone follow the temperature."""
    power = {"modulus": "0.2 MPa", "relaxation_time": "1 h", "stress_exponent": 3, "reference_stress": "0.1 MPa"}
    material = rubber(branches={"a": {"modulus": "0.7 MPa", "relaxation_time": "12 s"}, "b": power}, activation_energy="50 kJ/mol", reference_temperature="25 degC")
    (network, values), (law, a), (_, b) = phases.laws(material, np.zeros(3), 298.15)
    assert (network.name, law.name) == ("gent", "hencky-norton")
    assert values["mu"] == pytest.approx([3e-5] * 3) and values["Jm"] == pytest.approx([196 + 2 / 14 - 3] * 3)
    assert [float(v) for v in (a["K"], a["G"][0], a["n"][0])] == pytest.approx([0, 7e-4, 1])
    assert 3 * a["G"][0] * a["A"][0] / a["s_ref"][0] == pytest.approx(1 / 12)
    assert 3 * b["G"][0] * b["A"][0] / b["s_ref"][0] == pytest.approx(1 / 3600) and b["s_ref"][0] == pytest.approx(1e-4)
    assert material.at(0.0, 298.15)["G"] == pytest.approx(9.3e-4)
    warm = phases.laws(material, 0.0, 343.15)
    assert warm[1][1]["A"] / a["A"][0] == pytest.approx(material.creep_shift(343.15)) and warm[1][1]["A"] > 10 * a["A"][0]


def test_a_law_used_at_another_temperature_is_told():
    """Requirement: a viscoelastic law without activation energy, used at another temperature than its tests', gives a warning, as a creep law does."""
    data = {
        "temperature": "60 degC", "microstructure": {"kind": "packing"}, "walls": {"kind": "pressure", "pressure": "1 MPa"},
        "phases": {"si": {"material": "silicon", "role": "active", "fraction": 0.4}, "e": {"material": "copolymer", "role": "electrolyte", "fills": 1.0}},
        "cycling": {"rate": "0.1 C", "cycles": 1},
    }  # fmt: skip
    said = [text for text in Study.from_mapping(data).warnings() if "viscoelastic law of copolymer belongs to 25 degC" in text]
    assert len(said) == 1
    assert not any("copolymer belongs" in text for text in Study.from_mapping(data | {"temperature": "25 degC"}).warnings())
