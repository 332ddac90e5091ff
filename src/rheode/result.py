"""The record of a run: written increment by increment, read lazily.

A run lives in one folder:

| file | what |
| --- | --- |
| `run.json` | marks the folder as a run: format of the record, whether the run has ended |
| `study.yaml`, `mesh.npz` | what was computed, and on which mesh |
| `record/000123.bin` | one increment: its row, and what a restart needs or the fields, or both |
| `history.csv`, `cycles.csv` | tables made from the record; they can be made again |

The record is the truth. The file of an increment is written under a temporary name, flushed to the
disk and renamed, so that it is there as a whole or not at all, whatever kills the process. The last
two increments hold everything a restart needs; older ones keep their row, and their fields where
these were asked for.

`Record` writes, `Result` reads.
"""

from __future__ import annotations

import csv
import errno
import io
import itertools
import json
import os
import re
import struct
import weakref
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import cached_property
from pathlib import Path

import numpy as np

try:
    import fcntl
except ImportError:  # Windows: two processes in one folder go unnoticed there
    fcntl = None

FORMAT = 2  # of the record; a reader refuses any other

# Everything a run may leave in its folder, besides record/: what `overwrite` may remove.
FILES = ("study.yaml", "mesh.npz", "history.csv", "cycles.csv", "result.vtkhdf", "report.html", "run.log", "run.json")

FIELDS = ("displacement", "stretch_zz", "von_mises", "pressure", "creep_strain", "lithiation_field")
KEPT = 2  # increments that hold a restart state: a damaged last file costs one increment, not the run


class RecordError(Exception):
    """A record that can't be written or continued; the message is one line and says what to do."""


class WriteError(RecordError):
    """The disk took no more; the increments before are stored and the run can be resumed."""


class ResultError(Exception):
    """A folder that can't be read as a result; the message is one line and says why."""


class _Damaged(ResultError):
    """A file of the record that is not whole."""


# --- files -----------------------------------------------------------------------------------------


