"""BioLogic: .mpt text (decimal commas, with or without its header), and .mpr binary through galvani.

galvani is GPL: it is installed only with `rheode[biologic]` and imported only to read an .mpr.
"""

import re
from pathlib import Path

import numpy as np

from ..analysis import LabError
from ..table import Layout, layout, split_header
from . import names
from .sources import Source
from .table import Raw

# The cell's voltage goes before that of the working electrode.
PATTERNS = {
    "time": (r"time",),
    "voltage": (r"ecell", r"<ecell>", r"ewe-ece", r"ewe", r"<ewe>"),
    "current": (r"i", r"<i>"),
    "charge passed": (r"dq",),
    "net capacity": (r"\(q-qo\)",),
    "charge capacity": (r"q charge",),
    "discharge capacity": (r"q discharge",),
    "step": (r"ns",),
    "half cycle": (r"half cycle",),
    "cycle": (r"cycle number",),
    "temperature": (r"temperature",),
}
MAGIC = b"BIO-LOGIC MODULAR FILE"
_SIGNS = {"ecell", "ewe", "<ewe>", "<ecell>", "ewe-ece"}


def find(lines) -> Layout | None:
    """The layout of an .mpt, by the number of header lines that it states or, where the header is missing, by its columns."""
    for line in lines[:5]:
        if stated := re.match(r"Nb header lines\s*:\s*(\d+)", line):
            first = int(stated[1])
            break
    else:
        return layout(lines)
    if not 1 <= first < len(lines):
        return layout(lines)
    found, units = zip(*map(split_header, lines[first - 1].rstrip("\t").split("\t")))
    comma = any(re.search(r"\d,\d", line) for line in lines[first : first + 50])
    return Layout("\t", first, list(found), list(units), comma)


def is_text(source: Source) -> bool:
    """Whether the columns are those of an .mpt of cycling."""
    known = {names.plain(name) for name in source.names}
    return bool(known & _SIGNS) and bool(known & {"ns", "mode", "ox", "dq", "(q-qo)", "half cycle", "control"})


def read_text(source: Source, given) -> Raw:
    """A record from the columns of an .mpt."""
    return names.record(source, "BioLogic .mpt", PATTERNS, given)


def read_binary(path: Path, given) -> Raw:
    """An .mpr. Raises LabError where galvani is not installed or can't read it."""
    try:
        from galvani.BioLogic import MPRfile
    except ModuleNotFoundError:
        raise LabError(f"{path}: BioLogic's binary format needs the package galvani (GPL): install it with `pip install 'rheode[biologic]'`, or export the file as text (.mpt) in EC-Lab") from None
    import polars as pl

    try:
        data = MPRfile(str(path)).data
    except Exception as error:  # whatever a damaged or newer file makes of its parser
        raise LabError(f"{path}: galvani can't read it ({' '.join(str(error).split())}); export it as text (.mpt) in EC-Lab") from None
    found, units = zip(*map(split_header, data.dtype.names))
    frame = pl.DataFrame({str(i): np.ascontiguousarray(data[name]) for i, name in enumerate(data.dtype.names)})
    source = Source(str(path), list(found), list(units), lambda numbers: frame.select(map(str, numbers)), lambda number: False)
    return names.record(source, "BioLogic .mpr", PATTERNS, given)

