import csv
import math
from pathlib import Path

import pytest

import rheode
from rheode import cli
from rheode.electrode import design as designing
from rheode.electrode import formulas
from rheode.electrode.design import Design
from rheode.reading import StudyError
from rheode.reference import design_page

DOCS = Path(rheode.__file__).parents[2] / "docs"

SE, MSE = {"material": "selenium", "role": "active"}, {"material": "mo6se8", "role": "framework"}
CELL = {"kind": "all-active", "components": {"se": SE | {"weight": "40 %"}, "mse": MSE | {"weight": "60 %"}}, "loading": "3 mg/cm^2", "thickness": "8.2 um"}


def made(**changes):
    return Design.from_mapping({key: value for key, value in (CELL | changes).items() if value is not None})


def refused(**changes):
    with pytest.raises(StudyError) as caught:
        made(**changes)
    return caught.value.faults


# --- what follows ---------------------------------------------------------------------------------


def test_all_active_is_table_s7():
    """Requirement: Eqs 6, 8, 9 and 10 for the thinnest published cell, by hand: 2461 Wh/L, where Table S7 prints 2460."""
    design = Design.load("se-60mse-cell")
    assert design.value("density") == pytest.approx(3.0e-3 / 8.2e-4)
    assert design.value("specific capacity") == pytest.approx(0.4 * 675 + 0.6 * 89)
    assert design.value("areal capacity") == pytest.approx(0.97, abs=0.005)
    assert design.value("specific energy") == pytest.approx(323.4 * 2.08)
    assert design.value("energy density") == pytest.approx(2460, abs=2)
    assert design.value("utilisation") == pytest.approx(1.0)
    assert design.value("energy density without pores") == pytest.approx(323.4 * 2.08 / (0.4 / 4.81 + 0.6 / 6.52))
    assert design.value("capacity") == pytest.approx(0.9702 * math.pi / 4)


def test_solid_electrolyte_is_table_s5():
    """Requirement: Eqs 5 and 7: the pellet of Table S5 at 360 MPa, 1.50 g/cm^3 and 35.1 % porous; only selenium holds lithium."""
    design = Design.load("se-50se-10sp")
    assert design.value("theoretical density") == pytest.approx(2.31, abs=0.005)
    assert design.value("density") == pytest.approx(1.50, abs=0.005)
    assert design.value("porosity") == pytest.approx(0.351, abs=0.002)
    assert design.value("specific capacity") == pytest.approx(270)


def test_liquid_filled_is_eq_4():
    """Requirement: Eq. 4 counts the liquid's mass: per volume nothing changes by it, per mass the capacity falls."""
    design = Design.load("se-liquid")
    solid = 0.7 / (0.6 / 4.81 + 0.3 / 2.25 + 0.1 / 1.8)
    assert design.value("density") == pytest.approx(solid + 0.3 * 1.22)
    assert design.value("specific capacity") == pytest.approx(405)
    assert design.value("specific capacity with electrolyte") == pytest.approx(405 * solid / (solid + 0.366))
    assert design.value("energy density") == pytest.approx(405 * 2.07 * solid)
    assert design.value("thickness") == pytest.approx(3e-3 / solid * 1e4)


def test_two_of_loading_thickness_and_porosity_give_the_third():
    """Requirement: a design may be given by any two."""
    porosity = made().value("porosity")
    assert made(thickness=None, porosity=f"{porosity!r}").value("thickness") == pytest.approx(8.2)
    assert made(loading=None, porosity=f"{porosity!r}").value("loading") == pytest.approx(3.0)
    assert made(loading=None, mass="12 mg", area="4 cm^2").value("porosity") == pytest.approx(porosity)
    assert made(loading=None, mass=f"{3 * math.pi / 4!r} mg", diameter="10 mm").value("porosity") == pytest.approx(porosity)


