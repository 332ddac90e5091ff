"""From indents to a creep law: strain-rate jumps and holds of known truth, the intervals, the material file."""

import json

import numpy as np
import pytest
from rheode import materials
from rheode.cli import main
from rheode.lab import LabError
from rheode.lab.indentation.hold import hold, recovery
from rheode.lab.indentation.jump import jump, parts
from rheode.lab.indentation.law import POISL, Assumptions, law_of, reference_stress, variants
from rheode.lab.indentation.preparing import Wanted, prepare
from rheode.lab.indentation.records import Indent
from rheode.lab.indentation.sensitivity import Estimate, Sensitivity, fit, gathered
from rheode.study import Study
from virtual_indenter import RATES, Truth, jumps, noisy
from virtual_indenter import hold as held


def creeping(m, E=18.0, hardness=1.2, tabor=3.0):
    """A truth whose hardness at 0.05 1/s [GPa] is given."""
    return Truth(n=1 / m, s_ref=hardness / tabor * (1e3 / 0.05) ** m, E=E, tabor=tabor)


def batch(rng, ideal, number, **noise):
    made = [noisy(rng, *ideal, **noise) for _ in range(number)]
    return prepare([Indent(f"{i + 1}", time, depth, load, stiffness=stiffness) for i, (time, depth, load, stiffness) in enumerate(made)])


# --- strain-rate jumps -----------------------------------------------------------------------------


@pytest.mark.parametrize("control", ["hdot/h", "Pdot/P"])
@pytest.mark.parametrize("m", [0.01, 0.03, 0.1, 0.2, 0.3])
def test_sensitivity_within_three_percent(m, control):
    """Requirement: m within 3 % for m = 0.01 to 0.3, with noise of 1 nm, 0.1 % of the load and 1 % of the stiffness."""
    rng = np.random.default_rng(int(1000 * m))
    analysis = jump(batch(rng, jumps(creeping(m), control=control), 10))
    found = analysis.values["strain-rate sensitivity m"]
    assert found.value == pytest.approx(m, rel=0.03)
    assert analysis.tables["parts"]["part"] == [1, 2, 3, 4, 5] * 10
    assert analysis.values["modulus"].value == pytest.approx(18.0, rel=0.005)


@pytest.mark.parametrize("m, control, E, number", [(1 / 7, "Pdot/P", 18.0, 5), (1 / 4.9, "hdot/h", 12.7, 4)])
def test_the_law_is_covered_at_the_stated_rate(m, control, E, number):
    """Requirement: n and s_ref inside their 95 % intervals in 88 to 100 of 100 draws; with the Tabor factor held s_ref too."""
    rng = np.random.default_rng(20)
    truth = creeping(m, E)
    ideal = jumps(truth, control=control, dt=0.4)
    inside = {"stress exponent n": 0, "reference stress s_ref": 0, "s_ref, Tabor factor held": 0}
    for _ in range(100):
        values = jump(batch(rng, ideal, number)).values
        for name, true in (("stress exponent n", truth.n), ("reference stress s_ref", truth.s_ref), ("s_ref, Tabor factor held", truth.s_ref)):
            low, high = values[name].interval
            inside[name] += low < true < high
    assert all(88 <= hits <= 100 for hits in inside.values()), inside


def test_jumps_are_found_where_they_are():
    truth = creeping(0.15)
    time, depth, load, stiffness = jumps(truth, control="Pdot/P", first=1.5, step=0.25, dt=0.1)
    found = parts(time, depth, load)
    assert [depth[part.end - 1] for part in found] == pytest.approx([1.5, 1.75, 2.0, 2.25, 2.5], abs=0.02)
    rng = np.random.default_rng(0)
    steady = jumps(truth, rates=(0.1,), control="Pdot/P")
    for _ in range(20):
        assert len(parts(*noisy(rng, *steady)[:3])) == 1
    twice = jumps(truth, rates=(0.1, 0.05, 0.1), control="Pdot/P")
    assert len(parts(*noisy(rng, *twice)[:3])) == 3 and len(parts(*noisy(rng, *twice)[:3], smallest=3.0)) == 1


