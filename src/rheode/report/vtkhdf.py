"""A result as a VTKHDF file, the time series that ParaView 5.12 and later opens as it is.

Layout: VTKHDF 2.0, `UnstructuredGrid` with a `Steps` group. The geometry is that of the start and
is stored once; each step refers to it by offsets, and brings its displacement (filter *Warp By
Vector*) and its cell fields, which lie one step after the other in one array a field.
"""

import io

import numpy as np

from ..result import ResultError, write_whole

QUADRATIC_TRIANGLE = 22  # VTK's number; its mid nodes lie on the sides 12, 23, 31 as ours do

# Cell fields of a step and their number of components; 6 is a symmetric tensor xx, yy, zz, xy, yz, xz.
CELL_FIELDS = {
    "von_mises_GPa": 1,
    "pressure_GPa": 1,
    "creep_strain": 6,
    "creep_strain_magnitude": 1,
    "lithiation": 1,
}


def write(result, path, pores=False):
    """Write the frames of a `rheode.Result` to `path` (.vtkhdf), read one at a time.

    Point data: `displacement_um` (3 components). Cell data: `von_mises_GPa`, `pressure_GPa`,
    `creep_strain` (symmetric tensor), `creep_strain_magnitude`, `lithiation`, `phase`, `particle`
    (the names of the phases are an attribute of `phase`). Times in s, lengths in um.
    Particles only; with `pores` their cells too, phase and particle -1, fields nan.

    The file appears when it is whole. Raises ResultError where the result has no fields or the file
    can't be written.
    """
    import h5py

    # HDF5 crashes the interpreter when it meets a full disk, so it writes to memory (compressed, some
    # 10 MB for 100 frames of 10 000 unknowns) and the disk is left to us.
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        _write(file, result, result.frames, pores)
    try:
        write_whole(path, buffer.getbuffer())
    except OSError as error:
        raise ResultError(f"cannot write {path}: {error.strerror or error}") from error


def _write(file, result, frames, pores):
    root = file.create_group("VTKHDF")
    root.attrs["Version"] = (2, 0)
    root.attrs["Type"] = np.bytes_("UnstructuredGrid")  # the reader wants a string of fixed length

    names = list(dict.fromkeys(frames.meshes))
    pieces = {name: _Piece(result.mesh_of(name), pores) for name in names}
    starts = _write_geometry(root, list(pieces.values()))
    part_of = np.array([names.index(name) for name in frames.meshes])
    points = np.array([len(pieces[name].nodes) for name in frames.meshes])
    cells = np.array([len(pieces[name].cells) for name in frames.meshes])

    fields = {"PointData/displacement_um": _empty(root, "PointData/displacement_um", points, 3)}
    for name, components in CELL_FIELDS.items():
        fields[f"CellData/{name}"] = _empty(root, f"CellData/{name}", cells, components)
    for i, frame in enumerate(frames):
        for name, values in pieces[frame.mesh].fields(frame).items():
            begin = (points if name.startswith("Point") else cells)[:i].sum()
            fields[name][begin : begin + len(values)] = values

    steps = root.create_group("Steps")
    steps.attrs["NSteps"] = len(frames)
    steps["Values"] = np.array([row["time [s]"] for row in frames.rows], float)
    steps["PartOffsets"] = part_of
    steps["NumberOfParts"] = np.ones(len(frames), np.int64)
    steps["PointOffsets"] = starts["points"][part_of]
    # Two dimensions: one column for each kind of topology, of which an unstructured grid has one.
    steps["CellOffsets"] = starts["cells"][part_of, None]
    steps["ConnectivityIdOffsets"] = starts["ids"][part_of, None]
    for name in fields:
        data, field = name.split("/")
        steps[f"{data}Offsets/{field}"] = _starts(points if data == "PointData" else cells)
    for field in ("phase", "particle"):
        steps[f"CellDataOffsets/{field}"] = starts["cells"][part_of]


class _Piece:
    """The part of a mesh that is exported: its nodes, its cells in their numbering."""

    def __init__(self, mesh, pores):
        chosen = np.ones(len(mesh.cells), bool) if pores else mesh.phase >= 0
        self.used, cells = np.unique(mesh.cells[chosen], return_inverse=True)
        self.cells = cells.reshape(-1, 6)
        self.nodes = mesh.nodes[self.used]
        self.phase, self.particle = mesh.phase[chosen], mesh.particle[chosen]
        self.solid = self.phase >= 0
        self.phase_names = mesh.phase_names

    def fields(self, frame):
        """The arrays of a step by name."""
        xx, yy, zz, xy = frame.creep_strain.T
        zero = np.zeros_like(xx)
        cell_fields = {
            "von_mises_GPa": frame.von_mises,
            "pressure_GPa": frame.pressure,
            "creep_strain": np.stack([xx, yy, zz, xy, zero, zero], axis=1),
            "creep_strain_magnitude": frame.derived("creep_strain_magnitude"),
            "lithiation": frame.lithiation_field,
        }
        found = {"PointData/displacement_um": _in_space(frame.displacement[self.used])}
        for name, values in cell_fields.items():
            whole = np.full((len(self.cells), *values.shape[1:]), np.nan, np.float32)
            whole[self.solid] = values
            found[f"CellData/{name}"] = whole
        return found


def _write_geometry(root, pieces):
    """Points and cells of the pieces, one part each; returns where each part starts."""
    root["NumberOfPoints"] = np.array([len(piece.nodes) for piece in pieces])
    root["NumberOfCells"] = np.array([len(piece.cells) for piece in pieces])
    root["NumberOfConnectivityIds"] = 6 * root["NumberOfCells"][:]
    _pack(root, "Points", np.vstack([_in_space(piece.nodes) for piece in pieces]))
    _pack(root, "Connectivity", np.concatenate([piece.cells.ravel() for piece in pieces]))
    _pack(root, "Offsets", np.concatenate([6 * np.arange(len(piece.cells) + 1) for piece in pieces]))
    _pack(root, "Types", np.full(root["NumberOfCells"][:].sum(), QUADRATIC_TRIANGLE, np.uint8))
    phase = _pack(root, "CellData/phase", np.concatenate([piece.phase for piece in pieces]))
    phase.attrs["names"] = list(pieces[0].phase_names)
    _pack(root, "CellData/particle", np.concatenate([piece.particle for piece in pieces]))
    counts = {"points": "NumberOfPoints", "cells": "NumberOfCells", "ids": "NumberOfConnectivityIds"}
    return {name: _starts(root[count][:]) for name, count in counts.items()}


def _starts(counts):
    return np.cumsum(counts) - counts


def _in_space(vectors):
    return np.column_stack([vectors, np.zeros(len(vectors), vectors.dtype)])


COMPRESSION = {"compression": "gzip", "compression_opts": 1, "shuffle": True}


def _pack(root, name, values):
    return root.create_dataset(name, data=values, **COMPRESSION)


def _empty(root, name, counts, components):
    """An array for the values of all steps; a chunk is a step, since that is what is read."""
    tail = () if components == 1 else (components,)
    return root.create_dataset(name, (counts.sum(), *tail), np.float32, chunks=(counts.max(), *tail), **COMPRESSION)
