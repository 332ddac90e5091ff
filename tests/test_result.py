"""The record survives kills and full disks, and reads back what was written, bit for bit."""

import csv
import errno
import json
import os
import signal
import subprocess
import sys
import time
import types
from contextlib import contextmanager

import numpy as np
import pytest

from rheode.result import FIELDS, FILES, Record, RecordError, Result, ResultError, WriteError, _unpack, columns, cycles_table
from synthetic import make_fields, make_mesh, make_row, make_run

STUDY = "title: a test\n"


@pytest.fixture(autouse=True)
def quick_disk(monkeypatch):
    """No power is cut here, so no test waits for the disk; that it is asked to flush is tested apart."""
    monkeypatch.setattr(os, "fsync", lambda handle: None)


class Mesh:
    """Enough of a mesh for the record."""

    def save(self, path):
        np.savez(path, nodes=np.zeros((3, 2)))


def row(i, cycle=1, half="lithiation"):
    return {
        "increment []": i,
        "cycle []": cycle if i else 0,
        "half []": half if i else "clamp",
        "time [s]": 100.0 * i / 3,
        "lithiation []": i / 7,
        "von Mises se mean [GPa]": 0.1 / (i + 1),
        "thickness [um]": 10 + 0.1 * i,
        "cutbacks []": i % 2,
    }


def restart(i):
    rng = np.random.default_rng(i)
    return {"particles": {"u": rng.normal(size=(7, 2)), "step": 0.1 * i}, "seed": 2**80 + i}


def fields(i):
    return {
        "displacement": np.full((5, 2), 0.1 * i),
        "stretch_zz": 1 + 0.01 * i,
        "von_mises": np.full(3, 0.2),
        "pressure": np.arange(3.0),
        "creep_strain": np.arange(12.0).reshape(3, 4) * 1e-3,
        "lithiation_field": np.full(3, i / 7),
    }


def append(record, i):
    record.append(row(i), fields(i) if i % 3 == 0 else None, restart(i), np.array([2.0, 3.0]) / (i + 1))


def begin(directory, increments, **options):
    record = Record.create(directory, STUDY, Mesh(), **options)
    for i in range(increments):
        append(record, i)
    return record


def same(a, b):
    """Equal to the bit and of the same type, through dicts and sequences."""
    assert type(a) is type(b)
    if isinstance(a, dict):
        assert list(a) == list(b)
        for key in a:
            same(a[key], b[key])
    elif isinstance(a, (list, tuple)):
        assert len(a) == len(b)
        for x, y in zip(a, b):
            same(x, y)
    elif isinstance(a, np.ndarray):
        assert a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    else:
        assert repr(a) == repr(b)


def whole(directory, at_least, at_most):
    """The folder is that of a run of so many whole increments; returns the record."""
    record = Record.open(directory)
    number = len(record.rows)
    assert at_least <= number <= at_most
    assert record.rows == [row(i) for i in range(number)]
    last_row, last_restart = record.last()
    assert last_row == row(number - 1)
    same(last_restart, restart(number - 1))
    assert not list(directory.rglob("*.tmp"))
    lines = list(csv.reader(open(directory / "history.csv")))
    assert lines == [list(row(0))] + [[str(value) for value in row(i).values()] for i in range(number)]
    return record


# --- what is written comes back -------------------------------------------------------------------


def test_restart_state_comes_back_bit_for_bit(tmp_path):
    rng = np.random.default_rng(1)
    state = {
        "blocks": {"particles": rng.normal(size=(20, 2)), "Fzz": np.array(1.0 + 1e-16), "empty": np.zeros((0, 3))},
        "numbers": [0.1, -0.0, float("nan"), float("inf"), 1e-320, 7, -(2**100), True, None, "αβ, \n"],
        "pair": (1, (2.0, np.arange(3, dtype=np.int32))),
        "flags": np.array([True, False]),
        "odd": np.array([np.nan, -0.0, 5e-324]),
        "transposed": rng.normal(size=(3, 4)).T,
        "names": np.array(["se", "mse"]),
        "generator": np.random.default_rng(3).bit_generator.state,
        "a/b": {"c": np.array([1.0])},
        "a": {"b/c": np.array([2.0])},
        "nothing": {},
        "equal rows": {"of one": np.full((5, 3), [0.1, -0.0, np.nan]), "numbers": np.full(7, 1 / 3), "no columns": np.zeros((4, 0))},
        "nearly equal rows": np.array([[0.0, 1.0], [-0.0, 1.0], [0.0, 1.0]]),
    }
    record = Record.create(tmp_path / "run", STUDY, Mesh())
    record.append(row(0), None, state)
    same(record.last()[1], state)
    same(Record.open(tmp_path / "run").last()[1], state)


