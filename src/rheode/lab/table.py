"""Reader of plain tables: text (CSV and its relatives) and workbooks, with units in the headers.

Test machines, loggers and cyclers export a few lines about the test, a header, often a line of units, and numbers.
The delimiter, the decimal comma, the header and the units are recognised from the content.
"""

import csv
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..units import UnitError, measure
from .analysis import LabError

SENTINEL = 1e300  # instruments write a huge number where they have none
PLAIN = {"", "-", "1", "[]", "none", "mm/mm", "m/m", "strain"}  # what a plain number's unit is written as
SCAN = 400  # lines in which the numbers must have begun


@dataclass(frozen=True)
class Table:
    """A table as read: `names` in order, `units` as written ("" where none), `columns` float64 or str arrays."""

    path: str
    names: list[str]
    units: list[str]
    columns: list[np.ndarray]

    def __len__(self):
        return len(self.columns[0])


def read_table(path) -> Table:
    """Read a text table or the first sheet of a workbook (.xlsx) that holds one.

    Cells that are no numbers, and instruments' sentinels (beyond 1e300), become nan in a column of numbers.
    Columns without a name are called by their number, "1", "2", ... Raises LabError.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise LabError(f"{path}: can't be read ({error.strerror or error})") from None
    if not data.strip():
        raise LabError(f"{path}: the file is empty")
    if data[:4] == b"PK\x03\x04":
        candidates = _sheets(path, data)
    else:
        text = _decoded(path, data)
        candidates = ([_cells(line, delimiter) for line in text] for delimiter in _delimiters(text))
    for rows in candidates:
        table = _table(str(path), rows)
        if table is not None:
            return table
    raise LabError(f"{path}: no table of numbers was found; export it as CSV with a line of column names and units")


@dataclass(frozen=True)
class Layout:
    """How a text table is laid out, for readers of long files: cells are cut at `delimiter` (None: blanks), the numbers
    begin on line `first` (counted from 0), `names` and `units` as in Table, `comma`: decimals have a comma."""

    delimiter: str | None
    first: int
    names: list[str]
    units: list[str]
    comma: bool


def layout(lines) -> Layout | None:
    """The layout of a text table from its first lines (some hundred), None where they hold no table of numbers."""
    for delimiter in _delimiters(lines):
        numbered = [(number, row) for number, line in enumerate(lines) if any(row := _cells(line, delimiter))]
        rows = [row for _, row in numbered]
        begin = _begin(rows)
        if begin is not None:
            names, units = _header(rows[:begin], max(map(len, rows[begin : begin + 50])))
            comma = delimiter != "," and any(re.fullmatch(r"[-+]?\d*,\d+([eE][-+]?\d+)?", cell) for row in rows[begin : begin + 50] for cell in row)
            return Layout(delimiter, numbered[begin][0], names, units, comma)
    return None


def parse_columns(options) -> dict[str, tuple[str, str]]:
    """`--column` options, each QUANTITY=COLUMN or QUANTITY=COLUMN [UNIT], as {quantity: (column, unit or "")}.

    COLUMN is a name of the header or a number counted from 1. Raises LabError.
    """
    given = {}
    for option in options or ():
        match = re.fullmatch(r"\s*([\w ]+?)\s*=\s*(.+?)\s*(?:\[([^\]]*)\])?\s*", option)
        if match is None:
            raise LabError(f"--column: got {option!r}; write QUANTITY=COLUMN [UNIT], such as \"stress=Standard force [MPa]\" or \"strain=1 [%]\"")
        given[match[1].lower()] = (match[2], (match[3] or "").strip() or ("1" if match[3] is not None else ""))
    return given


def pick(table: Table, quantity: str, unit: str | None, patterns, given=None) -> np.ndarray | None:
    """The column of a `quantity` in `unit` (pint's syntax; "" for a plain number, None for whatever it has), None where there
    is none.

    patterns: regular expressions of header names, the best first; given: from `parse_columns`, goes first.
    Raises LabError: several columns fit equally, the unit is missing, unknown or of another dimension.
    """
    column, stated = (given or {}).get(quantity, (None, ""))
    if column is not None:
        index = _named(table, quantity, column)
    else:
        index = _found(table, quantity, patterns)
        if index is None:
            return None
    values = table.columns[index]
    name = table.names[index]
    if values.dtype.kind != "f":
        raise LabError(f"{table.path}: column {name!r} ({quantity}) holds words, not numbers")
    if unit is None:
        return values
    return values * factor(stated or table.units[index], unit, f"{table.path}: column {name!r} ({quantity})", quantity, name)


def pick_text(table: Table, quantity: str, patterns, given=None) -> np.ndarray | None:
    """The column of a `quantity` as text, None where there is none; numbers as they are printed."""
    column, _ = (given or {}).get(quantity, (None, ""))
    index = _named(table, quantity, column) if column is not None else _found(table, quantity, patterns)
    if index is None:
        return None
    values = table.columns[index]
    return values if values.dtype.kind == "U" else np.array([f"{value:g}" for value in values])


def needed(table: Table, quantity: str) -> LabError:
    """The error for a quantity that no column holds."""
    return LabError(f"{table.path}: no column of {quantity} among {', '.join(map(repr, table.names))}; name it with --column \"{quantity}=COLUMN [UNIT]\"")


def factor(text: str, unit: str, where: str, quantity: str, name: str) -> float:
    """How many `unit` one of the unit `text` is. Raises LabError that begins with `where`."""
    plain = text.strip().lower() in PLAIN
    if unit == "":
        if plain:
            return 1.0
        if text.strip() in ("%", "percent"):
            return 0.01
        raise LabError(f"{where}: got the unit {text!r}, expected % or a plain number")
    if text == "":
        raise LabError(f"{where} has no unit; state it with --column \"{quantity}={name} [{unit}]\"")
    for written in (_tidy(text), _tidy(text).lower()):
        try:
            return measure(f"1 {written}", unit)
        except UnitError:
            continue
    raise LabError(f"{where}: got the unit {text!r}, expected one of the dimension of {unit}")


def _tidy(unit):
    """A unit as pint reads it."""
    unit = unit.strip().replace("Ω", "ohm").replace("Ω", "ohm").replace("Ohms", "ohm").replace("Ohm", "ohm").replace("·", "*").replace(".", "*")
    unit = re.sub(r"[⁻−]", "-", unit).replace("¹", "1").replace("²", "2").replace("³", "3")
    return re.sub(r"([A-Za-zµμÅ])\^?(-?\d)", r"\1^\2", unit)


# --- finding columns -------------------------------------------------------------------------------


def _named(table, quantity, column):
    wanted = column.lower()
    for index, name in enumerate(table.names):
        if name.lower() == wanted:
            return index
    if column.isdecimal() and 1 <= int(column) <= len(table.names):
        return int(column) - 1
    raise LabError(f"{table.path}: --column {quantity}: no column {column!r}; there are {', '.join(map(repr, table.names))}")


def _found(table, quantity, patterns):
    for pattern in patterns:
        fits = [i for i, name in enumerate(table.names) if re.fullmatch(pattern, name.strip().lower().replace("_", " "))]
        if len(fits) == 1:
            return fits[0]
        if fits:
            raise LabError(f"{table.path}: {' and '.join(repr(table.names[i]) for i in fits)} may both be the {quantity}; choose with --column \"{quantity}=COLUMN\"")
    return None


# --- text to cells ---------------------------------------------------------------------------------


def _decoded(path, data):
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        text = data.decode("utf-16", errors="replace")
    elif b"\0" in data[:4096]:
        raise LabError(f"{path}: not a text table (a binary file); export it as CSV")
    else:
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = data.decode("cp1252", errors="replace")
    return text.splitlines()


def _delimiters(lines):
    """The delimiters that may be meant (None: blanks), the one that cuts the last lines into most numbers first."""
    sample = [line for line in lines if line.strip()][-50:]

    def rank(delimiter):
        columns = np.median([_numeric(_cells(line, delimiter)) for line in sample])
        # Of equals the semicolon or tab that is there: the comma may then be the decimals'.
        return -columns, delimiter not in (";", "\t") or not any(delimiter in line for line in sample)

    return sorted((";", "\t", ",", None), key=rank)


def _cells(line, delimiter):
    line = re.sub(r"^#+\s*", "", line)  # a header as a comment
    if delimiter is None:
        return line.split()
    cells = next(csv.reader([line], delimiter=delimiter), [])
    while cells and not cells[-1].strip():
        cells.pop()
    return [cell.strip() for cell in cells]


def _sheets(path, data):
    from io import BytesIO
    from zipfile import BadZipFile

    import openpyxl

    try:  # from memory: openpyxl judges files by their name
        book = openpyxl.load_workbook(BytesIO(data), read_only=True, data_only=True)
    except (BadZipFile, KeyError, ValueError, OSError):
        raise LabError(f"{path}: neither a text table nor a whole workbook (.xlsx); export it as CSV") from None
    for sheet in book.worksheets:
        yield [["" if cell is None else str(cell).strip() for cell in row] for row in sheet.iter_rows(values_only=True)]


# --- cells to columns ------------------------------------------------------------------------------

_NUMBER = re.compile(r"[-+]?(\d+[.,]?\d*|[.,]\d+)([eEdD][-+]?\d+)?")


def _number(cell):
    """The number in a cell, None where it holds none."""
    if not _NUMBER.fullmatch(cell):
        return None
    try:
        return float(cell.replace(",", ".").replace("d", "e").replace("D", "e"))
    except ValueError:
        return None


def _numeric(cells):
    return sum(_number(cell) is not None for cell in cells)


def _table(path, rows):
    """The Table in rows of cells, or None."""
    rows = [row for row in rows if any(row)]
    begin = _begin(rows)
    if begin is None:
        return None
    body = rows[begin:]
    width = max(map(len, body[:50]))
    names, units = _header(rows[:begin], width)
    columns = [_column([row[i] if i < len(row) else "" for row in body]) for i in range(width)]
    return Table(path, names, units, columns)


def _begin(rows):
    """The row on which the numbers begin, None where there are none: three follow each other (or all that are left, two at
    least) that hold numbers, the first and another as half of their cells."""
    for begin in range(min(len(rows) - 1, SCAN)):
        following = rows[begin : begin + 3]
        width = max(map(len, following))
        numbers = [_numeric(row) for row in following]
        full = [2 * number >= width and number >= min(2, width) for number in numbers]
        if full[0] and all(numbers) and sum(full) >= 2:
            while begin and _number(rows[begin - 1][0]) is not None:  # a first record with cells that are empty or words
                begin -= 1
            return begin
    return None


def _header(above, width):
    """Names and units of the columns from the lines above the numbers."""
    above = [row for row in above if len(row) >= max(2, width - 2)] if width > 1 else above
    if not above:
        return [str(i + 1) for i in range(width)], [""] * width
    last = _stretched(above[-1], width)
    if len(above) > 1 and all(_is_unit(cell) for cell in last):
        names, units = _stretched(above[-2], width), [cell.strip("[]() ") for cell in last]
    else:
        names, units = zip(*map(split_header, last))
    names = [name or str(i + 1) for i, name in enumerate(names)]
    return list(names), list(units)


def _stretched(cells, width):
    return (cells + [""] * width)[:width]


def _is_unit(cell):
    return cell == "" or cell == "-" or bool(re.fullmatch(r"[\[(][^\])]*[\])]|%|[A-Za-zµμΩΩ°]{1,6}([/*·^⁻−.-]?[A-Za-z0-9µ²³¹]+)*", cell)) and len(cell) <= 12


# Units that may follow a name without brackets: all after an underscore ("test_time_s"), some after a blank ("Force kN").
_SUFFIX = "s|ms|min|h|A|mA|uA|V|mV|Ah|mAh|Wh|mWh|N|kN|mN|uN|mm|um|nm|m|Pa|kPa|MPa|GPa|bar|[Pp]si|[kM]?[Oo]hm|[kM]?Ω|C|degC|%|second|ampere|volt|ah"
_CLEAR = "kN|mN|uN|mm|um|nm|kPa|MPa|GPa|[Pp]si|mA|mAh|[kM]?[Oo]hm|[kM]?Ω|%"


def split_header(header):
    """(name, unit) of a header cell: name [unit], name (unit), name / unit, name, unit, name_unit or name unit."""
    header = header.strip()
    for form in (r"(.*?)\s*\[([^\]]*)\]", r"(.*?)\s*\(([^()]*)\)", r"(.+?)\s*[/,]\s*(\S{1,12})", rf"(.+?)_({_SUFFIX})", rf"(.+?) ({_CLEAR})"):
        match = re.fullmatch(form, header)
        if match:
            return match[1].strip(), match[2].strip()
    return header, ""


def _column(cells):
    """float64 where at least half of the filled cells are numbers, else str."""
    try:
        values = np.array(cells, dtype=float)  # the common case, at numpy's speed
    except ValueError:
        numbers = [_number(cell) for cell in cells]
        filled = sum(bool(cell) for cell in cells)
        if 2 * sum(number is not None for number in numbers) < filled:
            return np.array(cells, dtype=str)
        values = np.array([np.nan if number is None else number for number in numbers])
    values[np.abs(values) > SENTINEL] = np.nan
    return values
