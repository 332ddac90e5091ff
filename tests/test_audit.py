import csv
from pathlib import Path

import pytest

import rheode
from rheode import cli
from rheode.electrode import audit, formulas
from rheode.reading import StudyError

DOCS = Path(rheode.__file__).parents[2] / "docs"


def found(table):
    return {(cell.row.label, cell.column): cell for cell in table.findings}


def changed(name, old, new, count=1):
    """A bundled table with a piece of its text replaced."""
    text = (audit.TABLES / f"{name}.csv").read_text(encoding="utf-8")
    assert text.count(old) == count
    return audit.parse(text.replace(old, new), name)


# --- the published tables -------------------------------------------------------------------------


def test_theoretical_densities_agree_to_the_printed_digit():
    """Requirement: all nine theoretical densities of Table S4 and that of S5 follow to their last digit."""
    cells = [cell for name in ("s4", "s5") for cell in audit.load(name).cells if cell.column == "theoretical density"]
    assert len(cells) == 10
    assert all(cell.follows == cell.printed for cell in cells)


def test_table_s4():
    """Requirement: of 9 + 36 + 36 cells three porosities do not follow; all densities are within 1 %, all other porosities within 0.6 points."""
    table = audit.load("s4")
    assert len(table.cells) == 81
    assert set(found(table)) == {("Se-10MSe, 0 MPa", "porosity"), ("Se-70MSe, 100 MPa", "porosity"), ("Se-80MSe, 100 MPa", "porosity")}
    for cell in table.cells:
        if cell not in table.findings:
            assert abs(cell.entry.value - cell.value) <= (0.006 if cell.column == "porosity" else 0.01 * cell.value)
    # The die of 10 mm counts as 0.785 cm^2: with it every other cell is right to its last digit, but for one pellet.
    close = [(cell.row.label, cell.column) for cell in table.cells if cell.verdict == "follows within the tolerance"]
    assert close == [("Se-60MSe, 100 MPa", "density"), ("Se-60MSe, 100 MPa", "porosity")]


def test_slips_in_table_s4():
    """Requirement: the likely slip is found by trying: another thickness, a mistyped digit, or none that fits."""
    notes = {label: cell.note for (label, _), cell in found(audit.load("s4")).items()}
    assert "thickness of 1.41 mm for 2.53" in notes["Se-10MSe, 0 MPa"]
    assert 100 * formulas.porosity(formulas.density(390 / 0.785, 1410), formulas.theoretical_density([0.9, 0.1], [4.81, 6.52])) == pytest.approx(28.67, abs=0.005)
    assert notes["Se-70MSe, 100 MPa"].endswith("one digit mistyped: 26.71")
    assert "no slip gives its very digits" in notes["Se-80MSe, 100 MPa"]


def test_table_s5():
    """Requirement: nothing is wrong in Table S5."""
    table = audit.load("s5")
    assert len(table.cells) == 9 and not table.findings


def test_table_s7():
    """Requirement: five specific energies (four as if at 0.05 V more) and one energy density do not follow; the numbers obey the measured volume."""
    table = audit.load("s7")
    cells = found(table)
    energies = [label for label, column in cells if column == "specific energy"]
    assert energies == [row.label for row in table.rows][:5]
    assert [label for label, column in cells if column == "energy density"] == ["10 mg/cm2, 1st cycle"]
    assert len(cells) == 6
    assert all("0.05 V higher" in cells[label, "specific energy"].note for label in energies[:4])
    for label in energies[:4]:  # what the note says, checked
        entries = cells[label, "specific energy"].row.entries
        assert entries["specific capacity"].value * (entries["voltage"].value + 0.05) == pytest.approx(entries["specific energy"].value, abs=0.06)
    assert audit.volume_reading(table) == (5, 0, 6)
    assert any("V_0 in Eq. 10" in line for line in audit.remarks(table))


def test_table_s8():
    """Requirement: the mass over 16 cm^2 is not the printed area weight; all else follows, three cells only with numbers of the main text."""
    table = audit.load("s8")
    assert set(found(table)) == {("Se-60MSe pouch cell", "loading")}
    assert found(table)["Se-60MSe pouch cell", "loading"].follows == "4.78"
    by_column = {cell.column: cell for cell in table.cells}
    assert by_column["energy density"].follows == "1749.3"
    assert by_column["specific energy"].follows == "658.3"
    assert by_column["areal capacity"].own_values()[0] == pytest.approx(1.626, abs=1e-3)  # contradicts 1.66
    assert by_column["voltage"].own_values() == []
    assert by_column["specific energy"].own_values() == [by_column["specific energy"].value]