def write_whole(path, *data: bytes):
    """Write a file, in pieces, so that it appears as a whole or not at all, and survives a power cut.

    Raises OSError after removing what was begun.
    """
    path = Path(path)
    temporary = path.with_name(path.name + ".tmp")
    try:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
        try:
            _write_all(handle, b"".join(data))
            os.fsync(handle)
        finally:
            os.close(handle)
        os.replace(temporary, path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    _flush_folder(path.parent)


def _write_all(handle, data: bytes):
    rest = memoryview(data)
    while rest:  # a write may take a part only
        rest = rest[os.write(handle, rest) :]


def _flush_folder(folder):
    """Make a rename last through a power cut (POSIX; elsewhere a folder can't be opened)."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _increments(directory: Path) -> dict[int, Path]:
    """The files of the increments, in order."""
    found = {int(path.stem): path for path in (directory / "record").glob("*.bin") if re.fullmatch(r"\d{6,}", path.stem)}
    return dict(sorted(found.items()))


def _is_run(directory: Path) -> bool:
    return (directory / "run.json").is_file()


def _read_marker(directory: Path, error) -> dict:
    """run.json, or `error` (an exception class) where the folder is no run or of a newer format."""
    if not directory.is_dir():
        raise error(f"{directory}: no such folder")
    if not _is_run(directory):
        raise error(f"{directory} does not hold a run (it has no run.json)")
    try:
        marker = json.loads((directory / "run.json").read_text())
        age = marker["format"] - FORMAT
        marker = {"complete": False, "stopped": None} | marker
    except (ValueError, KeyError, TypeError):
        raise error(f"{directory}/run.json is damaged: this is not the folder of a run") from None
    if age < 0:
        raise error(
            f"{directory} was written by an older rheode ({marker.get('rheode', '?')}), whose records this one does not read:"
            " run the study anew"
        )
    if age > 0:
        raise error(
            f"{directory} was written by a newer rheode ({marker.get('rheode', '?')}, record format {marker['format']};"
            f" this one reads up to {FORMAT}): update rheode"
        )
    return marker


# --- one increment as bytes ------------------------------------------------------------------------

# An increment's file is two blocks one behind the other: what stays, and what a restart needs. A block is this head, a JSON
# text, and the arrays that the text points to. Head: name, lengths in bytes of text and arrays, checksums of both.
_HEAD = struct.Struct("<8sQQII")
_NAME = b"rheode%02d" % FORMAT


def _encode(tree, name, arrays):
    """Nested dicts, lists, tuples and scalars as JSON; arrays go to `arrays`, a list of their bytes.

    Equal arrays are stored once: each potential keeps the unknowns of the last increment. Of an array with equal rows (the
    parameters of a phase) one row is stored.
    """
    if tree is None or isinstance(tree, (bool, int, float, str)):
        return tree.item() if isinstance(tree, np.generic) else tree
    if isinstance(tree, np.ndarray):
        if tree.dtype.hasobject or tree.dtype.fields:
            raise TypeError(f"{name}: an array of {tree.dtype} can't be stored")
        data = tree.tobytes()
        row = data[: tree.nbytes // len(tree)] if tree.ndim and len(tree) else data
        if data.endswith(row) and data == row * (len(data) // max(len(row), 1)):
            data = row
        place = next((k for k, other in enumerate(arrays) if other == data), len(arrays))
        if place == len(arrays):
            arrays.append(data)
        return {"@array": [tree.dtype.str, tree.shape, place]}
    if isinstance(tree, np.generic) and isinstance(tree.item(), (bool, int, float, str)):
        return tree.item()
    if isinstance(tree, dict):
        for key in tree:
            if not isinstance(key, str) or key.startswith("@"):
                raise TypeError(f"{name}: {key!r} can't be stored as a name")
        return {key: _encode(value, f"{name}/{key}", arrays) for key, value in tree.items()}
    if isinstance(tree, (list, tuple)):
        items = [_encode(value, f"{name}/{i}", arrays) for i, value in enumerate(tree)]
        return items if isinstance(tree, list) else {"@tuple": items}
    raise TypeError(f"{name}: a {type(tree).__name__} can't be stored")


def _decode(tree, arrays):
    """The inverse of `_encode`; arrays are copies, which may be written to."""
    if isinstance(tree, list):
        return [_decode(value, arrays) for value in tree]
    if not isinstance(tree, dict):
        return tree
    if "@array" in tree:
        dtype, shape, k = tree["@array"]
        return np.resize(np.frombuffer(arrays[k], dtype), tuple(shape))  # repeated, where one row is stored for all
    if "@tuple" in tree:
        return tuple(_decode(value, arrays) for value in tree["@tuple"])
    return {key: _decode(value, arrays) for key, value in tree.items()}


def _block(tree, arrays) -> list[bytes]:
    """A block in pieces."""
    text = json.dumps({"tree": tree, "sizes": [len(data) for data in arrays]}).encode()
    checksum = 0
    for data in arrays:
        checksum = zlib.crc32(data, checksum)
    return [_HEAD.pack(_NAME, len(text), sum(map(len, arrays)), zlib.crc32(text), checksum), text, *arrays]


def _read_block(file, with_arrays=True):
    """(tree, arrays, its length) of the block that begins where the file stands, which then stands at its end.

    Without arrays these are passed over, unread and unchecked. Raises ValueError where the block is not whole.
    """
    left = os.fstat(file.fileno()).st_size - file.tell()
    head = file.read(_HEAD.size)
    if len(head) < _HEAD.size:
        raise ValueError("it is cut off")
    name, text_size, size, text_sum, checksum = _HEAD.unpack(head)
    length = _HEAD.size + text_size + size
    if name != _NAME:
        raise ValueError("it does not begin as it should")
    if length > left:
        raise ValueError("it is cut off")
    text = file.read(text_size)
    if zlib.crc32(text) != text_sum:
        raise ValueError("a checksum does not fit")
    stored = json.loads(text)
    if not with_arrays:
        file.seek(size, os.SEEK_CUR)
        return stored["tree"], None, length
    data = memoryview(file.read(size))
    if len(data) != sum(stored["sizes"]) or zlib.crc32(data) != checksum:
        raise ValueError("a checksum does not fit")
    ends = list(itertools.accumulate(stored["sizes"], initial=0))
    return stored["tree"], [data[i:j] for i, j in itertools.pairwise(ends)], length


def _pack(row, mesh, fields, restart, pores) -> tuple[list[bytes], int]:
    """An increment as bytes, in pieces, and the length of what stays when the restart state goes (`Record._thin`).

    Nothing is compressed: what noise leaves of float32 fields to squeeze out is not worth the time.
    """
    arrays = []
    kept = {"mesh": mesh, "row": row, "fields": _encode(fields, "fields", arrays), "pores": _encode(pores, "pores", arrays)}
    pieces = _block(kept, arrays)
    arrays = []
    return pieces + _block(_encode(restart, "restart", arrays), arrays), sum(map(len, pieces))


def _unpack(path, *parts) -> dict:
    """The header of an increment's file, with the named parts ("fields", "pores", "restart") read.

    `thin` is the length of the file without its restart state, or None where it is without. Raises
    _Damaged where the file is not whole as far as it is read.
    """
    with open(path, "rb") as file:
        try:
            stored, arrays, thin = _read_block(file, with_arrays=bool({"fields", "pores"} & set(parts)))
            for part in {"fields", "pores"} & set(parts):
                stored[part] = _decode(stored[part], arrays)
            stored["thin"] = thin if os.fstat(file.fileno()).st_size > thin else None
            if "restart" in parts:
                tree, arrays, _ = _read_block(file)
                stored["restart"] = _decode(tree, arrays)
            return stored
        except ValueError as error:
            raise _Damaged(f"{path} is damaged ({error})") from None


# --- tables ----------------------------------------------------------------------------------------


def _line(values) -> str:
    """A line of CSV; floats with all their digits, so that reading gives the same number."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(
        "" if value is None else repr(float(value)) if isinstance(value, (float, np.floating)) else value
        for value in values
    )
    return text.getvalue()