def test_the_two_conventions_differ_by_two():
    """Requirement: the convention of the strain rate is part of the result, and the law does not depend on it."""
    rng = np.random.default_rng(3)
    prepared = batch(rng, jumps(creeping(0.05)), 6)
    ours, theirs = jump(prepared), jump(prepared, Assumptions(convention="Pdot/P"))
    table = ours.tables["parts"]
    assert np.array(table["Pdot/P [1/s]"]) / np.array(table["hdot/h [1/s]"]) == pytest.approx(np.full(30, 2.0), rel=0.1)
    assert np.median(table["hdot/h [1/s]"]) == pytest.approx(np.median(sorted(RATES)), rel=0.02)
    assert ours.choices["strain rate convention"].startswith("hdot/h") and theirs.choices["strain rate convention"].startswith("Pdot/P")
    for name in ("stress exponent n", "reference stress s_ref"):
        assert theirs.values[name].value == pytest.approx(ours.values[name].value, rel=0.02)
    assert "strain rate of that hardness (hdot/h)" in ours.values and "strain rate of that hardness (Pdot/P)" in theirs.values


def test_conventions_part_where_the_hardness_still_follows():
    """Under load control and large m Pdot/P is not the strain rate; hdot/h is, and the note says so."""
    rng = np.random.default_rng(4)
    prepared = batch(rng, jumps(creeping(0.25), control="Pdot/P"), 6)
    right, wrong = jump(prepared), jump(prepared, Assumptions(convention="Pdot/P"))
    assert right.values["strain-rate sensitivity m"].value == pytest.approx(0.25, rel=0.02)
    assert wrong.values["strain-rate sensitivity m"].value < 0.22
    assert any("away from twice hdot/h" in note for note in right.notes)


def test_jumps_without_an_oscillation():
    """With the modulus of the unloading instead of a measured stiffness."""
    truth = creeping(0.12)
    rng = np.random.default_rng(6)
    indents = []
    for i in range(5):
        time, depth, load, stiffness = noisy(rng, *jumps(truth, control="Pdot/P"))
        share = np.linspace(1.0, 0.1, 60)
        back = depth[-1] - (1.0 - share ** (1 / 1.25)) * 1.25 * load[-1] / stiffness[-1]
        indents.append(Indent(f"{i}", np.append(time, time[-1] + 0.2 * np.arange(1, 61)), np.append(depth, back), np.append(load, load[-1] * share)))
    analysis = jump(prepare(indents))
    assert analysis.values["strain-rate sensitivity m"].value == pytest.approx(0.12, rel=0.02)
    assert analysis.values["reference stress s_ref"].value == pytest.approx(truth.s_ref, rel=0.05)


def test_no_creep_law_without_sensitivity_or_jumps():
    rng = np.random.default_rng(7)
    with pytest.raises(LabError, match="6 parts of constant rate in 6 indents: m needs three parts"):
        jump(batch(rng, jumps(creeping(0.1), rates=(0.1,)), 6))
    flat = jump(batch(rng, jumps(creeping(0.0002)), 2))
    assert "stress exponent n" not in flat.values and flat.curves["law"] is None
    assert any("no creep law in these data" in note for note in flat.notes)


def test_an_indent_apart_is_left_out_by_name():
    rng = np.random.default_rng(8)
    prepared = batch(rng, jumps(creeping(0.1)), 7)
    spoilt = prepared.indents[3]
    prepared.indents[3] = Indent(spoilt.name, spoilt.time, spoilt.depth + 1.0, spoilt.load, stiffness=spoilt.stiffness)
    prepared.indents[5] = Indent("6", spoilt.time, spoilt.depth, -spoilt.load, stiffness=spoilt.stiffness)
    analysis = jump(prepared)
    assert analysis.values["strain-rate sensitivity m"].value == pytest.approx(0.1, rel=0.02)
    assert any(note.startswith("Indent 4 is left out: mean hardness") for note in analysis.notes)
    assert "Indent 6 is left out: its load never rises." in analysis.notes


# --- holds -----------------------------------------------------------------------------------------


def holding(seed, truth, number, load=100.0, span=100.0, drift=0.0, dt=0.4):
    rng = np.random.default_rng(seed)
    made = []
    for i in range(number):
        place = Truth(**(vars(truth) | {"s_ref": truth.s_ref * np.exp(0.02 * rng.standard_normal())}))
        time, depth, force = held(place, load, span=span, dt=dt)
        made.append(Indent(f"{i + 1}", time, depth + 5e-4 * rng.standard_normal(len(time)) + drift * rng.standard_normal() * time, force * (1 + 3e-4 * rng.standard_normal(len(time)))))
    return made


