"""Packings, their meshes, and meshes of the user's own."""

import os
from pathlib import Path

import numpy as np
import pytest

from rheode.microstructure import PORE, Mesh, MeshError, PackingError, fill_pores, mesh_packing, pack, read_mesh, weld
from rheode.microstructure.mesh import cross, raise_order, triangle_areas, unshared_sides
from rheode.microstructure.packing import SPANNING_REACH, spans
from rheode.microstructure.triangulation import fill, regions, triangulate

CATHODE = {"se": 0.356, "mse": 0.397}
BASELINE = Path(os.environ.get("RHEODE_BASELINE", Path(__file__).parents[2] / "shared" / "baseline"))


@pytest.fixture(scope="module")
def packing():
    return pack(CATHODE, 28, 10.0, seed=1)


@pytest.fixture(scope="module")
def mesh(packing):
    return mesh_packing(packing, 0.7, 0.3)


def smallest_angles(mesh):
    """(m,) degrees."""
    corners = mesh.nodes[mesh.cells[:, :3]]
    angles = []
    for i in range(3):
        u, v = corners[:, i - 1] - corners[:, i], corners[:, i - 2] - corners[:, i]
        angles.append(np.arctan2(np.abs(cross(u, v)), (u * v).sum(1)))
    return np.degrees(np.min(angles, axis=0))


def surface_distance(mesh):
    """Smallest distance between the surfaces of different particles, and between a surface and the walls."""
    edges, owner = mesh.surface.edges, mesh.surface.particle
    start, end = mesh.nodes[edges[:, 0]], mesh.nodes[edges[:, 2]]
    along = end - start
    off = start[:, None] - start[None]
    share = np.clip((off * along).sum(2) / (along**2).sum(1), 0, 1)
    distance = np.linalg.norm(off - share[..., None] * along, axis=2)
    distance[owner[:, None] == owner] = np.inf
    return distance.min(), min(start.min(), (mesh.box - start).min())


def assert_sound(mesh, straight=True):
    """What every mesh must hold: positive cells that conform, cover the box and reach all walls, straight-sided unless
    they come curved."""
    corners = mesh.nodes[mesh.cells[:, :3]]
    # The Jacobian of a straight-sided cell is constant, twice its area; it is taken at the corners of the T6 map here,
    # that of others at the quadrature points.
    inside = ((1 / 6, 1 / 6), (2 / 3, 1 / 6), (1 / 6, 2 / 3))
    for r, s in ((0, 0), (1, 0), (0, 1), (1 / 3, 1 / 3)) if straight else inside:
        shape_r = [4 * r + 4 * s - 3, 4 * r - 1, 0, 4 - 8 * r - 4 * s, 4 * s, -4 * s]
        shape_s = [4 * r + 4 * s - 3, 0, 4 * s - 1, -4 * r, 4 * r, 4 - 4 * r - 8 * s]
        tangents = [np.einsum("a,eai->ei", shape, mesh.nodes[mesh.cells]) for shape in (shape_r, shape_s)]
        assert cross(*tangents).min() > 0
    if straight:
        assert np.abs(0.5 * (corners + corners[:, [1, 2, 0]]) - mesh.nodes[mesh.cells[:, 3:]]).max() < 1e-12
    assert mesh.areas.sum() == pytest.approx(mesh.box.prod(), rel=1e-12)
    assert len(np.unique(mesh.nodes.round(9), axis=0)) == len(mesh.nodes)
    assert np.array_equal(np.unique(mesh.cells), np.arange(len(mesh.nodes)))
    sides, _ = unshared_sides(mesh.cells, np.zeros(len(mesh.cells), int))
    rim = mesh.nodes[sides]
    on_wall = [np.abs(rim[:, :, axis] - level).max(axis=1) < 1e-12 for axis in (0, 1) for level in (0, mesh.box[axis])]
    assert np.any(on_wall, axis=0).all(), "a hanging node"
    for name, (axis, level) in {"left": (0, 0), "right": (0, mesh.box[0]), "bottom": (1, 0), "top": (1, mesh.box[1])}.items():
        wall = mesh.nodes[mesh.walls[name]]
        assert (wall[:, axis] == level).all() and (np.diff(wall[:, 1 - axis]) > 0).all()
        assert wall[0, 1 - axis] == 0 and wall[-1, 1 - axis] == mesh.box[1 - axis]
    # Euler: corners - sides + triangles = 1 for a disc, and the mid nodes count the sides.
    corner_nodes = len(np.unique(mesh.cells[:, :3]))
    assert corner_nodes - (len(mesh.nodes) - corner_nodes) + len(mesh.cells) == 1
    assert ((mesh.phase == PORE) == (mesh.particle == -1)).all()
    assert np.array_equal(np.unique(mesh.particle[mesh.solid]), np.arange(mesh.particles))


