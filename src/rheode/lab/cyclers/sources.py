"""Tables as files hold them, by column: text, workbooks, parquet. No knowledge of any cycler.

A `Source` knows the names and units of its columns and reads those that are asked for; a text of a million rows is
never held as a whole.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import polars as pl

from ..analysis import LabError
from ..table import Layout, layout, read_table, split_header

HEAD = 1 << 18  # bytes of a text in which its header must end
SENTINEL = 1e300  # instruments write a huge number where they have none

# The kinds of columns, as they are read.
NUMBER, TEXT, DURATION = "number", "text", "duration"


@dataclass
class Source:
    """`names` and `units` of the columns as written ("" where none); `above`: the lines of a text over its numbers."""

    path: str
    names: list[str]
    units: list[str]
    read: Callable  # (tuple of column numbers) -> pl.DataFrame of their cells, in that order
    words: Callable  # (column number) -> whether it holds words, such as times of day, rather than plain numbers
    above: list[str] = field(default_factory=list)

    def columns(self, wanted: dict[str, tuple[int, str]]) -> pl.DataFrame:
        """The columns `wanted` (name: number and kind) under those names.

        Numbers and durations [s] are Float64 with NaN where there is none; text is String.
        """
        # One column may be wanted twice, and duplicate names are not allowed in a frame.
        numbers = tuple(sorted({number for number, _ in wanted.values()}))
        frame = self.read(numbers)
        frame.columns = [str(number) for number in numbers]
        return frame.select(_as(str(number), frame.schema[str(number)], kind).alias(name) for name, (number, kind) in wanted.items())


def _as(name, dtype, kind):
    """The expression of a column as a kind."""
    column = pl.col(name)
    if kind == TEXT:
        return column.cast(pl.String).fill_null("")
    if dtype.is_temporal():
        seconds = column.cast(pl.Datetime("us")).dt.epoch("us") / 1e6 if dtype in (pl.Datetime, pl.Date) else column.cast(pl.Duration("us")).dt.total_microseconds() / 1e6
        return seconds.fill_null(float("nan"))
    if dtype == pl.String:
        plain = column.str.strip_chars().cast(pl.Float64, strict=False)
        column = plain if kind == NUMBER else pl.coalesce(plain, _clock(column))
    column = column.cast(pl.Float64, strict=False).fill_null(float("nan"))
    return pl.when(column.abs() < SENTINEL).then(column).otherwise(float("nan"))


def _clock(column):
    """Seconds of "12:34:56.789", hours beyond 24 allowed; days may stand before, with "d", "-" or a blank behind them."""
    part = column.str.split_exact(":", 2).struct
    hours, minutes, seconds = (part.field(f"field_{i}") for i in range(3))
    simple = hours.cast(pl.Float64, strict=False) * 3600
    days = hours.str.extract_groups(r"^\s*(\d+)[ d\-]+(\d+)\s*$").struct
    with_days = days.field("1").cast(pl.Float64, strict=False) * 86400 + days.field("2").cast(pl.Float64, strict=False) * 3600
    return pl.coalesce(simple, with_days) + minutes.cast(pl.Float64, strict=False) * 60 + seconds.cast(pl.Float64, strict=False)


# --- text -----------------------------------------------------------------------------------------


def head(path: Path) -> tuple[list[str], str]:
    """(the first lines of a text, its encoding). Raises LabError where the file is none."""
    with path.open("rb") as file:
        begins = file.read(HEAD)
    encoding = _encoding(path, begins)
    lines = [line.rstrip("\r") for line in begins.decode(encoding, errors="replace").split("\n")]  # as they are counted below
    return (lines[:-1] if len(begins) == HEAD else lines), encoding  # the last may be cut


def text(path: Path, found=layout) -> Source:
    """The table in a text file. `found(lines)`: its Layout from its first lines, None where they hold none.

    Raises LabError: no table, or the file can't be read.
    """
    lines, encoding = head(path)
    how = found(lines)
    if how is None:
        raise LabError(f"{path}: no table of numbers was found; export it as CSV with a line of column names and units")
    if how.delimiter is None:
        return _blanks(path)

    def words(number):
        return not _is_number(lines[how.first : how.first + 50], number, how)

    def read(numbers):
        width = max(len(how.names), *(line.count(how.delimiter) + 1 for line in lines[how.first : how.first + 50]))
        names = [str(i) for i in range(width)]
        data = path if encoding.startswith("utf-8") or encoding == "cp1252" else BytesIO(path.read_bytes().decode(encoding, errors="replace").encode())
        plain = {str(i) for i in numbers if not words(i)}
        try:
            return pl.scan_csv(
                data,
                separator=how.delimiter,
                has_header=False,
                skip_lines=how.first,
                schema={name: pl.Float64 if name in plain else pl.String for name in names},
                missing_columns="insert",  # lines need not be as long as the first
                truncate_ragged_lines=True,
                ignore_errors=True,
                decimal_comma=how.comma,
                encoding="utf8-lossy",
            ).select(map(str, numbers)).collect()  # fmt: skip
        except (pl.exceptions.PolarsError, OSError) as error:
            raise LabError(f"{path}: its lines can't be read as a table ({str(error).splitlines()[0]})") from None

    return Source(str(path), how.names, how.units, read, words, lines[: how.first])


def _encoding(path, head):
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    if b"\0" in head[:4096]:
        raise LabError(f"{path}: neither a text nor a format that is known; export it as text from the cycler's software")
    try:
        head[: len(head) - 4].decode("utf-8-sig")  # a character may be cut at the end
        return "utf-8-sig"
    except UnicodeDecodeError:
        return "cp1252"


def _is_number(lines, number, how: Layout):
    """Whether a column holds plain numbers; other cells among them are read as none."""
    held = [cells[number].strip().strip('"') for line in lines if number < len(cells := line.split(how.delimiter))]
    return all(_plain(cell.replace(",", ".") if how.comma else cell) for cell in held if cell)


def _plain(cell):
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _blanks(path):
    """A text whose columns are parted by blanks; few cyclers write it, and none long files."""
    table = read_table(path)
    return Source(str(path), table.names, table.units, lambda numbers: pl.DataFrame({str(i): table.columns[i] for i in numbers}), lambda i: table.columns[i].dtype.kind == "U")


# --- workbooks and parquet ------------------------------------------------------------------------


def workbook(path: Path) -> list[Source]:
    """The sheets of a workbook (.xlsx) that hold a table under a line of names; sheets of the same columns are one.

    An export that is longer than a sheet goes on in the next.
    """
    import openpyxl

    try:  # from memory: openpyxl judges files by their name
        book = openpyxl.load_workbook(BytesIO(path.read_bytes()), read_only=True, data_only=True)
        sheets = [[row for row in sheet.iter_rows(values_only=True)] for sheet in book.worksheets]
    except Exception:  # openpyxl raises a dozen unrelated types for what is no whole workbook
        raise LabError(f"{path}: not a whole workbook (.xlsx); export it again") from None
    tables: dict[tuple, list] = {}
    for rows in sheets:
        header = next((i for i, row in enumerate(rows[:50]) if sum(isinstance(cell, str) and bool(cell.strip()) for cell in row) >= 3
                       and i + 1 < len(rows) and sum(isinstance(cell, (int, float)) for cell in rows[i + 1]) >= 3), None)  # fmt: skip
        if header is not None:
            tables.setdefault(tuple(str(cell or "").strip() for cell in rows[header]), []).extend(rows[header + 1 :])
    if not tables:
        raise LabError(f"{path}: no sheet holds a table of numbers under a line of column names")
    return [_sheet(str(path), header, rows) for header, rows in tables.items()]


def _sheet(path, header, rows):
    names, units = zip(*map(split_header, header))

    def read(numbers):
        cells = {str(i): [row[i] if i < len(row) else None for row in rows] for i in numbers}
        return pl.DataFrame({name: pl.Series(name, column, dtype=_dtype(column), strict=False) for name, column in cells.items()})

    return Source(path, list(names), list(units), read, lambda i: not any(isinstance(row[i], (int, float)) for row in rows[:50] if i < len(row)))


def _dtype(cells):
    if any(isinstance(cell, str) for cell in cells):
        return pl.String
    first = next((cell for cell in cells if cell is not None), None)
    return pl.Float64 if first is None or isinstance(first, (int, float)) else None


def parquet(path: Path) -> Source:
    """The table in a parquet file."""
    try:
        frame = pl.scan_parquet(path)
        schema = frame.collect_schema()
    except pl.exceptions.PolarsError:
        raise LabError(f"{path}: not a whole parquet file; write it again") from None
    header, types = schema.names(), schema.dtypes()
    names, units = zip(*map(split_header, header))
    return Source(str(path), list(names), list(units), lambda numbers: frame.select(header[i] for i in numbers).collect(), lambda i: not types[i].is_numeric())
