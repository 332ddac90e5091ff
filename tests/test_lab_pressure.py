"""Operando stack pressure: amplitude and drift of synthetic recordings, of a run by the same rules, files and the command."""

import json

import numpy as np
import pytest
from bench import needs
from synthetic import make_run

from rheode.cli import main
from rheode.lab import LabError
from rheode.lab.pressure import HALVES, count_cycles, halves_from_current, halves_from_pressure, halves_from_steps, history, per_cycle, pressure, trend
from rheode.lab.recordings import read_pressure
from rheode.result import Result

START, AMPLITUDE, DRIFT = 101.2, 5.0, -0.2  # MPa, MPa, MPa per cycle


def recording(seed, cycles=8, samples=400, scatter=0.05, rest=60, shape=1.5):
    """(time [s], pressure [MPa], half) of a cell: up by AMPLITUDE on lithiation, steady DRIFT, white noise; 10 h a half cycle."""
    rng = np.random.default_rng(seed)
    time, swing, half, clock = [], [], [], 0.0
    for _ in range(cycles):
        for name in HALVES:
            u = np.linspace(0, 1, samples)
            time.append(clock + 36000 * u)
            swing.append((u if name == "lithiation" else 1 - u) ** shape)
            half += [name] * samples
            clock = time[-1][-1]
            if rest:
                time.append(clock + 60.0 * np.arange(1, rest + 1))
                swing.append(np.full(rest, swing[-1][-1]))
                half += ["rest"] * rest
                clock = time[-1][-1]
    time, swing = np.concatenate(time), np.concatenate(swing)
    p = START + AMPLITUDE * swing + DRIFT * time / (clock / cycles)
    return time, p + scatter * rng.standard_normal(len(p)), np.array(half)


def test_amplitude_and_drift_with_their_uncertainties():
    """Requirement: amplitude and drift of every cycle are those that were put in, as uncertain as stated; so are mean and slope."""
    off, whole = [], []
    for seed in range(60):
        time, p, half = recording(seed)
        cycles = per_cycle(history(time, p / 1000, half))
        assert cycles["cycle []"] == list(range(1, 9))
        # Half cycles end before their rests: the first begins without one, so its drift is a little less.
        off += [[(a - AMPLITUDE) / u, (d - DRIFT) / v] for a, u, d, v in list(zip(*(cycles[name] for name in ("amplitude [MPa]", "u(amplitude) [MPa]", "drift [MPa]", "u(drift) [MPa]"))))[1:]]
        mean, slope = trend(cycles)
        whole.append([(mean.value - AMPLITUDE) / mean.uncertainty, (slope.value - DRIFT) / slope.uncertainty])
    for pulls in (np.array(off), np.array(whole)):
        assert np.all(np.abs(pulls.mean(axis=0)) < 4 / np.sqrt(len(pulls)) + 0.1)
        assert np.all((0.75 < pulls.std(axis=0)) & (pulls.std(axis=0) < 1.25))


def test_noise_does_not_raise_the_amplitude():
    """Requirement: amplitude is not the range of noisy samples, which grows with the noise."""
    time, p, half = recording(1, scatter=0.5)
    cycles = per_cycle(history(time, p / 1000, half))
    assert np.mean(cycles["amplitude [MPa]"]) == pytest.approx(AMPLITUDE, abs=0.3)
    assert np.ptp(p[:920]) > AMPLITUDE + 1.5


def test_half_cycles_from_current_steps_and_pressure():
    """Requirement: half cycles come from the current, from the steps' names or from the pressure alone, and mean the same."""
    time, p, half = recording(2, rest=0)
    current = np.where(half == "lithiation", -1.4, 1.4)
    assert np.array_equal(halves_from_current(current), half)
    assert np.array_equal(halves_from_current(-current, "charge"), half)
    assert np.array_equal(halves_from_steps(np.where(half == "lithiation", "CC_DChg", "CC_Chg")), half)
    assert np.array_equal(halves_from_steps(half), half)
    assert np.mean(halves_from_pressure(p) == half) > 0.97
    assert list(halves_from_current(np.array([0.0, -1.0, -1.0, 0.005, 1.0]))) == ["rest", "lithiation", "lithiation", "rest", "delithiation"]
    assert list(count_cycles(np.array(["rest", "lithiation", "rest", "lithiation", "delithiation", "rest", "lithiation"]))) == [0, 1, 1, 1, 1, 1, 2]


