import logging
import os
import subprocess
import sys
import types
from pathlib import Path

import pytest

import rheode
from rheode import cli


class RunStopped(Exception):
    pass


@pytest.fixture
def rheode_cli(tmp_path, monkeypatch, capsys):
    """Call the command line in an empty folder: (exit code, lines of stdout, lines of stderr)."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        with pytest.raises(SystemExit) as end:
            cli.main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return end.value.code or 0, out.splitlines(), err.splitlines()

    return call


@pytest.fixture
def solver(monkeypatch):
    """Stands for `rheode.cycling` and `rheode.report`; `solver.fails` is what a run raises after its first increment."""
    state = types.SimpleNamespace(calls=[], fails=None, fails_at_once=None)

    def work(callback):
        if state.fails_at_once:
            raise state.fails_at_once
        logging.getLogger("rheode.stepping").debug("a trace of the solver")
        callback(types.SimpleNamespace(cycle=1, cycles=20, half="lithiation", increment=7, lithiation=0.3, iterations=5, fraction=0.01))
        if state.fails:
            raise state.fails

    class Simulation:
        def __init__(self, study):
            self.study, self.mesh = study, None

        def outline(self):
            return "28 particles, 9 936 displacements; about 440 stored states, 68 MB"

        def run(self, directory, callback=None, overwrite=False):
            state.calls.append(("run", self.study, str(directory), overwrite))
            work(callback)

    def resume(directory, callback=None):
        state.calls.append(("resume", str(directory)))
        work(callback)

    def stand_in(name, **contents):
        module = types.ModuleType(f"rheode.{name}")
        module.__dict__.update(contents)
        monkeypatch.setitem(sys.modules, f"rheode.{name}", module)
        monkeypatch.setattr(rheode, name, module, raising=False)

    stand_in("cycling", Simulation=Simulation, resume=resume, RunStopped=RunStopped)
    stand_in("report", write=lambda directory: f"{directory}/report.html", compare=lambda directories, output: f"{output}/comparison.html")
    return state


# --- running ----------------------------------------------------------------------------------------


def test_the_last_line_of_a_run_is_the_report(rheode_cli, solver):
    code, out, err = rheode_cli("run", "se-60mse", "--set", "cycling.cycles=3", "--set", "walls.pressure=10 MPa")
    assert code == 0 and out == ["runs/se-60mse/report.html"]
    ((_, study, directory, overwrite),) = solver.calls
    assert study.cycling.cycles == 3 and study.walls.pressure == pytest.approx(0.01)
    assert directory == "runs/se-60mse" and overwrite is False
    assert any(line.startswith("warning: Phase se") for line in err)


@pytest.mark.parametrize("option", ["--overwrite", "--force"])
def test_folder_and_overwriting(rheode_cli, solver, option):
    code, out, err = rheode_cli("run", "se-60mse", "-o", "here", option, "-q")
    assert (code, out, err) == (0, ["here/report.html"], [])
    assert solver.calls[0][2:] == ("here", True)


def test_resume_and_report(rheode_cli, solver):
    assert rheode_cli("resume", "here")[:2] == (0, ["here/report.html"])
    assert solver.calls == [("resume", "here")]
    assert rheode_cli("report", "here")[:2] == (0, ["here/report.html"])


def test_the_trace_is_printed_when_asked(rheode_cli, solver):
    assert not any("a trace of the solver" in line for line in rheode_cli("run", "lco-60mse")[2])
    assert any("a trace of the solver" in line for line in rheode_cli("run", "lco-60mse", "-v")[2])
    assert not logging.getLogger("rheode").handlers


def test_a_run_that_stops_says_why(rheode_cli, solver):
    solver.fails = RunStopped("stopped at x = 0.3: try a smaller stepping.first_step")
    code, out, err = rheode_cli("run", "lco-60mse")
    assert (code, out, err[1:]) == (3, [], ["stopped at x = 0.3: try a smaller stepping.first_step"])
    assert "440 stored states, 68 MB in runs/lco-60mse" in err[0]


def test_an_interrupted_run_says_how_to_go_on(rheode_cli, solver):
    solver.fails = KeyboardInterrupt()
    code, out, err = rheode_cli("run", "lco-60mse", "-o", "here")
    assert (code, out, err[-1]) == (3, [], "Interrupted before the first increment: nothing is stored yet, start it again.")
    Path("here/record").mkdir(parents=True)
    Path("here/record/000000.bin").touch()
    err = rheode_cli("resume", "here")[2]
    assert err == ["Interrupted: every increment so far is stored, and `rheode resume here` continues."]


def test_a_folder_that_is_refused_and_a_disk_that_fills_up(rheode_cli, solver):
    from rheode.result import RecordError

    solver.fails_at_once = RecordError("here holds a run")
    assert rheode_cli("run", "lco-60mse", "-o", "here", "-q") == (2, [], ["here holds a run"])
    solver.fails_at_once, solver.fails = None, RecordError("the disk is full")
    assert rheode_cli("run", "lco-60mse", "-o", "here", "-q") == (3, [], ["the disk is full"])


def test_a_fault_of_rheode_is_not_blamed_on_the_user(rheode_cli, solver):
    solver.fails = ZeroDivisionError("division by zero")
    code, _, err = rheode_cli("run", "lco-60mse")
    assert code == 1 and "not of your study" in err[-1]
    with pytest.raises(ZeroDivisionError):
        cli.main(["run", "lco-60mse", "-v"])


def test_progress_is_drawn_for_a_person_only(solver, capsys):
    with cli._progress(True) as show:
        show(types.SimpleNamespace(cycle=2, cycles=20, half="delithiation", increment=70, lithiation=0.456, iterations=8, fraction=0.4))
    drawn = " ".join(capsys.readouterr().out.split())
    for words in ("cycle 2/20 delithiation", "x = 0.456", "increment 70", "8 iterations", "40%", "time left"):
        assert words in drawn
    with cli._progress(False) as show:
        show(None)
    assert capsys.readouterr().out == ""


def test_compare(rheode_cli, solver):
    assert rheode_cli("compare", "a", "b", "-o", "c")[:2] == (0, ["c/comparison.html"])
    assert rheode_cli("compare", "a")[0] == 2


# --- faults -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["run", "validate"])
@pytest.mark.parametrize(
    "arguments, says",
    [
        (["se-60msw"], "did you mean 'se-60mse'?"),
        (["gone.yaml"], "gone.yaml: no such file"),
        (["se-60mse", "--set", "walls.pressure=100 bananas"], "walls.pressure: got '100 bananas'; a pressure such as '100 MPa'"),
        (["se-60mse", "--set", "cycling.cylces=2"], "cycling.cylces: unknown key (did you mean 'cycles'?)"),
        (["se-60mse", "--set", "cycling.cycles"], "--set: got 'cycling.cycles'; KEY=VALUE"),
        (["se-60mse", "--set", "phases.se.fraction=0.7"], "can't be packed"),
        (["broken.yaml"], "broken.yaml, line 1"),
        (["binary.yaml"], "binary.yaml: not a text file"),
        (["empty.yaml"], "empty.yaml: empty"),
    ],
)
def test_a_wrong_study_is_told_in_a_line_and_nothing_is_written(rheode_cli, tmp_path, command, arguments, says):
    (tmp_path / "broken.yaml").write_text("a: [")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "empty.yaml").touch()
    before = sorted(tmp_path.rglob("*"))
    code, out, err = rheode_cli(command, *arguments)
    assert code == 2 and out == [] and len(err) == 1 and says in err[0]
    assert sorted(tmp_path.rglob("*")) == before


def test_all_faults_are_told(rheode_cli):
    code, _, err = rheode_cli("validate", "se-60mse", "--set", "walls.pressure=1", "--set", "cycling.cycles=0", "--set", "temperature=hot")
    assert code == 2 and [line.split(":")[0] for line in err] == ["temperature", "walls.pressure", "cycling.cycles"]


# --- looking things up ------------------------------------------------------------------------------


def test_validate_says_what_the_study_does(rheode_cli):
    code, out, err = rheode_cli("validate", "se-60mse-rigid")
    text = "\n".join(out)
    assert code == 0 and "porosity 0.247" in text and "rigid walls" in text and "swells by 98.0%" in text
    assert sum(line.startswith("warning: ") for line in err) == 2


def test_a_complete_study_can_be_started_from(rheode_cli, tmp_path):
    (tmp_path / "mine.yaml").write_text("\n".join(rheode_cli("validate", "se-60mse", "--complete")[1]))
    assert rheode_cli("validate", "mine.yaml")[0] == 0


def test_examples(rheode_cli, tmp_path):
    assert {"lco-60mse", "fes-60mse", "se-60mse", "se-60mse-pouch", "se-60mse-rigid"} <= {line.split()[0] for line in rheode_cli("examples")[1]}
    (tmp_path / "mine.yaml").write_text("\n".join(rheode_cli("examples", "lco-60mse")[1]))
    assert rheode_cli("validate", "mine.yaml")[0] == 0
    assert rheode_cli("examples", "lco")[0] == 2


def test_materials(rheode_cli, tmp_path):
    listed = rheode_cli("materials")[1]
    assert listed[0] == "conversion:" and any(line.split()[:4] == ["selenium", "Se", "->", "Li2Se"] for line in listed)
    assert max(map(len, listed[:-2])) < 80
    shown = "\n".join(rheode_cli("materials", "selenium")[1])
    assert "12.7 GPa  Xiong et al. 2024, SI Table S6" in shown and "reference_stress, lithiated" in shown
    code, _, err = rheode_cli("materials", "selenum")
    assert code == 2 and "did you mean 'selenium'?" in err[0]
    (tmp_path / "mine.yaml").write_text("extends: selenium\nyoung_modulus: 1 GPa\n")
    assert "no source given" in "\n".join(rheode_cli("materials", "mine.yaml")[1])


def test_schema(rheode_cli):
    import json

    assert json.loads("\n".join(rheode_cli("schema")[1]))["title"] == "Study"
    assert rheode_cli("schema", "--markdown")[1][0] == "# The study file"


def test_help_answers_at_once():
    """In CPU time and the best of a few tries: the machine may be busy, the command line may not be heavy."""

    def once():
        start = os.times()
        shown = subprocess.run([sys.executable, "-c", "from rheode.cli import main; main(['--help'])"], capture_output=True, text=True)
        assert shown.returncode == 0 and "resume" in shown.stdout
        end = os.times()
        return end.children_user + end.children_system - start.children_user - start.children_system

    assert min(once() for _ in range(4)) < 0.5


def test_the_command_line_imports_nothing_heavy():
    heavy = "numpy pint pydantic yaml numba matplotlib netgen h5py scipy".split()
    code = f"import sys, rheode.cli; print([name for name in {heavy} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"
