"""Protocol, model and whole runs of tiny electrodes: walls, energies, restart."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from rheode import Result, Simulation, Study
from rheode.cycling import RunStopped, free_disc, resume
from rheode.cycling.jamming import loose
from rheode.cycling.model import Model
from rheode.cycling.protocol import halves
from rheode.mechanics import linear
from rheode.mechanics.minimiser import Minimiser
from rheode.microstructure import Mesh, Packing, mesh_packing, pack
from rheode.microstructure.mesh import triangle_areas

CLOCKS = ("wall time [s]", "cpu time [s]")


def study(*overrides):
    """The bundled example with coarse increments."""
    coarse = ["stepping.largest_step=0.1", "stepping.creep_tolerance=1", "stepping.first_step=0.02", "output.frames_per_half_cycle=2"]
    return Study.load("se-60mse", overrides=[*coarse, *overrides])


RIGID = "walls={kind: rigid}"
FIXTURE = "walls={kind: fixture, preload: 10 MPa, stiffness: 5 GPa}"
BARRIER = "mechanics.contact=barrier"
GENERALIZED = ["mechanics.plane=generalized_plane_strain", "mechanics.out_of_plane_pressure=5 MPa"]


@pytest.fixture(scope="session")
def pair():
    """An active disc on a framework disc in a box hardly wider than they are: nothing can rearrange."""
    centres = np.array([[1.02, 1.02], [1.02, 3.06]])
    packing = Packing(centres, np.array([1.0, 1.0]), np.array([1, 0]), np.array([2.04, 4.08]), ("se", "mse"), 0.01)
    return mesh_packing(packing, 0.6, 0.4)


@pytest.fixture(scope="session")
def six():
    """A loose random packing of six particles, coarsely meshed."""
    return mesh_packing(pack({"se": 0.3, "mse": 0.34}, 6, 4.0, seed=1), 1.2, 0.8)


def history(result):
    return {key: column for key, column in result.history.items() if key not in CLOCKS}


def assert_equal_histories(a, b, rel=1e-9):
    assert list(a) == list(b)
    for key in a:
        assert len(a[key]) == len(b[key]), key
        if a[key].dtype.kind in "fc":
            scale = np.nanmax(np.abs(a[key]), initial=0.0)
            assert b[key] == pytest.approx(a[key], rel=rel, abs=rel * scale, nan_ok=True), key
        else:
            assert list(a[key]) == list(b[key]), key


# -- protocol --


def test_protocol():
    """Requirement: 0.1 C is a current: 10 h from 0 to 1, 7.8 h from 1 to 0.22; later cycles start where the last ended."""
    found = halves(study("cycling.cycles=2").cycling)
    assert [(h.cycle, h.kind, h.start, h.end) for h in found] == [
        (1, "lithiation", 0.0, 1.0),
        (1, "delithiation", 1.0, 0.22),
        (2, "lithiation", 0.22, 1.0),
        (2, "delithiation", 1.0, 0.22),
    ]
    assert [h.duration for h in found] == pytest.approx([36_000, 0.78 * 36_000, 0.78 * 36_000, 0.78 * 36_000])
    assert found[1].lithiation(0.25) == pytest.approx(1 - 0.25 * 0.78)


def test_protocol_with_rests():
    """Requirement: a rest holds x for its time after the half cycle it belongs to; no rest, no entry."""
    found = halves(study("cycling.cycles=1", "cycling.rest={lithiated: 2 h, delithiated: 0 h}").cycling)
    assert [(h.kind, h.start, h.end) for h in found] == [("lithiation", 0, 1), ("rest", 1, 1), ("delithiation", 1, 0.22)]
    assert found[1].duration == pytest.approx(7200)


def test_free_disc_needs_plane_strain():
    """Requirement: where the electrode may stretch out of plane, a free disc is free of stress."""
    x, q = free_disc(study("mechanics.plane=generalized_plane_strain"))
    assert x[-1] == 1.0 and not q.any()
    assert free_disc(study())[1].max() > 0.4


def test_free_disc_of_a_rigid_active_material():
    """Requirement: an active phase that does not creep (LCO) keeps what plane strain costs: E ln(Jl)/3 over its volume."""
    lco = Study.load("lco-60mse")
    material = lco.materials()["lco"]
    x, q = free_disc(lco)
    values = material.at(np.array(x[-1]), lco.temperature)
    strain = np.log(material.growth(np.array(x[-1]))) / 3
    assert q[-1] == pytest.approx(values["E"] * strain * np.exp((1 - 2 * values["nu"]) * strain), rel=1e-6)


# -- model --


def test_order_of_particles_is_immaterial(six):
    """Requirement V11: renumbering nodes, cells and particles leaves the energy and every measure unchanged."""
    rng = np.random.default_rng(1)
    node, cell, particle = (rng.permutation(n) for n in (len(six.nodes), len(six.cells), six.particles))
    renamed = np.empty(len(node), int)
    renamed[node] = np.arange(len(node))
    other = Mesh(
        six.nodes[node], renamed[six.cells[cell]], six.phase[cell], np.append(particle, -1)[six.particle[cell]], six.box, six.phase_names
    )
    x, y = six.nodes.T / 4.0
    shift = (0.2 * np.sin(np.pi * x) * np.sin(np.pi * y))[:, None] * (np.stack([x, -y], 1) + 0.01 * rng.standard_normal((len(x), 2)))
    rows, energies = [], []
    for mesh, displacement in ((six, shift), (other, shift[node])):
        model = Model(study(), mesh)
        x = model.unknowns.start()
        x[model.unknowns.displacement] = displacement
        model.begin(100.0, 0.3)
        energies.append(model.system.energy(x))
        model.system.commit(x)
        rows.append(model.row(model.observe(x)))
    assert energies[1] == pytest.approx(energies[0], rel=1e-12)
    assert list(rows[1]) == list(rows[0])
    assert list(rows[1].values()) == pytest.approx(list(rows[0].values()), rel=1e-9, abs=1e-12)


# -- runs --


def test_a_run_under_pressure(pair, tmp_path):
    """Requirement: the top wall bears the stack pressure at every increment, also while particles swell and creep."""
    seen = []
    result = Simulation(study("cycling.cycles=1"), pair).run(tmp_path / "run", callback=seen.append)
    h = result.history
    assert result.complete
    assert h["wall pressure [GPa]"] == pytest.approx(np.full(len(h["wall pressure [GPa]"]), 0.1), rel=1e-5)  # a force is known to the root of Newton's decrement
    assert list(h["half []"][[0, 1, -1]]) == ["clamp", "lithiation", "delithiation"]
    assert h["lithiation []"].max() == 1.0 and h["lithiation []"][-1] == pytest.approx(0.22)
    assert h["time [s]"][-1] == pytest.approx(1.78 * 36_000)
    assert np.abs(np.diff(h["lithiation []"])).max() <= 0.1 * 1.3 + 1e-9
    assert h["thickness [um]"][h["lithiation []"].argmax()] > h["thickness [um]"][0] + 0.5
    assert np.all(np.diff(h["creep dissipation [GPa um2]"]) > 0)
    assert seen[0].half == "clamp" and seen[-1].fraction == pytest.approx(1.0)
    assert np.all(np.diff([p.fraction for p in seen if p.half != "clamp"]) > 0)


@pytest.mark.parametrize("kind", [[], [RIGID], [FIXTURE], GENERALIZED], ids=["pressure", "rigid", "fixture", "generalized"])
def test_a_run_with_barrier_contact(pair, tmp_path, kind):
    """Requirement: with the barrier the walls do what they do with the medium, and the stress that creep dictates is the
    same; pore nodes that are no unknowns follow particles and walls."""
    h, g = (
        Simulation(study("cycling.cycles=1", "stepping.largest_step=0.03", *kind, contact), pair).run(tmp_path / contact.split("=")[1]).history
        for contact in (BARRIER, "mechanics.contact=third-medium")
    )
    full = [c["lithiation []"].argmax() for c in (h, g)]
    assert h["lithiation []"][full[0]] == 1.0
    for key, within in (("thickness [um]", 0.01), ("von Mises se mean [GPa]", 0.06)):
        assert h[key][full[0]] == pytest.approx(g[key][full[1]], rel=within), key
    if kind == []:
        assert h["wall pressure [GPa]"] == pytest.approx(np.full(len(h["time [s]"]), 0.1), rel=1e-5)
    assert not h["medium pressure mean [GPa]"].any()
    result = Result(tmp_path / "barrier")
    nodes = result.mesh.nodes + result.frames[-1].displacement
    areas = triangle_areas(nodes, result.mesh.cells)
    assert areas.sum() == pytest.approx(h["thickness [um]"][-1] * h["width [um]"][-1], rel=1e-5)
    pores = areas[~result.mesh.solid]
    assert pores[pores < 0].sum() > -0.1 * pores.sum()  # a cell in a slit may fold: the field is only followed, not solved for


@pytest.mark.parametrize("friction", [0.0, 0.3])
def test_an_interrupted_run_with_barrier_contact(six, tmp_path, friction):
    """Requirement V10: with the barrier, too, a resumed run has the uninterrupted run's history, to 1e-9; and it loses no energy:
    of its work 2 % is left over in increments this long, what rearrangements and friction take counted."""
    short = study("cycling.cycles=1", "cycling.lithiation=0.3", BARRIER, f"mechanics.barrier.friction={friction}")
    whole = Simulation(short, six).run(tmp_path / "whole")
    with pytest.raises(Interrupted):
        Simulation(short, six).run(tmp_path / "run", callback=interrupt_after(2))
    assert_equal_histories(history(whole), history(resume(tmp_path / "run")))
    h = whole.history
    assert ("friction dissipation [GPa um2]" in h) == (friction > 0)
    assert np.abs(remainder(h)).max() < 0.02 * np.abs(np.diff(h["chemical work [GPa um2]"])).sum()


def test_a_run_in_a_rigid_box(pair, tmp_path):
    """Requirement: rigid walls stay where they are and do no work; the pressure on them is a result."""
    h = Simulation(study("cycling.cycles=1", RIGID), pair).run(tmp_path / "run").history
    assert np.ptp(h["thickness [um]"]) == 0 and np.ptp(h["width [um]"]) == 0
    assert not h["wall work [GPa um2]"].any()
    full = h["lithiation []"].argmax()
    assert h["wall pressure [GPa]"][full] > 0.1
    assert h["smallest det F []"].min() > 0


def test_a_run_against_a_fixture(pair, tmp_path):
    """Requirement: a fixture presses with its preload plus stiffness times the nominal strain since clamping, and never pulls."""
    result = Simulation(study("cycling.cycles=1", FIXTURE), pair).run(tmp_path / "run")
    h = result.history
    strain = (h["thickness [um]"] - h["thickness [um]"][0]) / result.mesh.box[1]
    expected = np.maximum(0.01 + 5.0 * strain, 0.0)
    assert h["wall pressure [GPa]"] == pytest.approx(expected, rel=1e-5, abs=1e-8)  # a force is known to the root of the decrement
    assert h["wall pressure [GPa]"].max() > 0.05


def test_generalized_plane_strain(pair, tmp_path):
    """Requirement: with a free stretch out of plane its mean stress is the stated pressure, and the electrode thickens
    out of plane."""
    h = Simulation(study("cycling.cycles=1", *GENERALIZED), pair).run(tmp_path / "run").history
    # The section on which the two pressures differ is the one before each increment.
    section = h["thickness [um]"]
    lag = 1 - np.append(section[0], section[:-1]) / section
    assert np.abs(lag).max() > 0.01
    assert h["out-of-plane stress [GPa]"][1:] == pytest.approx(-0.005 - 0.095 * lag[1:], rel=1e-3)
    assert h["wall pressure [GPa]"] == pytest.approx(np.full(len(h["time [s]"]), 0.1), rel=1e-3)
    assert h["stretch zz []"].max() > 1.01


def remainder(h):
    """Work of the walls and of growth since the start, less what is stored, dissipated or in the medium (a history)."""
    since = {key: column - column[0] for key, column in h.items() if key.endswith("[GPa um2]")}
    into = since["wall work [GPa um2]"] + since["chemical work [GPa um2]"]
    return into - sum(since.get(f"{key} [GPa um2]", 0.0) for key in ("elastic energy", "creep dissipation", "medium energy", "drag dissipation", "reset dissipation", "friction dissipation"))


@pytest.mark.parametrize("kind", [[], [RIGID], [FIXTURE, *GENERALIZED]], ids=["pressure", "rigid", "fixture, generalized"])
def test_energy_balance(pair, tmp_path, kind):
    """Requirement: work of the walls and of growth is stored, dissipated or in the medium. At full lithiation 1.5 % of the
    work is left over with increments of 0.04 at most, and less with more of them, at first order or better."""
    left, count = [], []
    for step in (0.04, 0.02):
        steps = ["stepping.creep_tolerance=1", f"stepping.largest_step={step}", f"stepping.first_step={step}", "cycling.delithiation=0.9"]
        h = Simulation(study("cycling.cycles=1", *kind, *steps), pair).run(tmp_path / str(step)).history
        full = h["lithiation []"].argmax()
        left.append(abs(remainder(h)[full]) / h["chemical work [GPa um2]"][full])
        count.append(full)
    assert left[0] < 0.015
    assert np.log(left[0] / left[1]) / np.log(count[1] / count[0]) > 0.7  # where they are short is not the same


def test_solvers_give_the_same_history(pair, tmp_path, monkeypatch):
    """Requirement: a run with QDLDL has the history of a run with PARDISO, to 3e-5 of each column's largest value (what Newton's
    tolerance leaves of a largest stress between particles that a soft medium holds)."""
    if not linear.installed("pardiso"):
        pytest.skip("MKL is not installed")
    histories = []
    for name in ("pardiso", "qdldl"):
        monkeypatch.setattr("rheode.cycling.model.linear_solver", lambda name=name: linear.linear_solver(name))
        histories.append(history(Simulation(study("cycling.cycles=1"), pair).run(tmp_path / name)))
    assert_equal_histories(*histories, rel=3e-5)


# -- jamming --


def test_a_loose_packing_jams_before_it_is_clamped(six, tmp_path):
    """Requirement: particles that touch nothing are pushed together first, as rigid bodies: areas, shapes and the smallest
    gap stay, the height falls, a note says from where to where; rigid walls and welded particles change nothing."""
    mesh = Simulation(study("cycling.cycles=1", "cycling.lithiation=0.02", "cycling.delithiation=0.0"), six).run(tmp_path / "run").mesh
    assert 0.9 < mesh.box[1] / six.box[1] < 1.0 and mesh.box[0] == six.box[0]
    assert mesh.particle_areas == pytest.approx(six.particle_areas, rel=1e-3)
    for k in range(six.particles):
        before, after = (np.unique(m.cells[m.particle == k]) for m in (six, mesh))
        size = [np.linalg.norm(np.ptp(m.nodes[n], axis=0)) for m, n in ((six, before), (mesh, after))]
        assert len(before) == len(after) and size[0] == pytest.approx(size[1], rel=0.05)
    assert "jammed under 1 MPa" in mesh.notes[-1]
    assert mesh.area_fraction(-1) < six.area_fraction(-1)
    assert loose(study(), six) and not loose(study(RIGID), six)


# -- restart --


class Interrupted(Exception):
    pass


def interrupt_after(increments):
    def callback(progress):
        if progress.increment == increments:
            raise Interrupted

    return callback


@pytest.fixture(scope="module")
def whole(six, tmp_path_factory):
    """Two cycles of six particles under pressure, uninterrupted."""
    return Simulation(study("cycling.cycles=2"), six).run(tmp_path_factory.mktemp("whole") / "run")


def test_an_interrupted_run_continues_as_if_it_had_not_been(whole, six, tmp_path):
    """Requirement V10: a run interrupted at three random increments and resumed has the uninterrupted run's history, to
    1e-9; its last fields are the same too."""
    last = len(whole.history["time [s]"]) - 1
    stops = np.sort(np.random.default_rng(4).choice(np.arange(1, last), 3, replace=False))
    with pytest.raises(Interrupted):
        Simulation(study("cycling.cycles=2"), six).run(tmp_path / "run", callback=interrupt_after(stops[0]))
    for stop in stops[1:]:
        with pytest.raises(Interrupted):
            resume(tmp_path / "run", callback=interrupt_after(stop))
        assert len(Result(tmp_path / "run").history["time [s]"]) == stop + 1
    resumed = resume(tmp_path / "run")
    assert resumed.complete
    assert_equal_histories(history(whole), history(resumed))
    assert resumed.frames[-1].displacement == pytest.approx(whole.frames[-1].displacement, abs=1e-6)
    assert resumed.frames[-1].creep_strain == pytest.approx(whole.frames[-1].creep_strain, abs=1e-6)


def test_a_complete_run_is_not_resumed(whole):
    """Requirement: resuming a complete run does nothing."""
    before = sorted(path.stat().st_mtime_ns for path in whole.directory.rglob("*.bin"))
    assert resume(whole.directory, callback=interrupt_after(1)).complete
    assert sorted(path.stat().st_mtime_ns for path in whole.directory.rglob("*.bin")) == before


def test_a_run_that_stops_says_why_and_can_be_resumed(pair, tmp_path, monkeypatch):
    """Requirement: a run that must stop says where, why and what to try; what was done is kept and `resume` goes on."""
    minimise, calls = Minimiser.__call__, []

    def failing(self, x):
        outcome = minimise(self, x)
        calls.append(1)
        if len(calls) > 40:
            outcome.converged, outcome.reason = False, "made to fail"
        return outcome

    monkeypatch.setattr(Minimiser, "__call__", failing)
    with pytest.raises(RunStopped, match=r"in cycle 1, \w+: at 0\.\d+ of the segment no step .* converged: made to fail.*Try a"):
        Simulation(study("cycling.cycles=1"), pair).run(tmp_path / "run")
    stopped = Result(tmp_path / "run")
    assert not stopped.complete and len(stopped.history["time [s]"]) > 5
    assert "made to fail" in (tmp_path / "run" / "run.log").read_text(encoding="utf-8")
    monkeypatch.undo()
    assert resume(tmp_path / "run").complete


RUN = """
import sys
from rheode import Study, Simulation
from rheode.cycling import resume
from rheode.microstructure import Mesh
if sys.argv[1] == "resume":
    resume(sys.argv[2])
