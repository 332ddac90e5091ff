"""Lithium that creeps out of the pores it is plated in: closed forms, the mesh, the bundled study against them."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq

from rheode import Simulation, Study
from rheode.electrode.extrusion import channel, plating_speed, plug
from rheode.materials import load, mechanisms
from rheode.microstructure import channel as channel_mesh
from rheode.study import StudyError

LAW = {"A": 2e-2, "n": 5.0, "s_ref": 3e-3, "fluidity": 40.0}


def test_plating_speed():
    """Requirement: 0.13 mA/cm2 is 0.175 nm/s of lithium, by Faraday's law."""
    faraday = 0.13e-3 / 96485 * 6.94 / 0.534 * 1e4
    assert plating_speed(0.13, load("lithium")) == pytest.approx(faraday, rel=1e-3) == pytest.approx(1.75e-4, rel=1e-2)


@pytest.mark.parametrize("law", [LAW, LAW | {"A": 0.0}, LAW | {"fluidity": 0.0}])
def test_channel_against_quadrature(law):
    """Requirement: the closed form is the flow profile integrated across the pore, and the gradient along it."""
    width, depth, speed = 0.4, 3.0, 2e-3

    def flow(gradient):  # twice the velocity, integrated from the wall, over half the width
        rate = lambda z: np.sqrt(3) * (law["A"] * (np.sqrt(3) * gradient * z / law["s_ref"]) ** law["n"] + law["fluidity"] * np.sqrt(3) * gradient * z)  # noqa: E731
        return 2 * quad(lambda z: z * rate(z), 0, width / 2, epsrel=1e-12)[0]

    gradient = lambda y: brentq(lambda g: flow(g) - speed * width * y / depth, 0, 10, xtol=1e-16)  # noqa: E731
    end, mean = channel(law, width, depth, speed)
    assert end == pytest.approx(quad(gradient, 0, depth, epsrel=1e-5)[0], rel=1e-3)
    assert mean == pytest.approx(quad(lambda y: y / depth * gradient(y), 0, depth, epsrel=1e-5)[0], rel=1e-3)


def test_limits():
    """Requirement: diffusion alone is Poiseuille's law, 3 mu L v/(2 h^2) at a flow that grows along the pore; the plug creeps at 2/3."""
    viscosity, h, depth, speed = 1 / (3 * LAW["fluidity"]), 0.2, 3.0, 2e-3
    assert channel(LAW | {"A": 0.0}, 2 * h, depth, speed) == pytest.approx((1.5 * viscosity * depth * speed / h**2, viscosity * depth * speed / h**2))
    stress = plug(LAW, depth, speed)
    assert LAW["A"] * (stress / LAW["s_ref"]) ** LAW["n"] + LAW["fluidity"] * stress == pytest.approx(2 / 3 * speed / depth)


def test_the_mesh_of_a_pore():
    """Requirement: pore, layer and gap have their areas, and the filling shares its nodes with the layer."""
    mesh = channel_mesh(0.1, 1.0, 0.2, 0.05, 4, ("li", "lisi"), "li", "lisi")
    assert tuple(mesh.box) == pytest.approx((0.5, 1.05))
    assert mesh.areas.min() > 0
    areas = [mesh.areas[mesh.phase == k].sum() for k in (0, 1, -1)]
    assert areas == pytest.approx([0.1, 0.4, 0.5 * 0.05])
    assert mesh.particles == 3 and mesh.particle_phase.tolist() == [0, 1, 1]
    shared = np.intersect1d(mesh.cells[mesh.phase == 0], mesh.cells[mesh.phase == 1])
    assert np.ptp(mesh.nodes[shared, 0]) == pytest.approx(0.1) and np.ptp(mesh.nodes[shared, 1]) == pytest.approx(1.0)
    alone = channel_mesh(0.1, 1.0, 1.0, 0.05, 4, ("li",), "li")
    assert alone.particles == 1 and tuple(alone.box) == pytest.approx((0.1, 1.05))


COARSE = ["microstructure.cells_across=4", "stepping.first_step=0.02", "stepping.largest_step=0.2", "cycling.delithiation=0.99"]


def pressure(tmp_path, overrides=()):
    """Mean pressure [GPa] in the lithium of the bundled study at x = 1, on a coarse mesh."""
    study = Study.load("li-in-pores", [*COARSE, *overrides])
    history = Simulation(study).run(tmp_path / "run").history
    return study, float(history["pressure li mean [GPa]"][np.flatnonzero(history["lithiation []"] == 1.0)[0]])


def test_lithium_leaves_its_pore(tmp_path):
    """Requirement: the pressure that pushes lithium out of a pore of 100 nm is that of the closed form, within 20 %."""
    study, found = pressure(tmp_path)
    speed = plating_speed(0.13, load("lithium")) / study.microstructure.porosity
    assert study.cycling.rate * study.materials()["li"].dV == pytest.approx(speed / study.microstructure.depth, rel=2e-3)
    law = mechanisms.creep_law(mechanisms.load("lithium"), study.temperature, 0.1)
    assert found == pytest.approx(channel(law, 0.1, 3.25, speed)[1], rel=0.05)


def test_dislocations_alone(tmp_path):
    """Requirement: the same for a power law, lithium of the bulk in a pore of 1 um, which shears in thin layers at the walls."""
    wide = ["microstructure.width=1 um", "mechanics.medium.length=0.5 um", "materials.plated.sample_size=null", "materials.plated.volume_change=0.03", "cycling.rate=0.01633 1/s"]
    study, found = pressure(tmp_path, wide)
    law = mechanisms.creep_law(mechanisms.load("lithium"), study.temperature)
    assert found == pytest.approx(channel(law, 1.0, 3.25, study.cycling.rate * 0.03 * 3.25)[1], rel=0.2)  # 14 % with four cells, 1 % with eight


@pytest.mark.parametrize("overrides", [["microstructure.porosity=1"], ["phases.lisi={material: plated, role: active}"]])
def test_a_channel_takes_its_phases(overrides):
    """Requirement: a channel without its phases is refused in one line."""
    with pytest.raises(StudyError, match="a channel of porosity"):
        Study.load("li-in-pores", overrides)