def test_weight_and_volume_fractions():
    """Requirement: 47.5 vol.% of selenium in the solid are 40 wt.%."""
    volumes = formulas.volume_fractions([0.4, 0.6], [4.81, 6.52])
    by_volume = made(components={"se": SE | {"volume": float(volumes[0])}, "mse": MSE | {"volume": float(volumes[1])}})
    assert by_volume.solid.weights == pytest.approx([0.4, 0.6])
    assert by_volume.value("energy density") == pytest.approx(made().value("energy density"))


def test_voltage_is_the_components_by_capacity():
    assert made().value("voltage") == pytest.approx((270 * 2.07 + 53.4 * 2.2) / 323.4)


def test_utilisation_and_measured_capacity_are_two_ways_to_say_one():
    design = made(measured_capacity="286 mAh/g")
    assert design.value("utilisation") == pytest.approx((286 - 53.4) / 270)
    assert made(utilisation=design.value("utilisation")).value("specific capacity") == pytest.approx(286)


def test_pressing_table_is_recomputed():
    """Requirement: porosities come from the pellets' masses and thicknesses, so that a misprint (24.71 for 26.71 %) does no harm."""
    components = {"se": SE | {"weight": "30 %"}, "mse": MSE | {"weight": "70 %"}}
    design = made(components=components, thickness=None, pressing={"pressure": "100 MPa", "table": "s4"})
    assert 100 * design.value("porosity") == pytest.approx(26.71, abs=0.01)
    between = made(thickness=None, pressing={"pressure": "185 MPa", "table": "s4"}).value("porosity")
    assert between == pytest.approx((0.2422 + 0.1836) / 2, abs=1e-4)


def test_pressing_curve():
    design = made(thickness=None, pressing={"pressure": "50 MPa", "curve": {"0 MPa": "57 %", "100 MPa": "25 %"}})
    assert design.value("porosity") == pytest.approx(0.41)


def test_own_material_file(tmp_path):
    """Requirement: any material a user names: a file beside the design, values of the design before the file's."""
    (tmp_path / "mine.yaml").write_text("title: mine\ndensity: 4 g/cm^3\ncapacity: 500 mAh/g\nvoltage: 2 V\n", encoding="utf-8")
    (tmp_path / "cell.yaml").write_text("kind: all-active\ncomponents:\n  a: {material: mine.yaml, role: active, weight: 1}\nloading: 4 mg/cm^2\nthickness: 20 um\n", encoding="utf-8")
    design = Design.load(tmp_path / "cell.yaml")
    assert design.value("porosity") == pytest.approx(0.5)
    assert design.value("energy density") == pytest.approx(500 * 2 * 2)
    assert math.isnan(design.value("thickness gained"))  # no change of volume is known
    assert Design.load(tmp_path / "cell.yaml", ["components.a.density=2.5 g/cm^3"]).value("porosity") == pytest.approx(0.2)


# --- uncertainty ----------------------------------------------------------------------------------


def test_uncertainty_of_the_thickness():
    """Requirement: 10 % of thickness are 10 % of density and energy density and (1 - p) 10 % of porosity; mass-based values are certain."""
    found = {result.name: result for result in made(uncertainty={"thickness": "10 %"}).quantities()}
    assert found["density"].uncertainty == pytest.approx(0.1 * found["density"].value, rel=1e-6)
    assert found["energy density"].uncertainty == pytest.approx(0.1 * found["energy density"].value, rel=1e-6)
    assert found["porosity"].uncertainty == pytest.approx(0.1 * (100 - found["porosity"].value), rel=1e-6)
    for name in ("specific energy", "areal capacity", "theoretical density", "energy density without pores"):
        assert found[name].uncertainty == pytest.approx(0, abs=1e-9)


def test_uncertainties_add_in_squares():
    found = {result.name: result for result in made(uncertainty={"thickness": "10 %", "loading": "5 %"}).quantities()}
    assert found["density"].uncertainty == pytest.approx(math.hypot(0.1, 0.05) * found["density"].value, rel=1e-6)


