"""Cycler files of any make as one normalised table; the format is recognised from the content.

`read` is all that an analysis needs; `table` says what the columns are. One module a make, and nothing else knows its
formats.
"""

import zipfile
from pathlib import Path

from ..analysis import LabError
from . import arbin, bdf, biologic, generic, landt, neware, sources
from .names import ColumnMap
from .table import Raw, Recording, join, normalise

__all__ = ["ColumnMap", "Recording", "join", "read"]

# The makes whose exports are told by the names of their columns, the most particular first.
_TEXTS = (
    (bdf.is_bdf, bdf.read_table),
    (biologic.is_text, biologic.read_text),
    (landt.is_text, landt.read_text),
    (neware.is_text, neware.read_text),
    (arbin.is_text, arbin.read_text),
)
_BEGINNING = 64  # bytes that tell a binary format


def read(path, columns: ColumnMap = ColumnMap()) -> Recording:
    """A cycler file as the normalised table (rheode.lab.cyclers.table). `columns` says what the file's names don't.

    Raises LabError, one line: not readable, damaged, empty, unknown, or a quantity missing.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            begins = file.read(_BEGINNING)
    except OSError as error:
        raise LabError(f"{path}: can't be read ({error.strerror or error})") from None
    if not begins.strip():
        raise LabError(f"{path}: the file is empty")
    return normalise(_raw(path, begins, columns))


def _raw(path: Path, begins: bytes, given: ColumnMap) -> Raw:
    if neware.is_binary(begins):
        return neware.read_binary(path, path.read_bytes(), ".nda")
    if arbin.is_binary(begins):
        return arbin.read_binary(path)
    if begins.startswith(biologic.MAGIC):
        return biologic.read_binary(path, given)
    if begins.startswith(b"PAR1"):
        return _named([sources.parquet(path)], given)
    if begins.startswith(b"PK\x03\x04"):
        try:
            with zipfile.ZipFile(path) as archive:
                member = neware.held(archive)
                if member is not None:
                    return neware.read_zip(path, archive, member)
        except zipfile.BadZipFile:
            raise LabError(f"{path}: a damaged archive; copy the file again from the cycler's computer") from None
        return _named(sources.workbook(path), given)
    layers = neware.layers(sources.head(path)[0])
    if layers is not None:
        return neware.read_text(neware.layered(path, layers), given)
    return _named([sources.text(path, biologic.find)], given)


def _named(tables: list[sources.Source], given: ColumnMap) -> Raw:
    """From the names of the columns; of several tables the first of a known make, or else the first that will do."""
    for table in tables:
        for recognised, reader in _TEXTS:
            if recognised(table):
                return reader(table, given)
    errors = []
    for table in tables:
        try:
            return generic.read_table(table, given)
        except LabError as error:
            errors.append(error)
    raise errors[0]