@pytest.mark.parametrize("m, load, span", [(1 / 3, 50.0, 100.0), (1 / 7, 100.0, 100.0), (1 / 7, 200.0, 30.0), (1 / 30, 100.0, 100.0)])
def test_creep_exponent_from_holds(m, load, span):
    truth = creeping(m)
    analysis = hold(prepare(holding(1, truth, 6, load, span, drift=5e-5)))
    assert analysis.values["strain-rate sensitivity m"].value == pytest.approx(m, rel=0.03)
    low, high = analysis.values["reference stress s_ref"].interval
    assert low < truth.s_ref < high
    assert max(analysis.tables["holds"]["scatter over noise"]) < 1.5
    # the rates of short pieces lie on the line that was fitted to the depth alone
    rate, hardness = np.array(analysis.tables["creep rate"]["hdot/h [1/s]"]), np.array(analysis.tables["creep rate"]["hardness [GPa]"])
    steady = rate > 3e-4
    expected = np.array([np.exp(analysis.curves["line"].at(r).value) for r in rate[steady]])
    assert np.median(np.abs(hardness[steady] / expected - 1.0)) < 0.03


def test_the_law_from_holds_is_covered_at_the_stated_rate():
    """Requirement: n and s_ref inside their 95 % intervals in 88 to 100 of 100 draws, the drift of each indent taken out."""
    rng = np.random.default_rng(30)
    truth = creeping(1 / 7)
    places = [truth.s_ref * np.exp(0.02 * step) for step in np.linspace(-1.7, 1.7, 18)]
    curves = [held(Truth(**(vars(truth) | {"s_ref": s_ref})), 100.0, span=60.0, dt=0.5, rest=40.0) for s_ref in places]
    inside = {"stress exponent n": 0, "reference stress s_ref": 0}
    for _ in range(100):
        indents = []
        for i, at in enumerate(rng.integers(0, len(curves), 3)):
            time, depth, force = curves[at]
            depth = depth + 5e-4 * rng.standard_normal(len(time)) + 5e-5 * rng.standard_normal() * time
            indents.append(Indent(f"{i}", time, depth, force * (1 + 3e-4 * rng.standard_normal(len(time)))))
        values = hold(prepare(indents)).values
        for name, true in (("stress exponent n", truth.n), ("reference stress s_ref", truth.s_ref)):
            low, high = values[name].interval
            inside[name] += low < true < high
    assert all(88 <= hits <= 100 for hits in inside.values()), inside


def test_a_bent_creep_curve_is_noticed():
    """Primary creep on top: one exponent does not describe it, and the note says what to do."""
    bent = [Indent(i.name, i.time, i.depth + 0.3 * (1 - np.exp(-i.time / 30.0)), i.load) for i in holding(2, creeping(1 / 7), 5)]
    assert any("not that of one exponent" in note for note in hold(prepare(bent)).notes)


def test_recovery_after_unloading():
    """delta-h1 comes back, delta-h2 stays, their sum is the depth at the end of the hold."""
    prepared = prepare(holding(3, creeping(1 / 7), 3))
    table = recovery(prepared)
    assert np.array(table["delta-h1 [nm]"]) + np.array(table["delta-h2 [nm]"]) == pytest.approx(np.array(table["h2 [nm]"]))
    assert table["hold [s]"] == pytest.approx([100.0] * 3, abs=1.0) and table["load [mN]"] == pytest.approx([100.0] * 3, rel=0.01)
    assert table["loading rate [mN/s]"] == pytest.approx([100.0 / 15.0] * 3, rel=0.05)
    time, depth, load = held(creeping(1 / 7), dt=0.4)
    assert np.array(table["h2 [nm]"]) == pytest.approx(1000 * depth[np.argmax(depth)], rel=0.05)
    assert np.array(table["h3 [nm]"]) == pytest.approx(1000 * depth[-1], rel=0.05)


def test_drift_that_is_left_in_the_depth_is_told():
    truth = creeping(1 / 7)
    indents = [Indent(i.name, i.time, i.depth + 4e-4 * i.time, i.load) for i in holding(5, truth, 5)]
    right, wrong = hold(prepare(indents)), hold(prepare(indents, Wanted(drift="none")))
    assert right.values["strain-rate sensitivity m"].value == pytest.approx(1 / 7, rel=0.02)
    assert wrong.values["strain-rate sensitivity m"].value != pytest.approx(1 / 7, rel=0.05)
    assert any("Thermal drift is not taken out of 5 of 5 holds" in note for note in wrong.notes)


# --- the line and the law --------------------------------------------------------------------------


