"""Neware: .nda and .ndax (fastnda), zipped or not, and the text and workbook exports of the vendor's software."""

import logging
import tempfile
import warnings
import zipfile
import zlib
from pathlib import Path

import numpy as np
import polars as pl

from ..analysis import LabError
from ..table import split_header
from . import names
from .sources import Source
from .table import Raw

PATTERNS = {
    "time": (r"(cumulative|total) time", r"test time"),
    "step time": (r"time", r"(relative|step) time"),
    "voltage": (r"voltage|vol",),
    "current": (r"current|cur",),
    "charge capacity": (r"chg\.? ?cap\.?|charge capacity|cap(acitance)? chg",),
    "discharge capacity": (r"dchg\.? ?cap\.?|discharge capacity|cap(acitance)? dchg",),
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


def layers(lines) -> tuple[str, list[str], list[str]] | None:
    """(delimiter, names of a step's cells, names of a record's) of a layered export, in which cycles, steps and records are
    lines of one file that begin one cell further in each; None for any other text."""
    if len(lines) < 4:
        return None
    for delimiter in ",\t;":
        cells = [[cell.strip() for cell in line.split(delimiter)] for line in lines[:3]]
        if cells[0][0].lower().startswith("cycle") and len(cells[1]) > 2 and cells[1][0] == "" and cells[1][1].lower().startswith("step") and cells[2][:2] == ["", ""] and len(cells[2]) > 4:
            return delimiter, cells[1], cells[2]
    return None


def layered(path: Path, found) -> Source:
    """The records of a layered export, each with the cycle and step over it."""
    delimiter, of_step, of_record = found
    width = max(len(of_step), len(of_record))
    cells = [str(i) for i in range(width)]
    frame = pl.scan_csv(path, separator=delimiter, has_header=False, skip_lines=3, schema={cell: pl.String for cell in cells}, missing_columns="insert", truncate_ragged_lines=True, encoding="utf8-lossy")
    cycle, step = (pl.when(pl.col(cell).fill_null("").str.strip_chars() != "").then(pl.col(cell)) for cell in ("0", "1"))
    kind = next((i for i, name in enumerate(of_step) if names.plain(name) in ("step name", "step type", "status", "work mode")), None)
    above = [cycle.forward_fill().alias("cycle"), step.forward_fill().alias("step"), step.is_null().and_(cycle.is_null()).alias("record")]
    above.append((pl.lit("") if kind is None else pl.when(step.is_not_null()).then(pl.col(str(kind))).forward_fill()).alias("kind"))
    records = frame.with_columns(above).filter(pl.col("record"))
    columns = ["cycle", "step", *(["kind"] if kind is not None else []), *cells[2 : len(of_record)]]
    titles, units = zip(*map(split_header, ["Cycle ID", "Step ID", *(["Step Name"] if kind is not None else []), *of_record[2:]]))
    sample = records.select(columns).head(50).collect()

    def words(number):
        held = sample.to_series(number).drop_nulls().str.strip_chars()
        return held.cast(pl.Float64, strict=False).null_count() > (held == "").sum()

    return Source(str(path), list(titles), list(units), lambda numbers: records.select(columns[i] for i in numbers).collect(), words)


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


_ZLIB = zlib.decompress, zlib.decompressobj


def _fastnda():
    """The package, without its replacing `zlib.decompress` and `decompressobj` for the whole process: others tell damage
    in their own files by the errors of the originals."""
    import fastnda
    import fastnda.ndax  # noqa: F401  the part that does it

    zlib.decompress, zlib.decompressobj = _ZLIB
    return fastnda


def read_binary(path: Path, data: bytes, suffix: str) -> Raw:
    """An .nda or .ndax from its bytes. Raises LabError: damaged or without records."""
    fastnda = _fastnda()
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