def test_a_cell_that_begins_delithiated():
    """Requirement: the amplitude keeps its sign where the cycle begins with the other half."""
    time, p, half = recording(3, scatter=1e-6)
    rows = slice(460, None)  # from the first delithiation on
    cycles = per_cycle(history(time[rows], p[rows] / 1000, half[rows]))
    assert len(cycles["cycle []"]) == 7
    assert np.allclose(cycles["amplitude [MPa]"], AMPLITUDE, rtol=1e-3) and np.allclose(cycles["drift [MPa]"][1:], DRIFT, rtol=1e-2)


def test_a_run_is_evaluated_by_the_same_rules(tmp_path):
    """Requirement: a stored run's history goes in as it is; its ends are those of its table of cycles."""
    run = Result(make_run(tmp_path / "run", cycles=3, rest=True))
    made = dict(run.history)
    made["wall pressure [GPa]"] = 0.1 + 0.02 * made["lithiation []"] - 1e-9 * made["time [s]"]
    cycles = per_cycle(made, spread=0.0)
    ends = {name: [p for p, half in zip(run.cycles["lithiation []"], run.cycles["half []"]) if half == name] for name in HALVES}
    for name, state in zip(HALVES, ("lithiated", "delithiated")):
        at = [made["time [s]"][(made["cycle []"] == cycle) & (made["half []"] == name)][-1] for cycle in (1, 2, 3)]
        assert np.allclose(cycles[f"{state} [MPa]"], 1000 * (0.1 + 0.02 * np.array(ends[name]) - 1e-9 * np.array(at)), rtol=1e-12)
    assert cycles["start [MPa]"][0] == pytest.approx(100.0)
    analysis = pressure(history(*recording(1)[:1], recording(1)[1] / 1000, recording(1)[2]), made)
    assert analysis.values["amplitude per cycle, simulated"].value == pytest.approx(trend(cycles)[0].value)
    assert "simulated cycles" in analysis.tables


def write(path, header, *columns):
    path.write_text(header + "\n" + "\n".join(",".join(f"{v:.8g}" if not isinstance(v, str) else v for v in row) for row in zip(*columns)) + "\n")
    return path


def test_a_logger_and_a_cycler_of_their_own(tmp_path):
    """Requirement: pressure and current may come from two files on one clock; charge and lithiation follow from the current."""
    time, p, half = recording(4)
    log = write(tmp_path / "log.csv", "Time [h],Stack pressure [MPa]", time / 3600 + 1e-4, p)
    clock = np.arange(0, time[-1], 30.0)
    last = np.searchsorted(time, clock, side="right") - 1
    current = np.select([half[last] == name for name in HALVES], [-1.4, 1.4], 0.0)
    cycler = write(tmp_path / "cycler.csv", "Time [s],Voltage [V],Current [mA]", clock, 2 + 0 * clock, current)
    made, how, _ = read_pressure([log, cycler], capacity=14.0)
    assert "current" in how
    assert made["charge [mAh]"].max() == pytest.approx(14.0, rel=0.01) and made["lithiation []"].max() == pytest.approx(1.0, rel=0.01)
    mean, slope = trend(per_cycle(made))
    assert mean.value == pytest.approx(AMPLITUDE, abs=4 * mean.uncertainty) and slope.value == pytest.approx(DRIFT, abs=5 * slope.uncertainty)
    other, how, _ = read_pressure([log])
    assert "turning points" in how
    assert trend(per_cycle(other))[0].value == pytest.approx(AMPLITUDE, abs=0.15)
    force = write(tmp_path / "force.csv", "Time [s],Force [kN],Current [mA]", time, p * 78.54 / 1000, np.select([half == name for name in HALVES], [-1.4, 1.4], 0.0))
    again, *_ = read_pressure([force], area=78.54)
    assert np.allclose(again["wall pressure [GPa]"], p / 1000, rtol=1e-6)


