"""Neware: .nda and .ndax (fastnda), zipped or not, and the text and workbook exports of the vendor's software."""

import logging
import tempfile
import warnings
import zipfile
from pathlib import Path

import numpy as np

from ..analysis import LabError
from . import names
from .sources import Source
from .table import Raw

PATTERNS = {
    "time": (r"(cumulative|total) time", r"test time"),
    "step time": (r"time", r"(relative|step) time"),
    "voltage": (r"voltage|vol",),
    "current": (r"current|cur",),
    "charge capacity": (r"chg\.? ?cap\.?|charge capacity|cap chg",),
    "discharge capacity": (r"dchg\.? ?cap\.?|discharge capacity|cap dchg",),
    "capacity": (r"capacity|cap",),
    "step": (r"step (index|id|no\.?|number|count)",),
    "cycle": (r"cycle (index|id|no\.?|number|count)", r"cycle"),
    "direction": (r"step (type|name)|status|work mode",),
    "temperature": (r"t1|temperature|temp\.?|aux(iliary)? ?t1|aux\. ?ch tu1 t",),
    "pressure": (r"pressure",),
}


def is_text(source: Source) -> bool:
    """Whether the columns are those of a Neware export."""
    known = {names.plain(name) for name in source.names}
    return bool(known & {"datapoint", "record index", "record id", "step type", "record number"}) and any("cycle" in name for name in known) \
        and bool(known & {"step type", "step name", "status", "work mode"}) and not known & {"channel index"}  # fmt: skip


def read_text(source: Source, given) -> Raw:
    """A record from the columns of an export."""
    return names.record(source, "Neware export", PATTERNS, given)


def is_binary(data: bytes) -> bool:
    """Whether a file that begins with `data` is an .nda."""
    return data[:6] == b"NEWARE"


def held(archive: zipfile.ZipFile) -> str | None:
    """The member of an archive that is to be read: "" for the archive itself (.ndax), the name of an .nda, or None."""
    members = archive.namelist()
    if any(name.lower().endswith(".ndc") for name in members):
        return ""
    inner = [name for name in members if name.lower().endswith((".nda", ".ndax"))]
    return inner[0] if inner else None


def read_zip(path: Path, archive: zipfile.ZipFile, member: str) -> Raw:
    """An .ndax, or an .nda or .ndax in a zip file. Raises LabError: damaged or without records."""
    damaged = archive.testzip()
    if damaged is not None:
        raise LabError(f"{path}: the part {damaged} is damaged; copy the file again from the cycler's computer")
    if not member:
        return read_binary(path, path.read_bytes(), ".ndax")
    return read_binary(path, archive.read(member), Path(member).suffix.lower())


class _Complaints(logging.Handler):
    """What fastnda logs as an error: it reads on, without what it could not make out."""

    def __init__(self):
        super().__init__(logging.ERROR)
        self.said = []

    def emit(self, record):
        self.said.append(record.getMessage())


def read_binary(path: Path, data: bytes, suffix: str) -> Raw:
    """An .nda or .ndax from its bytes. Raises LabError: damaged or without records."""
    import fastnda

    logger, complaints = logging.getLogger("fastnda"), _Complaints()
    logger.addHandler(complaints)
    logger.propagate = False
    try:
        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(record=True) as doubts:
            warnings.simplefilter("always")
            copy = Path(folder) / f"test{suffix}"  # fastnda judges files by their names
            copy.write_bytes(data)
            frame = fastnda.read(copy, cycle_mode="raw")
    except Exception as error:  # whatever a damaged file makes of its parser
        complaints.said.append(" ".join(f"{type(error).__name__}: {error}".replace(str(copy), path.name).split()))
    finally:
        logger.removeHandler(complaints)
    if complaints.said:
        raise LabError(f"{path}: damaged ({complaints.said[0].rstrip('.!')}); save it again from Neware's software, or export it as CSV")
    if not len(frame):
        raise LabError(f"{path}: the file holds no record: the test has not begun, or nothing was saved")
    column = {name: frame[name].to_numpy() for name in frame.columns if frame[name].dtype.is_numeric()}
    temperatures = [name for name in frame.columns if "temperature" in name]
    return Raw(
        str(path),
        f"Neware {suffix}",
        voltage=column["voltage_V"].astype(float),
        time=column["total_time_s"],
        step_time=column["step_time_s"],
        current=column["current_mA"] / np.float64(1e3),
        step=column["step_count"].astype(float),
        cycle=column["cycle_count"].astype(float),
        counter=column["capacity_mAh"] / np.float64(1e3),
        temperature=column[temperatures[0]].astype(float) if temperatures else None,
        choices={"column of temperature": temperatures[0]} if temperatures else {},
        notes=[f"fastnda: {' '.join(str(doubt.message).split())}" for doubt in doubts if issubclass(doubt.category, UserWarning)],
    )
