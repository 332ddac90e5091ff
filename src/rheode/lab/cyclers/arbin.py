"""Arbin: .res (an Access database, through access-parser), and the workbook and text exports of the vendor's software."""

from pathlib import Path

import numpy as np

from ..analysis import LabError
from . import names
from .sources import Source
from .table import Raw

PATTERNS = {
    "time": (r"test time",),
    "step time": (r"step time",),
    "voltage": (r"voltage",),
    "current": (r"current",),
    "charge capacity": (r"charge capacity",),
    "discharge capacity": (r"discharge capacity",),
    "step": (r"step index|step id",),
    "cycle": (r"cycle index|cycle id",),
    "temperature": (r"aux temperature 1|temperature|aux temp.* 1",),
    "pressure": (r"aux pressure 1|pressure",),
}
MAGIC = b"\x00\x01\x00\x00Standard Jet DB", b"\x00\x01\x00\x00Standard ACE DB"
RECORDS = "Channel_Normal_Table"


def is_text(source: Source) -> bool:
    """Whether the columns are those of an Arbin export."""
    known = {names.plain(name) for name in source.names}
    return {"test time", "step index", "cycle index", "charge capacity", "discharge capacity"} <= known


def read_text(source: Source, given) -> Raw:
    """A record from the columns of an export."""
    return names.record(source, "Arbin export", PATTERNS, given)


def is_binary(data: bytes) -> bool:
    """Whether a file that begins with `data` is an Access database."""
    return data[:19] in MAGIC


def read_binary(path: Path) -> Raw:
    """A .res. Raises LabError: damaged, or not Arbin's."""
    from .jet import read_columns

    wanted = ("Test_ID", "Data_Point", "Test_Time", "Step_Time", "Step_Index", "Cycle_Index", "Current", "Voltage", "Charge_Capacity", "Discharge_Capacity")
    column = read_columns(path, RECORDS, wanted)
    missing = [name for name in wanted if name not in column]
    if missing:
        raise LabError(f"{path}: an Access database without Arbin's records (no {missing[0]} in {RECORDS})")
    if not len(column["Voltage"]):
        raise LabError(f"{path}: the file holds no record: the test has not begun, or nothing was saved")
    # The rows of a database have no order of their own.
    order = np.lexsort((column["Data_Point"], column["Test_ID"]))
    column = {name: values[order] for name, values in column.items()}
    return Raw(
        str(path),
        "Arbin .res",
        voltage=column["Voltage"],
        time=column["Test_Time"],
        step_time=column["Step_Time"],
        current=column["Current"],
        step=column["Step_Index"],
        cycle=column["Cycle_Index"],
        charge=column["Charge_Capacity"],
        discharge=column["Discharge_Capacity"],
    )