# Packing


@pytest.mark.parametrize("particles, seeds", [(10, range(1, 4)), (28, range(1, 11)), (60, (1, 2)), (100, (1,)), (200, (1,))])
def test_packings_have_the_fractions_and_keep_the_gap(particles, seeds):
    for seed in seeds:
        packed = pack(CATHODE, particles, 10.0, seed=seed)
        assert len(packed.radii) == particles
        assert min(packed.gaps()) >= 0.01
        for k, share in enumerate(CATHODE.values()):
            assert np.pi * (packed.radii[packed.phase == k] ** 2).sum() == pytest.approx(share * 100, rel=1e-12)
        means = [packed.radii[packed.phase == k].mean() for k in (0, 1)]
        assert means[0] == pytest.approx(means[1], rel=0.2)


def test_same_seed_same_packing_and_mesh_bit_for_bit(packing, mesh):
    again = pack(CATHODE, 28, 10.0, seed=1)
    assert np.array_equal(again.centres, packing.centres) and np.array_equal(again.radii, packing.radii)
    meshed = mesh_packing(again, 0.7, 0.3)
    assert np.array_equal(meshed.nodes, mesh.nodes) and np.array_equal(meshed.cells, mesh.cells)
    assert not np.array_equal(pack(CATHODE, 28, 10.0, seed=2).centres, packing.centres)


def test_size_spread_and_size_ratio():
    wide = pack({"a": 0.5}, 400, 10.0, size_spread=0.3, gap=1e-3)
    assert wide.radii.std() / wide.radii.mean() == pytest.approx(0.3, abs=0.04)
    assert np.ptp(pack({"a": 0.5}, 9, (12.0, 8.0), size_spread=0).radii) < 1e-12
    mixed = pack({"small": 0.2, "large": 0.4}, 60, 10.0, size_spread=0.1, size_ratio={"small": 0.5})
    means = [mixed.radii[mixed.phase == k].mean() for k in (0, 1)]
    assert means[0] / means[1] == pytest.approx(0.5, rel=0.1)


@pytest.mark.parametrize(
    "fractions, particles, options, words",
    [
        ({"se": 0.5, "mse": 0.48}, 28, {}, "was reached"),
        ({"se": 0.9}, 1, {}, "was reached"),
        (CATHODE, 5, {"size_spread": 0}, "was reached"),
        (CATHODE, 28, {"gap": 0.5}, "was reached"),
        (CATHODE, 1, {}, "at least one particle a phase"),
        ({"se": -0.1}, 5, {}, "above 0"),
        ({"se": np.nan}, 5, {}, "above 0"),
        (CATHODE, 28, {"size_spread": -1}, "size_spread"),
        (CATHODE, 28, {"gap": 6}, "gap"),
        (CATHODE, 28, {"spanning": "lco"}, "lco"),
    ],
)
def test_what_cannot_be_packed_is_refused_in_one_line(fractions, particles, options, words):
    with pytest.raises(PackingError, match=words) as caught:
        pack(fractions, particles, 10.0, **options)
    assert "\n" not in str(caught.value)


def test_reached_fraction_in_the_refusal_is_one_that_can_be_packed():
    with pytest.raises(PackingError) as caught:
        pack({"a": 0.9}, 40, 10.0)
    reached = float(str(caught.value).split(" in total was reached")[0].split()[-1])
    assert 0.7 < reached < 0.87
    pack({"a": reached - 0.03}, 40, 10.0)


# Mesh of a packing


@pytest.mark.parametrize("particles", [10, 60, 200])
def test_meshes_of_all_sizes(particles):
    meshed = mesh_packing(pack(CATHODE, particles, 10.0, seed=3))
    assert_sound(meshed)
    assert meshed.particles == particles
    for k, (name, share) in enumerate(CATHODE.items()):
        assert meshed.area_fraction(name) == pytest.approx(share, rel=1e-12)
        assert meshed.area_fraction(k) == meshed.area_fraction(name)
    assert meshed.area_fraction(PORE) == pytest.approx(0.247, rel=1e-12)


