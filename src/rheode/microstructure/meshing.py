"""From a packing of discs to the mesh of particles and pores."""

import numpy as np
from scipy.spatial import cKDTree

from .mesh import PORE, Mesh, MeshError, raise_order, smallest_parts, triangle_areas, unshared_sides
from .triangulation import fill

GROWTH = 0.2  # how fast the size of the triangles grows with the distance from smaller ones
SURFACE_RANGE = 1.2  # longest side of a particle's surface, relative to contact_size
FOLDED = 0.3  # a cell whose `smallest_parts` is below has a Jacobian that is hardly positive at a quadrature point, or not
LARGEST_ANGLE = 2 * np.pi / 16  # a side of a particle's surface turns by no more than this


def mesh_packing(packing, mesh_size=None, contact_size=None):
    """Mesh the discs of a packing and the pores between them: straight-sided T6, area fractions exact.

    mesh_size: side length away from contacts (um), by default 0.75 mean radii; contact_size: length of the sides of
    the particles' surface near other particles and walls (um), by default 0.33 mean radii. Away from contacts the
    surface's sides grow to SURFACE_RANGE contact_size, the inside of particles and pores to mesh_size.

    Each disc becomes a polygon of the same area, so its corners lie a little outside the circle. Where two discs come
    close, each turns one side towards the other, parallel and of equal length, with one layer of pore triangles between.
    Polygons that still come closer than the packing's gap are moved apart, by thousandths of a um. Raises MeshError where
    there is no room for that and half the gap is not kept.
    """
    mean = packing.radii.mean()
    mesh_size = 0.75 * mean if mesh_size is None else float(mesh_size)
    contact_size = min(mesh_size, 0.33 * mean) if contact_size is None else float(contact_size)
    if not 0 < contact_size <= mesh_size:
        raise MeshError(f"contact_size is {contact_size:g} um and mesh_size {mesh_size:g} um; both must be above 0, and contact_size no larger than mesh_size")
    largest = min(mesh_size, 1.4 * contact_size)

    corners, walls = _polygons(packing, contact_size, min(mesh_size, SURFACE_RANGE * contact_size))

    sizes = [len(c) for c in corners]
    first = np.cumsum([0, *sizes])
    points = np.vstack([*corners, _wall_points(packing.box, walls, mesh_size)])
    ring = [np.column_stack([np.arange(n), (np.arange(n) + 1) % n]) + k for n, k in zip([*sizes, len(points) - first[-1]], first)]
    segments = np.vstack(ring)
    owner = np.concatenate([np.repeat(np.arange(len(sizes)), sizes), np.full(len(points) - first[-1], -1)])
    points, triangles, particle = fill(points, segments, owner, size_field(points, segments, mesh_size))
    phase = np.where(particle >= 0, packing.phase[particle], PORE)
    return finish(points, triangles, phase, particle, packing.box, packing.phase_names)


