"""Hardness, modulus, tip and frame: real files against the instruments' own results, synthetic contacts of known truth."""

import json
from dataclasses import replace
from functools import cache

import numpy as np
import openpyxl
import pytest
from bench import needs
from rheode.cli import main
from rheode.lab import LabError
from rheode.lab.indentation.batches import mean, outliers
from rheode.lab.indentation.calibration import calibrate
from rheode.lab.indentation.hardness import hardness
from rheode.lab.indentation.oliver_pharr import Constants, Tip, contact_depth, evaluate, fit_unloading
from rheode.lab.indentation.preparing import Wanted, drift_rate, prepare
from rheode.lab.indentation.reading import read, read_all
from rheode.lab.indentation.records import Indent, known, without_drift, without_frame
from rheode.lab.indentation.segments import cycles
from virtual_indenter import Truth, hold, jumps, noisy

XP, CALIBRATION, CYCLES = "nanoindentation/mm_FS_XP.xls", "nanoindentation/mm_FS_Calibration.xls", "nanoindentation/gui_FusedSilica.xlsx"


# --- real files ------------------------------------------------------------------------------------


@cache
def stored(name):
    return read(needs(name))


def test_the_instruments_hardness_and_modulus_come_out_point_by_point():
    """Requirement: hardness and modulus of a CSM file to 1e-4 with the instrument's constants."""
    indents = stored(XP)
    stated = Wanted(tip=(24.6954, 395.7700812, -16.13158277, 133.41, 106.46), beta=1.0, epsilon=0.75, poisson=0.18)
    analysis = hardness(prepare(indents, stated))
    points = analysis.tables["points"]
    assert len(indents) == 9
    for name in ("hardness", "modulus"):
        own, ours = np.asarray(points[f"instrument's {name} [GPa]"]), np.asarray(points[f"{name} [GPa]"])
        both = np.isfinite(own) & (own > 0)
        assert both.sum() > 2400 and ours[both] == pytest.approx(own[both], rel=1e-4)
    assert analysis.values["strain rate (Pdot/P)"].value == pytest.approx(0.2, rel=0.02)  # what the method controls
    assert 1.8 < analysis.values["strain rate (Pdot/P)"].value / analysis.values["strain rate (hdot/h)"].value < 2.0


def test_constants_follow_from_the_instruments_columns():
    """Requirement: without options a file is evaluated as the instrument did it, and the result says so."""
    analysis = hardness(prepare(stored(XP)))
    assert analysis.values["hardness against the instrument's, largest"].value < 1e-6
    assert analysis.values["modulus against the instrument's, largest"].value < 1e-6
    tip = [float(part) for part in analysis.choices["tip"].split(",")]
    assert tip == pytest.approx([24.6954, 395.7701, -16.1316, 133.41, 106.46], rel=1e-3)
    assert (analysis.choices["beta"], analysis.choices["epsilon"], analysis.choices["Poisson's ratio"]) == (1.0, 0.75, 0.18)
    other = hardness(prepare(stored(XP), Wanted(beta=1.034)))
    # beta goes into the reduced modulus; the modulus moves a little more, the indenter's part being fixed
    assert analysis.values["reduced modulus"].value / other.values["reduced modulus"].value == pytest.approx(1.034, rel=1e-6)
    assert 1.034 < analysis.values["modulus"].value / other.values["modulus"].value < 1.038


def test_the_mean_is_over_the_depths_the_instrument_averaged():
    """Its own means take one point more or less at either end."""
    analysis = hardness(prepare(stored(XP)))
    table = analysis.tables["indents"]
    assert table["from [nm]"] == [100.0] * 9 and table["to [nm]"] == [200.0] * 9
    assert table["modulus [GPa]"] == pytest.approx([76.015, 76.259, 77.819, 78.765, 76.93, 75.527, 79.959, 80.023, 78.205], rel=2e-3)
    assert table["hardness [GPa]"] == pytest.approx([9.817, 10.376, 10.085, 10.087, 10.126, 10.142, 10.787, 10.028, 10.447], rel=5e-3)