def test_numpy_numbers_are_stored_as_plain_ones(tmp_path):
    record = Record.create(tmp_path / "run", STUDY, Mesh())
    numbers = {"i": np.int64(3), "f": np.float64(0.1), "b": np.bool_(True), "s": np.str_("x")}
    record.append(row(0) | {"time [s]": np.float64(0.1)}, None, numbers)
    same(record.last()[1], {"i": 3, "f": 0.1, "b": True, "s": "x"})
    assert record.rows[0]["time [s]"] == 0.1 and type(record.rows[0]["time [s]"]) is float


@pytest.mark.parametrize("bad", [object(), {1: 2.0}, np.array([None]), {"@array": 1}, b"bytes"])
def test_a_state_that_would_not_come_back_is_refused_before_anything_is_written(tmp_path, bad):
    record = Record.create(tmp_path / "run", STUDY, Mesh())
    with pytest.raises(TypeError):
        record.append(row(0), None, {"bad": bad})
    assert not record.rows and not list((tmp_path / "run/record").glob("*.bin"))


def test_rows_follow_each_other_with_the_same_columns(tmp_path):
    record = begin(tmp_path / "run", 2)
    with pytest.raises(ValueError, match="increment 3 follows"):
        record.append(row(3), None, {})
    with pytest.raises(ValueError, match="more"):
        record.append(row(2) | {"more []": 1}, None, {})
    with pytest.raises(ValueError, match="displacement"):
        record.append(row(2), {"von_mises": np.zeros(3)}, {})
    assert len(record.rows) == 2


def test_tables_keep_every_digit(tmp_path):
    record = Record.create(tmp_path / "run", STUDY, Mesh())
    values = [0.1 + 0.2, 1e-300, np.pi * 1e9, -0.0, float("nan"), None]
    for i, value in enumerate(values):
        record.append({"increment []": i, "cycle []": 1, "half []": "lithiation", "value [GPa]": value}, None, {})
    lines = list(csv.DictReader(open(tmp_path / "run/history.csv")))
    read = [line["value [GPa]"] for line in lines]
    assert read[-1] == "" and [repr(float(text)) for text in read[:-1]] == [repr(v) for v in values[:-1]]
    history = Result(tmp_path / "run").history
    assert history["value [GPa]"][:4].tolist() == values[:4] and np.isnan(history["value [GPa]"][4:]).all()
    assert history["increment []"].dtype.kind == "i" and history["half []"][0] == "lithiation"


def test_only_the_last_two_increments_hold_a_restart_state(tmp_path):
    begin(tmp_path / "run", 6)
    for i, path in enumerate(sorted((tmp_path / "run/record").glob("*.bin"))):
        assert (restart(i)["particles"]["u"].tobytes() in path.read_bytes()) == (i >= 4)
        stored = _unpack(path, "fields", "pores")
        assert (stored["thin"] is None) == (i < 4) and (stored["fields"] is None) == (i % 3 > 0)
        assert stored["row"] == row(i)
        assert stored["pores"].tolist() == [2 / (i + 1), 3 / (i + 1)]


def test_equal_arrays_are_stored_once_and_come_back_as_two(tmp_path):
    record = Record.create(tmp_path / "run", STUDY, Mesh())
    big = np.random.default_rng(2).normal(size=1000)
    record.append(row(0), None, {"a": big, "b": big.copy(), "c": {"d": big.reshape(10, 100)}, "other": -big})
    assert (tmp_path / "run/record/000000.bin").stat().st_size < 2.3 * big.nbytes
    state = record.last()[1]
    state["a"][:] = 0.0
    same(state["b"], big)
    same(state["c"]["d"], big.reshape(10, 100))
    same(state["other"], -big)


def test_the_same_increment_gives_the_same_bytes(tmp_path):
    files = []
    for name in "ab":
        begin(tmp_path / name, 4)
        files.append([path.read_bytes() for path in sorted((tmp_path / name / "record").glob("*.bin"))])
    assert files[0] == files[1]


