"""Reader of indents in text tables (CSV): columns of time, depth and load with their units, and what else there is."""

import numpy as np

from ..table import needed, parse_columns, pick, pick_text, read_table
from .records import Indent

PATTERNS = {
    "time": (r"time on sample", r"test time", r"time", r"t"),
    "depth": (r"displacement into surface", r"(indentation |penetration )?depth", r"displacement", r"h"),
    "load": (r"load on sample", r"(indentation |applied )?load", r"force( on surface)?", r"p"),
    "stiffness": (r"harmonic contact stiffness", r"(dynamic |dyn\. )?(contact )?stiffness", r"s"),
}
UNITS = {"time": "s", "depth": "um", "load": "mN", "stiffness": "mN/um"}
TEST = (r"test( number| no\.?)?", r"indent( number| no\.?)?")


def read(path, columns=()) -> list[Indent]:
    """The indents of a table; one, or as many as its column "test" tells apart.

    The depth is taken as it stands: zero at the surface, drift and compliance of the frame still in it.
    columns: texts QUANTITY=COLUMN [UNIT] for tables whose headers say it otherwise. Raises LabError.
    """
    table, given = read_table(path), parse_columns(columns)
    arrays = {quantity: pick(table, quantity, UNITS[quantity], PATTERNS[quantity], given) for quantity in PATTERNS}
    for quantity in ("time", "depth", "load"):
        if arrays[quantity] is None:
            raise needed(table, quantity)
    tests = pick_text(table, "test", TEST, given)
    if tests is None:
        return [indent for indent in [_indent("1", arrays, slice(None))] if len(indent.time)]
    names = dict.fromkeys(tests)
    found = [_indent(str(name), arrays, tests == name) for name in names if name]
    return [indent for indent in found if len(indent.time)]


def _indent(name, arrays, rows):
    part = {quantity: None if values is None else np.asarray(values[rows], float) for quantity, values in arrays.items()}
    return Indent(name, part["time"], part["depth"], part["load"], stiffness=part["stiffness"]).whole()