def _csv(rows) -> bytes:
    lines = [_line(rows[0])] + [_line(row.values()) for row in rows] if rows else []
    return "".join(lines).encode()


def columns(rows) -> dict[str, np.ndarray]:
    """A list of rows as a dict from column to array: float64, int64, or str; None becomes nan."""
    table = {}
    for name in rows[0] if rows else ():
        values = [row[name] for row in rows]
        table[name] = np.array([np.nan if value is None else value for value in values])
    return table


def cycles_table(rows, complete=False) -> list[dict]:
    """A row for each half cycle (and each rest) that has ended.

    Columns: `cycle []`, `half []`, those of the history at the end of the half cycle,
    `thickness change []` (relative to the clamped state), `von Mises <phase> mean peak [GPa]` (the
    largest of the half cycle), `increments []` and `failed increments []` (the cutbacks).
    A half cycle has ended once another has begun, or when the run is `complete`; the clamping is none.
    """
    groups = []
    for row in rows:
        key = (row["cycle []"], row["half []"])
        if not groups or groups[-1][0] != key:
            groups.append((key, []))
        groups[-1][1].append(row)
    if groups and not complete:
        groups.pop()

    table = []
    for (cycle, half), group in groups:
        if half == "clamp":
            continue
        end = group[-1]
        entry = {"cycle []": cycle, "half []": half} | end
        if "thickness [um]" in end:
            entry["thickness change []"] = end["thickness [um]"] / rows[0]["thickness [um]"] - 1
        for name in end:
            if match := re.fullmatch(r"(von Mises .+ mean) \[GPa\]", name):
                entry[f"{match[1]} peak [GPa]"] = max(row[name] for row in group)
        entry["increments []"] = len(group)
        entry["failed increments []"] = sum(row.get("cutbacks []") or 0 for row in group)
        table.append(entry)
    return table


# --- writing ---------------------------------------------------------------------------------------