def test_mesh_of_28_particles(mesh, packing):
    assert_sound(mesh)
    assert mesh.phase_names == ("se", "mse")
    assert 9000 < 2 * len(mesh.nodes) < 12000
    assert min(surface_distance(mesh)) >= 0.01 - 1e-9
    assert np.allclose(mesh.particle_areas, np.pi * packing.radii**2, rtol=1e-12)
    assert np.allclose(mesh.particle_radii, packing.radii, rtol=1e-12)
    assert np.array_equal(mesh.particle_phase, packing.phase)
    # Polygons are moved apart by no more than they stick out of their circles.
    assert np.abs(mesh.particle_centres - packing.centres).max() < 0.02


def test_default_sizes_follow_the_particles():
    small = mesh_packing(pack(CATHODE, 28, 1.0, seed=1, gap=0.001))
    large = mesh_packing(pack(CATHODE, 28, 10.0, seed=1, gap=0.01))
    assert len(small.nodes) == pytest.approx(len(large.nodes), rel=0.02)


def test_quality(mesh):
    angles = smallest_angles(mesh)
    assert angles[mesh.solid].min() > 20
    # A pore cell in a slit has all corners on surfaces or walls and is flat by necessity; the others are not.
    on_rim = np.zeros(len(mesh.nodes), bool)
    on_rim[mesh.surface.edges] = True
    for nodes in mesh.walls.values():
        on_rim[nodes] = True
    open_pores = ~mesh.solid & ~on_rim[mesh.cells[:, :3]].all(axis=1)
    assert open_pores.sum() > 100
    assert (angles[open_pores] > 15).mean() > 0.97


def test_slits_hold_one_layer(mesh):
    """A pore cell flatter than 0.05 um touches the two surfaces (or surface and wall) that it parts."""
    holder = np.full(len(mesh.nodes), -1)
    for k, nodes in enumerate(mesh.walls.values()):
        holder[nodes] = 1000 + k
    holder[mesh.surface.edges] = mesh.surface.particle[:, None]
    corners = mesh.cells[:, :3]
    longest = np.max([np.linalg.norm(mesh.nodes[corners[:, i]] - mesh.nodes[corners[:, i - 1]], axis=1) for i in range(3)], axis=0)
    flat = ~mesh.solid & (2 * mesh.areas / longest < 0.05)
    assert flat.sum() > 50
    touched = np.sort(holder[corners[flat]], axis=1)
    assert (touched[:, 0] >= 0).all()
    assert ((np.diff(touched, axis=1) != 0).sum(axis=1) >= 1).all()


def test_sizes_are_kept(packing):
    fine = mesh_packing(packing, 0.3, 0.15)
    length = np.linalg.norm(fine.nodes[fine.surface.edges[:, 0]] - fine.nodes[fine.surface.edges[:, 2]], axis=1)
    assert length.max() < 1.4 * 1.2 * 0.15 * 1.01
    corners = fine.nodes[fine.cells[:, :3]]
    sides = np.linalg.norm(corners - corners[:, [1, 2, 0]], axis=2)
    assert 0.15 < np.median(sides[fine.solid]) < 0.3
    with pytest.raises(MeshError, match="contact_size"):
        mesh_packing(packing, 0.3, 0.7)
    with pytest.raises(MeshError, match="above 0"):
        mesh_packing(packing, 0.0)


def test_surface_is_closed_and_has_the_particle_on_its_left(mesh):
    surface = mesh.surface
    assert np.array_equal(mesh.particle[surface.cell], surface.particle)
    assert not surface.wall.any()
    start, middle, end = (mesh.nodes[surface.edges[:, k]] for k in range(3))
    assert np.allclose(middle, 0.5 * (start + end))
    area = np.bincount(surface.particle, 0.5 * cross(start, end))
    assert np.allclose(area, mesh.particle_areas, rtol=1e-10)
    normal = np.column_stack([(end - start)[:, 1], -(end - start)[:, 0]])
    assert np.abs([np.bincount(surface.particle, n) for n in normal.T]).max() < 1e-10


def test_outlines_run_around_the_particles(mesh):
    loops = mesh.outlines()
    assert [p for p, _ in loops] == list(range(28))
    for particle, loop in loops:
        x = mesh.nodes[loop]
        assert len(np.unique(loop)) == len(loop)
        assert 0.5 * cross(x, np.roll(x, -1, axis=0)).sum() == pytest.approx(mesh.particle_areas[particle], rel=1e-10)


