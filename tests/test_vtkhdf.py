"""result.vtkhdf holds what the record holds, in the layout that ParaView reads."""

import numpy as np
import pytest

from rheode.report import vtkhdf
from rheode.result import Record, Result, ResultError
from synthetic import make_run

h5py = pytest.importorskip("h5py")


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    return Result(make_run(tmp_path_factory.mktemp("vtkhdf") / "run", cycles=2, size=0.9))


@pytest.fixture(scope="module", params=[False, True], ids=["particles", "with pores"])
def exported(request, result, tmp_path_factory):
    path = tmp_path_factory.mktemp("exported") / "result.vtkhdf"
    vtkhdf.write(result, path, pores=request.param)
    assert [p.name for p in path.parent.iterdir()] == ["result.vtkhdf"]
    return path, request.param


def expected(frame, mesh, pores):
    """Point and cell arrays of a step, from the frame: on the exported nodes and cells."""
    chosen = np.ones(len(mesh.cells), bool) if pores else mesh.solid
    nodes = np.unique(mesh.cells[chosen])
    cells = {}
    xx, yy, zz, xy = frame.creep_strain.T
    for name, values in {
        "von_mises_GPa": frame.von_mises,
        "pressure_GPa": frame.pressure,
        "creep_strain": np.stack([xx, yy, zz, xy, 0 * xx, 0 * xx], 1),  # VTK: xx yy zz xy yz xz
        "creep_strain_magnitude": np.sqrt(2 / 3 * (xx**2 + yy**2 + zz**2 + 2 * xy**2)),
        "lithiation": frame.lithiation_field,
    }.items():
        whole = np.full((len(mesh.cells), *values.shape[1:]), np.nan, np.float32)
        whole[mesh.solid] = values
        cells[name] = whole[chosen]
    cells["phase"], cells["particle"] = mesh.phase[chosen], mesh.particle[chosen]
    displacement = np.column_stack([frame.displacement[nodes], np.zeros(len(nodes), np.float32)])
    corners = mesh.nodes[mesh.cells[chosen]]
    return displacement, cells, corners


def test_layout(exported, result):
    path, pores = exported
    with h5py.File(path) as file:
        root = file["VTKHDF"]
        assert root.attrs["Version"].tolist() == [2, 0]
        assert root.attrs["Type"] == b"UnstructuredGrid"
        kind = root.attrs.get_id("Type").get_type()
        assert not kind.is_variable_str() and kind.get_cset() == h5py.h5t.CSET_ASCII
        points, cells = root["NumberOfPoints"][0], root["NumberOfCells"][0]
        assert cells == (len(result.mesh.cells) if pores else result.mesh.solid.sum())
        assert root["NumberOfConnectivityIds"][:].tolist() == [6 * cells]
        assert root["Points"].shape == (points, 3) and root["Connectivity"].shape == (6 * cells,)
        assert root["Offsets"][:].tolist() == list(range(0, 6 * cells + 1, 6))
        assert root["Types"].dtype == np.uint8 and set(root["Types"][:]) == {22}
        assert 0 <= root["Connectivity"][:].min() and root["Connectivity"][:].max() == points - 1
        number = len(result.frames)
        steps = root["Steps"]
        assert steps.attrs["NSteps"] == number
        assert steps["Values"][:].tolist() == [frame.time for frame in result.frames]
        for name in ("PartOffsets", "PointOffsets"):
            assert steps[name][:].tolist() == [0] * number
        for name in ("CellOffsets", "ConnectivityIdOffsets"):
            assert steps[name][:].tolist() == [[0]] * number
        assert steps["NumberOfParts"][:].tolist() == [1] * number
        assert set(steps["CellDataOffsets"]) == set(root["CellData"])
        assert set(steps["PointDataOffsets"]) == set(root["PointData"]) == {"displacement_um"}
        for name, data in root["CellData"].items():
            still = name in ("phase", "particle")
            assert len(data) == (cells if still else number * cells)
            assert steps["CellDataOffsets"][name][:].tolist() == [0 if still else i * cells for i in range(number)]
        assert root["CellData/phase"].attrs["names"].tolist() == ["se", "mse"]


def test_values_of_every_step(exported, result):
    path, pores = exported
    with h5py.File(path) as file:
        root = file["VTKHDF"]
        nodes = root["Points"][:]
        connectivity = root["Connectivity"][:].reshape(-1, 6)
        for i, frame in enumerate(result.frames):
            displacement, cells, corners = expected(frame, result.mesh, pores)
            assert np.array_equal(nodes[connectivity][..., :2], corners) and not nodes[:, 2].any()
            begin = root["Steps/PointDataOffsets/displacement_um"][i]
            assert np.array_equal(root["PointData/displacement_um"][begin : begin + len(nodes)], displacement)
            for name, values in cells.items():
                begin = root["Steps/CellDataOffsets"][name][i]
                stored = root["CellData"][name][begin : begin + len(connectivity)]
                assert np.allclose(stored, values, rtol=1e-6, equal_nan=True), name


