"""Pores filled by a phase that is bonded to the particles."""

from math import exp

import numpy as np
import pytest
from grids import grid

from rheode import Simulation, Study
from rheode.cycling.jamming import loose
from rheode.cycling.model import Model, build_mesh
from rheode.mechanics.contact.third_medium import Medium
from rheode.mechanics.folding import folding_guard
from rheode.mechanics.laws import neo_hookean
from rheode.mechanics.potential import unknowns
from rheode.mechanics.solid import Solid, pressure
from rheode.microstructure import Mesh, MeshError, Packing, infiltrate, mesh_packing, pack
from rheode.microstructure.mesh import triangle_areas
from rheode.study import StudyError

MATERIALS = {
    "grain": {"young_modulus": "100 GPa", "poisson_ratio": 0.25, "volume_change": 2.68, "creep_rate": "1e-3 1/s", "stress_exponent": 20, "reference_stress": "1 GPa"},
    "gum": {"young_modulus": "1 MPa", "poisson_ratio": 0.45},
}  # fmt: skip


def study(*overrides, **electrolyte):
    return Study.from_mapping({
        "temperature": "25 degC",
        "materials": MATERIALS,
        "phases": {"gum": {"material": "gum", "role": "electrolyte", "fills": 1.0, **electrolyte}, "si": {"material": "grain", "role": "active", "fraction": 0.3}},
        "microstructure": {"kind": "packing", "particles": 5, "box": "8 um", "seed": 1, "gap": "0.2 um", "mesh_size": "1.2 um", "contact_size": "0.8 um"},
        "walls": {"kind": "pressure", "pressure": "0.5 MPa"},
        "cycling": {"rate": "0.1 C", "cycles": 1},
        "stepping": {"largest_step": 0.1},
        "output": {"frames_per_half_cycle": 1},
    }, overrides=overrides)  # fmt: skip


@pytest.fixture(scope="module")
def dry():
    return mesh_packing(pack({"si": 0.3}, 5, 8.0, seed=1, gap=0.2), 1.2, 0.8)


def test_a_filled_mesh_is_the_dry_one_with_its_pores_turned_into_a_body(dry):
    wet = infiltrate(dry, "gum")
    assert wet.solid.all() and wet.area_fraction("gum") == pytest.approx(0.7, rel=1e-12) and wet.area_fraction("si") == pytest.approx(0.3, rel=1e-12)
    assert np.array_equal(wet.nodes, dry.nodes)
    assert wet.particles == dry.particles + 1 and wet.grains.tolist() == [True] * 5 + [False]
    assert wet.mean_radius == pytest.approx(dry.mean_radius, rel=1e-14)
    # Bonded: every node on a particle's surface is a node of the filling too, and the cells are by body.
    assert np.isin(dry.surface.edges, wet.cells[wet.phase == 1]).all()
    assert (np.diff(wet.particle) >= 0).all()
    assert wet.surface.wall.all()


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
def test_a_part_of_the_filling_coats_the_particles(dry, share):
    wet = infiltrate(dry, "gum", share)
    largest = dry.areas[~dry.solid].max() / dry.areas[~dry.solid].sum()
    assert wet.area_fraction("gum") / 0.7 == pytest.approx(share, abs=0.5 * largest + 1e-12)
    middle = wet.nodes[wet.cells].mean(axis=1)
    gap = (np.linalg.norm(middle[:, None] - dry.particle_centres, axis=2) - dry.particle_radii).min(axis=1)
    assert gap[wet.phase == 1].max() < gap[~wet.solid].max()
    assert gap[wet.phase == 1].mean() < 0.7 * gap[~wet.solid].mean()
    assert str(wet.notes[-1]).startswith("gum fills")


def test_what_cannot_be_filled_is_refused(dry):
    with pytest.raises(MeshError, match="no pores"):
        infiltrate(infiltrate(dry, "gum"), "more")
    with pytest.raises(MeshError, match="share of 0"):
        infiltrate(dry, "gum", 0.0)


def test_a_filled_mesh_is_read_as_it_was_written(dry, tmp_path):
    wet = infiltrate(dry, "gum", 0.5)
    wet.save(tmp_path / "mesh.npz")
    assert Mesh.load(tmp_path / "mesh.npz").filling == ("gum",)


@pytest.mark.parametrize(
    "electrolyte, fault",
    [
        ({"fraction": 0.2}, "phases.gum.fraction: got 0.2 beside fills"),
        ({"fills": 1.2}, "phases.gum.fills: got 1.2"),
        ({"role": "framework"}, "phases.gum.fills: got 1 for role: framework"),
    ],
)
def test_a_study_says_what_is_wrong_with_its_filling(electrolyte, fault):
    with pytest.raises(StudyError) as error:
        study(**electrolyte)
    assert any(line.startswith(fault) for line in error.value.faults), error.value.faults