class Record:
    """The record of a run as it is written; made by `create` or, to go on with a run, by `open`.

    Attributes: `directory`, `rows` (a list of dict, one an increment), `complete`.
    One process at a time: a second one that opens the folder gets a RecordError.
    """

    def __init__(self, directory: Path):
        self.directory = directory
        self.rows: list[dict] = []
        self.complete = False
        self.mesh = "mesh.npz"  # of the increments to come
        self._thin: dict[int, int] = {}  # length of an increment's file without its restart state, where it has one
        self._marker: dict = {}
        self._release = None  # gives the lock back

    @classmethod
    def create(cls, directory, study_text: str, mesh, overwrite=False) -> Record:
        """Begin a run in `directory`, which is made where it does not exist.

        `study_text` is stored as study.yaml, `mesh` with its own `save`. Refuses (RecordError) a
        folder that holds a run, unless told to `overwrite`: then the files of the former run go, and
        nothing else. Refuses any other folder that is not empty.
        """
        directory = Path(directory)
        record = cls(directory)
        cls.check(directory, overwrite)
        with record._writing(directory):
            directory.mkdir(parents=True, exist_ok=True)
            if not _is_run(directory):
                record._mark(complete=False)
            (directory / "record").mkdir(exist_ok=True)
            record._lock()
            record._clear()
            record._mark(complete=False, created=datetime.now(timezone.utc).isoformat(timespec="seconds"))
            write_whole(directory / "study.yaml", study_text.encode())
            record._save_mesh(mesh)
        return record

    @classmethod
    def check(cls, directory, overwrite=False):
        """Raise the RecordError with which `create` would refuse the folder; touches nothing."""
        directory = Path(directory)
        with cls(directory)._writing(directory):
            if directory.exists() and not directory.is_dir():
                raise RecordError(f"{directory} is a file: name a folder for the run")
            # run.json comes first; killed before that, its temporary file is all there is.
            others = directory.is_dir() and {path.name for path in directory.iterdir()} - {"run.json.tmp"}
            if others and not _is_run(directory):
                raise RecordError(f"{directory} is not empty and holds no run: name a new folder")
            # A run of an older format has tables, but no increments that can be read.
            if (_increments(directory) or _is_run(directory) and (directory / "history.csv").exists()) and not overwrite:
                ways = f"continue it with `rheode resume {directory}`, " if _increments(directory) else ""
                raise RecordError(f"{directory} holds a run: {ways}name another folder with -o, or replace it with --overwrite")

    @classmethod
    def open(cls, directory) -> Record:
        """Go on with a run: `rows` and `last()` are those of the last whole increment.

        What a killed process left behind is removed, the tables are written anew from the record.
        Raises RecordError where the folder holds no run, or none that can be continued.
        """
        directory = Path(directory)
        record = cls(directory)
        record._marker = _read_marker(directory, RecordError)
        record.complete = record._marker["complete"]
        with record._writing(directory):
            record._lock()
            record._sweep()
            paths = _increments(directory)
            headers = record._last_whole(paths)
            record.rows = [header["row"] for header in headers]
            record.mesh = headers[-1]["mesh"]
            record._thin = {increment: header["thin"] for increment, header in enumerate(headers) if header["thin"] is not None}
            for increment in [i for i in record._thin if i < len(headers) - KEPT]:
                os.truncate(paths[increment], record._thin.pop(increment))
            record._write_tables(record.complete)
        return record

    def append(self, row: dict, fields: dict | None, restart: dict, pores=None):
        """Store the next increment; when this returns, it is on the disk.

        row: the columns of history.csv to numbers, strings or None; `increment []` counts from 0.
        fields: the arrays of `Frame` by name, or None for an increment without; stored as float32.
        restart: nested dicts, lists and tuples of arrays, numbers, strings, None: comes back bit for bit.
        pores: (n_pores,) area of each pore in um2 or None.

        Raises WriteError where the disk takes no more: what was stored before stays.
        """
        increment = len(self.rows)
        if row["increment []"] != increment:
            raise ValueError(f"increment {row['increment []']} follows increment {increment - 1}")
        if self.rows and row.keys() != self.rows[0].keys():
            raise ValueError(f"the columns of a row changed: {sorted(row.keys() ^ self.rows[0].keys())}")
        if fields is not None:
            if set(fields) != set(FIELDS):
                raise ValueError(f"fields are {sorted(fields)}, expected {sorted(FIELDS)}")
            fields = {name: np.asarray(field, np.float32) for name, field in fields.items()}
        if pores is not None:
            pores = np.asarray(pores, float)
        row = _encode(row, "row", values := [])  # as it will be read: plain Python values
        if values:
            raise TypeError("a row holds single values, not arrays")
        data, self._thin[increment] = _pack(row, self.mesh, fields, restart, pores)
        begins_half = bool(self.rows) and (row["cycle []"], row["half []"]) != (
            self.rows[-1]["cycle []"],
            self.rows[-1]["half []"],
        )

        with self._writing(self._path(increment)):
            if self.complete or self._marker["stopped"]:
                self._mark(complete=False)
            write_whole(self._path(increment), *data)
            self.rows.append(row)
            self._append_history(row)
            if begins_half:
                write_whole(self.directory / "cycles.csv", _csv(cycles_table(self.rows)))
            # Take the restart state off an older increment: one call, so there is no state in between.
            if increment - KEPT in self._thin:
                os.truncate(self._path(increment - KEPT), self._thin.pop(increment - KEPT))

    def last(self) -> tuple[dict, dict]:
        """The row and the restart state of the last increment."""
        if not self.rows:
            raise RecordError(f"{self.directory}: no increment is stored yet")
        with self._writing(self.directory):
            stored = _unpack(self._path(len(self.rows) - 1), "restart")
        return stored["row"], stored["restart"]

    def finish(self, stopped: str | None = None):
        """Mark the run as complete, or as `stopped` for a reason given in words."""
        with self._writing(self.directory):
            self._write_tables(complete=stopped is None)
            self._mark(complete=stopped is None, stopped=stopped)

    def close(self):
        """Let another process write; done as well when the record is no longer used."""
        if self._release is not None:
            self._release()

    # -- details --

    def _path(self, increment) -> Path:
        return self.directory / "record" / f"{increment:06d}.bin"

    @contextmanager
    def _writing(self, path):
        """Turns an OSError into a RecordError, a WriteError once increments are stored, that says what to do."""
        try:
            yield
        except OSError as error:
            full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            message = f"{error.filename or path}: {'the disk is full' if full else error.strerror or error}"
            kind = WriteError if self.rows else RecordError
            if self.rows:
                message += f"; every increment up to {len(self.rows) - 1} is stored: {'free space' if full else 'mend that'}"
                message += f" and continue with `rheode resume {self.directory}`"
            raise kind(message) from error
        except _Damaged as error:
            raise RecordError(f"{error}: the run can't be continued, start again with `rheode run`") from None

    def _lock(self):
        if fcntl is None:
            return
        handle = os.open(self.directory / "record" / "lock", os.O_RDWR | os.O_CREAT, 0o666)
        self._release = weakref.finalize(self, os.close, handle)
        try:
            # A POSIX lock: it falls with its process, however that ends.
            fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EAGAIN):
                raise RecordError(f"{self.directory} is being written by another process: wait for it or stop it") from None
            # Some network file systems know no locks; that is no reason not to run.

    def _sweep(self):
        """Remove temporary files of a process that was killed."""
        for name in FILES:
            (self.directory / f"{name}.tmp").unlink(missing_ok=True)
        for path in (self.directory / "record").glob("*.bin.tmp"):
            path.unlink()

    def _clear(self):
        """Remove the files of a former run and nothing else; the marker stays."""
        self._sweep()
        former = (path for path in (self.directory / "record").glob("*.npz") if re.fullmatch(r"\d{6,}", path.stem))  # of format 1
        for path in (*reversed(_increments(self.directory).values()), *former):
            path.unlink()
        for name in FILES:
            if name != "run.json":
                (self.directory / name).unlink(missing_ok=True)

    def _last_whole(self, paths) -> list[dict]:
        """Headers up to the last increment that can be restarted from; damaged ones after it go."""
        if not paths:
            raise RecordError(f"{self.directory} holds no increment yet: start it again with `rheode run`")
        for increment in reversed(paths):
            try:
                _unpack(paths[increment], "fields", "pores", "restart")
                break
            except _Damaged:
                continue
        else:
            raise RecordError(f"{self.directory}: no increment can be restarted from: start again with `rheode run`")
        for later in [i for i in paths if i > increment]:
            paths[later].unlink()
        if missing := set(range(increment)) - set(paths):
            raise _Damaged(f"{self._path(min(missing))} is missing")
        return [_unpack(paths[i]) for i in range(increment + 1)]

    def _append_history(self, row):
        text = _line(row.values())
        if row["increment []"] == 0:
            text = _line(row) + text
        handle = os.open(self.directory / "history.csv", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        try:
            _write_all(handle, text.encode())
        finally:
            os.close(handle)

    def _write_tables(self, complete):
        write_whole(self.directory / "history.csv", _csv(self.rows))
        write_whole(self.directory / "cycles.csv", _csv(cycles_table(self.rows, complete)))

    def _mark(self, complete, stopped=None, **more):
        from rheode import __version__

        self._marker |= {"format": FORMAT, "rheode": __version__, "complete": complete, "stopped": stopped} | more
        write_whole(self.directory / "run.json", (json.dumps(self._marker, indent=1) + "\n").encode())
        self.complete = complete

    def _save_mesh(self, mesh):
        buffer = io.BytesIO()
        mesh.save(buffer)
        write_whole(self.directory / self.mesh, buffer.getvalue())


# --- reading ---------------------------------------------------------------------------------------


@dataclass
class Frame:
    """The fields of a stored increment, float32.

    Nodes are all nodes of the mesh; cells are the solid ones (phase >= 0), in the mesh's order.
    """

    increment: int
    time: float  # s
    cycle: int  # from 1; 0 while clamping
    half: str  # "clamp", "lithiation", "delithiation" or "rest"
    lithiation: float
    displacement: np.ndarray  # (n, 2) um
    stretch_zz: float
    von_mises: np.ndarray  # (m,) GPa, mean over the quadrature points
    pressure: np.ndarray  # (m,) GPa
    creep_strain: np.ndarray  # (m, 4): xx, yy, zz, xy of 1/2 ln(Fcr^T Fcr), reference axes
    lithiation_field: np.ndarray  # (m,)
    mesh: str = "mesh.npz"  # the file of the mesh it lives on

    def derived(self, name):
        """A field computed on request, (m, ...) float32:

        - `creep_strain_magnitude` (m,): equivalent strain sqrt(2/3 E:E) of the creep strain E;
        - `creep_principal_values` (m, 2): in the plane, the larger one first;
        - `creep_principal_direction` (m, 2): unit vector of the larger one, reference axes, x >= 0;
        - `creep_principal_difference` (m,): the larger less the smaller, how directed the creep is.

        Raises KeyError for any other name.
        """
        return _DERIVED[name](self.creep_strain)


def _magnitude(strain):
    xx, yy, zz, xy = strain.T
    return np.sqrt(2 / 3 * (xx**2 + yy**2 + zz**2 + 2 * xy**2))


def _principal_values(strain):
    xx, yy, _, xy = strain.T
    radius = np.hypot((xx - yy) / 2, xy)
    return np.stack([(xx + yy) / 2 + radius, (xx + yy) / 2 - radius], axis=1)


def _principal_direction(strain):
    xx, yy, _, xy = strain.T
    angle = np.arctan2(2 * xy, xx - yy) / 2  # in [-pi/2, pi/2]
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def _principal_difference(strain):
    xx, yy, _, xy = strain.T
    return 2 * np.hypot((xx - yy) / 2, xy)


_DERIVED = {
    "creep_strain_magnitude": _magnitude,
    "creep_principal_values": _principal_values,
    "creep_principal_direction": _principal_direction,
    "creep_principal_difference": _principal_difference,
}


class Frames:
    """The stored frames of a run in order: a sequence that reads a frame when it is asked for."""

    def __init__(self, entries):
        self._entries = entries  # (path, header) of each frame

    def __len__(self):
        return len(self._entries)

    def __getitem__(self, index):
        if isinstance(index, slice):
            return Frames(self._entries[index])
        return self._read(*self._entries[index])

    def __iter__(self):
        return (self._read(*entry) for entry in self._entries)

    @property
    def rows(self) -> list[dict]:
        """The rows of the history that belong to the frames; reads no field."""
        return [header["row"] for _, header in self._entries]

    @property
    def meshes(self) -> list[str]:
        """The name of the mesh of each frame; reads no field."""
        return [header["mesh"] for _, header in self._entries]

    def nearest(self, cycle=None, half=None, lithiation=None, time=None) -> Frame:
        """The frame of the given cycle and half cycle that is nearest in lithiation or in time [s].

        Of equally near ones the last; without lithiation and time the last of that half cycle.
        Raises ResultError where that cycle or half cycle has no frame.
        """
        rows = [
            (i, row)
            for i, row in enumerate(self.rows)
            if (cycle is None or row["cycle []"] == cycle) and (half is None or row["half []"] == half)
        ]
        if not rows:
            wanted = [f"cycle {cycle}" if cycle is not None else "", half or ""]
            raise ResultError(f"no fields are stored for {', '.join(filter(None, wanted))}")

        def distance(row):
            away = 0.0 if lithiation is None else abs(row["lithiation []"] - lithiation)
            return away, 0.0 if time is None else abs(row["time [s]"] - time), -row["increment []"]

        return self[min(rows, key=lambda item: distance(item[1]))[0]]

    def at_end(self, cycle, half) -> Frame:
        """The last frame of a half cycle; ResultError where it has none."""
        return self.nearest(cycle=cycle, half=half)

    @staticmethod
    def _read(path, header):
        fields = _unpack(path, "fields")["fields"]
        row = header["row"]
        fields["stretch_zz"] = float(fields["stretch_zz"])
        return Frame(
            row["increment []"],
            row["time [s]"],
            row["cycle []"],
            row["half []"],
            row["lithiation []"],
            **{name: fields[name] for name in FIELDS},
            mesh=header["mesh"],
        )


@dataclass
class Pores:
    """The area of each pore over the run."""

    increments: np.ndarray  # (k,)
    areas: np.ndarray  # (k, n_pores), relative to `reference`
    reference: np.ndarray  # (n_pores,) um2, in the clamped state


class Result:
    """A run read from its folder; everything is read when it is first asked for.

    A run that is still going can be read as well: what is seen is what was stored when it was first
    asked for. Raises ResultError where the folder is no run, or a newer rheode wrote it.
    """

    def __init__(self, directory):
        self.directory = Path(directory)
        self._marker = _read_marker(self.directory, ResultError)

    @property
    def complete(self) -> bool:
        """Whether the run came to its end."""
        return self._marker["complete"]

    @property
    def stopped(self) -> str | None:
        """Why the run stopped early, where it said so."""
        return self._marker["stopped"]

    @cached_property
    def study(self):
        """The `rheode.study.Study` of the run, complete with its defaults."""
        from rheode.study import Study

        return Study.load(self.directory / "study.yaml")

    @property
    def mesh(self):
        """The `rheode.microstructure.mesh.Mesh` that the run began with."""
        return self.mesh_of("mesh.npz")

    def mesh_of(self, frame):
        """The mesh on which a frame's fields live (a Frame, or the name of a mesh's file)."""
        name = getattr(frame, "mesh", frame)
        if name not in self._meshes:
            from rheode.microstructure.mesh import Mesh

            self._meshes[name] = Mesh.load(self.directory / name)
        return self._meshes[name]

    @cached_property
    def _meshes(self):
        return {}

    @cached_property
    def _entries(self):
        """(path, header) of every increment."""
        paths = list(_increments(self.directory).values())
        entries = []
        for path in paths:
            try:
                entries.append((path, _unpack(path)))
            except _Damaged:
                if path != paths[-1]:  # a last file that is not whole is dropped, as `Record.open` does
                    raise
        if not entries:
            raise ResultError(f"the run in {self.directory} has stored no increment yet")
        return entries

    @cached_property
    def rows(self) -> list[dict]:
        """A dict an increment, from column to value."""
        return [header["row"] for _, header in self._entries]

    @cached_property
    def history(self) -> dict[str, np.ndarray]:
        """The columns of history.csv as arrays, an entry an increment."""
        return columns(self.rows)

    @cached_property
    def cycles(self) -> dict[str, np.ndarray]:
        """The columns of cycles.csv as arrays, an entry a half cycle that has ended (`cycles_table`)."""
        return columns(cycles_table(self.rows, self.complete))

    @cached_property
    def frames(self) -> Frames:
        """The increments with fields; ResultError where none is stored."""
        entries = [(path, header) for path, header in self._entries if header["fields"] is not None]
        if not entries:
            raise ResultError(f"the run in {self.directory} has stored no fields")
        return Frames(entries)

    @cached_property
    def pores(self) -> Pores:
        """The area of each pore, relative to the clamped state; ResultError where none is stored."""
        stored = [(i, path) for i, (path, header) in enumerate(self._entries) if header["pores"] is not None]
        if not stored:
            raise ResultError(f"the run in {self.directory} has stored no pores")
        areas = np.array([_unpack(path, "pores")["pores"] for _, path in stored])
        return Pores(np.array([i for i, _ in stored]), areas / areas[0], areas[0])

    def __repr__(self):
        return f"Result({str(self.directory)!r})"
