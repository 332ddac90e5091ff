"""Cycler files of every make become one table: against the vendors' own exports, and against synthetic truth."""

import shutil
import sys
import zipfile
import zlib
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from bench import DATA, needs
from cells import HEADER, cycled, galvanostatic, write
from rheode.cli import main
from rheode.lab import LabError, cyclers
from rheode.lab.cyclers import ColumnMap, bdf, generic, neware
from rheode.lab.cyclers.table import Raw, join, normalise

NEWARE = ("21_10_7_85.ndax", "nw4-120-1-6-53.ndax", "TestFile.nda.zip")
RES, XLSX = "20160805_test001_45_cc_01.res", "bs542_004_gr_li_50ua_50mv_1v_191020_Channel_11.xlsx"
LANDT, BDF = "SINTEF__LiGrR2032__2024-04-30__25degC__Landt.csv", "SINTEF__LiGrR2032__2024-04-30__25degC__Landt.bdf.csv"
MPT = "Sample_data_biologic_no_header.mpt"
READABLE = (*NEWARE, RES, XLSX, LANDT, BDF, MPT, "neware_uio.csv")


def real(name):
    return cyclers.read(needs(f"cycling/{name}"))


# --- real files -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NEWARE)
def test_neware_is_what_the_vendor_exports(name):
    """Requirement: voltage within 0.05 mV and capacity within 2 mAs of the vendor's export, steps and cycles the same."""
    ours = real(name)
    theirs = pl.read_parquet(needs(f"cycling/{name.split('.')[0]}.parquet"))
    # The export is rounded to 0.1 mV, so half of that is its own error; single precision adds up to 0.0003 mV.
    assert np.abs(ours["voltage [V]"] * 1e3 - theirs["Voltage(mV)"].to_numpy()).max() <= 0.05 + 0.0003
    assert np.abs(ours["current [A]"] * 1e6 - theirs["Current(uA)"].to_numpy().astype(float)).max() <= 0.5
    assert np.abs(ours["time [s]"] - theirs["Total Time"].to_numpy()).max() < 1e-6
    assert np.array_equal(ours["step []"], theirs["Step Count"]) and np.array_equal(ours["cycle []"], theirs["Cycle Index"])
    net = ours["file capacity [Ah]"] * 3.6e6
    first = np.flatnonzero(np.diff(ours["step []"], prepend=0))
    of_step = net - np.repeat(np.append(0.0, net[first[1:] - 1]), np.diff(np.append(first, len(net))))
    assert np.abs(np.abs(of_step) - np.abs(theirs["Capacity(mAs)"].to_numpy().astype(float))).max() <= 2


def test_arbin_database():
    """Requirement: 10 261 records, 18 cycles, cycle 1 charges 1.625406 and discharges 1.755094 mAh."""
    ours = real(RES)
    assert ours.format == "Arbin .res" and len(ours) == 10_261 and ours["cycle []"].max() == 18
    step = np.diff(ours["file capacity [Ah]"], prepend=0.0)[ours["cycle []"] == 1] * 1e3
    assert np.maximum(step, 0).sum() == pytest.approx(1.625406, abs=1e-6)
    assert np.maximum(-step, 0).sum() == pytest.approx(1.755094, abs=1e-6)


def test_arbin_database_as_its_parser_reads_it():
    """Requirement: the rows that numpy takes out are those of access-parser, one by one."""
    from access_parser import AccessParser

    path = needs(f"cycling/{RES}")
    table = AccessParser(str(path)).parse_table("Channel_Normal_Table")
    ours = cyclers.read(path)
    for name, column, sign in (("Test_Time", "time [s]", 1), ("Voltage", "voltage [V]", 1), ("Current", "current [A]", 1)):
        assert np.array_equal(np.array(table[name], float) * sign + 0.0, ours[column]), name


def test_arbin_workbook_whose_cycle_never_changes():
    """Requirement: mean capacities 5.52742 and 2.85135 mAh, efficiency 0.49182, voltages 0.137812 and 0.115305 V."""
    from rheode.lab.cycling import cycles, per_cycle

    ours = real(XLSX)
    assert any("cycles are counted instead" in note for note in ours.notes)
    table = per_cycle(cycles(ours)).tables["cycles"]
    assert np.mean(table["discharge [mAh]"]) == pytest.approx(5.52742, rel=1e-5)
    assert np.mean(table["charge [mAh]"]) == pytest.approx(2.85135, rel=1e-5)
    assert np.mean(table["charge/discharge [%]"]) == pytest.approx(49.182, abs=0.01)
    # The file's own energies by its capacities are the answer; the voltage is integrated here.
    assert np.mean(table["mean discharge voltage [V]"]) == pytest.approx(0.137812, abs=2e-4)
    assert np.nanmean(table["mean charge voltage [V]"]) == pytest.approx(0.115305, abs=5e-4)