def test_the_filling_comes_last_and_takes_what_is_left():
    wet = study(fills=0.8)
    assert list(wet.phases) == ["si", "gum"]
    assert wet.fractions() == pytest.approx({"si": 0.3, "gum": 0.56})
    assert "fills 80% of the pores" in wet.summary()
    assert build_mesh(wet).phase_names == ("si", "gum")


def test_a_bonded_electrode_is_not_loose(dry):
    assert loose(study(), dry) and not loose(study(), infiltrate(dry, "gum"))


def test_without_pores_there_is_no_medium_and_nobody_speaks_of_it():
    model = Model(study(), build_mesh(study()))
    assert not any(isinstance(part, Medium) for part in model.contact) and not any("medium" in text for text in study().warnings())
    assert any("medium" in text for text in study(fills=0.5).warnings())


def test_a_bonded_disc_that_swells_is_pressed_like_eshelbys():
    """V5 through study, mesh and model: a small disc in the middle of a box of the same moduli, small linear growth e*:
    in-plane pressure E e*/(2 (1 - nu)) (Eshelby 1957), stress out of plane -E e*/(1 - nu), so a mean pressure of 2/3 E e*/(1 - nu).
    Rigid walls at a/L = 1/20 add (a/L)^2 of it."""
    same = {"young_modulus": "10 GPa", "poisson_ratio": 0.3}
    eigen = 1e-4
    case = study(f"materials={ {'grain': {**same, 'volume_change': exp(3 * eigen) - 1}, 'gum': same} }", "walls={kind: rigid}", "microstructure.particles=2")
    one = Packing(np.array([[10.0, 10.0]]), np.array([0.5]), np.array([0]), np.array([20.0, 20.0]), ("si",), 0.1)
    model = Model(case, infiltrate(mesh_packing(one, 1.0, 0.1), "gum"))
    model.begin(0.0, 1.0)
    found = model.minimise(model.unknowns.start())
    assert found.converged
    disc = model.phases[0]
    inside = np.average(pressure(disc.cauchy(found.x)), weights=disc.weights)
    assert inside == pytest.approx(2 / 3 * 10 * eigen / 0.7, rel=0.01)


def test_a_soft_filling_follows_a_swelling_of_268_per_cent(tmp_path):
    """The particles grow by 268 % in the plane (their flow makes room) and stay apart: no cell of the filling is turned
    over, though it is squeezed to films. The height grows by what they grow, and where they meet by somewhat more."""
    result = Simulation(study("cycling.delithiation=0.95", "phases.si.fraction=0.25")).run(tmp_path / "run")
    assert result.complete
    cycles, mesh = result.cycles, result.mesh
    risen = cycles["thickness [um]"][0] - result.history["thickness [um]"][0]
    assert 0.97 < risen / (0.25 * 2.68 * 8.0) < 1.25
    for frame in (result.frames[i] for i in range(len(result.frames))):
        here = mesh.nodes + frame.displacement.astype(float)
        for part in ([0, 3, 5], [3, 1, 4], [5, 4, 2], [3, 4, 5]):  # displacements are stored in single precision
            assert triangle_areas(here, mesh.cells[mesh.phase == 1][:, part]).min() > -1e-6
    assert cycles["porosity []"] == pytest.approx(0.0, abs=1e-12)
    assert cycles["contact si-gum []"] == pytest.approx(1.0, abs=1e-9)
    assert (cycles["von Mises gum p95 [GPa]"] < 0.02).all() and (cycles["von Mises gum p95 [GPa]"] > 5e-4).all()


def test_the_guard_holds_no_more_than_its_share_and_lets_no_cell_fold():
    """A cell with straight sides under a homogeneous deformation: the energy per area of one neo-Hookean solid, whatever
    the split; a mid node pushed beyond the opposite corner, where the three points of the T6 see nothing: infinite."""
    nodes, cells = grid(1, 1)
    u = unknowns(len(nodes), fixed_scalars=["stretch zz"])
    guard = folding_guard("gum", nodes, cells, u, 50.0)
    x = u.start()
    f = np.array([[1.3, 0.2], [0.1, 0.8]])
    x[u.displacement] = nodes @ (f - np.eye(2)).T
    log_j = np.log(np.linalg.det(f))
    expected = 0.25 * ((f * f).sum() + 1 - 3 - 2 * log_j) + 2.5 * log_j**2
    assert sum(part.evaluate(x, 0).energy for part in guard) == pytest.approx(expected, rel=1e-12)

    x = u.start()
    a, b, c, *mids = cells[0]
    x[u.displacement[mids[1]]] = 0.55 * (nodes[a] - nodes[mids[1]])
    law = Solid("gum", neo_hookean.LAW, nodes, cells, u, {"mu": 1.0, "lambda": 1.0})
    assert np.isfinite(law.evaluate(x, 0).energy)
    assert any(part.evaluate(x, 0).energy == np.inf for part in guard)
