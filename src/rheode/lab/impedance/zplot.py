"""ZPlot and ZView text (.z): a header of any length, then rows of frequency, amplitude, bias, time, Z', Z'', ..."""

import re

import numpy as np

from ..analysis import LabError
from .spectrum import Spectrum, make

FORMAT = "ZPlot/ZView text"


def is_zplot(lines) -> bool:
    """Whether these lines are those of a .z file."""
    return bool(re.match(r'"?\s*(ZPLOT|ZView|Z60W)', lines[0], re.IGNORECASE))


def read(path, lines) -> list[Spectrum]:
    """The spectrum. Raises LabError."""
    real, imaginary = 4, 5
    for line in lines:
        names = [name.strip().lower() for name in re.split(r"[\t,;]|\s+(?=\S)", line.strip().strip('"')) if name.strip()]
        if "z'(a)" in names and ("z''(b)" in names or 'z"(b)' in names):
            # A blank stands between "Freq" and "(Hz)" in some versions.
            names = [name for name in names if name != "(hz)"]
            real, imaginary = names.index("z'(a)"), names.index("z''(b)" if "z''(b)" in names else 'z"(b)')
    rows = []
    for line in lines:
        cells = re.split(r"[\t,;\s]+", line.strip())
        try:
            numbers = [float(cell) for cell in cells]
        except ValueError:
            continue
        if len(numbers) > imaginary:
            rows.append([numbers[0], numbers[real], numbers[imaginary]])
    if len(rows) < 3:
        raise LabError(f"{path}: no rows of frequency, Z' and Z'' were found")
    table = np.array(rows)
    return [make(path, "sweep", FORMAT, table[:, 0], table[:, 1] + 1j * table[:, 2])]