# --- room to swell --------------------------------------------------------------------------------


def test_the_balance_of_volumes_closes():
    """Requirement: at the lithiation where the pores are full nothing is gained, at the porosity needed neither; beyond, the excess is."""
    inert = {"volume_change": 0}
    porosity = 0.247
    changes = {"components": {"se": SE | {"weight": "40 %"}, "mse": MSE | {"weight": "60 %"} | inert}, "thickness": None}
    design = made(porosity=porosity, **changes)
    selenium = (1 - porosity) * design.solid.volumes[0]
    full = design.value("lithiation at which the pores are full")
    assert full == pytest.approx(porosity / (0.98 * selenium))
    assert design.value("thickness gained") == pytest.approx(0.98 * selenium - porosity)
    assert design.value("thickness lithiated") == pytest.approx(design.value("thickness") * (1 + 0.98 * selenium - porosity))
    assert made(porosity=porosity, lithiation=full, **changes).value("thickness gained") == pytest.approx(0, abs=1e-12)
    needed = design.value("porosity needed")
    assert made(porosity=needed, **changes).value("thickness gained") == pytest.approx(0, abs=1e-12)
    assert made(porosity=needed, **changes).value("lithiation at which the pores are full") == pytest.approx(1)


def test_a_lithiated_cathode_only_shrinks():
    """Requirement: LiCoO2 is pressed lithiated: its pores never fill, and it gains nothing."""
    design = Design.from_mapping({"kind": "all-active", "components": {"lco": {"material": "lco", "role": "active", "weight": 1}}, "loading": "10 mg/cm^2", "porosity": "20 %"})
    assert design.value("lithiation at which the pores are full") > 1
    assert design.value("thickness gained") == 0
    told = {result.name: designing.told_value(result) for result in design.quantities()}
    assert told["lithiation at which the pores are full"] == "never"


# --- sweep ----------------------------------------------------------------------------------------


def test_sweep_goes_through_the_design():
    """Requirement: a sweep keeps loading and utilisation, follows the pellets' porosities, and contains the design itself."""
    design = Design.load("se-60mse")
    rows = design.swept()
    assert len(rows) == 33 and rows[0]["weight fraction"] == pytest.approx(0.1) and rows[-1]["weight fraction"] == pytest.approx(0.9)
    here = design.at_fraction("Mo6Se8", 0.6)
    for name in ("porosity", "energy density", "thickness", "utilisation"):
        assert here[name] == pytest.approx(design.value(name))
    assert here["u(energy density)"] == pytest.approx(0.1 * here["energy density"], rel=1e-6)
    assert 100 * rows[0]["porosity"] == pytest.approx(9.39, abs=0.01)
    assert all(a["energy density"] > b["energy density"] for a, b in zip(rows, rows[1:]))


def test_sweep_of_a_measured_thickness_keeps_the_porosity():
    design = Design.load("se-50se-10sp")
    rows = design.swept()
    assert {round(row["porosity"], 12) for row in rows} == {round(design.value("porosity"), 12)}
    here = design.at_fraction("Li6PS5Cl", 0.5)
    spread = {result.name: result.uncertainty for result in design.quantities()}
    assert here["energy density"] == pytest.approx(design.value("energy density"))
    assert here["u(energy density)"] == pytest.approx(spread["energy density"], rel=1e-6)