def test_save_and_load(mesh, tmp_path):
    mesh.save(tmp_path / "mesh.npz")
    for again in (Mesh.load(tmp_path / "mesh.npz"), read_mesh(tmp_path / "mesh.npz", ["se", "mse"])):
        for name in ("nodes", "cells", "phase", "particle", "box"):
            assert np.array_equal(getattr(again, name), getattr(mesh, name))
        assert again.phase_names == mesh.phase_names and again.notes == mesh.notes
    with pytest.raises(MeshError, match="lco"):
        read_mesh(tmp_path / "mesh.npz", ["lco", "mse"])


def test_curved_cell_area():
    """A T6 whose side bulges by h over a chord c gains 2/3 h c."""
    nodes = np.array([[0, 0], [1, 0], [0, 1], [0.5, -0.1], [0.5, 0.5], [0, 0.5]])
    assert triangle_areas(nodes, np.array([[0, 1, 2, 3, 4, 5]]))[0] == pytest.approx(0.5 + 2 / 3 * 0.1, rel=1e-14)


# Triangulation


def test_segments_are_recovered():
    """Points just off a long segment make the Delaunay triangulation leave it out."""
    points = np.array([[0, 0], [10, 0], [10, 10], [0, 10], [0.5, 5], [9.5, 5], *((x, 5 + 0.05 * (-1) ** x) for x in range(1, 10))], float)
    segments = np.array([[4, 5], [0, 1], [1, 2], [2, 3], [3, 0]])
    triangles = triangulate(points, segments)
    sides = {frozenset(s) for s in triangles[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2).tolist()}
    assert all(frozenset(s) in sides for s in segments.tolist())
    area = triangle_areas(points, triangles)
    assert area.min() > 0 and area.sum() == pytest.approx(100, rel=1e-12)


def test_crossing_segments_are_refused():
    points = np.array([[0, 0], [4, 0], [4, 4], [0, 4], [1, 1], [3, 3], [1, 3], [3, 1]], float)
    with pytest.raises(MeshError, match="cross"):
        triangulate(points, np.array([[4, 5], [6, 7]]))


def test_region_inside_a_region_is_refused():
    square = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], float)
    points = np.vstack([8 * square, 1 + 6 * square, 3 + 2 * square])
    ring = np.array([[0, 1], [1, 2], [2, 3], [3, 0]])
    segments, owner = np.vstack([ring, ring + 4, ring + 8]), np.repeat([-1, 0, 1], 4)
    with pytest.raises(MeshError, match="encloses"):
        regions(triangulate(points, segments), segments, owner)


# Meshes of the user's own


@pytest.mark.skipif(not BASELINE.is_dir(), reason=f"no baseline meshes in {BASELINE}")
@pytest.mark.parametrize("name, particles", [("rve_N4", 4), ("rve_N10", 10), ("rve_N20", 20), ("rve_N40", 40)])
def test_baseline_meshes(name, particles):
    path = BASELINE / f"{name}.npz"
    mesh = read_mesh(path, ["se", "mse"])
    assert_sound(mesh, straight=False)
    assert mesh.particles == particles
    # Polygons on the corners of these curved meshes are 1 % smaller; a few sides in slits of 0.01 um are made flatter.
    assert [mesh.area_fraction(n) for n in ("se", "mse")] == pytest.approx([0.356, 0.397], rel=1e-3)
    assert len(mesh.notes) == 1 and "flatter" in mesh.notes[0]
    with np.load(path) as data:
        corners = np.unique(data["tri6"][:, :3])
        kept = {tuple(x) for x in data["nodes"][corners].tolist()}
        assert kept <= {tuple(x) for x in mesh.nodes.tolist()}
        assert mesh.solid.sum() == len(data["tri6"])