# --- kills and full disks -------------------------------------------------------------------------

CALLS = ("open", "write", "fsync", "close", "replace", "truncate", "unlink")


class Killed(BaseException):
    """Stands for kill -9: nothing catches it."""


@contextmanager
def failing(monkeypatch, at, error, names=CALLS):
    """Makes the `at`-th call of these functions of os raise; a write does half its work before."""
    count, active = [0], [True]

    def wrap(name):
        true = getattr(os, name)

        def call(*args, **options):
            count[0] += 1
            if active[0] and count[0] == at:
                if name == "write":
                    true(args[0], args[1][: len(args[1]) // 2])
                raise error
            return true(*args, **options)

        return call

    with monkeypatch.context() as patch:
        for name in names:
            patch.setattr(os, name, wrap(name))
        try:
            yield
        finally:
            active[0] = False  # a finaliser may keep a wrapped function


def test_killed_between_any_two_system_calls_the_record_goes_on(tmp_path, monkeypatch):
    begin(tmp_path / "reference", 8).finish()
    tables = [(tmp_path / "reference" / name).read_bytes() for name in ("history.csv", "cycles.csv")]
    for at in range(1, 100):
        directory = tmp_path / str(at)
        record = begin(directory, 5)
        killed = True
        try:
            with failing(monkeypatch, at, Killed()):
                append(record, 5)
                killed = False
        except Killed:
            pass
        record = whole(directory, 5, 6)
        for i in range(len(record.rows), 8):
            append(record, i)
        record.finish()
        assert [(directory / name).read_bytes() for name in ("history.csv", "cycles.csv")] == tables
        if not killed:  # each call of an append has been the last one
            break
    assert at > 8


def test_killed_while_finishing_it_goes_on(tmp_path, monkeypatch):
    for at in range(1, 100):
        record = begin(tmp_path / str(at), 5)
        try:
            with failing(monkeypatch, at, Killed()):
                record.finish()
        except Killed:
            whole(tmp_path / str(at), 5, 5).finish()
            assert len(list(csv.DictReader(open(tmp_path / str(at) / "cycles.csv")))) == 1
        else:
            break
    assert at > 10


def test_an_increment_is_flushed_before_it_gets_its_name_and_before_the_older_one_is_thinned(tmp_path, monkeypatch):
    record = begin(tmp_path / "run", 5)
    calls = []
    with monkeypatch.context() as patch:
        for name in ("fsync", "replace", "truncate"):
            patch.setattr(os, name, lambda *a, name=name, true=getattr(os, name): (calls.append(name), true(*a)))
        append(record, 5)
    assert calls == ["fsync", "replace", "fsync", "truncate"]  # the file, its name, the folder


def test_killed_while_opening_it_opens_the_next_time(tmp_path, monkeypatch):
    for at in range(1, 100):
        directory = tmp_path / str(at)
        begin(directory, 5)
        (directory / "record/000005.bin.tmp").write_bytes(b"half")
        (directory / "record/000004.bin").write_bytes((directory / "record/000004.bin").read_bytes()[:-7])
        try:
            with failing(monkeypatch, at, Killed()):
                kept = Record.open(directory)  # or its finaliser would be the call that fails
        except Killed:
            whole(directory, 4, 4)
        else:
            assert len(kept.rows) == 4
            break
    assert at > 10


def test_killed_while_creating_the_folder_can_be_used_again(tmp_path, monkeypatch):
    for at in range(1, 100):
        directory = tmp_path / str(at)
        try:
            with failing(monkeypatch, at, Killed()):
                kept = Record.create(directory, STUDY, Mesh())
        except Killed:
            begin(directory, 1).close()
            whole(directory, 1, 1)
        else:
            assert not kept.rows
            break
    assert at > 10


@pytest.mark.parametrize("number, words", [(errno.ENOSPC, "the disk is full"), (errno.EIO, "error")])
def test_a_full_disk_at_any_write_stops_in_one_line_and_keeps_the_record(tmp_path, monkeypatch, number, words):
    stops = 0
    for at in range(1, 50):
        directory = tmp_path / str(at)
        record = begin(directory, 5)
        error = OSError(number, os.strerror(number))
        try:
            with failing(monkeypatch, at, error, ("open", "write", "fsync", "replace")):
                append(record, 5)
        except WriteError as stop:
            message = str(stop)
            assert words in message and "\n" not in message and f"rheode resume {directory}" in message
            assert f"every increment up to {len(record.rows) - 1} is stored" in message
            assert not list(directory.rglob("*.tmp"))
            stops += 1
            record.close()
            whole(directory, 5, 6)
        else:
            break
    assert stops >= 8


def test_a_write_that_failed_can_be_tried_again(tmp_path, monkeypatch):
    record = begin(tmp_path / "run", 5)
    with failing(monkeypatch, 2, OSError(errno.ENOSPC, "full")), pytest.raises(RecordError):
        append(record, 5)
    for i in range(5, 8):
        append(record, i)
    record.close()
    whole(tmp_path / "run", 8, 8)


def run_child(directory, body):
    """A Python process with this file's helpers at hand."""
    here = os.path.dirname(__file__)
    head = f"import sys; sys.path.insert(0, {here!r})\nfrom pathlib import Path\nfrom test_result import *\n"
    code = f"{head}d = Path({str(directory)!r})\n{body}"
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_a_file_size_limit_of_the_system_stops_in_one_line(tmp_path):
    pytest.importorskip("resource")
    child = run_child(
        tmp_path / "run",
        "import resource\n"
        "record = begin(d, 5)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500))\n"
        "try: append(record, 5)\n"
        "except RecordError as error: print(error)\n",
    )
    out, err = child.communicate(timeout=60)
    assert "File too large" in out and "every increment up to 4 is stored" in out and not err
    whole(tmp_path / "run", 5, 5)


def test_killed_by_the_system_at_a_random_moment_it_goes_on(tmp_path):
    directory = tmp_path / "run"
    begin(directory, 1).close()
    stored = 1
    for wait in (0.0, 0.013, 0.027, 0.04):
        child = run_child(
            directory,
            "record = Record.open(d); print(len(record.rows), flush=True)\n"
            "for i in range(len(record.rows), 10000): append(record, i)\n",
        )
        child.stdout.readline()
        time.sleep(wait)
        child.send_signal(signal.SIGKILL)
        child.communicate(timeout=60)
        record = whole(directory, stored, 10000)
        stored = len(record.rows)
        record.close()
    assert stored > 3


def test_a_second_process_is_told_that_the_first_one_writes(tmp_path):
    pytest.importorskip("fcntl")
    record = begin(tmp_path / "run", 2)
    body = "try: Record.open(d)\nexcept RecordError as error: print(error)\nelse: print('opened')"
    out, err = run_child(tmp_path / "run", body).communicate(timeout=60)
    assert "is being written by another process" in out, err
    record.close()
    assert run_child(tmp_path / "run", body).communicate(timeout=60)[0] == "opened\n"


# --- damage ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("keep", [0, 10, 0.3, 0.6, 0.95, -1])
def test_a_torn_last_file_costs_one_increment(tmp_path, keep):
    begin(tmp_path / "run", 5).close()
    path = tmp_path / "run/record/000004.bin"
    data = path.read_bytes()
    path.write_bytes(data[: int(keep * len(data)) if isinstance(keep, float) else keep])
    assert Result(tmp_path / "run").rows[:4] == [row(i) for i in range(4)]
    record = whole(tmp_path / "run", 4, 4)
    append(record, 4)
    record.close()
    whole(tmp_path / "run", 5, 5)


def test_any_flipped_byte_of_the_last_file_is_noticed(tmp_path):
    begin(tmp_path / "run", 3).close()
    path = tmp_path / "run/record/000002.bin"
    data = path.read_bytes()
    for position in range(0, len(data), 37):
        path.write_bytes(data[:position] + bytes([data[position] ^ 0x55]) + data[position + 1 :])
        record = Record.open(tmp_path / "run")
        same(record.last()[1], restart(len(record.rows) - 1))
        record.close()
        path.write_bytes(data)


def test_damage_that_no_restart_can_mend_is_said(tmp_path):
    for name, spoil in {
        "two": lambda d: [(d / f"00000{i}.bin").write_bytes(b"") for i in (3, 4)],
        "middle": lambda d: (d / "000001.bin").write_bytes(b"no"),
        "missing": lambda d: (d / "000001.bin").unlink(),
        "all": lambda d: [path.unlink() for path in d.glob("*.bin")],
    }.items():
        begin(tmp_path / name, 5).close()
        spoil(tmp_path / name / "record")
        with pytest.raises(RecordError, match="start") as error:
            Record.open(tmp_path / name)
        assert "\n" not in str(error.value)


def test_a_torn_history_is_written_anew(tmp_path):
    begin(tmp_path / "run", 4).close()
    for damage in (b"increment", b""):
        (tmp_path / "run/history.csv").write_bytes(damage)
        whole(tmp_path / "run", 4, 4).close()


# --- folders --------------------------------------------------------------------------------------


def test_a_run_of_an_older_rheode_is_not_overwritten_unless_told_to(tmp_path):
    begin(tmp_path / "run", 2).close()
    for path in (tmp_path / "run/record").glob("*.bin"):
        path.rename(path.with_suffix(".npz"))
    with pytest.raises(RecordError, match="holds a run: name another folder"):
        Record.create(tmp_path / "run", STUDY, Mesh())
    begin(tmp_path / "run", 1, overwrite=True).close()
    assert [path.name for path in (tmp_path / "run/record").iterdir() if path.suffix == ".npz"] == []


def test_a_run_is_not_overwritten_unless_told_to(tmp_path):
    directory = tmp_path / "run"
    begin(directory, 4).close()
    (directory / "my-notes.txt").write_text("mine")
    (directory / "record/mine.bin").write_text("mine")
    (directory / "mine.tmp").write_text("mine")
    for name in ("report.html", "result.vtkhdf", "run.log"):
        (directory / name).write_text("old")
    with pytest.raises(RecordError, match="holds a run.*rheode resume.*--overwrite"):
        Record.create(directory, STUDY, Mesh())
    assert len(Record.open(directory).rows) == 4
    begin(directory, 1, overwrite=True).close()
    assert len(Record.open(directory).rows) == 1
    for name in ("my-notes.txt", "record/mine.bin", "mine.tmp"):
        assert (directory / name).read_text() == "mine"
    assert not any((directory / name).exists() for name in ("report.html", "result.vtkhdf", "run.log"))
    assert (directory / "study.yaml").read_text() == STUDY


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_folder_of_something_else_is_left_alone(tmp_path, overwrite):
    for name in FILES[:-1] + ("photo.png",):
        directory = tmp_path / name
        directory.mkdir()
        (directory / name).write_text("mine")
        with pytest.raises(RecordError, match="not empty and holds no run"):
            Record.create(directory, STUDY, Mesh(), overwrite=overwrite)
        assert [path.name for path in directory.iterdir()] == [name] and (directory / name).read_text() == "mine"
    with pytest.raises(RecordError, match="is a file"):
        Record.create(tmp_path / "photo.png/photo.png", STUDY, Mesh(), overwrite=overwrite)


def test_an_empty_folder_and_one_without_increments_can_be_used(tmp_path):
    Record.create(tmp_path, STUDY, Mesh()).close()
    begin(tmp_path, 2).close()
    whole(tmp_path, 2, 2)


@pytest.mark.parametrize("reader, error", [(Record.open, RecordError), (Result, ResultError)])
def test_what_is_no_run_is_said_in_one_line(tmp_path, reader, error):
    (tmp_path / "empty").mkdir()
    (tmp_path / "text").write_text("")
    begin(tmp_path / "newer", 1).close()
    marker = json.loads((tmp_path / "newer/run.json").read_text())
    (tmp_path / "newer/run.json").write_text(json.dumps(marker | {"format": 99, "rheode": "9.9"}))
    begin(tmp_path / "older", 1).close()
    (tmp_path / "older/run.json").write_text(json.dumps(marker | {"format": 1, "rheode": "0.1"}))
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn/run.json").write_text('{"form')
    for name, words in {
        "nowhere": "no such folder",
        "text": "no such folder",
        "empty": "does not hold a run",
        "newer": r"newer rheode \(9.9.*update",
        "older": r"older rheode \(0.1.*anew",
        "torn": "damaged",
    }.items():
        with pytest.raises(error, match=words) as caught:
            reader(tmp_path / name)
        assert "\n" not in str(caught.value)


# --- tables ---------------------------------------------------------------------------------------


def test_cycles_table_by_hand():
    halves = ["clamp"] + ["lithiation"] * 3 + ["rest"] + ["delithiation"] * 2 + ["rest"] + ["lithiation"]
    stress = [0.0, 0.3, 0.5, 0.4, 0.2, 0.25, 0.1, 0.1, 0.7]
    rows = [
        {
            "increment []": i,
            "cycle []": 0 if i == 0 else 1 if i < 8 else 2,
            "half []": half,
            "von Mises se mean [GPa]": s,
            "thickness [um]": 10.0 + i,
            "cutbacks []": i % 2,
        }
        for i, (half, s) in enumerate(zip(halves, stress))
    ]
    table = columns(cycles_table(rows))
    assert list(table)[:3] == ["cycle []", "half []", "increment []"]
    assert table["half []"].tolist() == ["lithiation", "rest", "delithiation", "rest"]
    assert table["increment []"].tolist() == [3, 4, 6, 7]
    assert table["von Mises se mean [GPa]"].tolist() == [0.4, 0.2, 0.1, 0.1]
    assert table["von Mises se mean peak [GPa]"].tolist() == [0.5, 0.2, 0.25, 0.1]
    assert table["thickness change []"] == pytest.approx([0.3, 0.4, 0.6, 0.7])
    assert table["increments []"].tolist() == [3, 1, 2, 1]
    assert table["failed increments []"].tolist() == [2, 0, 1, 1]
    assert columns(cycles_table(rows, complete=True))["cycle []"].tolist() == [1, 1, 1, 1, 2]
    assert cycles_table(rows[:1], complete=True) == [] == cycles_table([])


def test_cycles_csv_grows_at_each_end_of_a_half_cycle(tmp_path):
    record = Record.create(tmp_path / "run", STUDY, Mesh())
    seen = []
    for i, half in enumerate(["clamp", "lithiation", "lithiation", "delithiation", "delithiation"]):
        record.append(row(i, half=half), None, {})
        path = tmp_path / "run/cycles.csv"
        seen.append(len(list(csv.DictReader(open(path)))) if path.exists() else 0)
    record.finish()
    assert seen == [0, 0, 0, 1, 1]
    lines = list(csv.DictReader(open(tmp_path / "run/cycles.csv")))
    assert [(line["half []"], line["increment []"]) for line in lines] == [("lithiation", "2"), ("delithiation", "4")]


# --- reading --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def synthetic(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("synthetic") / "run", rest=True, size=0.9)


def test_a_frame_is_what_was_written_as_float32(synthetic):
    result = Result(synthetic)
    frame = result.frames.nearest(cycle=2, half="lithiation", lithiation=1.0)
    assert (frame.cycle, frame.half, frame.lithiation) == (2, "lithiation", 1.0)
    history = result.history
    assert history["half []"][frame.increment] == "lithiation" and history["time [s]"][frame.increment] == frame.time
    wear = frame.increment / (len(result.rows) - 1)
    written = make_fields(make_mesh(0.9), 1.0, 0.05 + 0.2 * wear, 0.03 + 0.02 * wear)
    for name in FIELDS:
        assert np.array_equal(getattr(frame, name), np.float32(written[name]))
    assert frame.displacement.dtype == np.float32 and frame.displacement.shape == (len(result.mesh.nodes), 2)
    assert len(frame.von_mises) == result.mesh.solid.sum()


def test_frames_are_a_sequence_found_by_cycle_and_half_cycle(synthetic):
    frames = Result(synthetic).frames
    assert len(frames) == 1 + 3 * 2 * (4 + 1)
    assert [f.increment for f in frames] == sorted(r["increment []"] for r in frames.rows)
    assert frames[-1].increment == [f.increment for f in frames[-3:]][-1]
    with pytest.raises(IndexError):
        frames[len(frames)]
    assert frames.at_end(0, "clamp").increment == 0
    assert frames.at_end(3, "delithiation").lithiation == pytest.approx(0.22)
    assert frames.at_end(1, "lithiation").lithiation == 1.0
    assert frames.nearest(cycle=1, half="lithiation", lithiation=0.4).lithiation == 0.5
    assert frames.nearest(time=1e9).increment == frames[-1].increment
    assert frames.nearest().increment == frames[-1].increment
    for question in (dict(cycle=4), dict(cycle=1, half="clamp")):
        with pytest.raises(ResultError, match="no fields are stored for cycle"):
            frames.nearest(**question)


def test_fields_are_read_when_a_frame_is_asked_for(tmp_path):
    begin(tmp_path / "run", 5).close()
    result = Result(tmp_path / "run")
    assert len(result.frames) == 2 and len(result.history["time [s]"]) == 5
    (tmp_path / "run/record/000003.bin").unlink()
    assert result.frames[0].increment == 0
    with pytest.raises(FileNotFoundError):
        result.frames[1]


def test_a_run_that_is_going_on_can_be_read(tmp_path):
    record = begin(tmp_path / "run", 4)
    result = Result(tmp_path / "run")
    assert not result.complete and result.stopped is None and len(result.rows) == 4
    append(record, 4)
    assert len(Result(tmp_path / "run").rows) == 5
    record.finish(stopped="no step is small enough")
    assert not Result(tmp_path / "run").complete and Result(tmp_path / "run").stopped == "no step is small enough"
    append(record, 5)
    assert Result(tmp_path / "run").stopped is None
    record.finish()
    assert Result(tmp_path / "run").complete and Record.open(tmp_path / "run").complete


def test_a_result_without_increments_frames_or_pores_says_so(tmp_path):
    record = Record.create(tmp_path / "run", STUDY, Mesh())
    for name, words in (("history", "no increment"), ("frames", "no increment"), ("pores", "no increment")):
        with pytest.raises(ResultError, match=words):
            getattr(Result(tmp_path / "run"), name)
    record.append(row(0), None, {})
    for name, words in (("frames", "no fields"), ("pores", "no pores")):
        with pytest.raises(ResultError, match=words):
            getattr(Result(tmp_path / "run"), name)


def test_pores_are_relative_to_the_clamped_state(tmp_path):
    begin(tmp_path / "run", 4).close()
    pores = Result(tmp_path / "run").pores
    assert pores.reference.tolist() == [2.0, 3.0] and pores.increments.tolist() == [0, 1, 2, 3]
    assert pores.areas == pytest.approx(np.outer([1, 1 / 2, 1 / 3, 1 / 4], [1, 1]))


def test_derived_creep_strain_by_hand(synthetic):
    frame = Result(synthetic).frames[-1]
    angle = np.array([0.0, 0.3, -1.2, 1.5])
    c, s = np.cos(angle), np.sin(angle)
    # 0.3 along the direction, -0.1 across it, -0.2 out of the plane
    xx, yy, xy = 0.3 * c**2 - 0.1 * s**2, 0.3 * s**2 - 0.1 * c**2, 0.4 * c * s
    frame.creep_strain = np.stack([xx, yy, np.full(4, -0.2), xy], axis=1)
    assert frame.derived("creep_principal_values") == pytest.approx(np.tile([0.3, -0.1], (4, 1)))
    assert frame.derived("creep_principal_direction") == pytest.approx(np.stack([c, s], axis=1))
    assert frame.derived("creep_principal_difference") == pytest.approx(np.full(4, 0.4))
    assert frame.derived("creep_strain_magnitude") == pytest.approx(np.full(4, np.sqrt(2 / 3 * 0.14)))
    with pytest.raises(KeyError):
        frame.derived("temperature")


def test_a_frame_may_live_on_another_mesh(tmp_path, monkeypatch):
    record = begin(tmp_path / "run", 3)
    record.mesh = "mesh-001.npz"
    append(record, 3)
    record.close()
    module = types.ModuleType("mesh")
    module.Mesh = type("Mesh", (), {"load": staticmethod(lambda path: path.name)})
    monkeypatch.setitem(sys.modules, "rheode.microstructure.mesh", module)
    result = Result(tmp_path / "run")
    assert result.mesh == "mesh.npz" and [result.mesh_of(f) for f in result.frames] == ["mesh.npz", "mesh-001.npz"]
    assert Record.open(tmp_path / "run").mesh == "mesh-001.npz"


def test_history_has_the_columns_of_the_rows_in_order(synthetic):
    result = Result(synthetic)
    stored = csv.DictReader(open(synthetic / "history.csv")).fieldnames
    assert list(result.history) == list(make_row(0, 0, "clamp", 0.0, 0.0, 0.0)) == stored
    assert len(result.cycles["cycle []"]) == 3 * 4
    stored = list(csv.DictReader(open(synthetic / "cycles.csv")))
    assert [float(line["porosity []"]) for line in stored] == result.cycles["porosity []"].tolist()