def test_utilisations_by_composition():
    """Requirement: utilisations measured at several compositions are followed, linear between; beyond them the sweep is refused."""
    given = {"component": "Mo6Se8", "from": "20 %", "to": "80 %", "points": 3, "utilisation": {"20 %": "60 %", "60 %": "80 %", "80 %": "85 %"}}
    design = Design.load("se-60mse", [f"sweep={given}"])
    assert [row["utilisation"] for row in design.swept()] == pytest.approx([0.6, 0.75, 0.85])
    assert "utilisation" not in designing.told_sweep(design) and "voltage (1.970 V)" in designing.told_sweep(design)
    bounded = {"thickness": None, "porosity": "20 %", "sweep": {"component": "mse", "from": "20 %", "to": "80 %", "utilisation": {"30 %": "60 %", "80 %": "85 %"}}}
    assert refused(**bounded) == ["sweep: utilisation: got 20 %; from 30 % to 80 %, where it is given"]
    assert "two weight fractions with utilisations" in refused(sweep={"component": "mse", "utilisation": {"30 %": "110 %", "80 %": "85 %"}})[0]


def test_a_sweep_says_what_it_carries_over():
    """Requirement: only what really stays; a voltage of the components and a porosity of a table follow the composition."""
    told = designing.told_sweep(Design.load("se-50se-10sp"))
    assert "utilisation (100 %)" in told and "porosity (35.18 %)" in told and "voltage" not in told
    assert "porosity" not in designing.told_sweep(Design.load("se-60mse"))


def test_a_capacity_below_the_frameworks():
    """Requirement: no negative utilisation: the fault says what the framework alone holds, by hand 0.6 x 89 mAh/g."""
    (fault,) = refused(measured_capacity="10 mAh/g")
    assert fault.startswith("measured_capacity: got 10 mAh/g; at least 53.4 mAh/g, what the framework alone holds") and "-16.1 %" in fault
    assert made(measured_capacity="53.4 mAh/g").value("utilisation") == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("component", ["Se", "Mo6Se8"])
def test_the_value_on_the_chart_is_off_the_curves(component):
    """Requirement: text lies on no line, whether the curve rises or falls."""
    from rheode.report import atlas, designs, style

    with style.look():
        ax = designs.chart(Design.load("se-60mse", [f"sweep.component={component}"])).axes[2]
        (text,) = [text for text in ax.texts if text.get_text().isdigit()]
        box = atlas._box(text)
        for line in ax.lines:
            assert len(line.get_xdata()) == 1 or not atlas.crosses(box, atlas.curve_in_pixels(ax, *line.get_data()))


def test_two_cathodes_against_pressure_are_fig_2d():
    """Requirement: porosity and density along the pressing curves: Tables S4 and S5, to 0.6 points and 1 %."""
    printed = {
        "se-60mse": {0: (57.38, 2.43), 100: (24.61, 4.31), 270: (18.36, 4.66), 360: (14.60, 4.88)},
        "se-50se-10sp": {0: (72.8, 0.63), 100: (54.9, 1.04), 270: (45.5, 1.26), 360: (35.1, 1.50)},
    }
    for name, points in printed.items():
        rows = Design.load(name).pressed()
        assert [round(1000 * row["pressure"]) for row in rows] == list(points)
        for row, (porosity, density) in zip(rows, points.values()):
            assert 100 * row["porosity"] == pytest.approx(porosity, abs=0.6) and row["density"] == pytest.approx(density, rel=0.01)
            assert row["u(density)"] == pytest.approx(0.1 * row["density"], rel=1e-6)
            assert row["energy density"] == pytest.approx(row["specific energy"] * row["density"])


def test_a_pressing_curve_in_the_file():
    """Requirement: the pressures at which a porosity is known, and the one that it is pressed with."""
    design = made(thickness=None, pressing={"pressure": "50 MPa", "curve": {"0 MPa": "60 %", "100 MPa": "20 %"}})
    assert [(row["pressure"], round(row["porosity"], 12)) for row in design.pressed()] == [(0, 0.6), (0.05, 0.4), (0.1, 0.2)]
    with pytest.raises(StudyError, match="pressing: design has none"):
        made().pressed()