def discs(places, sides=24, size=0.35):
    """Nodes, T3, and particle of discs ((x, y), radius), with those at walls of the 10 um box cut exactly by them."""
    nodes, triangles, particle = [], [], []
    for k, ((x, y), radius) in enumerate(places):
        angles = 2 * np.pi * np.arange(sides) / sides
        rim = np.round(np.array([x, y]) + radius * np.column_stack([np.cos(angles), np.sin(angles)]), 12)
        inside = ((rim >= 0) & (rim <= 10)).all(axis=1)
        if not inside.all():
            first = int(np.flatnonzero(inside & ~np.roll(inside, 1))[0])
            rim = np.roll(rim, -first, axis=0)[: inside.sum()]
            if x in (0, 10) and y in (0, 10):
                rim = np.vstack([rim, [x, y]])
        ring = np.column_stack([np.arange(len(rim)), np.roll(np.arange(len(rim)), -1)])
        points, cells, _ = fill(rim, ring, np.zeros(len(rim), int), lambda at: np.full(len(at), size))
        triangles.append(cells + sum(map(len, nodes)))
        nodes.append(points)
        particle += [k] * len(cells)
    return np.vstack(nodes), np.vstack(triangles), np.array(particle)


CUT = [((0, 0), 1.5), ((5, 0), 1.2), ((5, 5), 2.0), ((10, 5), 1.6), ((2, 8), 1.9), ((1, 3), 0.995)]


def test_particles_cut_by_walls():
    nodes, triangles, particle = discs(CUT)
    mesh = fill_pores(nodes, triangles, particle % 2, particle, 10.0, 0.8)
    assert_sound(mesh)
    full = 0.5 * 24 * np.sin(2 * np.pi / 24)
    share = [0.25, 0.5, 1, 0.5, 1, 1]
    assert np.allclose(mesh.particle_areas, [s * full * r**2 for s, (_, r) in zip(share, CUT)], rtol=1e-10)
    wall = mesh.surface.wall
    length = np.linalg.norm(mesh.nodes[mesh.surface.edges[:, 0]] - mesh.nodes[mesh.surface.edges[:, 2]], axis=1)
    assert length[wall].sum() == pytest.approx(2 * 1.5 + 2 * 1.2 + 2 * 1.6, rel=1e-10)
    assert surface_distance(mesh)[0] > 0


def test_pieces_are_particles_and_clockwise_cells_are_turned():
    nodes, triangles, particle = discs(CUT[2:])
    mixed = triangles.copy()
    mixed[::2] = mixed[::2, ::-1]
    mesh = fill_pores(nodes, mixed, 0 * particle, None, 10.0)
    assert_sound(mesh)
    assert mesh.particles == 4


def write(path, **arrays):
    np.savez(path, **arrays)
    return path


def good(order=3):
    nodes, triangles, particle = discs([((3, 3), 1.0), ((7, 7), 1.5)])
    if order == 6:
        nodes, triangles = raise_order(nodes, triangles)
    return {"nodes": nodes, "triangles": triangles, "phase": particle, "particle": particle, "box": np.array([10.0, 10.0])}


def test_npz_in_its_forms(tmp_path):
    expected = read_mesh(write(tmp_path / "a.npz", **good()), ["a", "b"], 1.0)
    assert_sound(expected)
    for k, change in enumerate(
        (
            good(6),
            good() | {"phase": np.array(["a", "b"])[good()["phase"]]},
            {key: value for key, value in good().items() if key != "particle"},
            {("L" if key == "box" else key): (10.0 if key == "box" else value) for key, value in good().items()},
            good() | {"nodes": np.pad(good()["nodes"], ((0, 0), (0, 1)))},
        )
    ):
        mesh = read_mesh(write(tmp_path / f"{k}.npz", **change), ["a", "b"], 1.0)
        assert np.allclose(mesh.areas.sum(), 100) and len(mesh.cells) == len(expected.cells)
        assert np.allclose([mesh.area_fraction("a"), mesh.area_fraction("b")], [expected.area_fraction("a"), expected.area_fraction("b")])
    valued = read_mesh(write(tmp_path / "v.npz", **(good() | {"phase": good()["phase"] + 7})), {"a": 8, "b": 7})
    assert valued.area_fraction("b") == pytest.approx(expected.area_fraction("a"))


def test_a_mesh_with_pores_is_taken_as_it_is(tmp_path, mesh):
    turned = mesh.cells[:, [0, 2, 1, 5, 4, 3]]
    path = write(tmp_path / "whole.npz", nodes=mesh.nodes + [3, 4], tri6=turned, phase=mesh.phase)
    again = read_mesh(path, mesh.phase_names)
    assert_sound(again)
    assert again.particles == 28 and len(again.cells) == len(mesh.cells)
    assert np.allclose(again.particle_areas.sum(), mesh.particle_areas.sum(), rtol=1e-12)
    assert "names no box" in again.notes[0]