else:
    Simulation(Study.load(sys.argv[3]), Mesh.load(sys.argv[4])).run(sys.argv[2])
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
@pytest.mark.parametrize(
    "how, times", [("SIGKILL", 2), ("SIGINT", 3), pytest.param("SIGKILL", 10, marks=pytest.mark.verify)]
)
def test_a_killed_run_continues_as_if_it_had_not_been(whole, six, tmp_path, how, times):
    """Requirement V10: a run killed at random times (with Ctrl-C too) and resumed has the uninterrupted run's history, to
    1e-9."""
    mine, folder = tmp_path / "study.yaml", tmp_path / "run"
    mine.write_text(study("cycling.cycles=2").dump(), encoding="utf-8")
    six.save(tmp_path / "mesh.npz")
    rng, last, kills = np.random.default_rng(5), len(whole.history["time [s]"]) - 1, 0
    while kills < times:
        done = len(list(folder.glob("record/*.bin")))
        command = ["resume", folder] if done else ["run", folder, mine, tmp_path / "mesh.npz"]
        with open(tmp_path / "said", "w") as said:
            arguments = [sys.executable, "-c", RUN, *map(str, command)]
            process = subprocess.Popen(arguments, stderr=said, env=os.environ | {"OPENBLAS_NUM_THREADS": "1"})
        wanted = done + rng.integers(1, 1 + (last - done) // (times + 1 - kills))
        while process.poll() is None and len(list(folder.glob("record/*.bin"))) < wanted:
            time.sleep(0.002)
        time.sleep(rng.uniform(0, 0.05))  # also in the middle of a write
        process.send_signal(getattr(signal, how))
        assert process.wait() == -getattr(signal, how)
        assert "SystemError" not in (tmp_path / "said").read_text()  # a Ctrl-C that struck in compiled code
        kills += 1
    assert_equal_histories(history(whole), history(resume(folder)))