def test_interlayer_porosities():
    """Requirement: 58.546 % and 11.0355 % from the entries as printed; the second rests on a volume of carbon that its mass and density do not give."""
    table = audit.load("interlayer-s1")
    before, after = table.rows
    printed = {name: entry.value for name, entry in after.entries.items()}
    porosities = {cell.row.label: cell for cell in table.cells if cell.column == "porosity"}
    assert porosities[before.label].follows == porosities[before.label].printed == "58.54600554"
    as_printed = 1 - (printed["silicide volume"] + printed["carbon volume, again"]) / printed["electrode volume"]
    assert 100 * as_printed == pytest.approx(11.0355, abs=5e-4)
    assert {column for _, column in found(table)} == {"carbon volume, again", "volume ratio", "porosity"}
    cells = found(table)
    assert cells[after.label, "carbon volume, again"].follows == "7.14286E-06"
    assert "10 % of the mass, as in SiNPs-CNTs" in cells[after.label, "carbon volume, again"].note
    assert "second carbon volume as printed" in cells[after.label, "volume ratio"].note
    assert cells[after.label, "porosity"].value == pytest.approx(0.1363, abs=1e-4)


def test_the_page_is_up_to_date():
    """Requirement: docs/audit.md lists what the audit finds now (write it again with `rheode audit --markdown`)."""
    assert (DOCS / "audit.md").read_text(encoding="utf-8") == audit.page()


@pytest.mark.parametrize("name", audit.bundled())
def test_bundled_tables_say_where_they_are_from(name):
    table = audit.load(name)
    assert table.about["title"] and table.about["citation"] and table.about["doi"]
    assert not table.unchecked()


# --- tables of others -----------------------------------------------------------------------------

PELLETS = "sample,carbon weight fraction [%],lfp weight fraction [%],carbon density [g/cm3],lfp density [g/cm3],mass [g],diameter [cm],thickness [um],theoretical density [g/cm3],density [g/cm3],porosity [%]\n"


def pellets(*rows):
    return audit.parse(PELLETS + "\n".join(rows) + "\n", "mine")


def test_an_own_table_with_other_units():
    """Requirement: any table with the documented columns is audited; units are converted."""
    area, solid = 0.785398, 1 / (0.1 / 2.25 + 0.9 / 3.6)
    rho = 0.250 / (area * 0.150)
    good = f"A,10,90,2.25,3.60,0.250,1.00,1500,{solid:.2f},{rho:.3f},{100 * (1 - rho / solid):.1f}"
    assert [cell.verdict for cell in pellets(good).cells] == ["follows"] * 3
    bad = good.replace(",0.250,", ",0.205,")
    table = pellets(bad)
    assert {cell.column for cell in table.findings} == {"density", "porosity"}
    assert all("mass of 0.250 g for 0.205 (two digits swapped)" in cell.note for cell in table.findings)


@pytest.mark.parametrize(
    "old, new, cells, words",
    [
        ("Se-20MSe,100,80,20,580,,1.79,4.13,18.69", "Se-20MSe,100,80,20,580,,1.79,4.31,18.69", {"density"}, "two digits swapped: 4.13"),
        ("Se-20MSe,100,80,20,580,,1.79,4.13,18.69", "Se-20MSe,100,80,20,580,,1.97,4.13,18.69", {"density", "porosity"}, "thickness of 1.79 mm for 1.97 (two digits swapped)"),
        ("Se-20MSe,100,80,20,580,,1.79,4.13,18.69", "Se-20MSe,100,80,20,580,,1.79,41.3,18.69", {"density"}, "factor of 10"),
        ("Se-20MSe,100,80,20,580,,1.79,4.13,18.69", "Se-20MSe,100,80,20,580,,1.79,4.13,81.31", {"porosity"}, "relative density"),
        ("Se-30MSe,100,70,30,590,,1.78,4.22,19.12", "Se-30MSe,100,70,30,590,,1.78,4.22,16.87", {"porosity"}, "theoretical density of Se-20MSe"),
        ("Se-30MSe,0,70,30,590,5.22", "Se-30MSe,0,70,30,590,5.32", {"theoretical density"}, "mean of the densities"),
        ("Se-30MSe,0,70,30,590,5.22", "Se-30MSe,0,70,30,590,5.23", {"theoretical density"}, ""),
    ],
)
def test_slips_planted_in_table_s4(old, new, cells, words):
    """Requirement: a planted slip is found in the cells it touches, in no others, and called by its name."""
    if "theoretical density of" in words:  # the theoretical density of Se-20MSe instead of its own
        value = 100 * formulas.porosity(formulas.density(590 / 0.785, 1780), 5.08)
        new = new.replace("16.87", f"{value:.2f}")
    before, after = found(audit.load("s4")), found(changed("s4", old, new))
    fresh = {key: cell for key, cell in after.items() if key not in before}
    assert {column for _, column in fresh} == cells
    assert all(words in cell.note for cell in fresh.values())


