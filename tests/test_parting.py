"""Meshes cut apart along interfaces."""

import numpy as np
import pytest
from grids import grid

from rheode.microstructure import Mesh, MeshError, facing, infiltrate, mesh_packing, pack, part


def square(phase, names, n=4):
    """A unit square of n x n cells of two triangles; `phase` of each from the middle (x, y) of the cell, one body a phase."""
    nodes, cells = grid(n, n)
    index = np.array([phase(*middle) for middle in nodes[cells[:, :3]].mean(axis=1)])
    return Mesh(nodes, cells, index, index, np.ones(2), names)


@pytest.fixture(scope="module")
def electrode():
    particles = mesh_packing(pack({"se": 0.3, "mse": 0.34}, 6, 4.0, seed=1), 1.2, 0.8)
    return {share: infiltrate(particles, "el", share) for share in (1.0, 0.6)}


def surface_sides(mesh, name):
    """Sides between a phase and other solid cells, by counting."""
    index, count = mesh.phase_names.index(name), {}
    for cell, phase in zip(mesh.cells[mesh.solid], mesh.phase[mesh.solid]):
        for k in range(3):
            count.setdefault(int(cell[3 + k]), []).append(phase)
    return sum(len(found) == 2 and (found[0] == index) != (found[1] == index) for found in count.values())


@pytest.mark.parametrize("share", [1.0, 0.6])
def test_particles_in_a_filling(electrode, share):
    """Requirement: particles and what fills the pores part along every side they share; bodies keep their shapes, the
    sides that face each other are found and run with the first body on their left."""
    whole = electrode[share]
    mesh = part(whole, [("se", "el"), ("mse", "el")])
    assert mesh.areas == pytest.approx(whole.areas)
    assert np.array_equal(mesh.nodes[mesh.cells], whole.nodes[whole.cells])
    own = [set(mesh.cells[mesh.phase == k].ravel().tolist()) for k in range(3)]
    assert not own[2] & (own[0] | own[1])
    for name in ("se", "mse"):
        sides = facing(mesh, name, "el")
        assert len(sides) == surface_sides(whole, name)
        assert np.array_equal(mesh.nodes[sides[:, 0]], mesh.nodes[sides[:, 1]])
        assert set(sides[:, 0].ravel().tolist()) <= own[mesh.phase_names.index(name)]
        assert set(sides[:, 1].ravel().tolist()) <= own[2]
        # Out of the particle: away from its centre.
        ends = mesh.nodes[sides[:, 0]]
        along = ends[:, 2] - ends[:, 0]
        owner = {n: p for cell, p in zip(mesh.cells[mesh.solid], mesh.particle[mesh.solid]) for n in cell.tolist()}
        centre = mesh.particle_centres[[owner[int(n)] for n in sides[:, 0, 1]]]
        outward = ends[:, 1] - centre
        assert (along[:, 1] * outward[:, 0] - along[:, 0] * outward[:, 1] > 0).all()


def test_one_interface_leaves_the_other_bonded(electrode):
    """Requirement: an interface that is not named stays bonded."""
    mesh = part(electrode[1.0], [("se", "el")])
    own = [set(mesh.cells[mesh.phase == k].ravel().tolist()) for k in range(3)]
    assert own[1] & own[2]
    assert not own[0] & own[2]


def test_an_interface_that_ends_inside_stays_whole_at_its_end():
    """Requirement: where a third body is bonded to both sides, the end of the interface has one node; at a wall, two."""
    mesh = part(square(lambda x, y: 2 if y > 0.5 else int(x > 0.5), ("left", "right", "lid")), [("left", "right")])
    at = [np.flatnonzero((np.abs(mesh.nodes - [0.5, y]) < 1e-9).all(axis=1)) for y in (0.0, 0.25, 0.5)]
    assert [len(nodes) for nodes in at] == [2, 2, 1]
    assert np.isin(at[0], mesh.walls["bottom"]).all()
    assert len(facing(mesh, "left", "right")) == 2


def test_an_interface_that_ends_in_a_pore_is_open():
    """Requirement: at a pore both bodies have nodes of their own, and the pore stays with the first."""
    mesh = part(square(lambda x, y: -1 if y > 0.5 else int(x > 0.5), ("left", "right")), [("left", "right")])
    mouth = np.flatnonzero((np.abs(mesh.nodes - [0.5, 0.5]) < 1e-9).all(axis=1))
    assert len(mouth) == 2
    pores = set(mesh.cells[~mesh.solid].ravel().tolist())
    left = set(mesh.cells[mesh.phase == 0].ravel().tolist())
    assert [int(n) in pores for n in mouth] == [int(n) in left for n in mouth]


def test_bodies_of_one_phase():
    """Requirement: a pair that names a phase twice cuts its bodies apart, and nothing inside them."""
    nodes, cells = grid(4, 4)
    body = (nodes[cells[:, :3]].mean(axis=1)[:, 0] > 0.5).astype(int)
    mesh = part(Mesh(nodes, cells, 0 * body, body, np.ones(2), ("se",)), [("se", "se")])
    assert len(mesh.nodes) == len(nodes) + 9
    assert len(facing(mesh, "se", "se")) == 4


def test_phases_without_common_sides_are_named(electrode):
    """Requirement: a pair that nowhere meets is a fault that names it."""
    with pytest.raises(MeshError, match="se and mse have no side in common"):
        part(electrode[1.0], [("se", "mse")])