def _polygons(packing, contact_size, largest, rounds=100):
    """Corners of the particles' polygons, and per wall the stretches (from, to) that sides of particles face.

    Where equal area brings two polygons closer than the gap, both are moved apart by what is missing.
    """
    least = max(packing.gap, 1e-3 * contact_size)
    centres = packing.centres.copy()
    for _ in range(rounds):
        facing = _facing_sides(centres, packing.radii, packing.box, contact_size)
        corners, walls = [], [[], [], [], []]
        for centre, radius, sides in zip(centres, packing.radii, facing):
            angles = _rim_angles(sides, radius, min(largest, LARGEST_ANGLE * radius))
            turn = np.diff(np.append(angles, angles[0] + 2 * np.pi))
            # The polygon's area is R^2/2 times the sum of sin(turn).
            outer = radius * np.sqrt(2 * np.pi / np.sin(turn).sum())
            corners.append(centre + outer * np.column_stack([np.cos(angles), np.sin(angles)]))
            for _, half, wall in sides:
                if wall >= 0:
                    along = centre[1 - wall // 2]
                    walls[wall].append((along - outer * np.sin(half), along + outer * np.sin(half)))
        one, other, gap, normal = _too_close(corners, packing.box, least)
        if len(gap) == 0:
            return corners, walls
        for p, q, distance, away in zip(one, other, gap, normal):
            step = 0.6 * (least - distance) * away
            centres[p] += step
            if q >= 0:
                centres[q] -= step
    if gap.min() >= 0.5 * least:
        return corners, walls
    k = gap.argmin()
    pair = f"the polygons of particles {one[k]} and {other[k]} come" if other[k] >= 0 else f"the polygon of particle {one[k]} comes"
    raise MeshError(f"{pair} as near as {gap[k]:.4g} um to {'each other' if other[k] >= 0 else 'a wall'}, where {least:g} um is asked; choose a contact_size below {contact_size:g} um, or lower fractions")


def _facing_sides(centres, radii, box, contact_size):
    """Per particle the sides to be turned to a neighbour or a wall: (angle, half the angle it spans, wall or -1).

    The closest pairs come first; one that would overlap a side already there is left out.
    """
    apart = centres[None] - centres[:, None]
    distance = np.linalg.norm(apart, axis=2) - radii[:, None] - radii
    i, j = np.triu_indices(len(radii), 1)
    near = distance[i, j] < 0.7 * contact_size
    pairs = [(distance[a, b], a, b) for a, b in zip(i[near], j[near])]
    margins = np.stack([centres[:, 0], box[0] - centres[:, 0], centres[:, 1], box[1] - centres[:, 1]]) - radii
    pairs += [(margins[w, a], a, -1 - w) for w, a in zip(*np.nonzero(margins < 0.7 * contact_size))]
    towards_wall = (np.pi, 0.0, -0.5 * np.pi, 0.5 * np.pi)

    facing = [[] for _ in radii]
    for _, a, b in sorted(pairs):
        if b < 0:
            members = [(a, towards_wall[-1 - b], -1 - b)]
        else:
            angle = np.arctan2(apart[a, b, 1], apart[a, b, 0])
            members = [(a, angle, -1), (b, angle + np.pi, -1)]
        length = min(contact_size, *(LARGEST_ANGLE * radii[m] for m, _, _ in members))
        planned = [(m, angle, np.arcsin(0.5 * length / radii[m]), wall) for m, angle, wall in members]
        if all(abs((angle - other + np.pi) % (2 * np.pi) - np.pi) > 1.15 * (half + taken) for m, angle, half, _ in planned for other, taken, _ in facing[m]):
            for m, angle, half, wall in planned:
                facing[m].append((angle % (2 * np.pi), half, wall))
    return facing


def _rim_angles(facing, radius, largest):
    """Angles of a disc's corners, ascending: both ends of each facing side, graded steps between them."""
    if not facing:
        n = int(np.ceil(2 * np.pi * radius / largest))
        return 2 * np.pi * np.arange(n) / n
    facing = sorted(facing)
    angles = []
    for (angle, half, _), (after, ahead, _) in zip(facing, facing[1:] + facing[:1]):
        start, end = angle + half, after - ahead
        if end < start - half:
            end += 2 * np.pi
        steps = graded((end - start) * radius, 2 * half * radius, 2 * ahead * radius, largest)
        angles += [angle - half, *(start + (end - start) * steps[:-1])]
    return np.unique(np.array(angles))


def graded(length, first, last, largest):
    """Positions from 0 to 1 on a stretch whose steps grow from `first` and `last` at its ends up to `largest`."""
    s = np.linspace(0, length, 201)
    size = np.minimum(largest, np.minimum(first + GROWTH * s, last + GROWTH * (length - s)))
    count = np.concatenate([[0], np.cumsum(0.5 * (1 / size[1:] + 1 / size[:-1]) * np.diff(s))])
    n = max(1, int(np.ceil(count[-1] - 0.4)))
    return np.interp(np.arange(n + 1) / n, count / count[-1], s / length)


def _wall_points(box, walls, mesh_size):
    """Points around the box, counterclockwise from the origin: the corners and both ends of the sides that particles
    turn to the walls (`walls`: left, right, bottom, top), graded between."""
    width, height = box
    sides = []
    for wall, extent in zip((2, 1, 3, 0), (width, height, width, height)):
        ends = sorted(walls[wall])
        knots = np.array([0.0, *np.ravel(ends), extent])
        steps = np.array([mesh_size, *np.repeat([b - a for a, b in ends], 2), mesh_size])
        along = []
        for k in range(len(knots) - 1):
            split = [0.0, 1.0] if k % 2 else graded(knots[k + 1] - knots[k], steps[k], steps[k + 1], mesh_size)
            along += list(knots[k] + (knots[k + 1] - knots[k]) * np.array(split[:-1]))
        sides.append(np.array(along))
    bottom, right, top, left = sides
    return np.vstack([
        np.column_stack([bottom, np.zeros_like(bottom)]),
        np.column_stack([np.full_like(right, width), right]),
        np.column_stack([np.append(width, top[:0:-1]), np.full_like(top, height)]),
        np.column_stack([np.zeros_like(left), np.append(height, left[:0:-1])]),
    ])  # fmt: skip


def _too_close(corners, box, least):
    """Pairs of polygons, or a polygon and a wall (-1), closer than `least`: one, other, distance (negative where they
    overlap) and the direction in which `one` has to move; the closest corner of each pair only."""
    found = {}

    def note(p, q, gap, normal):
        if gap < found.get((p, q), (least,))[0]:
            found[p, q] = gap, normal

    for p, here in enumerate(corners):
        for axis, sign in ((0, 1), (0, -1), (1, 1), (1, -1)):
            margin = here[:, axis].min() if sign > 0 else box[axis] - here[:, axis].max()
            note(p, -1 - 2 * axis - (sign < 0), margin, sign * np.eye(2)[axis])
    points = np.vstack(corners)
    owner = np.repeat(np.arange(len(corners)), [len(c) for c in corners])
    ahead = np.vstack([np.roll(c, -1, axis=0) for c in corners])
    behind = np.vstack([np.roll(c, 1, axis=0) for c in corners])
    longest = np.linalg.norm(ahead - points, axis=1).max()
    near = cKDTree(points).query_pairs(longest + least, output_type="ndarray")
    near = near[owner[near[:, 0]] != owner[near[:, 1]]]
    near = np.vstack([near, near[:, ::-1]])
    for start, end in ((points, ahead), (behind, points)):
        gap, normal = _off_segment(points[near[:, 0]], start[near[:, 1]], end[near[:, 1]])
        for k in np.flatnonzero(gap < least):
            p, q = owner[near[k]]
            note(*((p, q, gap[k], normal[k]) if p < q else (q, p, gap[k], -normal[k])))
    one, other = np.array(list(found), int).reshape(-1, 2).T
    return one, np.maximum(other, -1), np.array([g for g, _ in found.values()]), np.array([n for _, n in found.values()])


def _off_segment(x, start, end):
    """Distance of points from the sides of counterclockwise polygons, negative inside, and the outward normal."""
    along = end - start
    length = np.linalg.norm(along, axis=1)
    normal = np.column_stack([along[:, 1], -along[:, 0]]) / length[:, None]
    off = x - start
    share = (off * along).sum(1) / length**2
    height = (off * normal).sum(1)
    rest = off - np.clip(share, 0, 1)[:, None] * along
    distance = np.linalg.norm(rest, axis=1)
    beside = (share > 0) & (share < 1)
    return np.where(beside, height, distance), np.where(beside[:, None], normal, rest / np.maximum(distance, 1e-300)[:, None])


def size_field(points, segments, mesh_size):
    """Side lengths asked for: those of the segments nearby, growing with the distance from them up to mesh_size."""
    ends = points[segments]
    tree, length = cKDTree(ends.mean(axis=1)), np.linalg.norm(ends[:, 1] - ends[:, 0], axis=1)

    def size(x):
        distance, nearest = tree.query(x, k=min(6, len(length)))
        return np.minimum(mesh_size, (length[nearest] + GROWTH * distance).min(axis=1))

    return size


def finish(points, triangles, phase, particle, box, names, notes=()):
    """Number the cells by particle, pores last, raise the order and check what every mesh must hold."""
    order = np.lexsort((np.arange(len(particle)), np.where(particle < 0, np.iinfo(int).max, particle)))
    nodes, cells = raise_order(points, triangles[order])
    mesh = Mesh(nodes, cells, phase[order], particle[order], box, names, notes)
    check(mesh)
    return mesh


def check(mesh):
    """Raise MeshError unless the cells are of positive area, not folded, conforming and cover the box."""
    area = triangle_areas(mesh.nodes, mesh.cells[:, :3])
    faults = []
    if area.min() <= 0:
        faults.append(f"{int((area <= 0).sum())} cells have an area of 0 or less")
    elif (folded := smallest_parts(mesh.nodes, mesh.cells) < FOLDED).any():
        faults.append(f"mid nodes lie so far beside the middle of their sides that {int(folded.sum())} cells are folded, the first is cell {int(folded.argmax())}")
    if abs(area.sum() / mesh.box.prod() - 1) > 1e-12:
        faults.append(f"the cells cover {area.sum():.12g} um2 of a box of {mesh.box.prod():.12g} um2")
    if len(np.unique(mesh.cells)) < len(mesh.nodes):
        faults.append("some nodes belong to no cell")
    if cKDTree(mesh.nodes).query_pairs(1e-9 * mesh.box.max()):
        faults.append("two nodes coincide")
    # A hanging node would show as a side inside the box that has only one cell.
    sides, _ = unshared_sides(mesh.cells, np.zeros(len(mesh.cells), int))
    on_wall = np.zeros(len(sides), bool)
    for nodes in mesh.walls.values():
        on_wall |= np.isin(sides, nodes).all(axis=1)
    if not on_wall.all():
        faults.append(f"{int((~on_wall).sum())} sides inside the box have a cell on one side only")
    if faults:
        raise MeshError("; ".join(faults))