def test_landt_export_and_its_bdf_are_the_same_test():
    """Requirement: the LANDT export and the same data in Battery Data Format give one table, 25 162 records."""
    landt, same = real(LANDT), real(BDF)
    assert landt.format == "LANDT export" and same.format == "Battery Data Format"
    for column in ("time [s]", "voltage [V]", "current [A]", "step []", "cycle []", "file capacity [Ah]"):
        assert len(landt) == 25_162 and np.array_equal(landt[column], same[column]), column
    assert "pressure [Pa]" not in landt and any("pressure channel reads 0" in note for note in landt.notes)
    step = np.diff(landt["file capacity [Ah]"])
    assert step[step > 0].sum() == pytest.approx(0.0032) and step[step < 0].sum() == pytest.approx(-0.0076)


def test_neware_export():
    ours = real("neware_uio.csv")
    assert ours.format == "Neware export" and len(ours) == 9_065 and set(ours["cycle []"]) == {1, 2, 3, 4}
    assert ours["time [s]"][-1] == 144 * 3600 + 2 * 60 + 18
    passed = np.diff(ours["file capacity [Ah]"], prepend=0)[ours["cycle []"] == 1]
    assert passed[passed > 0].sum() == pytest.approx(0.0042493, abs=1e-6)


def test_biologic_text_without_its_header():
    ours = real(MPT)
    assert ours.format == "BioLogic .mpt" and len(ours) == 13
    assert ours["voltage [V]"][0] == pytest.approx(2.9344745) and ours["voltage [V]"][-1] == pytest.approx(2.9814022)
    assert ours["time [s]"][0] == pytest.approx(281672.3801174285)
    assert ours["temperature [degC]"][0] == pytest.approx(24.443432)


def test_biologic_binary():
    pytest.importorskip("galvani", reason="galvani (GPL) comes with rheode[biologic] only")
    ours = real("GCPL-0.mpr")
    assert len(ours) == 4 and ours["voltage [V]"][0] == pytest.approx(3.5150876)


def test_biologic_binary_without_galvani(monkeypatch):
    path = needs("cycling/GCPL-0.mpr")
    monkeypatch.setitem(sys.modules, "galvani", None)
    monkeypatch.setitem(sys.modules, "galvani.BioLogic", None)
    with pytest.raises(LabError, match=r"rheode\[biologic\]"):
        cyclers.read(path)


@pytest.mark.parametrize("name, says", [("empty.ndax", "holds no record"), ("Unit27_Example_Corrupt.ndax", "damaged")])
def test_bad_files_end_in_one_line(name, says, capsys):
    """Requirement: one clear line that says what to change, exit 2."""
    with pytest.raises(SystemExit) as end:
        main(["lab", "cycles", str(needs(f"cycling/{name}"))])
    shown = capsys.readouterr()
    assert end.value.code == 2 and shown.out == ""
    assert len(shown.err.splitlines()) == 1 and says in shown.err and name in shown.err


@pytest.mark.parametrize("name", READABLE)
def test_bdf_written_and_read_back_is_the_same_table(name, tmp_path):
    ours = real(name)
    bdf.write(ours, tmp_path / "same.bdf.csv")
    again = cyclers.read(tmp_path / "same.bdf.csv")
    assert again.format == "Battery Data Format"
    assert again.table.equals(ours.table), [c for c in ours.table.columns if not again.table[c].equals(ours.table[c])]


@pytest.mark.parametrize("name, other", [(RES, "a.csv"), (XLSX, "b.ndax"), ("nw4-120-1-6-53.ndax", "c.txt"), (LANDT, "d.mpt"), (MPT, "e.res"), ("TestFile.nda.zip", "f")])
def test_the_content_tells_the_format(name, other, tmp_path):
    """Requirement: the name of a file says nothing."""
    shutil.copy(needs(f"cycling/{name}"), tmp_path / other)
    assert cyclers.read(tmp_path / other).table.equals(real(name).table)


