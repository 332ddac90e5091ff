"""BioLogic .mpt of impedance techniques: EC-Lab's text, with or without its header, decimal commas allowed."""

import re

import numpy as np

from ..analysis import LabError
from .spectrum import Spectrum, make

FORMAT = "BioLogic .mpt"


def is_biologic(lines) -> bool:
    """Whether these lines are those of an .mpt that may hold a spectrum."""
    return lines[0].startswith("EC-Lab ASCII FILE") or _is_header(lines[0])


def read(path, lines) -> list[Spectrum]:
    """A spectrum for each cycle of the file. Raises LabError."""
    header = next((number for number, line in enumerate(lines) if _is_header(line)), None)
    if header is None:
        raise LabError(f"{path}: no columns freq/Hz and Re(Z)/Ohm; export an impedance technique (PEIS, GEIS) from EC-Lab")
    names = [name.strip() for name in lines[header].rstrip().split("\t")]
    rows = [cells for line in lines[header + 1 :] if len(cells := _numbers(line)) >= len(names)]
    table = np.array([row[: len(names)] for row in rows]).reshape(-1, len(names))

    def column(pattern):
        found = [i for i, name in enumerate(names) if re.fullmatch(pattern, name)]
        return table[:, found[0]] if found else None

    frequency, real, minus = column(r"freq/Hz"), column(r"Re\(Z\)/Ohm"), column(r"-Im\(Z\)/Ohm")
    if minus is None:
        raise LabError(f"{path}: no column -Im(Z)/Ohm; choose it in EC-Lab's export")
    cycle = column(r"cycle number")
    cycle = np.ones(len(table)) if cycle is None else cycle
    made = []
    for number in np.unique(cycle[frequency > 0]):  # at frequency 0 EC-Lab records what lies between sweeps
        part = (cycle == number) & (frequency > 0)
        made.append(make(path, f"cycle {number:g}", FORMAT, frequency[part], real[part] - 1j * minus[part]))
    if not made:
        raise LabError(f"{path}: the file holds no point of a spectrum")
    return made


def _is_header(line):
    return "\t" in line and "freq/Hz" in line and "Re(Z)/Ohm" in line


def _numbers(line):
    out = []
    for cell in line.rstrip().split("\t"):
        try:
            out.append(float(cell.replace(",", ".")))
        except ValueError:
            out.append(np.nan)
    return out
