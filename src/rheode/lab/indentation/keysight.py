"""Reader of the workbooks of Keysight (Agilent, MTS, KLA) indenters, .xls and .xlsx: a sheet a test, results beside them."""

import re
from io import BytesIO

import numpy as np

from ...units import UnitError, measure
from ..analysis import LabError
from .records import Indent, known

# Channels by what the methods of two decades call them, in small letters; the first that is there counts.
CHANNELS = {
    "time": ("time on sample", "time in contact", "time"),
    "depth": ("displacement into surface", "depth"),
    "load": ("load on sample", "force on surface", "load"),
    "stiffness": ("harmonic contact stiffness", "stiffness"),
    "hardness": ("hardness", "h_it channel"),
    "modulus": ("modulus", "e_it channel"),
    "reduced modulus": ("reduced modulus",),
    "area": ("contact area",),
    "contact depth": ("contact depth",),
    "frame": ("frame stiffness",),
}
CYCLES = {  # of the sheet that groups cycles by test
    "load": "cycle pmax", "depth": "cycle hmax", "stiffness": "cycle su", "area": "cycle acu", "modulus": "cycle eu",
    "hardness": "cycle hu", "reduced modulus": "cycle eru", "contact depth": "cycle hcu",
}  # fmt: skip
UNITS = {
    "time": "s", "depth": "um", "load": "mN", "stiffness": "mN/um", "hardness": "GPa", "modulus": "GPa", "reduced modulus": "GPa",
    "area": "um^2", "contact depth": "um", "frame": "mN/um",
}  # fmt: skip
NEEDED = ("time", "depth", "load")


def read(path, data: bytes) -> list[Indent]:
    """The indents in a workbook's bytes, in the order of their numbers. Raises LabError."""
    sheets = _xls(path, data) if data[:4] == b"\xd0\xcf\x11\xe0" else _xlsx(path, data)
    tests = sorted((int(match[1]), rows) for name, rows in sheets.items() if (match := re.fullmatch(r"Test (\d+)", name.strip())))
    if not tests:
        raise LabError(f"{path}: no sheet is called 'Test 1', 'Test 2', ...; export the workbook with the data of every test")
    facts = _facts(sheets)
    cycles = _cycles(path, sheets)
    found = [_indent(path, number, rows, facts.get(number, {}), cycles.get(number, {})) for number, rows in tests]
    return [indent for indent in found if indent is not None]


def _indent(path, number, rows, facts, cycles):
    """One sheet as an Indent; None where it holds no measurement."""
    if len(rows) < 3:
        return None
    names, units = [_clean(cell) for cell in rows[0]], rows[1]
    columns = {}
    for quantity, wanted in CHANNELS.items():
        for name in wanted:
            if name in names:
                at = names.index(name)
                values = known([row[at] if at < len(row) else None for row in rows[2:]])
                columns[quantity] = values * _factor(path, rows[0][at], units[at] if at < len(units) else "", UNITS[quantity])
                break
    lacking = [quantity for quantity in NEEDED if quantity not in columns]
    if lacking:
        raise LabError(f"{path}: sheet 'Test {number}' has no column of {', '.join(lacking)} (such as {CHANNELS[lacking[0]][0]!r}); export these channels")
    unloading = _marked(rows, columns["load"])
    frame = columns.pop("frame", np.array([np.nan]))
    frame = frame[np.isfinite(frame)]
    indent = Indent(
        f"{number}", *(columns.pop(quantity) for quantity in NEEDED), stiffness=columns.pop("stiffness", None),
        drift=facts.get("drift"), frame=float(1.0 / np.median(frame)) if frame.size else np.nan, poisson=facts.get("poisson"),
        window=facts.get("window"), unloading=unloading, columns=columns, cycles=cycles,
    ).whole()  # fmt: skip
    return indent if len(indent.time) else None


def _marked(rows, load):
    """Between which shares of the load the stiffness was taken, from the marks in the first column; None without them."""
    marks = {_clean(row[0]): i for i, row in enumerate(rows[2:])}
    begin, end, held = (marks.get(mark) for mark in ("begin stiffness data index", "end of stiffness data index", "end of hold at load index"))
    if None in (begin, end, held):
        return None
    shares = load[begin] / load[held], load[end] / load[held]
    return shares if 1.0 > shares[0] > shares[1] > 0.0 else None


