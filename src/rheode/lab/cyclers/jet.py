"""Numbers of a table in an Access database, a million rows quickly.

access-parser knows catalogues and table definitions, but takes rows one by one in Python: two minutes for a file of
the usual length. Here it sees the database without the long tables' pages, and the rows of fixed length on these are
taken out with numpy.
"""

import logging
import tempfile
from pathlib import Path

import numpy as np

from ..analysis import LabError

DATA_PAGE = 0x0101  # the first two bytes of a page of rows
CATALOGUE = 2  # the page that defines the table of tables
LONG = 64  # pages: a table of more is not shown to access-parser
DELETED, ELSEWHERE, OFFSET = 0x8000, 0x4000, 0x1FFF  # flags and value of a row's place on its page
TYPES = {2: "<i1", 3: "<i2", 4: "<i4", 6: "<f4", 7: "<f8", 8: "<f8"}  # by Access's number of the type


def read_columns(path: Path, table: str, wanted) -> dict[str, np.ndarray]:
    """Columns of a table as float64 arrays, NaN where a row has none; what the table does not have is left out.

    Raises LabError: damaged or cut off, no such table, or a column that holds no numbers.
    """
    from access_parser import AccessParser

    logging.getLogger("access_parser").setLevel(logging.CRITICAL)
    try:
        data = np.fromfile(path, np.uint8)
        old = data[0x14] == 0  # Jet 3, of Access 97
        size, header, count = (2048, 10, 1) if old else (4096, 14, 2)  # of a page; its header before the rows' places; bytes of a row's count of columns
        data = data[: len(data) // size * size]
        pages = data.reshape(-1, size)
        rows_on = np.flatnonzero(_number(pages, 0, "<u2") == DATA_PAGE)
        owners = _number(pages[rows_on], 4, "<u4")
        with tempfile.TemporaryDirectory() as folder:
            short = Path(folder) / "short.res"
            _without_long_tables(short, pages, rows_on, owners)
            parser = AccessParser(str(short))
        definition = parser.catalog.get(table)
        if definition is None:
            raise LabError(f"{path}: an Access database without a table {table}: not an Arbin file")
        described = parser.get_table(table)
        columns = {column.col_name_str: column for column in described.columns.values()}
        begins, ends = _rows(pages, rows_on[owners == definition], header, path)
        if len(begins) < (rows := described.table_header.number_of_rows):
            raise LabError(f"{path}: cut off: {len(begins)} of its {rows} records are there; copy the file again from the cycler's computer")
        bitmap = (len(columns) + 7) // 8
        return {name: _column(data, begins + count, ends - bitmap, columns[name], path) for name in wanted if name in columns}
    except LabError:
        raise
    except OSError as error:
        raise LabError(f"{path}: can't be read ({error.strerror or error})") from None
    except Exception as error:  # whatever a damaged database makes of the parser
        raise LabError(f"{path}: a damaged Access database ({type(error).__name__}); copy the file again, or export it as CSV") from None


def _number(pages, at, dtype):
    """The number at a place of each page."""
    return np.ascontiguousarray(pages[:, at : at + np.dtype(dtype).itemsize]).view(dtype)[:, 0]


def _without_long_tables(path, pages, rows_on, owners):
    """Write the database without the rows of long tables: a file with holes in it."""
    owner, times = np.unique(owners, return_counts=True)
    hidden = np.zeros(len(pages), bool)
    hidden[rows_on] = np.isin(owners, owner[(times > LONG) & (owner != CATALOGUE)])
    with path.open("wb") as file:
        for number in np.flatnonzero(~hidden):
            file.seek(int(number) * pages.shape[1])
            file.write(pages[number].tobytes())
        file.truncate(pages.size)


def _rows(pages, numbers, header, path):
    """Where the rows of these pages begin and end in the file; what was deleted is left out."""
    own = pages[numbers]
    counts = _number(own, header - 2, "<u2").astype(int) if len(own) else np.zeros(0, int)
    most = int(counts.max(initial=0))
    places = np.ascontiguousarray(own[:, header : header + 2 * most]).view("<u2").astype(np.int64)
    there = np.arange(most) < counts[:, None]
    if np.any(places[there] & ELSEWHERE & ~(places[there] & DELETED)):
        raise LabError(f"{path}: some of its records were moved within the database; compact it in Access, or export it as CSV")
    offset = places & OFFSET
    ends = np.hstack([np.full((len(own), 1), pages.shape[1]), offset[:, :-1]]) if most else offset  # rows fill a page from its end
    kept = there & ((places & (DELETED | ELSEWHERE)) == 0)
    start = (numbers * pages.shape[1])[:, None]
    return (start + offset)[kept], (start + ends)[kept]


def _column(data, begins, bitmaps, column, path):
    """The numbers of a column; a bit at the row's end tells whether there is one."""
    if column.type not in TYPES or not column.column_flags.fixed_length:
        raise LabError(f"{path}: column {column.col_name_str} holds no numbers: not an Arbin file")
    dtype = np.dtype(TYPES[column.type])
    cells = data[(begins + column.fixed_offset)[:, None] + np.arange(dtype.itemsize)]
    values = np.ascontiguousarray(cells).view(dtype)[:, 0].astype(float)
    present = data[bitmaps + column.column_id // 8] >> (column.column_id % 8) & 1
    return np.where(present == 1, values, np.nan)
