"""Indents from files of any format that rheode knows; the format is recognised from the content."""

from dataclasses import replace
from pathlib import Path

from ..analysis import LabError
from . import delimited, keysight
from .records import Indent


def read(path, columns=()) -> list[Indent]:
    """The indents of a file: a Keysight workbook (.xls, .xlsx) or a text table (CSV).

    columns: for text tables, see `delimited.read`. Raises LabError.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise LabError(f"{path}: can't be read ({error.strerror or error})") from None
    if not data.strip():
        raise LabError(f"{path}: the file is empty")
    workbook = data[:4] in (b"\xd0\xcf\x11\xe0", b"PK\x03\x04")
    indents = keysight.read(path, data) if workbook else delimited.read(path, columns)
    if not indents:
        raise LabError(f"{path}: no indent with time, depth and load in it; export the data of the tests")
    return indents


def read_all(paths, columns=()) -> list[Indent]:
    """The indents of several files, named by file and number where there are several files. Raises LabError."""
    paths = [Path(path) for path in paths]
    found = []
    for path in paths:
        for indent in read(path, columns):
            found.append(replace(indent, name=f"{path.stem}:{indent.name}") if len(paths) > 1 else indent)
    return found