def test_lines_of_one_slope_and_their_interval():
    """The slope is covered at its rate when points differ in noise and repeat badly, with a level of its own for each indent."""
    rng = np.random.default_rng(9)
    x = np.log(np.array([0.12, 0.04, 0.012, 0.004]))
    own = np.array([0.004, 0.002, 0.001, 0.0005])
    hits = {0.0: 0, 0.003: 0}
    for beyond in hits:
        for _ in range(400):
            y = np.concatenate([0.1 * x + 0.05 * rng.standard_normal() + own * rng.standard_normal(4) + beyond * rng.standard_normal(4) for _ in range(5)])
            line = fit(np.tile(x, 5), y, np.tile(own, 5), np.repeat(np.arange(5), 4))
            low, high = line.m.interval()
            hits[beyond] += low < 0.1 < high
    assert all(0.92 * 400 < count < 0.98 * 400 for count in hits.values()), hits
    with pytest.raises(ValueError):
        fit(np.full(6, -3.0), np.zeros(6), np.ones(6), [1, 1, 1, 2, 2, 2])


def test_one_line_from_several():
    lines = [Sensitivity(Estimate(m, 0.001, 50), Estimate(0.1 * i, 0.01, 50), -3.0) for i, m in enumerate((0.10, 0.11, 0.12, 0.13))]
    line = gathered(lines)
    assert line.m.value == pytest.approx(0.115, rel=1e-3) and line.m.error == pytest.approx(np.std([0.10, 0.11, 0.12, 0.13], ddof=1) / 2, rel=0.02)
    assert gathered(lines[:1]) is lines[0]
    assert line.hardness.value == pytest.approx(0.15) and line.centre == -3.0


def test_the_law_by_hand():
    """H = 3 GPa at hdot/h = 1 1/s and m = 0.2: n = 5, s_ref = 3/3 (1000/1)^0.2; other assumptions shift s_ref alone."""
    line = Sensitivity(Estimate(0.2, 1e-6, 100), Estimate(np.log(3.0), 1e-6, 100), 0.0)
    assert law_of(line, Assumptions()).n.value == pytest.approx(5.0)
    assert np.exp(reference_stress(line, Assumptions()).value) == pytest.approx(1000**0.2)
    assert np.exp(reference_stress(line, Assumptions(tabor=1.0, tabor_range=(1.0, 1.0))).value) == pytest.approx(3 * 1000**0.2)
    assert np.exp(reference_stress(line, Assumptions(factor=POISL)).value) == pytest.approx((1000 / 0.09) ** 0.2)
    assert np.exp(reference_stress(line, Assumptions(creep_rate=1.0)).value) == pytest.approx(1.0)
    assert np.exp(reference_stress(line, Assumptions(convention="Pdot/P")).value) == pytest.approx(2000**0.2)
    # the factor is varied evenly over its range: +- 10 % as a standard deviation of 10 % / sqrt(3)
    spread = law_of(line, Assumptions()).reference.error
    assert spread == pytest.approx(np.log(1.1 / 0.9) / np.sqrt(12), rel=1e-3)
    low, high = law_of(line, Assumptions()).s_ref.interval
    assert high / low == pytest.approx(np.exp(2 * 1.96 * spread), rel=1e-3)
    table = variants(line, Assumptions())
    assert dict(zip(zip(table["hardness over flow stress"], table["equivalent rate per hdot/h"]), table["s_ref [GPa]"]))[1.0, 1.0] == pytest.approx(3 * 1000**0.2)


@pytest.mark.parametrize(
    "changed, says",
    [
        ({"tabor": 9.0}, "--tabor: got 9"),
        ({"tabor_range": (3.5, 4.0)}, "--tabor-range: got 3.5, 4"),
        ({"factor": 0.0}, "--rate-factor: got 0"),
        ({"creep_rate": -1.0}, "--creep-rate: got -1"),
    ],
)
def test_assumptions_out_of_range(changed, says):
    with pytest.raises(LabError) as error:
        Assumptions(**changed).check()
    assert str(error.value).startswith(says)


def test_the_page_says_which_hardness_the_published_law_needs(pytestconfig):
    """The table of docs/indentation.md, computed from Table S6 of Xiong et al. 2024 at the rate of their hardness, 0.05 1/s."""
    page = (pytestconfig.rootpath / "docs" / "indentation.md").read_text(encoding="utf-8")
    selenium = materials.load("selenium")
    for name, end in (("Se", "unlithiated"), ("Li2Se", "lithiated")):
        n, s_ref, A, E = (selenium.value(each, end) for each in ("stress_exponent", "reference_stress", "creep_rate", "young_modulus"))
        elastic = E / (1 - 0.25**2) / 2 / np.tan(np.radians(70.3))
        for reading, rate in (("rate ḣ/h", 0.05), ("rate Ṗ/P (ḣ/h = 0.025 1/s)", 0.025), ("0.09 ḣ/h", 0.09 * 0.05)):
            flow = s_ref * (rate / A) ** (1 / n)
            cells = [f"{factor * flow:.2f} GPa" for factor in (1, 2, 3)] + [f"{elastic:.2f} GPa"]
            assert f"| {name}, {reading} | {' | '.join(cells)} |" in page


