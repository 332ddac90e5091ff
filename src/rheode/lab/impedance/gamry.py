"""Gamry .DTA: tagged text with tables; the spectrum is the table ZCURVE."""

import numpy as np

from ..analysis import LabError
from .spectrum import Spectrum, make

FORMAT = "Gamry .DTA"


def is_gamry(lines) -> bool:
    """Whether these lines are those of a .DTA file."""
    return lines[0].strip() == "EXPLAIN"


def read(path, lines) -> list[Spectrum]:
    """Every ZCURVE of the file. Raises LabError."""
    spectra = []
    for number, line in enumerate(lines):
        if line.startswith("ZCURVE"):
            names = lines[number + 1].rstrip("\n").split("\t") if number + 1 < len(lines) else []
            spectra.append(_curve(path, names, lines[number + 3 :], len(spectra)))  # a line of units lies between
    if not spectra:
        raise LabError(f"{path}: the file holds no ZCURVE, so it is no impedance measurement of Gamry's")
    return spectra


def _curve(path, names, lines, number):
    try:
        columns = [names.index(name) for name in ("Freq", "Zreal", "Zimag")]
    except ValueError:
        raise LabError(f"{path}: ZCURVE lacks one of the columns Freq, Zreal, Zimag; it has {', '.join(filter(None, names))}") from None
    rows = []
    for line in lines:
        cells = line.replace(",", ".").split("\t")
        if not line.startswith("\t") or len(cells) <= max(columns):
            break
        try:
            rows.append([float(cells[i]) for i in columns])
        except ValueError:
            break
    table = np.array(rows).reshape(-1, 3)
    return make(path, f"curve {number + 1}", FORMAT, table[:, 0], table[:, 1] + 1j * table[:, 2])