def round_discs(gap):
    """Two discs of radius 1 with curved sides, `gap` apart, of 24 sides each: nodes, cells, particle, exact T6 area."""
    centres = np.array([[3.0, 5.0], [5.0 + gap, 5.0]])
    nodes, triangles, particle = discs([(tuple(c), 1.0) for c in centres])
    nodes, cells = raise_order(nodes, triangles)
    sides, cell = unshared_sides(cells, particle)
    centre = centres[particle[cell]]
    off = nodes[sides[:, 1]] - centre
    nodes[sides[:, 1]] = centre + off / np.linalg.norm(off, axis=1)[:, None]
    return nodes, cells, particle, triangle_areas(nodes, cells).sum()


def test_curved_sides_stay_curved(tmp_path):
    nodes, cells, particle, area = round_discs(0.5)
    mesh = fill_pores(nodes, cells, particle, particle, 10.0)
    assert_sound(mesh, straight=False)
    assert mesh.notes == ()
    assert mesh.particle_areas.sum() == pytest.approx(area, rel=1e-12)
    assert mesh.particle_areas.sum() > 1.005 * triangle_areas(nodes, cells[:, :3]).sum()
    # Saved and read again as a user's own mesh, with its pores, and as plain arrays, turned.
    mesh.save(tmp_path / "own.npz")
    assert np.array_equal(read_mesh(tmp_path / "own.npz", mesh.phase_names).nodes, mesh.nodes)
    path = write(tmp_path / "whole.npz", nodes=mesh.nodes, tri6=mesh.cells[:, [0, 2, 1, 5, 4, 3]], phase=mesh.phase, box=mesh.box)
    assert read_mesh(path, mesh.phase_names).particle_areas.sum() == pytest.approx(area, rel=1e-12)


def test_sides_that_would_fold_a_slit_are_made_flatter():
    nodes, cells, particle, area = round_discs(0.002)
    mesh = fill_pores(nodes, cells, particle, particle, 10.0)
    assert_sound(mesh, straight=False)
    change = mesh.particle_areas.sum() / area - 1
    assert -0.005 < change < -1e-5
    assert f"{change:+.2%}" in mesh.notes[0] and "flatter" in mesh.notes[0]
    # Sides that bulge far over the pores' cells can't be kept, and flat ones make another particle.
    nodes, cells, particle, _ = round_discs(2.0)
    sides, _ = unshared_sides(cells, particle)
    chord = 0.5 * (nodes[sides[:, 0]] + nodes[sides[:, 2]])
    nodes[sides[:, 1]] = chord + 40 * (nodes[sides[:, 1]] - chord)
    with pytest.raises(MeshError, match="use shorter sides"):
        fill_pores(nodes, cells, particle, particle, 10.0)


def faulty():
    base = good()
    nodes, triangles, phase = base["nodes"], base["triangles"], base["phase"]
    bent, moved, joined, flat = nodes.copy(), nodes.copy(), triangles.copy(), triangles.copy()
    bent[0] = [20, 3]
    moved[np.unique(triangles[phase == 1])] -= 3.5
    touching = nodes.copy()
    joined[joined == triangles[phase == 1].min()] = triangles[phase == 0].min()
    flat[0] = [1, 1, 2]
    touching[np.unique(triangles[phase == 1])] -= [7 - 1.5 - 4, 4]
    return {
        "no phase": ({key: value for key, value in base.items() if key != "phase"}, "no phase"),
        "no cells": ({"nodes": nodes, "phase": phase}, "tri6, cells, triangles or tri"),
        "empty": ({}, "nothing"),
        "three dimensions": (base | {"nodes": np.column_stack([nodes, nodes[:, 0]])}, "z = 0"),
        "flat cell": (base | {"triangles": flat}, "no area"),
        "phase of another study": (base | {"phase": phase + 1}, "allowed are a"),
        "one phase only": (base | {"phase": 0 * phase}, "no cell belongs to phase b"),
        "overlap": (base | {"nodes": moved}, "overlap|cross"),
        "surfaces touch": (base | {"nodes": touching}, "coincide"),
        "shared node": (base | {"triangles": joined}, "share"),
        "outside": (base | {"nodes": bent}, "outside the box"),
        "small box": (base | {"box": np.array([5.0, 5.0])}, "outside the box"),
        "short phase": (base | {"phase": phase[:-1]}, "one value for each"),
        "quadrangles": (base | {"triangles": np.column_stack([triangles, triangles[:, 0]])}, "shape"),
        "node numbers": (base | {"triangles": triangles + 10**6}, "there are nodes"),
        "not a number": (base | {"nodes": nodes * np.nan}, "finite"),
        "text": (base | {"nodes": nodes.astype(str)}, "numbers are needed"),
        "two phases in a particle": (base | {"particle": 0 * phase}, "more than one phase"),
    }