@pytest.mark.parametrize("name", (RES, XLSX, "nw4-120-1-6-53.ndax", "TestFile.nda.zip"))
def test_half_a_file_ends_in_one_line(name, tmp_path):
    data = needs(f"cycling/{name}").read_bytes()
    (tmp_path / "half").write_bytes(data[: len(data) // 2])
    try:
        ours = cyclers.read(tmp_path / "half")
    except LabError as error:
        assert len(str(error).splitlines()) == 1 and "half" in str(error)
    else:  # half of a database is half of its records
        assert name == RES and 0 < len(ours) < 10_261


def test_a_bare_nda_is_read_as_the_zipped_one(tmp_path):
    with zipfile.ZipFile(needs("cycling/TestFile.nda.zip")) as archive:
        archive.extract("TestFile.nda", tmp_path)
    assert cyclers.read(tmp_path / "TestFile.nda").table.equals(real("TestFile.nda.zip").table)


# --- synthetic truth ------------------------------------------------------------------------------


def test_integrated_capacity_of_a_known_current(tmp_path):
    """Requirement: the current that passes is the capacity; without the steps' first records, to half an interval each."""
    rows = cycled([2.0, 1.9])
    ours = cyclers.read(write(tmp_path / "a.csv", rows))
    assert ours["integrated capacity [Ah]"][-1] * 1e3 == pytest.approx((2.0 + 1.9) / 0.995 - 3.9, abs=1e-9)
    late = rows[np.diff(rows[:, 1], prepend=1) == 0]
    again = cyclers.read(write(tmp_path / "b.csv", late))
    assert again["integrated capacity [Ah]"][-1] == pytest.approx(ours["integrated capacity [Ah]"][-1], abs=4 * 2e-3 * 60 / 2 / 3600)


def test_a_step_that_begins_late_counts_from_its_own_start(tmp_path):
    """Requirement: the charge before a step's first record is its own current by its own time, not the rest's."""
    rows = [(0.0, 1, 1, 0.0, 3.0, 0.0), (600.0, 1, 1, 0.0, 3.0, 600.0), (900.0, 2, 1, 2.0, 3.5, 100.0), (1000.0, 2, 1, 2.0, 3.6, 200.0)]
    ours = cyclers.read(write(tmp_path / "a.csv", rows, header=HEADER + ",step time [s]"))
    assert ours["integrated capacity [Ah]"][-1] * 1e3 == pytest.approx(2.0 * 200 / 3600)


EXPORTS = {
    "comma": dict(),
    "semicolons and decimal commas": dict(delimiter=";", comma=True),
    "tabs, Windows lines": dict(delimiter="\t", end="\r\n"),
    "UTF-16": dict(encoding="utf-16", delimiter="\t"),
    "Latin-1": dict(encoding="cp1252", delimiter=";", comma=True),
}


@pytest.mark.parametrize("how", EXPORTS.values(), ids=EXPORTS)
def test_any_text_table(how, tmp_path):
    """Requirement: delimiter, decimal comma, encoding and units are told by the content."""
    rows = cycled([1.0])
    rows = np.column_stack([rows, np.full(len(rows), 24.5)])
    ours = cyclers.read(write(tmp_path / "a.txt", rows, header="time [min],step,cycle,current [µA],voltage [mV],temperature [°C]", **how))
    assert np.allclose(ours["time [s]"], 60 * rows[:, 0]) and np.allclose(ours["current [A]"], 1e-6 * rows[:, 3])
    assert np.allclose(ours["voltage [V]"], 1e-3 * rows[:, 4]) and np.allclose(ours["temperature [degC]"], 24.5)


def test_layered_neware_export(tmp_path):
    """Requirement: cycles, steps and records that are lines of one file become one table."""
    rows = cycled([1.0, 0.9])
    lines = ["Cycle ID,Cap_Chg(mAh),Cap_DChg(mAh)", ",Step ID,Step Name,Capacity(mAh)", ",,Record ID,Time(h:min:s.ms),Voltage(V),Current(mA),Capacity(mAh),Temperature(C)"]
    passed = np.diff(rows[:, 0], prepend=0) * np.abs(rows[:, 3]) / 3600
    for i, row in enumerate(rows):
        if i == 0 or row[2] != rows[i - 1, 2]:
            lines.append(f"{int(row[2])},0,0")
        if i == 0 or row[1] != rows[i - 1, 1]:
            lines.append(f",{int(row[1])},{'Rest' if row[3] == 0 else 'CC_Chg' if row[3] > 0 else 'CC_DChg'},0")
            start, counted = row[0], 0.0
        counted += passed[i]
        t = row[0] - start
        lines.append(f",,{i + 1},{int(t // 3600)}:{int(t % 3600 // 60):02d}:{t % 60:04.1f},{float(row[4])!r},{float(row[3])!r},{float(counted)!r},25.5")
    (tmp_path / "a.csv").write_text("\r\n".join(lines) + "\r\n")
    ours = cyclers.read(tmp_path / "a.csv")
    assert ours.format == "Neware export" and len(ours) == len(rows)
    assert np.allclose(ours["time [s]"], rows[:, 0], atol=0.3) and np.array_equal(ours["cycle []"], rows[:, 2]) and np.array_equal(ours["step []"], rows[:, 1])
    assert np.allclose(ours["current [A]"], rows[:, 3] / 1e3) and np.allclose(ours["temperature [degC]"], 25.5)
    assert ours["file capacity [Ah]"][-1] * 1e3 == pytest.approx((1.0 + 0.9) * (1 / 0.995 - 1))


def test_land_export_with_one_counter(tmp_path):
    """Requirement: an older LAND export: sizes and a counter that starts again with each step, the direction in words."""
    rows = cycled([1.0])
    passed = np.diff(rows[:, 0], prepend=0) * np.abs(rows[:, 3]) / 3600
    first = np.flatnonzero(np.diff(rows[:, 1], prepend=0))
    run = np.cumsum(passed)
    counter = run - np.repeat(np.append(0, run[first[1:] - 1]), np.diff(np.append(first, len(run))))
    kind = np.where(rows[:, 3] > 0, "C_CC", np.where(rows[:, 3] < 0, "D_CC", "R"))
    named = [(i, r[2], r[1], r[0], r[4], abs(r[3]), c, {"C_CC": "Charge CC", "D_CC": "Discharge CC", "R": "Rest"}[k]) for i, (r, c, k) in enumerate(zip(rows, counter, kind))]
    ours = cyclers.read(write(tmp_path / "a.txt", named, header="Record\tCycle-Index\tStep-Index\tTestTime/Sec\tVoltage/V\tCurrent/mA\tCapacity/mAh\tWorkMode", delimiter="\t"))
    assert ours.format == "LANDT export" and np.allclose(ours["current [A]"], rows[:, 3] / 1e3)
    assert ours["file capacity [Ah]"][-1] * 1e3 == pytest.approx(1 / 0.995 - 1)


MPT_TEXT = """EC-Lab ASCII FILE
Nb header lines : 6

Galvanostatic Cycling with Potential Limitation
Is\t0,500\t-0,500
{names}
"""


@pytest.mark.parametrize("header", [True, False])
def test_biologic_text_with_decimal_commas(header, tmp_path):
    """Requirement: an .mpt with decimal commas, with its header and without; dq is the surest of its counters."""
    rows = cycled([1.0, 0.9])
    passed = np.diff(rows[:, 0], prepend=0) * rows[:, 3] / 3600  # mAh
    names = "mode\tox/red\tNs\ttime/s\tEcell/V\t<I>/mA\tdq/mA.h\tQ charge/discharge/mA.h\thalf cycle\tcycle number\tTemperature/°C"
    half = np.cumsum(np.append(0, np.diff(np.sign(rows[:, 3])) != 0))
    lines = [f"1\t1\t{int(r[1])}\t{r[0]:.6E}\t{r[4]:.7E}\t{r[3]:.7E}\t{q:.15E}\t0\t{h}\t{int(r[2]) - 1}\t24.0".replace(".", ",") for r, q, h in zip(rows, passed, half)]
    text = (MPT_TEXT.format(names=names) if header else names + "\n") + "\n".join(lines) + "\n"
    (tmp_path / "a.mpt").write_bytes(text.encode("latin-1"))
    ours = cyclers.read(tmp_path / "a.mpt")
    assert ours.format == "BioLogic .mpt" and len(ours) == len(rows)
    assert np.allclose(ours["current [A]"], rows[:, 3] / 1e3) and np.allclose(ours["voltage [V]"], rows[:, 4], atol=1e-7)
    assert np.allclose(ours["file capacity [Ah]"], np.cumsum(passed) / 1e3) and set(ours["cycle []"]) == {1, 2}


def test_unsigned_current_takes_the_direction_of_its_step(tmp_path):
    """Requirement: charge is positive, also where a file writes sizes only."""
    rows = cycled([1.0])
    kind = np.where(rows[:, 3] > 0, "CC_Chg", np.where(rows[:, 3] < 0, "CC_DChg", "Rest"))
    named = [(*row[:3], abs(row[3]), row[4], what) for row, what in zip(rows, kind)]
    ours = cyclers.read(write(tmp_path / "a.csv", named, header=HEADER + ",step type"))
    assert np.allclose(ours["current [A]"], rows[:, 3] / 1e3)
    assert "from the direction of the step" in ours.choices["sign of the current"]


@pytest.mark.parametrize("sizes_only", [False, True])
def test_counters_tell_the_sign(sizes_only, tmp_path):
    """Requirement: a file that counts discharge positive is turned round; its counters say so."""
    rows = cycled([1.0])
    passed = np.diff(rows[:, 0], prepend=0) * rows[:, 3] / 3600
    charge, discharge = np.cumsum(np.maximum(passed, 0)), np.cumsum(np.maximum(-passed, 0))
    current = np.abs(rows[:, 3]) if sizes_only else -rows[:, 3]
    ours = cyclers.read(write(tmp_path / "a.csv", np.column_stack([rows[:, :3], current, rows[:, 4], charge, discharge]), header=HEADER + ",charge capacity [mAh],discharge capacity [mAh]"))
    assert np.allclose(ours["current [A]"], rows[:, 3] / 1e3)
    assert ours["file capacity [Ah]"][-1] * 1e3 == pytest.approx(charge[-1] - discharge[-1])


@pytest.mark.parametrize("again", ["never", "step", "cycle"])
def test_counters_that_start_again(again):
    """Requirement: the same net charge, whether counters run on or start again with each step or cycle."""
    rows = cycled([1.0, 0.9, 0.8])
    passed = np.diff(rows[:, 0], prepend=0) * rows[:, 3] / 3.6e6
    counters = []
    for sign in (1, -1):
        run = np.cumsum(np.maximum(sign * passed, 0))
        if again != "never":
            first = np.diff(rows[:, 1 if again == "step" else 2], prepend=-1) != 0
            start = np.flatnonzero(first)
            run = run - np.repeat(np.append(0, run[start[1:] - 1]), np.diff(np.append(start, len(run))))
        counters.append(run)
    ours = normalise(Raw("a", "test", rows[:, 4], time=rows[:, 0], current=rows[:, 3] / 1e3, step=rows[:, 1], cycle=rows[:, 2], charge=counters[0], discharge=counters[1]))
    assert np.allclose(ours["file capacity [Ah]"], np.cumsum(passed), atol=1e-12)


def test_sparse_counters_that_start_again():
    """Requirement: a counter that starts again is known as such though its first record is more than half of its last."""
    step = np.repeat([1.0, 2, 3, 4, 5], 2)
    charge = np.tile([0.6, 1.0], 5)
    time = np.cumsum(np.tile([600.0, 400.0], 5))
    ours = normalise(Raw("a", "test", np.full(10, 3.0), time=time, current=np.full(10, 3.6), step=step, charge=charge, discharge=np.zeros(10)))
    assert ours["file capacity [Ah]"] == pytest.approx(np.cumsum(np.tile([0.6, 0.4], 5)))


def test_no_current_is_taken_to_flow_over_a_pause(tmp_path):
    """Requirement: the step before goes on until the next begins, but not while the cycler was stopped."""
    rows = [(0.0, 1, 1, 2.0, 3.0, 0.0), (10.0, 1, 1, 2.0, 3.0, 10.0), (20.0, 1, 1, 2.0, 3.0, 20.0)]
    for gap, flows in ((10.0, 10.0), (3600.0, 0.0)):
        later = (20.0 + gap, 2, 1, -2.0, 3.0, 0.0)
        ours = cyclers.read(write(tmp_path / "a.csv", [*rows, later], header=HEADER + ",step time [s]"))
        assert ours["integrated capacity [Ah]"][-1] * 1e3 == pytest.approx(2.0 * (20 + flows) / 3600), gap


def test_what_was_counted_before_a_part_of_a_test_is_not_its_own():
    rows = cycled([1.0, 0.9])[100:]
    passed = np.diff(rows[:, 0], prepend=rows[0, 0]) * rows[:, 3] / 3.6e6
    ours = normalise(Raw("a", "test", rows[:, 4], time=rows[:, 0], current=rows[:, 3] / 1e3, step=rows[:, 1], cycle=rows[:, 2], passed=0.42 + np.cumsum(passed)))
    assert ours["file capacity [Ah]"][0] == 0 and np.allclose(ours["file capacity [Ah]"], np.cumsum(passed))


def test_cycles_are_counted_where_the_file_has_none(tmp_path):
    rows = cycled([1.0, 0.9, 0.8], order=("discharge", "charge"))
    ours = cyclers.read(write(tmp_path / "a.csv", np.delete(rows, 2, axis=1), header="time [s],step,current [mA],voltage [V]"))
    assert np.array_equal(ours["cycle []"], rows[:, 2]) and ours.choices["cycles"] == "counted: a cycle begins with each discharge"


def test_a_clock_that_is_set_back_goes_on(tmp_path):
    rows = cycled([1.0, 0.9])
    late = rows[:, 2] == 2
    whole = cyclers.read(write(tmp_path / "a.csv", rows))
    rows[late, 0] -= rows[late, 0][0]
    ours = cyclers.read(write(tmp_path / "b.csv", rows))
    assert np.all(np.diff(ours["time [s]"]) >= 0) and any("goes back 1 times" in note for note in ours.notes)
    assert ours["integrated capacity [Ah]"][-1] == pytest.approx(whole["integrated capacity [Ah]"][-1], abs=1e-12)


def test_times_of_day_and_times_within_steps(tmp_path):
    """Requirement: "hh:mm:ss" is a time, and the times within steps make up a test."""
    rows = galvanostatic([(1, 2.0, 7200, 3.0, 4.0), (1, -2.0, 90_000, 4.0, 3.0)])
    within = rows[:, 0] - np.concatenate([np.full(np.count_nonzero(rows[:, 1] == step), rows[rows[:, 1] == step, 0][0]) for step in np.unique(rows[:, 1])])
    text = [f"{int(t) // 3600:02d}:{int(t) % 3600 // 60:02d}:{t % 60:06.3f}" for t in within]
    ours = cyclers.read(write(tmp_path / "a.csv", [(clock, *row[1:]) for clock, row in zip(text, rows)], header=HEADER.replace("time [s]", "step time")))
    assert ours["time [s]"][-1] == pytest.approx(7200 + 300 + 90_000 + 300)
    assert ours["integrated capacity [Ah]"][-1] == pytest.approx(2e-3 * (2 - 25))


def test_bdf_with_temperature_and_pressure_comes_back(tmp_path):
    rows = cycled([1.0])
    extra = np.column_stack([rows, 25 + rng().normal(0, 1, len(rows)), 52 + rng().normal(0, 1, len(rows))])
    ours = cyclers.read(write(tmp_path / "a.csv", extra, header=HEADER + ",temperature [degC],pressure [kPa]"))
    assert ours["pressure [Pa]"][0] == pytest.approx(1e3 * extra[0, 6])
    for name in ("b.bdf.csv", "b.bdf.parquet"):
        bdf.write(ours, tmp_path / name)
        assert cyclers.read(tmp_path / name).table.equals(ours.table)


def rng():
    return np.random.default_rng(5)


def test_a_column_map_is_saved_and_used_again(tmp_path, capsys):
    """Requirement: what a file's names don't say is said once."""
    rows = cycled([1.0])
    path = write(tmp_path / "a.csv", np.column_stack([rows[:, :3], -rows[:, 3], rows[:, 4]]), header="A1,Nr,Z,B [x],It's U")
    said = ["--column", "time=A1 [s]", "--column", "current=B [mA]", "--column", "voltage=It's U [V]", "--column", "step=Nr", "--column", "cycle=3", "--discharge-positive"]
    main_ok(["lab", "cycles", str(path), *said, "--save-columns", str(tmp_path / "map.yaml"), "--csv", str(tmp_path / "a1.csv")])
    main_ok(["lab", "cycles", str(path), "--columns", str(tmp_path / "map.yaml"), "--csv", str(tmp_path / "a2.csv")])
    assert (tmp_path / "a1.csv").read_text() == (tmp_path / "a2.csv").read_text()
    ours = cyclers.read(path, generic.load_map(tmp_path / "map.yaml"))
    assert np.allclose(ours["current [A]"], rows[:, 3] / 1e3) and np.array_equal(ours["cycle []"], rows[:, 2])


def main_ok(arguments):
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 0


def test_records_without_numbers_are_left_out_and_told(tmp_path):
    rows = [list(map(str, row)) for row in cycled([1.0])]
    rows[5][4], rows[9][3], rows[20][4] = "", "overload", "1.8e308"
    ours = cyclers.read(write(tmp_path / "a.csv", rows))
    assert len(ours) == len(rows) - 3 and ours.notes == [f"3 of {len(rows)} records lack time, voltage or current and are left out"]


def test_parts_of_a_test_are_one(tmp_path):
    rows = cycled([1.0, 0.9, 0.8])
    whole = cyclers.read(write(tmp_path / "whole.csv", rows))
    cut = int(np.flatnonzero(rows[:, 2] == 3)[0])
    later = rows[cut:].copy()
    later[:, 0] -= later[0, 0]
    later[:, 2] = 1
    parts = join([cyclers.read(write(tmp_path / "a.csv", rows[:cut])), cyclers.read(write(tmp_path / "b.csv", later))])
    assert np.array_equal(parts["cycle []"], whole["cycle []"]) and np.all(np.diff(parts["time [s]"]) >= 0)
    assert parts["integrated capacity [Ah]"][-1] == pytest.approx(whole["integrated capacity [Ah]"][-1], abs=1e-12)


BAD = {
    "an empty file": (b"", "is empty"),
    "only blanks": (b"  \n \n", "is empty"),
    "no table": (b"This is a letter.\nIt has two lines.\n", "no table of numbers"),
    "no voltage": (b"time [s],current [A]\n0,1\n1,1\n2,1\n3,1\n", "no column of voltage"),
    "no current": (b"time [s],voltage [V]\n0,1\n1,1\n2,1\n3,1\n", "no column of current"),
    "no time": (b"voltage [V],current [A]\n0,1\n1,1\n2,1\n3,1\n", "no column of time"),
    "no unit": (b"time [s],voltage [V],current\n0,1,1\n1,1,1\n2,1,1\n", "has no unit"),
    "a wrong unit": (b"time [s],voltage [V],current [kg]\n0,1,1\n1,1,1\n2,1,1\n", "got the unit 'kg'"),
    "two that fit": (b"time [s],voltage [V],voltage [mV],current [A]\n0,1,1,1\n1,1,1,1\n2,1,1,1\n", "may both be the voltage"),
    "a binary": (b"\x00\x01\x02\x03" * 100, "neither a text nor a format"),
    "a foreign archive": (None, "not a whole workbook"),
    "a foreign database": (b"\x00\x01\x00\x00Standard Jet DB\x00" + b"\x00" * 9000, "damaged Access database"),
}


@pytest.mark.parametrize("data, says", BAD.values(), ids=BAD)
def test_bad_input_ends_in_one_line(data, says, tmp_path):
    path = tmp_path / "bad"
    if data is None:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("a.txt", "a")
    else:
        path.write_bytes(data)
    with pytest.raises(LabError) as error:
        cyclers.read(path)
    assert says in str(error.value) and len(str(error.value).splitlines()) == 1 and str(path) in str(error.value)


def test_an_access_database_that_was_cut_off_is_not_taken_for_a_short_test(tmp_path):
    whole = needs(f"cycling/{RES}").read_bytes()
    path = tmp_path / "cut.res"
    path.write_bytes(whole[: len(whole) // 3])
    with pytest.raises(LabError, match=r"cut off: \d+ of its 10261 records"):
        cyclers.read(path)


def test_a_missing_file_and_a_wrong_map():
    with pytest.raises(LabError, match="can't be read"):
        cyclers.read("nowhere.csv")
    with pytest.raises(LabError, match="allowed are time, "):
        ColumnMap({"colour": ("a", "")})
    with pytest.raises(LabError, match="no column 'X'"):
        cyclers.read(DATA / "cycling" / LANDT if (DATA / "cycling" / LANDT).exists() else pytest.skip("no file"), ColumnMap({"voltage": ("X", "")}))


def test_reading_neware_leaves_zlib_as_it_is():
    """Requirement: fastnda's faster zlib stays out of the rest of the process, whose readers know the original's errors."""
    with pytest.raises(LabError):
        neware.read_binary(Path("broken.ndax"), b"no archive", ".ndax")
    assert zlib.decompress.__module__ == zlib.decompressobj.__module__ == "zlib"