def _facts(sheets):
    """By number of the test: Poisson's ratio, the rate of drift taken out, the window of averages."""
    found = {}
    for name, rows in sheets.items():
        if name.strip() not in ("Results", "Required Inputs", "Pre-Test Inputs", "Inputs Editable Post Test", "Post-Test Inputs") or len(rows) < 3:
            continue
        heads = [_clean(cell) for cell in rows[0]]
        for row in rows[2:]:
            if (number := _whole(row[0])) is not None:
                facts = found.setdefault(number, {})
                for head, value in zip(heads, known(row)):
                    if np.isfinite(value):
                        facts.setdefault(head, float(value))
    return {number: _said(facts) for number, facts in found.items()}


def _said(facts):
    """The facts of one test that matter, from all that its rows say."""
    said = {}
    for head in ("poissons ratio", "poisson's ratio of sample"):
        if 0.0 <= facts.get(head, -1.0) < 0.5:
            said.setdefault("poisson", facts[head])
    switches = [facts[head] for head in facts if head.startswith(("perform drift correction", "drift correction?"))]
    if any(switch == 1.0 for switch in switches):
        said["drift"] = facts.get("drift correction", np.nan) / 1000.0
    low, high = facts.get("minimum calculation depth"), facts.get("maximum calculation depth")
    if low is not None and high is not None and high > low:
        said["window"] = (low / 1000.0, high / 1000.0)
    return said


def _cycles(path, sheets):
    """By number of the test: the instrument's own results a cycle."""
    rows = sheets.get("Cycles-GroupedByTest")
    if rows is None or len(rows) < 3:
        return {}
    heads = [_clean(cell) for cell in rows[0]]
    columns = {quantity: heads.index(head) for quantity, head in CYCLES.items() if head in heads}
    factors = {quantity: _factor(path, rows[0][at], rows[1][at], UNITS[quantity]) for quantity, at in columns.items()}
    lines = {}
    for row in rows[2:]:
        match = re.fullmatch(r"\s*(\d+):(\d+)\s*", row[0]) if isinstance(row[0], str) else None
        if match:
            lines.setdefault(int(match[1]), []).append((int(match[2]), row))
    return {
        number: {quantity: known([row[at] for _, row in sorted(given, key=lambda pair: pair[0])]) * factors[quantity] for quantity, at in columns.items()}
        for number, given in lines.items()
    }


def _factor(path, name, unit, target):
    unit = unit.replace("Â", "").replace("²", "^2").replace("**", "^").strip() if isinstance(unit, str) else ""
    try:
        return measure(f"1 {unit}", target)
    except UnitError:
        raise LabError(f"{path}: column {name!r} has the unit {unit!r}; expected one of the dimension of {target}") from None


def _clean(cell):
    return cell.strip().lower() if isinstance(cell, str) else ""


def _whole(cell):
    """The number of a test as it stands in the first column: 1, 1.0 or "1"."""
    try:
        return int(float(cell)) if float(cell) == int(float(cell)) else None
    except (TypeError, ValueError, OverflowError):
        return None


def _xls(path, data):
    """{name: rows} of an .xls; broken files raise whatever they like inside xlrd, hence the broad except."""
    import xlrd

    try:
        with open(_nowhere(), "w") as silent:
            book = xlrd.open_workbook(file_contents=data, logfile=silent)
            return {sheet.name: [sheet.row_values(i) for i in range(sheet.nrows)] for sheet in book.sheets()}
    except Exception:
        raise LabError(f"{path}: an .xls that can't be read (damaged or cut short); export it again") from None


def _xlsx(path, data):
    import openpyxl

    try:
        book = openpyxl.load_workbook(BytesIO(data), read_only=True, data_only=True)
        return {sheet.title: [list(row) for row in sheet.iter_rows(values_only=True)] for sheet in book.worksheets}
    except Exception:
        raise LabError(f"{path}: an .xlsx that can't be read (damaged or cut short); export it again") from None


def _nowhere():
    import os

    return os.devnull
