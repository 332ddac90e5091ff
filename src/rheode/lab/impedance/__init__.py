"""Impedance: spectra from the instruments' text files, Kramers-Kronig test, equivalent circuits.

`read` gives the spectra of a file of any make; the format is recognised from the content.
"""

from pathlib import Path

from ..analysis import LabError
from ..table import read_table
from . import biologic, gamry, text, zplot
from .spectrum import Spectrum

__all__ = ["Spectrum", "read"]

_TEXTS = ((gamry.is_gamry, gamry.read), (biologic.is_biologic, biologic.read), (zplot.is_zplot, zplot.read))


def read(path, columns=None) -> list[Spectrum]:
    """The spectra in a file. columns: from rheode.lab.table.parse_columns, for tables.

    Raises LabError, one line: not readable, empty, no spectrum in it, a column missing.
    """
    found = _found(path)
    if found is not None and not columns:
        reader, lines = found
        return reader(path, lines)
    return text.read(read_table(path), columns)


def holds(path, columns=None) -> bool:
    """Whether a file holds spectra rather than another table. Raises LabError where it can't be read at all."""
    return _found(path) is not None or text.is_spectrum(read_table(path), columns)


def _found(path):
    """(reader, lines) of the make whose text a file is, None where it is none of them."""
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise LabError(f"{path}: can't be read ({error.strerror or error})") from None
    if not data.strip():
        raise LabError(f"{path}: the file is empty")
    if b"\0" in data[:4096]:
        return None
    try:
        lines = data.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        lines = data.decode("cp1252", errors="replace").splitlines()
    return next(((reader, lines) for recognised, reader in _TEXTS if recognised(lines)), None)