def test_tip_from_a_reference_material():
    """Requirement: the published prefactors of this file within 0.1 (three terms, E = 72 GPa, diamond 1140 GPa, beta = 1)."""
    analysis = calibrate(prepare(stored(CALIBRATION), Wanted(beta=1.0, indenter_modulus=1140.0)), reference=72.0, terms=3)
    assert [analysis.values[f"C{i}"].value for i in range(3)] == pytest.approx([25.99088, 305.6978, 2050.7011], abs=0.1)
    made = Tip(tuple(analysis.values[f"C{i}"].value for i in range(3)))
    frame = analysis.values["frame compliance still in the data"].value / 1000
    back = hardness(prepare(stored(CALIBRATION), Wanted(tip=made.coefficients, beta=1.0, indenter_modulus=1140.0, frame=frame)), window=(0.5, 1.8))
    assert back.values["modulus"].value == pytest.approx(72.0, rel=0.01)


def test_the_instruments_cycles_and_drift_only_once():
    """Requirement: 160 cycles within 0.3 % (median); depth that was corrected for drift is not corrected again."""
    indents = stored(CYCLES)
    analysis = hardness(prepare(indents))
    table = analysis.tables["cycles"]
    assert len(table["cycle"]) == 160
    for name in ("stiffness", "hardness", "reduced modulus"):
        assert analysis.values[f"{name} against the instrument's, median"].value < 3e-3
    own = np.concatenate([indent.cycles["area"] for indent in indents]) * 1e6
    assert np.median(np.abs(np.array(table["area [nm^2]"]) / own - 1)) < 3e-3
    assert "not applied again" in analysis.choices["thermal drift"]
    forced = prepare(indents, Wanted(drift=0.05e-3))
    assert all(np.array_equal(a.depth, b.depth) for a, b in zip(indents, forced.indents))
    assert np.nanmax(np.abs(table["drift left in the hold [nm/s]"])) < 0.05


def test_indents_with_a_missed_surface_are_left_out_by_name():
    analysis = hardness(prepare(stored(CYCLES)))
    named = [note for note in analysis.notes if "left out" in note]
    assert len(named) == 2 and named[0].startswith("Indent 3 is left out: hardness 1.0") and named[1].startswith("Indent 11")
    kept = hardness(prepare(stored(CYCLES)), keep_outliers=True)
    assert kept.values["hardness scatter"].value > 10 * analysis.values["hardness scatter"].value


@pytest.mark.parametrize("name, share", [(XP, 0.05), (XP, 0.9), (CYCLES, 0.3), (CYCLES, 0.99)])
def test_a_file_cut_short_ends_in_one_line(name, share, tmp_path, capsys):
    """Requirement: corrupt files end in one clear line and exit code 2."""
    data = needs(name).read_bytes()
    path = tmp_path / ("cut" + name[-5:])
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(SystemExit) as stop:
        main(["lab", "indent", str(path)])
    said = capsys.readouterr().err
    assert stop.value.code == 2 and said.count("\n") == 1 and str(path) in said and "export it again" in said


@pytest.mark.parametrize("kind", ["indent", "jump", "hold"])
@pytest.mark.parametrize(
    "text, says",
    [
        ("", "the file is empty"),
        ("time [s],depth [nm]\n1,2\n2,3\n3,4\n", "no column of load"),
        ("time,depth [nm],load [mN]\n1,2,3\n2,3,4\n3,4,5\n", "has no unit"),
        ("time [s],depth [nm],load [mN]\n1,2,\n2,3,\n3,4,1.8e308\n4,5,nan\n", "no indent with time, depth and load"),
    ],
)
def test_a_faulty_table_ends_in_one_line(kind, text, says, tmp_path, capsys):
    path = tmp_path / "faulty.csv"
    path.write_text(text)
    with pytest.raises(SystemExit) as stop:
        main(["lab", kind, str(path)])
    said = capsys.readouterr().err
    assert stop.value.code == 2 and said.count("\n") == 1 and says in said