def test_a_component_left_out():
    """Requirement: a porosity without the carbon's volume is called so."""
    table = changed("interlayer-s1", "0.000157,41.45399446,58.54600554", "0.000157,36.90,58.54600554")
    assert "without the carbon" in found(table)["SiNPs-CNTs", "volume ratio"].note


def test_the_volume_without_pores():
    """Requirement: an energy density per volume of solid, as Eq. 10 prints it, is called so."""
    table = changed("s7", "688.8,2460", "672.7,3840")
    assert "volume without pores" in found(table)["3 mg/cm2, 1st cycle", "energy density"].note


def test_rounding_raises_no_alarm():
    """Requirement: a thickness of 3 um, printed so, lets the density be what 2.5 to 3.5 um give; with 3.00 um it does not."""
    text = "sample,loading [mg/cm2],thickness [um],density [g/cm3]\nA,1,{},3.9\n"
    assert not audit.parse(text.format("3"), "mine").findings
    assert audit.parse(text.format("3.00"), "mine").findings


def test_a_density_of_the_library_is_taken():
    """Requirement: a component that is a material of the library needs no density of its own."""
    table = audit.parse("sample,selenium weight fraction [%],mo6se8 weight fraction [%],theoretical density [g/cm3]\nA,40,60,5.71\n", "mine")
    assert [cell.verdict for cell in table.cells] == ["follows"]


def test_library_densities_are_told_and_trusted():
    """Requirement: what the library lends is named, and no slip is sought in it: as a table's own, 6.52 would be told to be 6.25 swapped."""
    text = "sample,selenium weight fraction [%],mo6se8 weight fraction [%],theoretical density [g/cm3]\nA,40,60,5.58\n"
    table = audit.parse(text, "mine")
    assert "Densities from the library: selenium 4.81 g/cm^3, mo6se8 6.52 g/cm^3." in audit.remarks(table)
    (cell,) = table.findings
    assert "mo6se8 density" not in cell.note and "selenium density" not in cell.note
    own = audit.parse("# selenium density [g/cm3]: 4.81\n# mo6se8 density [g/cm3]: 6.52\n" + text, "mine")
    assert "mo6se8 density of 6.25 g/cm3 for 6.52 (two digits swapped)" in own.findings[0].note
    assert not any("library" in line for line in audit.remarks(own))


def test_what_cannot_be_recomputed_is_told(tmp_path, capsys):
    """Requirement: a component without a density leaves the theoretical density unchecked, and the audit says so, not only when it has nothing else."""
    head, row = "sample,copolymer weight fraction [%],foo weight fraction [%],theoretical density [g/cm3]", "A,40,60,1.5"
    told = "theoretical density not recomputed: density of copolymer is missing, foo is no material of the library"
    (tmp_path / "more.csv").write_text(f"{head},mass [mg],area [cm2],loading [mg/cm2]\n{row},3,1,3\n")
    code, _, err = run(capsys, "audit", tmp_path / "more.csv")
    assert code == 0 and f"{told}." in err
    (tmp_path / "less.csv").write_text(f"{head}\n{row}\n")
    code, _, err = run(capsys, "audit", tmp_path / "less.csv")
    assert code == 2 and len(err) == 1 and told in err[0]
    (tmp_path / "row.csv").write_text("sample,selenium weight fraction [%],mo6se8 weight fraction [%],theoretical density [g/cm3]\nA,40,60,5.71\nB,100,,4.81\n")
    assert any("B: theoretical density not recomputed, weight fraction of mo6se8 is missing" in line for line in run(capsys, "audit", tmp_path / "row.csv")[2])


def test_fractions_that_do_not_add_up_are_told():
    """Requirement: told as a remark, and as the likely slip of what was computed from them."""
    table = changed("s4", "Se-90MSe,0,10,90,", "Se-90MSe,0,20,90,")
    assert any("add up to 110 %" in line for line in audit.remarks(table))
    assert "the weight fractions add up to 110 %, not 100 %" in found(table)["Se-90MSe, 0 MPa", "theoretical density"].note
    assert "add up" not in "".join(cell.note for cell in table.findings if "Se-90MSe, 0 MPa" != cell.row.label)


def test_table_s2():
    """The capacities per volume all follow from those per gram and the densities; what the audit leaves to the formulas it says."""
    table = audit.load("s2")
    assert len(table.cells) == 15 and not table.findings
    assert any("docs/screening.md" in line for line in audit.remarks(table)) and not any("Not checked" in line for line in audit.remarks(table))
    assert {row for row, _ in found(changed("s2", ",1333,", ",1383,"))} == {"NCM111, LiNi1/3Co1/3Mn1/3O2"}