# --- faults ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"components": {"se": SE | {"weight": "40 %"}, "mse": MSE | {"weight": "50 %"}}}, "add up to 90 %"),
        ({"components": {"se": SE | {"volume": "40 %"}, "mse": MSE | {"volume": "50 %"}}}, "add up to 90 %"),
        ({"components": {"se": SE | {"weight": "40 %"}, "mse": MSE}}, "components.mse.weight: missing"),
        ({"components": {"se": SE | {"weight": "100 %"}}, "kind": "solid-electrolyte"}, "electrolyte"),
        ({"porosity": "-5 %", "thickness": None}, "porosity: got '-5 %'"),
        ({"thickness": "5 um"}, "thickness: got 5 um; at least 5.256 um, or the porosity is negative"),
        ({"measured_capacity": "400 mAh/g"}, "measured_capacity: got 400 mAh/g; at most 323.4 mAh/g"),
        ({"utilisation": "101 %"}, "utilisation: got '101 %'"),
        ({"components": {"se": SE | {"weight": 1, "capacity": "700 mAh/g"}}}, "at most 675 mAh/g"),
        ({"components": {"se": SE | {"weight": 1, "material": "seleniumm"}}}, "did you mean 'selenium'?"),
        ({"components": {"x": {"role": "active", "weight": 1, "capacity": "700 mAh/g", "voltage": "2 V"}}}, "missing density of x"),
        ({"components": {"se": {"role": "active", "weight": 1, "density": "4.8 g/cm^3", "capacity": "700 mAh/g"}}}, "voltage: missing"),
        ({"kind": "liquid-filled"}, "liquid: missing"),
        ({"porosity": "20 %"}, "porosity: thickness and porosity are given with a loading"),
        ({"thickness": None}, "thickness: missing"),
        ({"loading": None}, "loading: missing"),
        ({"loading": None, "mass": "3 mg"}, "area: missing"),
        ({"uncertainty": {"voltage": "1 %"}}, "uncertainty.voltage"),
        ({"sweep": {"component": "ms"}}, "did you mean 'mse'?"),
        ({"thickness": None, "pressing": {"pressure": "500 MPa", "table": "s4"}}, "from 0 MPa to 360 MPa"),
        ({"thickness": None, "pressing": {"pressure": "500 MPa", "table": "s4", "curve": {"0 MPa": 0.5, "1 GPa": 0.1}}}, "one of curve and table"),
        ({"thickness": None, "pressing": {"pressure": "100 MPa", "table": "s8"}}, "no porosities at pressures"),
        ({"thickness": None, "pressing": {"pressure": "100 MPa", "table": "s4"}, "sweep": {"component": "mse", "to": 1}}, "sweep: components.mse: got 100 %"),
        ({"thickness": "8.2"}, "thickness: got '8.2'; a length"),
        ({"colour": "red"}, "colour: unknown key"),
    ],
)
def test_bad_designs_are_one_line(changes, words):
    """Requirement: each kind of bad input is one line that names the key, the value and what is allowed."""
    faults = refused(**changes)
    assert len(faults) == 1 and words in faults[0]


def test_a_material_without_density_is_named():
    """Requirement: a value that the library lacks is not guessed."""
    faults = refused(components={"ga": {"material": "gallium", "role": "active", "weight": 1, "capacity": "500 mAh/g"}})
    assert len(faults) == 1 and "missing density of gallium" in faults[0]


# --- the command, the page, the chart -------------------------------------------------------------


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as end:
        cli.main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    return end.value.code or 0, out.splitlines(), err.splitlines()