def test_vtk_reads_every_step(exported, result):
    vtk = pytest.importorskip("vtk", reason="the package vtk reads the file back where it is installed")
    from vtk.util.numpy_support import vtk_to_numpy

    path, pores = exported
    reader = vtk.vtkHDFReader()
    assert reader.CanReadFile(str(path))
    reader.SetFileName(str(path))
    reader.UpdateInformation()
    times = reader.GetOutputInformation(0).Get(vtk.vtkStreamingDemandDrivenPipeline.TIME_STEPS())
    frames = list(result.frames)
    assert list(times) == [frame.time for frame in frames]
    for frame in frames[::-1] + frames:  # in any order
        reader.UpdateTimeStep(frame.time)
        grid = reader.GetOutputDataObject(0)
        displacement, cells, corners = expected(frame, result.mesh, pores)
        assert grid.IsA("vtkUnstructuredGrid") and grid.GetNumberOfCells() == len(corners)
        assert {grid.GetCellType(i) for i in range(grid.GetNumberOfCells())} == {vtk.VTK_QUADRATIC_TRIANGLE}
        points = vtk_to_numpy(grid.GetPoints().GetData())
        connectivity = vtk_to_numpy(grid.GetCells().GetConnectivityArray()).reshape(-1, 6)
        assert np.array_equal(points[connectivity][..., :2], corners)
        assert np.array_equal(vtk_to_numpy(grid.GetPointData().GetArray("displacement_um")), displacement)
        assert grid.GetCellData().GetNumberOfArrays() == len(cells)
        for name, values in cells.items():
            assert np.allclose(vtk_to_numpy(grid.GetCellData().GetArray(name)), values, rtol=1e-6, equal_nan=True), name

    # Mid nodes are where VTK expects them: the area of the cells is that of the mesh.
    size = vtk.vtkCellSizeFilter()
    size.SetInputConnection(reader.GetOutputPort())
    size.Update()
    area = vtk_to_numpy(size.GetOutput().GetCellData().GetArray("Area")).sum()
    assert area == pytest.approx(result.mesh.areas[slice(None) if pores else result.mesh.solid].sum(), rel=1e-6)


def test_meshes_that_change_are_parts_of_one_file(tmp_path, result):
    """Two frames on meshes of different size: each step refers to its own geometry."""
    from synthetic import STUDY, make_fields, make_mesh, make_row

    meshes = {"mesh.npz": make_mesh(0.9), "mesh-001.npz": make_mesh(0.7)}
    record = Record.create(tmp_path / "run", STUDY, meshes["mesh.npz"])
    meshes["mesh-001.npz"].save(tmp_path / "run/mesh-001.npz")
    for i, name in enumerate(["mesh.npz", "mesh-001.npz", "mesh-001.npz", "mesh.npz"]):
        record.mesh = name
        record.append(make_row(i, 1, "lithiation", 100.0 * i, 0.2 * i, 0.0), make_fields(meshes[name], 0.2 * i), {})
    changing = Result(record.directory)
    path = tmp_path / "changing.vtkhdf"
    vtkhdf.write(changing, path)
    with h5py.File(path) as file:
        root = file["VTKHDF"]
        points, cells = root["NumberOfPoints"][:], root["NumberOfCells"][:]
        steps = root["Steps"]
        assert steps["PartOffsets"][:].tolist() == [0, 1, 1, 0]
        for i, frame in enumerate(changing.frames):
            part = steps["PartOffsets"][i]
            displacement, expected_cells, corners = expected(frame, meshes[frame.mesh], False)
            begin = steps["PointOffsets"][i]
            nodes = root["Points"][begin : begin + points[part]]
            begin = steps["ConnectivityIdOffsets"][i, 0]
            connectivity = root["Connectivity"][begin : begin + 6 * cells[part]].reshape(-1, 6)
            assert np.array_equal(nodes[connectivity][..., :2], corners)
            begin = steps["PointDataOffsets/displacement_um"][i]
            assert np.array_equal(root["PointData/displacement_um"][begin : begin + points[part]], displacement)
            for name, values in expected_cells.items():
                begin = steps["CellDataOffsets"][name][i]
                assert np.allclose(root["CellData"][name][begin : begin + cells[part]], values, rtol=1e-6), name
            begin = steps["CellOffsets"][i, 0] + part  # one offset more than cells in each part
            assert root["Offsets"][begin] == 0 and root["Offsets"][begin + cells[part]] == 6 * cells[part]


def test_one_frame_is_enough_and_none_is_said(tmp_path):
    directory = make_run(tmp_path / "run", cycles=0, size=0.9)
    vtkhdf.write(Result(directory), tmp_path / "one.vtkhdf")
    with h5py.File(tmp_path / "one.vtkhdf") as file:
        assert file["VTKHDF/Steps"].attrs["NSteps"] == 1
    class Mesh:
        def save(self, path):
            np.savez(path)
    Record.create(tmp_path / "none", "", Mesh()).append({"increment []": 0, "cycle []": 0, "half []": "clamp"}, None, {})
    with pytest.raises(ResultError, match="no fields"):
        vtkhdf.write(Result(tmp_path / "none"), tmp_path / "none.vtkhdf")
    assert not list(tmp_path.glob("none.vtkhdf*"))


def test_an_export_that_fails_leaves_the_former_file(tmp_path, result):
    resource = pytest.importorskip("resource")
    path = tmp_path / "result.vtkhdf"
    path.write_text("former")
    with pytest.raises(ResultError, match="cannot write"):
        vtkhdf.write(result, tmp_path / "nowhere" / "result.vtkhdf")
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20000, limit[1]))
    try:
        with pytest.raises(ResultError, match="cannot write") as error:
            vtkhdf.write(result, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert "\n" not in str(error.value) and path.read_text() == "former"
    assert [p.name for p in tmp_path.iterdir()] == ["result.vtkhdf"]
