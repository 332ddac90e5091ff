"""Screening: homologous temperatures, capacities and the audit of Table S2 of Xiong et al. 2024."""

import csv

import pytest

from rheode import cli, materials
from rheode.electrode import screening
from rheode.reading import StudyError

@pytest.fixture
def call(tmp_path, monkeypatch, capsys):
    """Call the command line in an empty folder: (exit code, lines of stdout, lines of stderr)."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        with pytest.raises(SystemExit) as end:
            cli.main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return end.value.code or 0, out.splitlines(), err.splitlines()

    return call


# Table S1 of the SI as printed: material, T/Tm at 298 K and at 343 K.
TABLE_S1 = [
    ("LCO", "0.22", "0.25"), ("NCM111", "0.22", "0.25"), ("LMO", "0.23", "0.27"), ("LFPO", "0.23", "0.27"), ("S", "0.77", "0.89"),
    ("Se", "0.60", "0.69"), ("Si", "0.18", "0.20"), ("Sn", "0.59", "0.68"), ("Ga", "0.98", "1.13"), ("Ge", "0.25", "0.28"),
    ("Te", "0.41", "0.47"), ("Sb", "0.33", "0.38"), ("In", "0.69", "0.80"),
]  # fmt: skip


@pytest.mark.parametrize("name, cold, warm", TABLE_S1)
def test_homologous_temperatures_of_table_s1_to_the_printed_digit(name, cold, warm):
    for temperature, printed in ((298.0, cold), (343.0, warm)):
        (row,) = screening.screen([name], temperature)
        assert f"{row.homologous:.2f}" == printed


def test_two_homologous_temperatures_of_the_main_texts():
    """FeS 0.23 at 343 K (Xiong et al. 2024), lithium 0.66 at room temperature (Sung et al.)."""
    assert f"{screening.screen(['FeS'], 343.0)[0].homologous:.2f}" == "0.23"
    assert f"{screening.screen(['Li'], 298.0)[0].homologous:.2f}" == "0.66"


def test_the_criterion_of_0_3():
    assert [screening.behaviour(h) for h in (0.2999, 0.3001, 0.9999, 1.0)] == ["brittle", "creepable", "creepable", "liquid"]
    found = {row.name: row.behaviour for row in screening.screen((), 298.0)}
    assert {name for name, word in found.items() if word == "brittle"} == {"lco", "ncm111", "lmo", "lfp", "silicon", "germanium", "fes"}
    assert found["mo6se8"] == "" and found["antimony"] == "creepable"
    warmer = {row.name: row.behaviour for row in screening.screen((), 393.0)}
    assert warmer["germanium"] == "creepable" and warmer["gallium"] == "liquid"


def test_capacities_belong_to_the_lithiated_end_where_it_is_known():
    rows = {row.name: row for row in screening.screen()}
    assert (rows["selenium"].basis, rows["selenium"].volumetric) == ("Li2Se", pytest.approx(1658.86))
    assert (rows["fes"].basis, rows["fes"].volumetric) == ("FeS", pytest.approx(609 * 4.84))
    assert (rows["lco"].basis, rows["lco"].capacity) == ("LiCoO2", 274)
    record = rows["selenium"].record()
    assert record["volumetric capacity unlithiated [mAh/cm3]"] == pytest.approx(3246.75)  # the main text prints 3253
    assert record["volumetric capacity lithiated [mAh/cm3]"] == pytest.approx(1658.86)
    assert rows["inli"].volumetric is None and rows["lithium"].volume_change is None


def test_shear_modulus_falls_back_on_e_and_nu():
    assert screening.shear_modulus(materials.load("se")) == 3.7
    assert screening.shear_modulus(materials.load("mo6se8")) == pytest.approx(37.6 / 2.6)
    assert screening.shear_modulus(materials.load("pvdf")) is None


# --- Table S2 --------------------------------------------------------------------------------------


def test_volumetric_capacities_of_table_s2():
    verdicts = {row.row: row.verdict for row in screening.audit_table_s2()}
    assert len(verdicts) == 15 and "does not follow" not in verdicts.values()
    rounded = {row for row, verdict in verdicts.items() if verdict != "follows"}
    assert rounded == {"LCO", "Li15Si4", "Li2Te", "Li3Sb"}


def test_the_audit_can_find_a_slip():
    good = screening.Audited("x", "100", "2.00", "200", 200.0, 100.0)
    assert good.verdict == "follows"
    assert screening.Audited("x", "100", "2.00", "201", 200.0, 100.0).verdict == "follows within the rounding of its factors"
    assert screening.Audited("x", "100", "2.00", "203", 200.0, 100.0).verdict == "does not follow"


def test_gravimetric_capacities_of_table_s2_from_the_formulas():
    """Within the last digit or two as printed, but for three rows whose formula the capacity does not belong to."""
    off = {row.row: (float(row.capacity), row.theoretical) for row in screening.audit_table_s2() if abs(row.theoretical / float(row.capacity) - 1) > 0.01}
    assert set(off) == {"Li22Sn4", "Li22Ge4", "Li4Mo6Se8"}
    assert screening.theoretical_capacity("Li22Sn5") == pytest.approx(790, abs=1)
    assert screening.theoretical_capacity("Li22Ge5") == pytest.approx(1143, abs=1)
    assert screening.theoretical_capacity("Mo6Se8", lithium=4) == pytest.approx(89, abs=0.5)
    assert screening.theoretical_capacity("LiFePO4") == pytest.approx(169.9, abs=0.05)  # by hand: 26801.5 / 157.757


def test_the_library_agrees_with_table_s2_but_where_it_says_so():
    rows = list(csv.DictReader(line for line in screening.TABLE_S2.read_text(encoding="utf-8").splitlines() if not line.startswith("#")))
    differs = set()
    for row in rows:
        material = materials.load(row["formula"])
        for parameter, column in (("capacity", "specific capacity [mAh/g]"), ("density", "density [g/cm^3]"), ("voltage", "voltage [V]")):
            if material.value(parameter) != float(row[column]):
                differs.add((row["material"], parameter))
    assert differs == {("Li15Si4", "density"), ("Li4Mo6Se8", "capacity"), ("Li4Mo6Se8", "density")}
    assert "0.63" in materials.load("silicon").known("density", "lithiated").conditions
    mse = materials.load("mo6se8")
    assert "prints 89" in mse.known("capacity", "lithiated").conditions and "prints 6.52" in mse.known("density", "lithiated").conditions
    ratio = mse.value("capacity", "unlithiated") / mse.value("capacity", "lithiated")  # the same charge per more mass
    assert ratio == pytest.approx(1235.23 / 1207.47, rel=2e-3)
    assert mse.value("density", "lithiated") == pytest.approx(mse.value("density", "unlithiated") * 1235.23 / 1207.47 / (1 + mse.dV), rel=2e-3)
    assert materials.load("ncm811").value("capacity") == pytest.approx(screening.theoretical_capacity("LiNi0.8Co0.1Mn0.1O2"), abs=0.05)


def test_the_audit_in_the_docs_is_up_to_date(pytestconfig):
    page = (pytestconfig.rootpath / "docs" / "screening.md").read_text(encoding="utf-8")
    for row in screening.audit_table_s2():
        assert f"| {row.row} | {row.capacity} | {row.density} | {row.product:.2f} | {row.printed} | {row.verdict} | {row.theoretical:.1f} |" in page


# --- a run -----------------------------------------------------------------------------------------


def test_states_of_a_run(made_run):
    from rheode import Result

    result = Result(made_run)
    found = {state.phase: state for state in screening.states(result)}
    column = result.history["von Mises se mean [GPa]"][1:]
    assert found["se"].temperature == pytest.approx(343.15) and found["se"].material.name == "selenium"
    assert (found["se"].lowest, found["se"].highest, found["se"].stress) == pytest.approx((column.min(), column.max(), column[-1]))


@pytest.fixture(scope="module")
def made_run(tmp_path_factory):
    from synthetic import make_run

    directory = tmp_path_factory.mktemp("run") / "made"
    make_run(directory, cycles=1, increments=2, frames=1, size=1.5)
    return directory


# --- the command -----------------------------------------------------------------------------------


def test_command_prints_and_writes(call, made_run):
    code, out, err = call("screen", "Se", "LCO", "--temperature", "70 degC", "--csv", "t.csv", "--figure", "atlas.png", "--run", made_run)
    assert code == 0 and not err
    assert any(line.split()[:3] == ["selenium", "0.69", "creepable"] for line in out) and any(line.startswith("se in the run (selenium) at 70 degC: ") and "T/Tm = 0.69 (creepable)" in line for line in out)
    assert any(line.startswith("mse in the run") and line.endswith("; not placed: no melting temperature.") for line in out)
    assert out[-3:] == ["t.csv", "atlas.pdf", "atlas.png"]
    assert open("atlas.pdf", "rb").read(5) == b"%PDF-"
    with open("t.csv") as file:
        rows = list(csv.DictReader(file))
    assert [row["material"] for row in rows] == ["selenium", "lco"] and float(rows[0]["homologous temperature []"]) == pytest.approx(343.15 / 493.8)


def test_command_without_names_says_what_is_missing(call):
    code, out, err = call("screen")
    assert code == 0 and err[0] == "No melting temperature is known of ncm811, mo6se8."
    assert err[1:] == ["* inli: brittle below about 200 degC though above 0.3 of its melting temperature (Xiong et al. 2024, SI Supplementary Note)."]
    assert [line.split()[2] for line in out if line.startswith("inli")] == ["creepable*"]
    assert len(out) == 2 + 18 and max(map(len, out)) <= 100


def test_a_lithiated_end_is_listed_with_what_is_known(call):
    """Requirement: what is missing is said and not guessed, as without names: Li2Se has capacity and density, no melting temperature."""
    code, out, err = call("screen", "Li2Se", "--csv", "t.csv", "--figure", "t.png")
    assert code == 0 and err == ["No melting temperature is known of li2se."]
    assert out[2].split() == ["li2se", "-", "Li2Se", "578", "1659", "2.07", "-"]
    with open("t.csv") as file:
        (row,) = csv.DictReader(file)
    assert row["homologous temperature []"] == "" and row["behaviour []"] == "" and float(row["capacity lithiated [mAh/g]"]) == 578


def test_brittle_though_creepable_by_the_criterion():
    """Requirement: InLi is brittle below about 200 degC (SI): told below that temperature only, and of nothing else."""
    assert {row.name for row in screening.screen((), 298.0) if row.caveat} == {"inli"}
    assert screening.screen(["inli"], 470.0)[0].caveat and not screening.screen(["inli"], 480.0)[0].caveat
    assert not screening.screen(["inli"], 250.0)[0].caveat  # brittle by the criterion itself


def test_no_mark_hides_another():
    """Requirement: LCO and NCM111 all but coincide on the map: one is a ring around the other."""
    from rheode.report import atlas

    ax = atlas.screening(screening.screen(["lco", "ncm111", "se"]), 298.0, 0.1).subfigs[0].axes[0]
    marks = [line for line in ax.lines if line.get_marker() == "o"]
    assert len(marks) == 3 and [mark.get_markerfacecolor() == "none" for mark in marks] == [False, True, False]


@pytest.mark.parametrize(
    "arguments, says",
    [
        (["slenium"], ["material: got 'slenium' (did you mean 'selenium'?)"]),
        (["--temperature", "298"], ["--temperature: got '298'; a temperature such as '70 degC': the unit is missing"]),
        (["--temperature", "-1 K"], ["--temperature: got '-1 K'"]),
        (["--stress", "5 um"], ["--stress: got '5 um'; a pressure such as '100 MPa'"]),
        (["se", "--csv", "gone/t.csv"], ["gone/t.csv: the folder gone does not exist"]),
        (["se", "--figure", "gone/t.png"], ["gone/t.png: the folder gone does not exist"]),
        (["se", "--figure", "t.foo"], ["--figure: got 't.foo'; a name that ends in .pdf or .png"]),
        (["se", "--figure", "."], [".: a folder; name a file in it"]),
        (["se", "--run", "gone"], ["gone: no such folder"]),
        (["gone.yaml"], ["/"]),
    ],
)
def test_bad_input_is_told_in_a_line(call, arguments, says):
    code, _, err = call("screen", *arguments)
    assert code == 2 and len(err) == len(says) and all(line.startswith(start) for line, start in zip(err, says)), err


def test_a_material_of_ones_own(call):
    with open("mine.yaml", "w") as file:
        file.write("extends: li2se\nmelting_temperature: {value: 1300 K, source: me}\nvolume_change: 0.1\n")
    code, out, _ = call("screen", "mine.yaml")
    assert code == 0 and out[-1].split()[:3] == ["mine", "0.23", "brittle"]


def test_no_names_of_the_chart_overlap():
    """Requirement: charts are fit for print; names stay off each other, the marks and the border, at any temperature."""
    from rheode.report import atlas, style

    for temperature in (298.0, 343.0, 500.0):
        with style.look():
            fig = atlas.screening(screening.screen((), temperature), temperature, 0.1)
            ax = fig.subfigs[0].axes[0]
            boxes = [atlas._box(text) for text in ax.texts]
            assert len(boxes) > 14
            assert not any(atlas._overlap(a, b) for i, a in enumerate(boxes) for b in boxes[:i])
            # Of the values of T/Tm none lies on the line of the criterion.
            bars = fig.subfigs[1].axes[0]
            line = bars.transData.transform((screening.CREEPABLE, 0))[0]
            assert not any(left < line < right for left, _, right, _ in map(atlas._box, bars.texts))


def test_the_chart_names_what_it_cannot_place(made_run):
    """Requirement: a material or phase that is not on the map is told with what it lacks; both charts use the same names."""
    from rheode.report import atlas
    from rheode.result import Result

    fig = atlas.screening(screening.screen(), 298.0, 0.1, screening.states(Result(made_run)))
    note = " ".join(fig.subfigs[0].get_supxlabel().split())
    for words in ("InLi (no shear modulus)", "NCM811 (no melting temperature and no shear modulus)", "mse in the run (no melting temperature)"):
        assert words in note
    assert "the run at 70 °C" in fig.subfigs[0].axes[0].get_title("left")
    placed, compared = ({text.get_text() for text in texts} for texts in (fig.subfigs[0].axes[0].texts, fig.subfigs[1].axes[0].get_yticklabels()))
    assert {"Se", "LCO", "Ge", "FeS"} <= placed & compared and "InLi" in compared - placed