def test_the_cyclers_file_with_an_empty_pressure_channel():
    """Requirement: a LANDT export whose pressure column is zero throughout says so in one line."""
    with pytest.raises(LabError, match="pressure channel reads 0 throughout"):
        read_pressure([needs("cycling/SINTEF__LiGrR2032__2024-04-30__25degC__Landt.csv")])


@pytest.mark.parametrize(
    "header, columns, said",
    [
        ("Time [s],Temperature [degC]", [np.arange(50.0), np.arange(50.0)], "pressure, current or steps"),
        ("Time [s],Pressure [MPa]", [np.arange(50.0), np.full(50, 3.0)], "3 MPa throughout"),
        ("Time [s],Pressure", [np.arange(50.0), np.arange(50.0)], "no unit"),
        ("Time [s],Pressure [MPa]", [np.arange(50.0)[::-1], np.arange(50.0)], "time goes back"),
        ("Pressure [MPa],Current [mA]", [np.arange(50.0), np.arange(50.0)], "no column of time"),
        ("Time [s],Pressure [MPa],Current [mA]", [np.arange(50.0), np.arange(50.0), np.zeros(50)], "current is zero"),
        ("Time [s],Pressure [MPa],Current [mA]", [np.arange(50.0), np.arange(50.0), np.ones(50)], "no whole cycle"),
    ],
)
def test_bad_files_end_in_one_line(tmp_path, capsys, header, columns, said):
    """Requirement: a recording that can't be evaluated says why, in one line, exit code 2."""
    with pytest.raises(SystemExit) as stop:
        main(["lab", "pressure", str(write(tmp_path / "bad.csv", header, *columns))])
    told = capsys.readouterr().err.strip()
    assert stop.value.code == 2 and said in told and "\n" not in told


def test_gaps_do_not_reach_the_ends(tmp_path):
    """Requirement: empty cells and sentinels of the logger are left out."""
    time, p, half = recording(5)
    p[::50] = 1.8e308
    words = [f"{value:.6g}" if i % 70 else "" for i, value in enumerate(p)]
    made, *_ = read_pressure([write(tmp_path / "log.csv", "Time [s],Pressure [MPa],Step name", time, words, half)])
    assert np.isfinite(made["wall pressure [GPa]"]).all() and made["wall pressure [GPa]"].max() < 0.11
    assert trend(per_cycle(made))[0].value == pytest.approx(AMPLITUDE, abs=0.1)


def test_the_command_beside_a_run(tmp_path, capsys):
    """Requirement: `rheode lab pressure FILE --run DIR` prints both, says when the run keeps its pressure, writes table and figure."""
    time, p, half = recording(6, cycles=3)
    log = write(tmp_path / "log.csv", "Time [s],Pressure [bar],Current [mA]", time, 10 * p, np.select([half == name for name in HALVES], [-1.4, 1.4], 0.0))
    run = make_run(tmp_path / "run", cycles=2)
    try:
        main(["lab", "pressure", str(log), "--run", str(run), "--capacity", "14 mAh", "--json", str(tmp_path / "p.json"), "--csv", str(tmp_path / "p.csv"), "--figure", str(tmp_path / "p.png")])
    except SystemExit as stop:
        assert not stop.code
    assert "fixture" in capsys.readouterr().out
    record = json.loads((tmp_path / "p.json").read_text())
    assert record["amplitude per cycle"]["value"] == pytest.approx(AMPLITUDE, abs=0.1)
    assert record["amplitude per cycle, simulated"]["value"] == pytest.approx(0.0, abs=1e-9)
    assert len(record["tables"]["simulated cycles"]) == 2 and (tmp_path / "p.csv").read_text().count("\n") == 4
    assert (tmp_path / "p.pdf").stat().st_size > 5000