def test_command(tmp_path, capsys):
    """Requirement: the table on the terminal and as CSV, the sweep as CSV."""
    code, out, err = run(capsys, "design", "se-60mse", "--set", "loading=5 mg/cm^2", "--csv", tmp_path / "a.csv", "--sweep", tmp_path / "b.csv")
    assert code == 0 and err == ["Sweep: the utilisation (86.15 %) and the voltage (1.970 V) of the mixture with 60 % Mo6Se8 are assumed for every mixture."]
    with (tmp_path / "a.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["quantity"]: row for row in csv.DictReader(file)}
    assert float(rows["loading"]["value"]) == 5 and rows["energy density"]["unit"] == "Wh/L"
    assert float(rows["energy density"]["uncertainty"]) == pytest.approx(0.1 * float(rows["energy density"]["value"]), rel=1e-6)
    assert any(line.split()[:3] == ["energy", "density", f"{float(rows['energy density']['value']):.0f}"] for line in out)
    with (tmp_path / "b.csv").open(encoding="utf-8", newline="") as file:
        swept = list(csv.DictReader(file))
    assert len(swept) == 33 and "Mo6Se8 weight fraction [%]" in swept[0] and "u(energy density) [Wh/L]" in swept[0]


def test_command_refuses_with_exit_code_2(capsys):
    code, out, err = run(capsys, "design", "se-60mse", "--set", "components.Se.weight=50 %")
    assert code == 2 and not out and len(err) == 1 and "add up to 110 %; must be 100 %" in err[0]


@pytest.mark.parametrize(
    "arguments, says",
    [
        (["se-60ms"], "'se-60ms': no such file, and no bundled design of this name (did you mean 'se-60mse'?)"),
        (["se-60mse", "--set", "pressing.table=s9"], "pressing.table: got 's9'; a bundled table (interlayer-s1, s2, s4, s5, s7, s8) or the path of a CSV file"),
        (["se-liquid", "--sweep", "x.csv"], "sweep: se-liquid has none; such as {component: PVDF, from: 10 %, to: 90 %}"),
        (["se-liquid", "--pressing", "x.csv"], "pressing: se-liquid has none; such as"),
        (["se-liquid", "--csv", "gone/x.csv"], "gone/x.csv: the folder gone does not exist"),
        (["se-liquid", "--figure", "x.foo"], "--figure: got 'x.foo'"),
        (["se-60mse", "se-liquid", "--set", "utilisation=1"], "se-60mse: utilisation: measured_capacity and utilisation are given; one of both"),
        (["mine.yaml", "--print"], "--print: got 'mine.yaml'; bundled are se-50se-10sp"),
        (["empty.yaml"], "empty.yaml: empty; `rheode design` lists designs to start from"),
    ],
)
def test_command_refuses_before_it_prints_or_writes(arguments, says, tmp_path, monkeypatch, capsys):
    """Requirement: bad input is one line with exit code 2, and nothing is printed or written before it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty.yaml").write_text("")
    code, out, err = run(capsys, "design", *arguments)
    assert code == 2 and not out and len(err) == 1 and err[0].startswith(says), err
    assert [path.name for path in tmp_path.iterdir()] == ["empty.yaml"]


def test_a_table_of_ones_own_for_a_bundled_design(tmp_path, monkeypatch, capsys):
    """Requirement: a path given on the command line starts from where the command is called."""
    monkeypatch.chdir(tmp_path)
    table = (Path(designing.audit.TABLES) / "s4.csv").read_text(encoding="utf-8").replace("2.60,4.88,14.60", "2.70,4.70,17.7")
    (tmp_path / "mine.csv").write_text(table, encoding="utf-8")
    design = Design.load("se-60mse", ["pressing.table=mine.csv"])
    assert design.value("porosity") == pytest.approx(1 - 0.995 / (0.785 * 0.27) / design.value("theoretical density"))


def test_pellets_that_nothing_tells_apart(tmp_path):
    """Requirement: a table of several mixtures is not read as one."""
    given = CELL | {"components": {"x": {"role": "active", "weight": 1, "density": "5 g/cm^3", "capacity": "500 mAh/g", "voltage": "2 V"}}, "pressing": {"pressure": "100 MPa", "table": "s4"}}
    with pytest.raises(StudyError, match="several pellets at one pressure"):
        Design.from_mapping({key: value for key, value in given.items() if key != "thickness"})


def test_command_compares(tmp_path, capsys):
    """Requirement: several designs side by side on the terminal, and as CSV with a column that names them."""
    code, out, err = run(capsys, "design", "se-60mse", "se-50se-10sp", "--csv", tmp_path / "a.csv", "--pressing", tmp_path / "b.csv")
    assert code == 0 and not err
    assert out[2].split() == ["quantity", "se-60mse", "se-50se-10sp", "unit"]
    line = next(line for line in out if line.startswith("energy density  "))
    values = [design.value("energy density") for design in map(Design.load, ("se-60mse", "se-50se-10sp"))]
    assert float(line.split()[2]) == pytest.approx(values[0], rel=1e-3) and float(line.split()[5]) == pytest.approx(values[1], rel=1e-3)
    with (tmp_path / "a.csv").open(encoding="utf-8", newline="") as file:
        assert {row["design"] for row in csv.DictReader(file)} == {"se-60mse", "se-50se-10sp"}
    with (tmp_path / "b.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 8 and list(rows[0])[:2] == ["design", "pressure [MPa]"] and float(rows[3]["porosity [%]"]) == pytest.approx(14.596, abs=0.01)


def test_bundled_designs_are_listed_and_printed(tmp_path, capsys):
    assert [line.split()[0] for line in run(capsys, "design")[1]] == designing.bundled()
    _, printed, _ = run(capsys, "design", "se-liquid", "--print")
    own = tmp_path / "own.yaml"
    own.write_text("\n".join(printed), encoding="utf-8")
    assert run(capsys, "design", own)[1] == run(capsys, "design", "se-liquid")[1]


def test_the_page_is_up_to_date():
    """Requirement: docs/design.md says what the models say now (write it again with `rheode design --markdown`)."""
    assert (DOCS / "design.md").read_text(encoding="utf-8") == design_page()


def test_chart(tmp_path, capsys):
    """Requirement: vector and raster from one call; no text overlaps another or leaves the figure in the published examples."""
    from itertools import combinations

    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.text import Text

    from rheode.report import designs, style

    assert run(capsys, "design", "se-60mse-cell", "--figure", tmp_path / "cell.png")[0] == 0
    assert (tmp_path / "cell.pdf").stat().st_size > 3000 and (tmp_path / "cell.png").stat().st_size > 3000
    mixtures, sulfide, cell, liquid = (Design.load(name) for name in ("se-60mse", "se-50se-10sp", "se-60mse-cell", "se-liquid"))
    for fig in (designs.chart(mixtures), designs.compared([mixtures, sulfide]), designs.compared([mixtures, sulfide, cell, liquid])):
        canvas = FigureCanvasAgg(fig)
        with style.look():
            canvas.draw()
            axes = [(axis, sorted(limits)) for ax in fig.axes for axis, limits in ((ax.xaxis, ax.get_xlim()), (ax.yaxis, ax.get_ylim()))]
            beyond = [tick.label1 for axis, (low, high) in axes for tick in axis.get_major_ticks() if not low <= tick.get_loc() <= high]  # not drawn
            shown = [text for text in fig.findobj(Text) if text.get_visible() and text.get_text().strip() and text not in beyond]
            boxes = [(text.get_text(), Text.get_window_extent(text, canvas.get_renderer())) for text in shown]
        inside = [(text, box) for text, box in boxes if fig.bbox.contains(*box.min) and fig.bbox.contains(*box.max)]
        assert {ax.get_xlabel() for ax in fig.axes} <= {text for text, _ in inside}
        assert {text.get_text() for ax in fig.axes for text in ax.texts} <= {text for text, _ in inside}
        clashes = [(a, b) for (a, box), (b, other) in combinations(inside, 2) if a != b and box.shrunk(0.9, 0.8).overlaps(other.shrunk(0.9, 0.8))]
        assert not clashes