@pytest.mark.parametrize("case", faulty())
def test_faulty_meshes_are_refused_in_one_line(tmp_path, case):
    arrays, words = faulty()[case]
    with pytest.raises(MeshError, match=words) as caught:
        read_mesh(write(tmp_path / "faulty.npz", **arrays), ["a", "b"], 1.0)
    assert "\n" not in str(caught.value) and "faulty.npz" in str(caught.value)


def test_files_that_are_no_meshes(tmp_path, capsys):
    with pytest.raises(MeshError, match="no such file"):
        read_mesh(tmp_path / "none.npz", ["a"])
    for name in ("text.npz", "text.msh", "text.vtk", "text"):
        (tmp_path / name).write_text("hello\n")
        with pytest.raises(MeshError) as caught:
            read_mesh(tmp_path / name, ["a"])
        assert "\n" not in str(caught.value)
    assert not any(capsys.readouterr())


@pytest.mark.parametrize("name, kind", [("m.vtu", "triangle"), ("m.vtu", "triangle6"), ("m.msh", "triangle"), ("m.inp", "triangle")])
def test_meshio_formats(tmp_path, name, kind):
    meshio = pytest.importorskip("meshio")
    base = good(6 if kind == "triangle6" else 3)
    points = np.pad(base["nodes"], ((0, 0), (0, 1)))
    if name == "m.msh":
        data = {"gmsh:physical": [base["phase"] + 1], "gmsh:geometrical": [base["phase"] + 1]}
        groups = {"a": np.array([1, 2]), "b": np.array([2, 2])}
        meshio.Mesh(points, [(kind, base["triangles"])], cell_data=data, field_data=groups).write(tmp_path / name, file_format="gmsh22", binary=False)
    else:
        meshio.Mesh(points, [(kind, base["triangles"])], cell_data={"phase": [base["phase"]]}).write(tmp_path / name)
    if name == "m.inp":
        with pytest.raises(MeshError, match="no phase"):
            read_mesh(tmp_path / name, ["a", "b"], 1.0, box=10.0)
        return
    mesh = read_mesh(tmp_path / name, ["a", "b"], 1.0, box=10.0)
    assert_sound(mesh)
    assert mesh.area_fraction("a") == pytest.approx(np.abs(triangle_areas(base["nodes"], base["triangles"][:, :3])[base["phase"] == 0]).sum() / 100)


# Welding


def test_welded_framework_spans_the_box_at_the_same_fractions():
    packed = pack(CATHODE, 28, 10.0, seed=2, spanning="mse")
    assert spans(packed, 1, SPANNING_REACH * packed.radii.mean())
    loose = mesh_packing(packed)
    welded = weld(loose, phases=["mse"])
    assert_sound(welded)
    for name, share in CATHODE.items():
        assert welded.area_fraction(name) == pytest.approx(share, rel=1e-12)
    necks = welded.solid.sum() - loose.solid.sum()
    assert necks > 10
    assert "do not" not in welded.notes[-1] and "reach from the floor to the top wall" in welded.notes[-1]
    # The active particles keep their nodes to themselves; some framework particles share theirs.
    pairs = np.unique(np.column_stack([welded.cells[welded.solid].ravel(), np.repeat(welded.particle[welded.solid], 6)]), axis=0)
    shared = pairs[1:][np.diff(pairs[:, 0]) == 0]
    assert len(shared) and (welded.particle_phase[shared[:, 1]] == 1).all()


def test_weld_refusals(mesh):
    with pytest.raises(MeshError, match="closer than"):
        weld(mesh, 0.001)
    with pytest.raises(MeshError, match="lco"):
        weld(mesh, 0.1, ["lco"])


def test_a_phase_that_cannot_span_is_refused():
    with pytest.raises(PackingError, match="reaching from the floor"):
        pack({"a": 0.65, "b": 0.05}, 28, 10.0, spanning="b", effort=300)