@pytest.mark.parametrize(
    "text, words",
    [
        ("", "no table in it"),
        ("# title: nothing\n", "no table in it"),
        ("sample,thickness [mm]\n", "without rows"),
        ("sample,thickness [mm]\nA,1.2\n", "nothing to audit"),
        ("sample,thicknes [mm],mass [mg]\nA,1,2\n", "did you mean 'thickness'?"),
        ("sample,thickness [V]\nA,1\n", "'V' is not a unit of a length"),
        ("sample,thickness [mm],thickness [mm]\nA,1,1\n", "given twice"),
        ("sample,loading [mg/cm2],thickness [um],density [g/cm3]\nA,1,x,3\n", "line 2, thickness: got 'x'; a number"),
        ("sample,loading [mg/cm2],thickness [um],density [g/cm3]\nA,1,-2,3\n", "a number above 0"),
        ("sample,loading [mg/cm2],thickness [um],density [g/cm3]\nA,1,1e999,3\n", "a number"),
        ("sample,loading [mg/cm2],thickness [um],density [g/cm3]\nA,1\n", "line 2: 2 cells"),
        ("sample,loading [mg/cm2,thickness [um],density [g/cm3]\nA,1,1,1\n", "a column is written as"),
        ("sample,loading [mg/cm2],thickness,density [g/cm3]\nA,1,1,1\n", "column 'thickness' has no unit in square brackets; write it as 'thickness [um]'"),
        ("sample,loading [mg/cm2],Thickness (mm),density [g/cm3]\nA,1,1,1\n", "column 'Thickness (mm)' has no unit"),
        ("sample,mass [mg],area [cm2],selenium weight fraction,loading [mg/cm2]\nA,1,1,40,1\n", "write it as 'selenium weight fraction [%]'"),
        ("sample,pressure,loading [mg/cm2],thickness [um],density [g/cm3]\nA,100,1,1,1\n", "write it as 'pressure [MPa]'"),
        ("# area [cm2]: big\nsample,mass [mg],loading [mg/cm2]\nA,1,1\n", "line 1, area: got 'big'"),
    ],
)
def test_bad_tables_are_one_line(text, words):
    """Requirement: a table that can't be read is refused with a line that says where and what is allowed."""
    with pytest.raises(StudyError) as caught:
        audit.parse(text, "mine.csv")
    assert len(caught.value.faults) == 1 and words in caught.value.faults[0]


# --- the command ----------------------------------------------------------------------------------


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as end:
        cli.main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    return end.value.code or 0, out.splitlines(), err.splitlines()


def test_command(tmp_path, capsys):
    """Requirement: a line a cell that does not follow, the same as CSV, exit 0 whatever is found."""
    target = tmp_path / "s8.csv"
    code, out, err = run(capsys, "audit", "s8", "--csv", target)
    assert code == 0 and out[0].split() == ["row", "column", "printed", "follows", "note"] and len(out) == 3
    with target.open(encoding="utf-8", newline="") as file:
        (record,) = csv.DictReader(file)
    assert list(record) == ["row", "column", "printed", "follows", "note"]
    assert (record["column"], record["printed"], record["follows"]) == ("loading [mg/cm^2]", "4.69", "4.78")
    assert "5 cells recomputed, 1 does not follow" in err[0]
    assert len(run(capsys, "audit", "s8", "--all")[1]) == 6


def test_bundled_tables_are_listed_and_printed(tmp_path, capsys):
    """Requirement: a printed bundled table is a start for one's own: it audits to the same."""
    assert [line.split()[0] for line in run(capsys, "audit")[1]] == audit.bundled()
    _, printed, _ = run(capsys, "audit", "s7", "--print")
    own = tmp_path / "own.csv"
    own.write_text("\n".join(printed), encoding="utf-8")
    assert run(capsys, "audit", own)[1] == run(capsys, "audit", "s7")[1]
    semicolons = tmp_path / "semicolons.csv"
    semicolons.write_text("\ufeff" + "\r\n".join(line if line.startswith("#") else line.replace(",", ";") for line in printed), encoding="utf-8")
    assert run(capsys, "audit", semicolons)[1] == run(capsys, "audit", "s7")[1]


@pytest.mark.parametrize("arguments", [["audit", "s44"], ["audit", "."], ["audit", "s8", "--csv", "nowhere/x.csv"]])
def test_command_refuses_in_one_line(arguments, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    code, _, err = run(capsys, *arguments)
    assert code == 2 and len([line for line in err if "recomputed" not in line and "Eq. 10" not in line]) == 1
