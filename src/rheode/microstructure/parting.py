"""Interfaces along which bodies may part: bodies that share nodes are cut apart there, and the sides that face each other found."""

from dataclasses import replace

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from .mesh import SIDES, MeshError, unshared_sides


def part(mesh, pairs):
    """The mesh with nodes of their own for the bodies on either side of interfaces.

    pairs: of phase names; bodies (particles, fillings) of these two phases are cut apart wherever they share a side, also
    two bodies of one phase if a pair names it twice. Around a node, cells stay together that hang together through
    sides that are not cut: where an interface ends inside a solid, or at a body that is bonded to both, its end
    stays whole; where it ends in a pore or at a wall it is open, and the cells of the pore stay with the body of
    lower number. Nothing moves: the copies of a node lie where it lay. Raises MeshError where a pair has no
    common side.
    """
    solid = np.flatnonzero(mesh.solid)
    cells, particle, phase = mesh.cells[solid], mesh.particle[solid], mesh.phase[solid]
    first, second, local = _shared(cells)
    cut = np.zeros(len(first), bool)
    for a, b in pairs:
        i, j = (mesh.phase_names.index(name) for name in (a, b))
        of_pair = ((phase[first] == i) & (phase[second] == j)) | ((phase[first] == j) & (phase[second] == i))
        of_pair &= particle[first] != particle[second]
        if not of_pair.any() and len(facing(mesh, a, b)) == 0:
            raise MeshError(f"{a} and {b} have no side in common, so there is no interface between them")
        cut |= of_pair

    # Corners of cells at one node are one where their cells share a side that is not cut.
    ends = [corner[~cut].ravel() for corner in local]
    links = coo_array((np.ones(len(ends[0])), ends), shape=(cells.size,) * 2)
    piece = connected_components(links, directed=False)[1].reshape(cells.shape)
    corner = np.flatnonzero(np.isin(cells, cells.ravel()[local[0][cut]]))
    node, owner, piece = cells.ravel()[corner], np.repeat(particle, 6)[corner], piece.ravel()[corner]
    pieces, where = np.unique(np.column_stack([node, piece]), axis=0, return_inverse=True)
    where = where.ravel()
    lowest = np.full(len(pieces), mesh.particles)
    np.minimum.at(lowest, where, owner)
    order = np.lexsort((pieces[:, 1], lowest, pieces[:, 0]))
    copies = np.ones(len(pieces), bool)
    copies[order] = np.r_[False, pieces[order][1:, 0] == pieces[order][:-1, 0]] if len(pieces) else []
    number = pieces[:, 0].copy()
    number[copies] = len(mesh.nodes) + np.arange(copies.sum())
    new = mesh.cells.copy()
    cells = cells.copy()
    cells.ravel()[corner] = number[where]
    new[solid] = cells
    nodes = np.vstack([mesh.nodes, mesh.nodes[pieces[copies, 0]]])
    return replace(mesh, nodes=nodes, cells=new)


def _shared(cells):
    """Sides that two cells share: first and second cell (k,), and the corners [of the first (k, 3), of the second] at its
    three nodes, as indices into the flattened cells."""
    corners = (6 * np.arange(len(cells))[:, None, None] + SIDES).reshape(-1, 3)
    ends = np.sort(cells.ravel()[corners[:, [0, 2]]], axis=1)
    order = np.lexsort(ends.T)
    same = (ends[order][1:] == ends[order][:-1]).all(axis=1)
    one, other = order[:-1][same], order[1:][same]
    return one // 3, other // 3, [corners[one], corners[other][:, ::-1]]


def facing(mesh, a, b):
    """Sides of bodies of phase a that coincide with sides of other bodies of phase b without sharing nodes.

    Returns (k, 2, 3) nodes (corner, mid, corner): the side of a's body, walked with that body on the left, and the nodes of
    the other body at the same places.
    """
    i, j = (mesh.phase_names.index(name) for name in (a, b))
    solid = np.flatnonzero(mesh.solid)
    edges, cell = unshared_sides(mesh.cells[solid], np.zeros(len(solid), int))
    phase, particle = mesh.phase[solid][cell], mesh.particle[solid][cell]
    near = 1e-9 * mesh.box.max()
    ours, theirs = np.flatnonzero(phase == i), np.flatnonzero(phase == j)
    if len(ours) == 0 or len(theirs) == 0:
        return np.empty((0, 2, 3), np.int32)
    tree = cKDTree(mesh.nodes[edges[theirs, 1]])
    found = [(p, theirs[q]) for p, near_by in zip(ours, tree.query_ball_point(mesh.nodes[edges[ours, 1]], near)) for q in near_by]
    found = [(p, q) for p, q in found if particle[p] != particle[q] and (i != j or p < q)]
    one, other = np.array(found, int).reshape(-1, 2).T
    sides = np.stack([edges[one], edges[other][:, ::-1]], axis=1)
    return sides[np.abs(np.diff(mesh.nodes[sides], axis=1)).max(axis=(1, 2, 3)) < near] if len(sides) else sides
