"""Loose beds: what falls, sticks and rolls."""

from math import sqrt

import numpy as np
import pytest
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from rheode import Simulation, Study
from rheode.cycling.jamming import loose
from rheode.cycling.model import Model, build_mesh
from rheode.microstructure import PackingError, deposit
from rheode.microstructure.deposition import _land
from rheode.report import words
from rheode.report.run import Run


def touching(bed):
    """(i, j) pairs of discs at the bed's gap, and who stands on the floor."""
    i, j = np.triu_indices(len(bed.radii), 1)
    distance = np.linalg.norm(bed.centres[i] - bed.centres[j], axis=1) - bed.radii[i] - bed.radii[j]
    at = distance < bed.gap * 1.001
    return i[at], j[at], np.flatnonzero(bed.centres[:, 1] - bed.radii < bed.gap * 1.001)


@pytest.mark.parametrize("fraction", [0.3, 0.37, 0.6])
def test_every_disc_rests_on_the_floor_or_on_one_that_does(fraction):
    bed = deposit({"si": fraction}, 80, (0.6, 0.8), seed=3, gap=0.001)
    assert np.pi * (bed.radii**2).sum() == pytest.approx(fraction * 0.48, rel=1e-12)
    assert bed.gaps() == pytest.approx((0.001, 0.001), rel=1e-6)
    assert (bed.centres[:, 1] + bed.radii).max() < 0.8 - 0.999e-3
    i, j, floor = touching(bed)
    piece = connected_components(coo_array((np.ones(len(i)), (i, j)), shape=(80, 80)), directed=False)[1]
    assert np.isin(piece, piece[floor]).all()


def test_a_denser_bed_has_more_contacts():
    contacts = [len(touching(deposit({"si": f}, 80, (0.6, 0.8), gap=0.001))[0]) for f in (0.3, 0.6)]
    assert contacts[0] < 90 < contacts[1]


def test_beds_are_as_dense_as_known():
    """Off-lattice ballistic deposition fills 0.357 of the plane in the limit of a wide, high bed (Meakin and Jullien 1987);
    30 diameters of width between walls make it some hundredths denser. Discs that roll to two supports fill about 0.8."""
    density = {}
    for rolls in (False, True):
        rng = np.random.default_rng(0)
        placed, size, width = np.zeros((0, 3)), 0.5, 30.0
        for _ in range(1000):
            placed = np.vstack([placed, [*_land(placed, size, width, size + (width - 2 * size) * rng.random(), rolls), size]])
        inside = (np.abs(placed[:, 0] - 15) < 12) & (placed[:, 1] > 5) & (placed[:, 1] < 25)
        density[rolls] = inside.sum() * np.pi * size**2 / (24 * 20)
    assert 0.35 < density[False] < 0.44 and 0.76 < density[True] < 0.86


def test_a_rolling_disc_comes_to_rest_between_two():
    pair = np.array([[2.0, 1.0, 1.0], [4.0, 1.0, 1.0]])
    assert _land(pair, 1.0, 10.0, 2.3, True) == pytest.approx((3.0, 1 + sqrt(3)))
    assert _land(pair, 1.0, 10.0, 2.3, False) == pytest.approx((2.3, 1 + sqrt(4 - 0.09)))
    assert _land(pair, 1.0, 10.0, 4.5, True) == pytest.approx((6.0, 1.0))  # off the side, to the floor
    assert _land(pair, 1.0, 10.0, 8.5, True) == pytest.approx((8.5, 1.0))


def test_the_same_seed_gives_the_same_bed():
    one, same, other = (deposit({"a": 0.2, "b": 0.2}, 40, 1.0, seed=s) for s in (4, 4, 5))
    assert np.array_equal(one.centres, same.centres) and not np.array_equal(one.centres, other.centres)
    assert set(one.phase) == {0, 1}


def test_what_cannot_be_filled_in_is_refused():
    with pytest.raises(PackingError, match="too dense to be filled in from above"):
        deposit({"si": 0.82}, 60, 1.0)
    with pytest.raises(PackingError, match="each fraction must be above 0"):
        deposit({"si": 0.0}, 60, 1.0)


def test_a_cohesive_bed_is_joined_at_its_contacts_and_is_not_jammed():
    study = Study.from_mapping({
        "temperature": "25 degC",
        "phases": {"si": {"material": "silicon-viscoplastic", "role": "active", "fraction": 0.37}},
        "microstructure": {"kind": "packing", "placement": "deposited", "skeleton": "cohesive", "particles": 30, "box": ["0.4 um", "0.4 um"], "gap": "1 nm"},
        "walls": {"kind": "pressure", "pressure": "64 MPa"},
        "cycling": {"rate": "0.1 C", "cycles": 1},
    })  # fmt: skip
    mesh = build_mesh(study)
    assert mesh.area_fraction("si") == pytest.approx(0.37, rel=1e-9)
    assert "contacts of si" in mesh.notes[-1] and not loose(study, mesh)
    assert "deposited" in study.summary() and "cohesive" in study.summary()


def test_particles_of_any_size_are_held_alike_while_nothing_touches_them():
    """A step of a hundredth of the radius costs the same energy per area, in nanometres as in micrometres."""
    cost = []
    for size in (1.0, 0.025):
        study = Study.from_mapping({
            "temperature": "25 degC",
            "phases": {"si": {"material": "silicon", "role": "active", "fraction": 0.5}},
            "microstructure": {"kind": "packing", "particles": 5, "box": f"{4 * size} um", "gap": f"{0.03 * size} um", "mesh_size": f"{1.2 * size} um", "contact_size": f"{0.8 * size} um"},
            "walls": {"kind": "pressure", "pressure": "10 MPa"},
            "mechanics": {"contact": "barrier"},
            "cycling": {"rate": "0.1 C", "cycles": 1},
        })  # fmt: skip
        mesh = build_mesh(study)
        model = Model(study, mesh)
        x = model.unknowns.start()
        x[model.unknowns.displacement[mesh.cells[mesh.solid]]] += 0.01 * mesh.mean_radius
        cost.append(model.contact[-1].evaluate(x, 0).energy / mesh.area_fraction("si") / size**2)
    assert cost[0] > 0 and cost[1] == pytest.approx(cost[0], rel=1e-6)


@pytest.mark.verify
def test_a_cohesive_bed_swells_under_either_pressure(tmp_path):
    """Requirement: corners of necks fold and a bed buckles, and neither ends a run; the larger pressure leaves fewer pores."""
    pores = []
    for example in ("lisi-c-5", "lisi-c"):
        study = Study.load(example, ["microstructure.particles=12", "microstructure.box=[0.2277 um, 0.2783 um]", "cycling.delithiation=0.99"])
        result = Simulation(study).run(tmp_path / example)
        pores.append(result.cycles["porosity []"][0])
        assert words.beyond(Run(result)) == []
    assert 0.2 < pores[0] < 0.4 and 0.05 < pores[1] < pores[0] - 0.05