# --- synthetic contacts ----------------------------------------------------------------------------


def virtual(truth=Truth(n=20.0, s_ref=1.0), number=6, seed=3, **noise):
    rng = np.random.default_rng(seed)
    ideal = jumps(truth, rates=(0.1,), first=2.0)
    made = []
    for i in range(number):
        time, depth, load, stiffness = noisy(rng, *ideal, **noise)
        made.append(Indent(f"{i + 1}", time, depth, load, stiffness=stiffness))
    return truth, made


def test_hardness_and_modulus_of_known_truth():
    truth, indents = virtual(Truth(n=20.0, s_ref=1.0, tip=(24.5, 600.0, 1000.0)))
    analysis = hardness(prepare(indents, Wanted(tip=truth.tip)))
    assert analysis.values["hardness"].value == pytest.approx(truth.hardness(0.1), abs=4 * analysis.values["hardness"].uncertainty)
    assert analysis.values["modulus"].value == pytest.approx(truth.E, rel=0.005)
    blunt = hardness(prepare(indents), window=(0.1, 0.3))  # the tip taken as ideal
    assert blunt.values["hardness"].value > 1.1 * truth.hardness(0.1)
    assert any("ideal Berkovich" in note for note in blunt.notes)


def test_the_mean_is_free_of_sentinels_and_nan():
    """Requirement: 1.8e308 and NaN never reach a mean."""
    _, indents = virtual()
    values = {name: np.asarray(v.value) for name, v in hardness(prepare(indents)).values.items()}
    spoilt = []
    for indent in indents:
        stiffness, depth = indent.stiffness.tolist(), indent.depth.tolist()
        for at in range(5, len(depth), 7):
            stiffness[at] = 1.7976931348623157e308 if at % 2 else float("nan")
            depth[at + 1 if at + 1 < len(depth) else at] = None
        spoilt.append(replace(indent, stiffness=known(stiffness), depth=known(depth)).whole())
    found = hardness(prepare(spoilt)).values
    for name in ("hardness", "modulus", "reduced modulus"):
        assert found[name].value == pytest.approx(values[name], rel=2e-3)
    assert known([1.8e308, None, "x", 2, -1.8e308, True])[3] == 2 and np.isnan(known([1.8e308, None, "x", 2, -1.8e308, True])).sum() == 5
    assert mean([1.0, np.nan, 3.0], "GPa").value == 2.0


def test_unloading_stiffness_of_known_truth():
    """A power-law unloading gives its own slope at its start, within the stated error in most of 100 draws."""
    rng = np.random.default_rng(2)
    stiffness, exponent, peak = 0.15, 1.3, 50.0
    share = np.linspace(1.0, 0.1, 90)
    depth = 0.8 - (1.0 - share ** (1 / exponent)) * exponent * peak / (1000 * stiffness)
    within = []
    for _ in range(100):
        fit = fit_unloading(depth + 2e-4 * rng.standard_normal(90), peak * share * (1 + 2e-4 * rng.standard_normal(90)))
        within.append(abs(fit.stiffness - 1000 * stiffness) < 2 * fit.error)
    assert 85 <= sum(within) <= 100
    assert fit_unloading(depth, peak * share).stiffness == pytest.approx(1000 * stiffness, rel=1e-6)
    assert fit_unloading(depth, peak * share).exponent == pytest.approx(exponent, rel=1e-5)


def test_contact_depth_without_stiffness_is_the_one_with_it():
    truth = Truth(tip=(24.5, 500.0, -100.0))
    h_c = np.linspace(0.05, 3.0, 40)
    load = 1.3 * truth.area(h_c)
    depth, stiffness = truth.seen(h_c, load)
    tip, constants = Tip(truth.tip), Constants()
    assert contact_depth(depth, load, truth.reduced, tip, constants) == pytest.approx(h_c, rel=1e-8)
    found = evaluate(depth, load, stiffness, tip, constants)
    assert found["contact depth"] == pytest.approx(h_c) and found["hardness"] == pytest.approx(np.full(40, 1.3))
    assert found["modulus"] == pytest.approx(np.full(40, truth.E))
    assert np.isnan(contact_depth([-1.0, 0.1], [1.0, -1.0], 80.0, tip, constants)).all()


