"""Plain tables of every dress: delimiters, decimal commas, lines of units, names with units, workbooks."""

import numpy as np
import pytest

from rheode.lab import LabError
from rheode.lab.table import factor, parse_columns, pick, pick_text, read_table

SAID = {
    "comma": "Strain [%],Stress [MPa]\n1,2\n2,3.5\n3,4\n",
    "semicolon and decimal comma": "Strain [%];Stress [MPa]\n1,0;2,0\n2,0;3,5\n3,0;4,0\n",
    "tab and a line of units": "Sample\t7\n\nStrain\tStress\n%\tMPa\n1\t2\n2\t3.5\n3\t4\n",
    "blanks and a comment": "# Strain_% Stress_MPa\n1 2\n2 3.5\n3 4\n",
    "a head about the test": "Machine: A\nSpeed,100,mm/min\nStrain / %,Stress / MPa,\n1,2,\n2,3.5,\n3,4,\n",
}


@pytest.mark.parametrize("text", SAID.values(), ids=SAID)
def test_the_same_table_in_every_dress(tmp_path, text):
    """Requirement: delimiter, decimal comma, head and units are recognised from the content."""
    file = tmp_path / "table.txt"
    file.write_text(text)
    table = read_table(file)
    assert np.array_equal(pick(table, "strain", "", ["strain"]), [0.01, 0.02, 0.03])
    assert np.array_equal(pick(table, "stress", "kPa", ["stress"]), [2000, 3500, 4000])


def test_sheets_and_encodings(tmp_path):
    """Requirement: a workbook's first sheet with numbers is read, and text in UTF-16 or the Windows code page."""
    import openpyxl

    book = openpyxl.Workbook()
    book.active.append(["notes only"])
    sheet = book.create_sheet("data")
    for row in (["Zeit [s]", "Kraft [N]"], [0, 1.5], [1, None], [2, 2.5]):
        sheet.append(row)
    book.save(tmp_path / "book.xlsx")
    table = read_table(tmp_path / "book.xlsx")
    assert table.names == ["Zeit", "Kraft"] and np.array_equal(table.columns[1], [1.5, np.nan, 2.5], equal_nan=True)
    for encoding in ("utf-16", "cp1252"):
        (tmp_path / "t.csv").write_bytes("Kraft in µN;Länge [µm]\n1;2\n2;3\n3;4\n".encode(encoding))
        assert np.array_equal(pick(read_table(tmp_path / "t.csv"), "length", "mm", ["länge"]), [0.002, 0.003, 0.004])


def test_sentinels_and_words(tmp_path):
    """Requirement: what is no number becomes nan, a column of words stays words."""
    (tmp_path / "t.csv").write_text("a,b,c\n1,1.8e308,rest\n2,OL,charge\n3,5,rest\n")
    table = read_table(tmp_path / "t.csv")
    assert np.array_equal(table.columns[1], [np.nan, np.nan, 5], equal_nan=True)
    assert list(pick_text(table, "step", ["c"])) == ["rest", "charge", "rest"]
    with pytest.raises(LabError, match="words, not numbers"):
        pick(table, "step", "", ["c"])


def test_columns_by_hand(tmp_path):
    """Requirement: --column names a column by its name or number, with a unit; what is ambiguous or missing is told."""
    (tmp_path / "t.csv").write_text("1,2,3\n2,3,4\n3,4,5\n")
    given = parse_columns(["strain = 1 [%]", "stress=3 [kPa]", "plain=2 []"])
    table = read_table(tmp_path / "t.csv")
    assert np.allclose(pick(table, "strain", "", (), given), [0.01, 0.02, 0.03])
    assert np.allclose(pick(table, "stress", "MPa", (), given), [0.003, 0.004, 0.005])
    assert np.allclose(pick(table, "plain", "", (), given), [2, 3, 4])
    with pytest.raises(LabError, match="no column 'x'"):
        pick(table, "strain", "", (), parse_columns(["strain=x"]))
    with pytest.raises(LabError, match="QUANTITY=COLUMN"):
        parse_columns(["strain"])
    (tmp_path / "t.csv").write_text("Strain 1 [%],Strain 2 [%]\n1,2\n2,3\n3,4\n")
    with pytest.raises(LabError, match="may both be the strain"):
        pick(read_table(tmp_path / "t.csv"), "strain", "", [r"strain \d"])


@pytest.mark.parametrize("text, unit, size", [("kΩ", "ohm", 1e3), ("N/mm²", "MPa", 1), ("Psi", "kPa", 6.894757), ("Å⁻¹", "1/nm", 10), ("%", "", 0.01), ("mm/mm", "", 1), ("kN", "N", 1e3)])
def test_units_as_instruments_write_them(text, unit, size):
    """Requirement: units in the spelling of instruments are understood."""
    assert factor(text, unit, "here", "quantity", "name") == pytest.approx(size, rel=1e-6)


@pytest.mark.parametrize("data, said", [(b"", "empty"), (b"\0\1\2\3" * 50, "binary"), (b"PK\3\4junk", "workbook"), (b"hello\nworld\n", "no table of numbers")])
def test_what_is_no_table(tmp_path, data, said):
    """Requirement: a file that holds no table says so in one line."""
    (tmp_path / "t").write_bytes(data)
    with pytest.raises(LabError, match=said):
        read_table(tmp_path / "t")
    with pytest.raises(LabError, match="can't be read"):
        read_table(tmp_path / "absent")
