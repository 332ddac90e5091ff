"""Electrodes whose particles let go of the electrolyte: the study's keys, whole runs, restart."""

import numpy as np
import pytest

from rheode import Simulation, Study
from rheode.cycling import resume
from rheode.study import StudyError

SOFT = {"young_modulus": "10 MPa", "poisson_ratio": 0.45}


def study(interfaces, *overrides, **sections):
    """Three silicon discs, made half lithiated, in a soft electrolyte that fills the pores; they shrink and swell again."""
    data = {
        "temperature": "25 degC",
        "materials": {"soft": SOFT},
        "phases": {
            "si": {"material": "silicon", "role": "active", "fraction": 0.2},
            "el": {"material": "soft", "role": "electrolyte", "fills": 1},
        },
        "microstructure": {"kind": "packing", "particles": 3, "box": "4 um", "seed": 3, "gap": "0.3 um", "mesh_size": "0.6 um", "contact_size": "0.45 um"},
        "walls": {"kind": "pressure", "pressure": "0.5 MPa"},
        "cycling": {"rate": "0.1 C", "cycles": 2, "start": 0.3, "lithiation": 0.32, "delithiation": 0.1},
        "stepping": {"largest_step": 0.05, "first_step": 0.02},
        "output": {"frames_per_half_cycle": 1},
    }
    return Study.from_mapping(data | {"interfaces": interfaces} | sections, overrides=overrides)


PACKED = {"si": {"material": "silicon", "role": "active", "fraction": 0.2}, "el": {"material": "soft", "role": "electrolyte", "fraction": 0.2}}
WEAK = {"si-el": {"strength": "0.2 MPa", "energy": "0.005 J/m^2"}}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return Simulation(study(WEAK)).run(tmp_path_factory.mktemp("debonding") / "run")


def test_particles_let_go_and_are_met_again(run):
    """Requirement: where particles shrink away from a weakly bonded electrolyte the lost contact rises, where they swell
    again it falls and what has parted counts as contact again; both are shares of the interface, and damage stays."""
    lost, again = run.history["lost contact si-el []"], run.history["contact again si-el []"]
    small, large = (run.history["lithiation []"] == x for x in (0.1, 0.32))
    assert lost[0] == again[0] == 0.0
    assert (lost[small] > 0.3).all()
    assert lost[large][-1] < 0.1
    assert again[large][-1] > 0.3
    assert (np.diff(lost + again) > -1e-12).all()
    assert (np.diff(run.history["debonding dissipation [GPa um2]"]) > -1e-12).all()
    # The measure that looks at surfaces alone sees it too.
    assert (run.history["contact si-el []"][small] < 0.7).all()


def test_a_run_with_interfaces_resumes(run, tmp_path):
    """Requirement: interrupted and resumed, a run with interfaces that tear gives the same history."""
    count = 0

    def interrupt(progress):
        nonlocal count
        count += progress.half != "clamp"
        if count == 9:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Simulation(study(WEAK)).run(tmp_path / "run", callback=interrupt)
    resumed = resume(tmp_path / "run").history
    for key, column in run.history.items():
        if column.dtype.kind == "f" and key not in ("wall time [s]", "cpu time [s]"):
            assert resumed[key] == pytest.approx(column, rel=1e-9, abs=1e-9 * np.nanmax(np.abs(column)), nan_ok=True), key


def test_particles_that_nothing_holds_stay_where_they_are(tmp_path):
    """Requirement: particles that only touch the electrolyte and shrink out of their cavities float free, and the run ends."""
    far = {
        "microstructure": {"kind": "packing", "particles": 4, "box": "5 um", "seed": 3, "gap": "0.3 um"},
        "cycling": {"rate": "0.1 C", "cycles": 1, "start": 0.5, "lithiation": 0.52, "delithiation": 0.0},
        "stepping": {},
    }
    loose = {"si-el": {"strength": "0 MPa", "energy": "5 mJ/m^2"}}
    h = Simulation(study(loose, **far)).run(tmp_path / "run").history
    assert h["lost contact si-el []"][-1] == 1.0
    assert h["cutbacks []"].sum() < 3


def test_a_strong_interface_is_a_bond(tmp_path):
    """Requirement: an interface that never tears gives the results of bonded bodies within 1 %."""
    once = {"cycling": {"rate": "0.1 C", "cycles": 1, "start": 0.3, "lithiation": 0.32, "delithiation": 0.1}}
    strong = {"si-el": {"strength": "1 GPa", "energy": "10 J/m^2", "stiffness": "100 GPa/um"}}
    bonded, held = (Simulation(study(i, **once)).run(tmp_path / name).history for name, i in (("bonded", {}), ("held", strong)))
    assert held["lost contact si-el []"].max() == 0.0
    for key in ("thickness [um]", "von Mises el mean [GPa]", "von Mises si mean [GPa]", "pressure el mean [GPa]"):
        assert held[key] == pytest.approx(bonded[key], rel=0.01, abs=1e-6), key


@pytest.mark.parametrize(
    "interfaces, sections, fault",
    [
        ({"si-cu": {"strength": "1 MPa", "energy": "1 J/m^2"}}, {}, "interfaces.si-cu: not an interface; two of the phases si, el joined by '-'"),
        ({"si": {"strength": "1 MPa", "energy": "1 J/m^2"}}, {}, "interfaces.si: not an interface"),
        ({"si-el": WEAK["si-el"], "el-si": WEAK["si-el"]}, {}, "interfaces.el-si: the same interface as si-el; give it once"),
        ({"si-el": {"strength": "1 MPa"}}, {}, "interfaces.si-el.energy: missing"),
        ({"si-el": {"strength": "1 MPa", "energy": "1 GPa"}}, {}, "interfaces.si-el.energy: got '1 GPa'; a fracture energy such as"),
        ({"si-el": {"strength": "1 GPa", "energy": "1 J/m^2", "stiffness": "1 GPa/um"}}, {}, "interfaces.si-el.stiffness: got '1 GPa/um'; above 500 GPa/um"),
        ({"si-el": WEAK["si-el"]}, {"mechanics": {"contact": "barrier"}, "phases": PACKED}, "interfaces: interfaces part with contact: third-medium only"),
    ],
)
def test_faults_are_named(interfaces, sections, fault):
    """Requirement: what is wrong with an interface is one line that says what to change."""
    with pytest.raises(StudyError, match=fault):
        study(interfaces, **sections)


def test_a_bond_that_bridges_is_told():
    """Requirement: an interface that parts at openings as large as particles is doubtful, and said to be."""
    wide = study({"si-el": {"strength": "1 MPa", "energy": "1 J/m^2"}})
    assert any("parts at an opening of 2 um" in text for text in wide.warnings())
    assert not any("parts at" in text for text in study(WEAK).warnings())