def test_drift_is_taken_out_once_and_from_the_hold():
    truth = Truth(n=30.0, s_ref=1.0)
    time, depth, load = hold(truth, load=50.0, span=20.0)
    drifting = Indent("1", time, depth + 0.4e-3 * time, load)
    rate, error = drift_rate(drifting)
    assert rate == pytest.approx(0.4e-3, rel=1e-3)
    once = prepare([drifting])
    assert once.indents[0].drift == pytest.approx(0.4e-3, rel=1e-3) and "taken out once" in once.choices["thermal drift"]
    again = prepare(once.indents)
    assert np.array_equal(again.indents[0].depth, once.indents[0].depth) and "not applied again" in again.choices["thermal drift"]
    assert without_drift(once.indents[0], 1.0) is once.indents[0]
    assert np.ptp(once.indents[0].depth - depth) < 1e-4
    assert prepare([drifting], Wanted(drift="none")).indents[0].depth == pytest.approx(drifting.depth)


def test_drift_is_not_the_recovery_that_comes_first():
    time, depth, load = hold(Truth(n=30.0, s_ref=1.0), load=50.0, span=20.0)
    unloaded = time > time[np.argmax(load < 6.0)]
    recovering = depth + 0.3e-3 * time + np.where(unloaded, 0.02 * np.exp(-(time - time[unloaded][0]) / 2.0), 0.0)
    rate, _ = drift_rate(Indent("1", time, recovering, load))
    assert rate == pytest.approx(0.3e-3, rel=0.05)


def test_frame_and_tip_are_found_in_a_reference_material():
    """Indents in a material of known modulus, seen through a compliant frame by a blunt tip."""
    rng = np.random.default_rng(5)
    truth = Truth(n=50.0, s_ref=3.0, E=72.0, nu=0.18, tip=(24.5, 300.0, 500.0))
    frame = 2e-4  # um/mN
    indents = []
    for i in range(8):
        time, depth, load, stiffness = noisy(rng, *jumps(truth, rates=(0.05,), first=2.0, dt=0.1), stiffness_noise=0.01)
        indents.append(without_frame(Indent(f"{i}", time, depth, load, stiffness=stiffness), -frame))
    analysis = calibrate(prepare(indents, Wanted(poisson=0.18)), terms=3)
    found = analysis.values["frame compliance still in the data"]
    assert abs(found.value / 1000 - frame) < 4 * found.uncertainty / 1000 + 0.1 * frame
    made = Tip(tuple(analysis.values[f"C{i}"].value for i in range(3)))
    deep = np.linspace(0.3, 1.7, 9)
    assert made.area(deep) == pytest.approx(truth.area(deep), rel=0.01)


def test_one_load_tells_no_frame():
    time, depth, load = hold(Truth(n=30.0, s_ref=1.0), load=50.0, span=10.0)
    with pytest.raises(LabError, match="one load|too few"):
        calibrate(prepare([Indent(f"{i}", time, depth, load) for i in range(5)]))


def test_cycles_of_loading_holding_and_unloading():
    time = np.arange(0.0, 60.0, 0.1)
    load = np.interp(time, [0, 10, 15, 20, 30, 40, 50, 55], [0, 10, 10, 4, 20, 20, 2, 2])
    depth = np.interp(time, [0, 10, 15, 20, 30, 40, 50, 55], [0, 1, 1.02, 0.9, 1.5, 1.55, 1.2, 1.2])
    rng = np.random.default_rng(1)
    found = cycles(time, load * (1 + 3e-4 * rng.standard_normal(len(time))), depth)
    assert [(round(time[c.loaded], 0), round(time[c.held], 0)) for c in found] == [(10, 15), (30, 40)]
    # a load that falls while the depth grows is a jump of the strain rate, no unloading
    falling = np.interp(time, [0, 30, 31, 60], [0, 20, 10, 30])
    assert len(cycles(time, falling, time)) == 1