# --- the material file -----------------------------------------------------------------------------


def table_of(indents, path):
    path.write_text("test,time [s],depth [nm],load [mN],stiffness [N/m]\n" + "".join(
        f"{each.name},{t:.2f},{1e3 * h:.3f},{P:.5f},{1e3 * S:.2f}\n" for each in indents for t, h, P, S in zip(each.time, each.depth, each.load, each.stiffness)))  # fmt: skip
    return path


def test_a_jump_file_becomes_a_material_that_a_study_takes(tmp_path, capsys):
    """Requirement: the law in the library's form, with uncertainty, and a study accepts it."""
    rng = np.random.default_rng(12)
    truth = creeping(1 / 7)
    source = table_of(batch(rng, jumps(truth, control="Pdot/P"), 6).indents, tmp_path / "se.csv")
    mine, values = tmp_path / "mine.yaml", tmp_path / "values.json"
    main_arguments = ["lab", "jump", str(source), "--tip", "24.5", "--extends", "selenium", "--end", "unlithiated", "--material", str(mine), "--json", str(values), "--figure", str(tmp_path / "jump")]
    with pytest.raises(SystemExit) as stop:
        main(main_arguments)
    assert stop.value.code in (0, None)
    printed, record = capsys.readouterr().out, json.loads(values.read_text())
    assert mine.read_text() in printed
    made = materials.load(mine)
    exponent, stress = made.known("stress_exponent", "unlithiated"), made.known("reference_stress", "unlithiated")
    assert exponent.value == pytest.approx(7.0, rel=0.03) and exponent.uncertainty < 0.2 and "95 % interval" in exponent.conditions
    assert stress.value == pytest.approx(truth.s_ref, rel=0.15) and stress.uncertainty == pytest.approx(0.5 * np.diff(record["reference stress s_ref"]["interval"])[0], rel=0.05)
    assert "se.csv" in stress.source and "hardness / flow stress 3 (2.7 to 3.3)" in stress.conditions
    assert made.known("stress_exponent", "lithiated").value == 4.9 and made.dV == 0.98
    (tmp_path / "study.yaml").write_text(
        "temperature: 25 degC\nphases: {se: {material: ./mine.yaml, role: active, fraction: 0.4}}\n"
        "microstructure: {kind: packing}\nwalls: {kind: rigid}\ncycling: {rate: 1 C, cycles: 1}\n"
    )
    at = Study.load(tmp_path / "study.yaml").materials()["se"].at(np.array([0.0, 1.0]), 298.15)
    assert at["n"] == pytest.approx([exponent.value, 4.9]) and at["s_ref"][0] == pytest.approx(stress.value)
    assert (tmp_path / "jump.pdf").stat().st_size > 5000


def test_a_hold_file_becomes_a_material(tmp_path, capsys):
    source, mine = tmp_path / "hold.csv", tmp_path / "mine.yaml"
    source.write_text("test,time [s],depth [nm],load [mN]\n" + "".join(
        f"{each.name},{t:.2f},{1e3 * h:.3f},{P:.5f}\n" for each in holding(6, creeping(1 / 7), 4) for t, h, P in zip(each.time, each.depth, each.load)))  # fmt: skip
    with pytest.raises(SystemExit) as stop:
        main(["lab", "hold", str(source), "--tip", "24.5", "--tabor", "2.8", "--material", str(mine), "--figure", str(tmp_path / "hold")])
    assert stop.value.code in (0, None)
    made = materials.load(mine)
    assert made.value("stress_exponent") == pytest.approx(7.0, rel=0.03) and made.value("young_modulus") == pytest.approx(18.0, rel=0.02)
    assert made.value("reference_stress") == pytest.approx(creeping(1 / 7).s_ref * 3.0 / 2.8, rel=0.1)
    assert "2.8 (2.52 to 3.08)" in made.known("reference_stress").conditions


def test_an_exponent_that_no_law_takes_is_refused(tmp_path, capsys):
    rng = np.random.default_rng(13)
    source = table_of(batch(rng, jumps(creeping(0.008)), 8).indents, tmp_path / "hard.csv")
    with pytest.raises(SystemExit) as stop:
        main(["lab", "jump", str(source), "--material", str(tmp_path / "mine.yaml")])
    assert stop.value.code == 2 and "is outside 1 to 100" in capsys.readouterr().err
    with pytest.raises(SystemExit) as stop:
        main(["lab", "jump", str(source)])
    assert stop.value.code in (0, None) and "note: No material" in capsys.readouterr().out