def test_outliers_are_named_with_the_reason():
    rng = np.random.default_rng(4)
    good = 1.0 + 0.01 * rng.standard_normal(9)
    reasons = outliers({"hardness [GPa]": np.append(good, 2.0), "modulus [GPa]": np.append(np.append(20 * good[:8], np.nan), 20.0)})
    assert reasons[:8] == [""] * 8 and reasons[8] == "no modulus"
    assert reasons[9].startswith("hardness 2 GPa is") and "from the median" in reasons[9]
    assert outliers({"hardness [GPa]": [1.0, 1.0, 9.0]}) == ["", "", ""]  # three have no majority
    faultless = sum(any(outliers({"H [GPa]": np.random.default_rng(seed).normal(1, 0.05, 10)})) for seed in range(200))
    assert faultless < 12


# --- formats ---------------------------------------------------------------------------------------


def test_text_tables_in_their_dialects(tmp_path):
    _, indents = virtual(number=2)
    one = indents[0]
    plain, german = tmp_path / "plain.csv", tmp_path / "german.txt"
    plain.write_text("test,Time On Sample [s],Displacement Into Surface [um],Load On Sample [uN],Harmonic Contact Stiffness [N/m]\n" + "".join(
        f"{k},{t},{h},{1e3 * P},{1e3 * S}\n" for k, each in (("a", one), ("b", indents[1])) for t, h, P, S in zip(each.time, each.depth, each.load, each.stiffness)))  # fmt: skip
    german.write_text("Zeit (s);Tiefe (nm);Kraft (mN)\n" + "".join(f"{t};{1e3 * h};{P}\n".replace(".", ",") for t, h, P in zip(one.time, one.depth, one.load)))
    first, second = read(plain)
    assert (first.name, second.name) == ("a", "b")
    assert first.depth == pytest.approx(one.depth) and first.load == pytest.approx(one.load) and first.stiffness == pytest.approx(one.stiffness)
    with pytest.raises(LabError, match="no column of"):
        read(german)
    (only,) = read(german, ["time=Zeit", "depth=Tiefe", "load=3"])
    assert only.depth == pytest.approx(one.depth) and only.stiffness is None
    assert [indent.name for indent in read_all([plain, plain])] == ["plain:a", "plain:b", "plain:a", "plain:b"]


def test_a_workbook_in_the_instruments_form(tmp_path):
    _, indents = virtual(number=1)
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Test 2"
    sheet.append(["Segment", "Displacement Into Surface", "Load On Sample", "Time On Sample", "Harmonic Contact Stiffness", "Hardness"])
    sheet.append(["", "nm", "mN", "s", "N/m", "GPa"])
    for t, h, P, S in zip(indents[0].time, indents[0].depth, indents[0].load, indents[0].stiffness):
        sheet.append(["", 1e3 * h, P, t, 1e3 * S, 1.7976931348623157e308])
    inputs = book.create_sheet("Required Inputs")
    inputs.append(["Test", "Poissons Ratio"])
    inputs.append(["", ""])
    inputs.append([2, 0.31])
    book.save(tmp_path / "one.xlsx")
    (found,) = read(tmp_path / "one.xlsx")
    assert found.name == "2" and found.poisson == 0.31 and found.drift is None
    assert found.stiffness == pytest.approx(indents[0].stiffness) and np.isnan(found.columns["hardness"]).all()
    sheet["C2"] = "furlong"
    book.save(tmp_path / "two.xlsx")
    with pytest.raises(LabError, match="column 'Load On Sample' has the unit 'furlong'"):
        read(tmp_path / "two.xlsx")


def test_the_command_writes_table_values_and_material(tmp_path, capsys):
    _, indents = virtual()
    source = tmp_path / "indents.csv"
    source.write_text("test,time [s],depth [nm],load [mN],stiffness [N/m]\n" + "".join(
        f"{each.name},{t},{1e3 * h},{P},{1e3 * S}\n" for each in indents for t, h, P, S in zip(each.time, each.depth, each.load, each.stiffness)))  # fmt: skip
    out = {flag: tmp_path / name for flag, name in (("--json", "out.json"), ("--csv", "out.csv"), ("--figure", "out.png"), ("--material", "mine.yaml"))}
    main_exit = [text for flag, path in out.items() for text in (flag, str(path))]
    with pytest.raises(SystemExit) as stop:
        main(["lab", "indent", str(source), "--tip", "24.5", "--poisson", "0.3", "--depth", "500 nm..1900 nm", *main_exit])
    assert stop.value.code in (0, None)
    record = json.loads(out["--json"].read_text())
    assert record["hardness"]["unit"] == "GPa" and record["hardness"]["uncertainty"] > 0
    assert record["choices"]["beta"] == 1.034 and record["choices"]["Poisson's ratio"] == 0.3 and record["choices"]["averaged over depths"] == "from 500 to 1900 nm"
    assert out["--csv"].read_text().startswith("indent,points,from [nm]") and out["--figure"].with_suffix(".pdf").stat().st_size > 5000
    from rheode import materials

    mine = materials.load(out["--material"])
    assert mine.value("young_modulus") == pytest.approx(record["modulus"]["value"], rel=1e-3) and not mine.creeps
    assert "young_modulus" in capsys.readouterr().out


@pytest.mark.parametrize(
    "options, says",
    [
        (["--beta", "2"], "--beta: got 2"),
        (["--poisson", "0.6"], "--poisson: got 0.6"),
        (["--tip", "a,b"], "--tip: got 'a,b'"),
        (["--tip", "1,2,3,4,5,6,7,8,9,10"], "--tip: got 10 numbers"),
        (["--unloading", "0.5,0.9"], "--unloading: got 0.5, 0.9"),
        (["--depth", "9 nm..2 nm"], "--depth: got '9 nm..2 nm'"),
        (["--load-at", "noon"], "--load-at: got 'noon'; one of"),
        (["--drift", "3"], "--drift: got '3'"),
        (["--end", "unlithiated"], "--end: needs --extends"),
        (["--extends", "unobtainium"], "--extends: got 'unobtainium'"),
        (["--calibrate", "--terms", "12"], "--terms: got 12"),
        (["--json", "/nowhere/at/all.json"], "the folder /nowhere/at does not exist"),
    ],
)
def test_faulty_options_end_in_one_line(options, says, tmp_path, capsys):
    _, indents = virtual(number=1)
    source = tmp_path / "one.csv"
    source.write_text("time [s],depth [um],load [mN],stiffness [mN/um]\n" + "".join(
        f"{t},{h},{P},{S}\n" for t, h, P, S in zip(indents[0].time, indents[0].depth, indents[0].load, indents[0].stiffness)))  # fmt: skip
    with pytest.raises(SystemExit) as stop:
        main(["lab", "indent", str(source), *options])
    said = capsys.readouterr().err
    assert stop.value.code == 2 and said.count("\n") == 1 and says in said, said


def test_the_material_says_how_many_indents_count(tmp_path, capsys):
    """Requirement: an indent that is left out stands in no condition of a material."""
    path = tmp_path / "silica.yaml"
    with pytest.raises(SystemExit) as stop:
        main(["lab", "indent", str(needs("nanoindentation/gui_FusedSilica.xlsx")), "--material", str(path)])
    assert not stop.value.code
    assert "Indent 3 is left out" in capsys.readouterr().out
    assert "indentation, 14 indents" in path.read_text()


def test_depths_that_no_indent_reaches_are_told():
    with pytest.raises(LabError, match="no indent was evaluated between 9000 and 9500 nm; the deepest reaches"):
        hardness(prepare(virtual()[1]), window=(9.0, 9.5))
