"""Measures on configurations whose answers can be had by hand."""

import numpy as np
import pytest
from scipy.spatial import cKDTree

from rheode.measures import (
    Neighbours,
    Pores,
    Surfaces,
    Walls,
    contact_pressures,
    contact_ratios,
    mean_particle_radius,
    paper_expansion,
    porosity,
    pure_expansion,
    share_of_largest,
    solid_area,
    statistics,
    wall_positions,
)
from rheode.microstructure.mesh import Mesh, raise_order


def blocks(box, solids, size=0.25, names=("a", "b")):
    """A box meshed by a rectilinear grid; solids: (phase, x0, x1, y0, y1) rectangles, one list or one rectangle a particle."""
    particles = [[s] if isinstance(s, tuple) else s for s in solids]
    lines = []
    for axis in (0, 1):
        ends = {0.0, float(box[axis])}.union(*(s[1 + 2 * axis : 3 + 2 * axis] for p in particles for s in p))
        ends = sorted(ends)
        steps = [np.linspace(a, b, max(1, int(np.ceil((b - a) / size - 1e-9))) + 1)[:-1] for a, b in zip(ends, ends[1:])]
        lines.append(np.append(np.concatenate(steps), ends[-1]))
    x, y = lines
    points = np.stack(np.meshgrid(x, y, indexing="ij"), axis=-1).reshape(-1, 2)
    i, j = map(np.ravel, np.meshgrid(np.arange(len(x) - 1), np.arange(len(y) - 1), indexing="ij"))
    a = i * len(y) + j
    b, c, d = a + len(y), a + len(y) + 1, a + 1
    triangles = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])
    nodes, cells = raise_order(points, triangles)
    centre = points[triangles].mean(axis=1)
    particle, phase = np.full(len(cells), -1), np.full(len(cells), -1)
    for n, rectangles in enumerate(particles):
        for kind, x0, x1, y0, y1 in rectangles:
            inside = (centre[:, 0] > x0) & (centre[:, 0] < x1) & (centre[:, 1] > y0) & (centre[:, 1] < y1)
            particle[inside], phase[inside] = n, kind
    return Mesh(nodes, cells, phase, particle, box, names)


def discs(box, circles, n=48, names=("a", "b")):
    """Discs (phase, x, y, radius) alone, without pores: fans of n triangles with curved rims."""
    nodes, cells, phase, particle = [], [], [], []
    turn = 2 * np.pi * np.arange(2 * n) / (2 * n)
    for p, (kind, x, y, r) in enumerate(circles):
        first = sum(map(len, nodes))
        rim = r * np.stack([np.cos(turn), np.sin(turn)], axis=1)
        nodes.append(np.concatenate([[[0, 0]], rim, 0.5 * rim[::2]]) + (x, y))
        a = 2 * np.arange(n)
        b = (a + 2) % (2 * n)
        spoke, after = 1 + 2 * n + np.arange(n), 1 + 2 * n + (np.arange(n) + 1) % n
        cells.append(first + np.stack([0 * a, 1 + a, 1 + b, spoke, 2 + a, after], axis=1))
        phase += [kind] * n
        particle += [p] * n
    return Mesh(np.concatenate(nodes), np.concatenate(cells), phase, particle, box, names)


def still(mesh):
    return np.zeros_like(mesh.nodes)


def stretch(mesh, *pairs, axis=1):
    """Displacement that moves coordinates along an axis, linear between the pairs (from, to)."""
    u = still(mesh)
    u[:, axis] = np.interp(mesh.nodes[:, axis], *np.transpose(pairs)) - mesh.nodes[:, axis]
    return u


def renumbered(mesh, seed=0):
    """The same mesh with particles, cells and nodes in another order, and the order of its nodes."""
    rng = np.random.default_rng(seed)
    particle, cell, node = rng.permutation(mesh.particles), rng.permutation(len(mesh.cells)), rng.permutation(len(mesh.nodes))
    place = np.argsort(node)
    other = Mesh(
        mesh.nodes[node], place[mesh.cells[cell]], mesh.phase[cell],
        np.where(mesh.particle < 0, -1, particle[mesh.particle])[cell], mesh.box, mesh.phase_names,
    )  # fmt: skip
    return other, node


def quarter_turn(mesh):
    """The mesh turned by 90 degrees counterclockwise, back into the first quadrant."""
    x, y = mesh.nodes.T
    return Mesh(np.stack([mesh.box[1] - y, x], 1), mesh.cells, mesh.phase, mesh.particle, mesh.box[::-1], mesh.phase_names)


def turned(u):
    return np.stack([-u[:, 1], u[:, 0]], axis=1)


# Two unit squares, the upper one over half of the lower one's top face.


def two_squares(h=0.01):
    return blocks((5, 5), [(0, 1, 2, 1, 2), (1, 1.5, 2.5, 2 + h, 3 + h)])


def test_half_a_face_in_contact():
    h, gap = 0.01, 0.0101
    ratios = contact_ratios(two_squares(h), still(two_squares(h)), gap)
    # Half a face, a little more around the corner of the other square, and the top of the flank.
    expected = (0.5 + np.sqrt(gap**2 - h**2) + gap - h) / 4
    assert expected == pytest.approx(0.125, rel=0.01)
    for pair in (("a", "b"), ("b", "a"), ("a", "any")):
        assert ratios[pair] == pytest.approx(expected, rel=0.003)
    assert ratios["a", "a"] == ratios["b", "b"] == ratios["a", "wall"] == 0.0
    assert isinstance(ratios["a", "b"], float)


def push(mesh, pressure):
    """Forces on the nodes of what presses with pressure(points) along the outward normal of straight sides, integrated numerically."""
    surfaces = Surfaces(mesh)
    force = np.zeros_like(mesh.nodes)
    s, weights = (np.polynomial.legendre.leggauss(200) + np.array([[1.0], [0.0]])) / 2
    shape = np.stack([(1 - s) * (1 - 2 * s), 4 * s * (1 - s), s * (2 * s - 1)], axis=1)
    for side in surfaces.edges:
        along = mesh.nodes[side[2]] - mesh.nodes[side[0]]
        values = pressure(shape @ mesh.nodes[side])
        force[side] -= (shape * (weights * values)[:, None]).sum(axis=0)[:, None] * np.array([along[1], -along[0]])
    return force


def test_even_pressure_is_found_exactly_and_counted():
    """Requirement: an even pressure on a side is found at its nodes; what bears more than the threshold counts, with its neighbour."""
    mesh, top = two_squares(), lambda x: np.where(x[:, 1] < 2.005, 0.3, 0.0) * (np.abs(x[:, 1] - 2.005) < 0.006)
    force = push(mesh, lambda x: np.full(len(x), 0.2))
    assert contact_pressures(mesh, still(mesh), force) == pytest.approx(0.2, rel=1e-9)
    near = Neighbours(mesh, still(mesh), 0.02)
    for expected, threshold in ((1.0, 0.19), (0.0, 0.21)):
        found = near.pressed(contact_pressures(mesh, still(mesh), force), threshold)
        assert found["a", "any"] == found["b", "any"] == pytest.approx(expected)
    # Only the face below the other square: half of it has a partner, and up to 0.05 um beyond.
    found = near.pressed(contact_pressures(mesh, still(mesh), push(mesh, top)), [0.01, 0.15, 0.4])
    assert found["a", "any"][1] == pytest.approx(0.25, rel=0.1) and found["a", "any"][2] == 0.0
    assert found["a", "b"][1] == pytest.approx(0.14, abs=0.01) and found["b", "any"][1] == 0.0
    assert found["a", "wall"][1] == found["a", "a"][1] == 0.0


def test_uneven_pressure_ends_where_it_falls_below():
    """Requirement: the end of what is pressed is found between nodes: a pressure that falls along a face."""
    mesh = blocks((5, 5), [(0, 1, 2, 1, 2)], size=0.05, names=("a",))
    falling = lambda x: np.where(np.abs(x[:, 1] - 2) < 1e-9, 2.0 - x[:, 0], 0.0)  # noqa: E731
    near = Neighbours(mesh, still(mesh), 0.01)
    pressures = contact_pressures(mesh, still(mesh), push(mesh, falling))
    assert 4 * near.pressed(pressures, [0.25, 0.5, 0.8])["a", "any"] == pytest.approx([0.75, 0.5, 0.2], abs=0.02)


def test_gap_just_above_and_just_below():
    mesh = two_squares(0.01)
    below, above = contact_ratios(mesh, still(mesh), [0.01 * (1 - 1e-6), 0.01 * (1 + 1e-6)])["a", "b"]
    assert below == 0.0
    assert above == pytest.approx(0.125, rel=0.01)


def test_several_gaps_are_each_gap_alone():
    mesh = two_squares(0.03)
    gaps = [0.02, 0.04, 0.08]
    together = contact_ratios(mesh, still(mesh), gaps)
    for i, gap in enumerate(gaps):
        alone = contact_ratios(mesh, still(mesh), gap)
        for pair, value in alone.items():
            assert together[pair][i] == pytest.approx(value, abs=0.002)
    assert np.all(np.diff(together["a", "b"]) > 0)


def test_deformed_lengths_count():
    mesh = two_squares(0.01)
    # Twice as wide: half of a top face of 2, of a perimeter of 6; the gap has not changed.
    ratio = contact_ratios(mesh, stretch(mesh, (0, 0), (5, 10), axis=0), 0.0101)["a", "b"]
    assert ratio == pytest.approx(1 / 6, rel=0.01)


def test_contact_appears_with_displacement():
    mesh = two_squares(1.0)
    assert contact_ratios(mesh, still(mesh), 0.01)["a", "b"] == 0.0
    closed = stretch(mesh, (0, 0), (2, 2), (3, 2.001), (5, 5))
    assert contact_ratios(mesh, closed, 0.01)["a", "b"] == pytest.approx((0.5 + 0.01 + 0.009) / 4, rel=0.01)


def test_a_side_in_contact_over_part_of_an_element():
    # One element a face: the end of the contact lies inside it, at 0.37 of the face.
    mesh = blocks((5, 5), [(0, 1, 2, 1, 2), (1, 1.63, 2.63, 2.001, 3)], size=10)
    gap = 0.002
    assert contact_ratios(mesh, still(mesh), gap)["a", "b"] * 4 == pytest.approx(0.37 + np.sqrt(3) * 0.001 + 0.001, rel=0.01)


def test_own_phase_counts_for_other_particles_only():
    # A particle folded on itself touches nothing; two particles of one phase touch.
    folded = blocks((5, 5), [[(0, 1, 4, 1, 2), (0, 1, 2, 2, 2.01), (0, 1, 4, 2.01, 3)]], names=("a",))
    assert max(contact_ratios(folded, still(folded), 0.05).values()) == 0.0
    pair = blocks((5, 5), [(0, 1, 2, 1, 2), (0, 1, 2, 2.01, 3.01)], names=("a",))
    ratios = contact_ratios(pair, still(pair), 0.0101)
    assert ratios["a", "a"] == ratios["a", "any"] == pytest.approx(0.25, rel=0.01)


def test_welded_faces_are_in_contact():
    mesh = blocks((5, 5), [(0, 1, 2, 1, 2), (1, 2, 3, 1, 2)])
    assert contact_ratios(mesh, still(mesh), 1e-4)["a", "b"] == pytest.approx(0.25, rel=0.01)


def test_any_is_the_union():
    # The middle square touches one above and one below, and the wall on the left, which overlap nowhere.
    mesh = blocks((5, 5), [(0, 0.01, 1, 2, 3), (1, 0.01, 1, 3.01, 4), (0, 0.01, 1, 1, 1.99)])
    gap = 0.0102
    ratios = contact_ratios(mesh, still(mesh), gap, walls=Walls(0.0, 5.0, 0.0, 5.0))
    assert ratios["a", "any"] <= ratios["a", "a"] + ratios["a", "b"] + ratios["a", "wall"] + 1e-12
    perimeter = 2 * (0.99 + 1) + 2 * (0.99 + 0.99)
    assert ratios["a", "a"] == pytest.approx(2 * 0.99 / perimeter, rel=0.01)
    assert ratios["a", "b"] == pytest.approx(0.99 / perimeter, rel=0.01)
    assert ratios["a", "wall"] == pytest.approx(1.99 / perimeter, rel=0.01)
    assert ratios["a", "any"] == pytest.approx((2 * 0.99 + 0.99 + 1.99) / perimeter, rel=0.01)


def test_walls_move():
    mesh = blocks((4, 4), [(0, 1, 2, 1, 2)])
    assert wall_positions(mesh, still(mesh)) == Walls(0, 4, 0, 4)
    assert contact_ratios(mesh, still(mesh), 0.01)["a", "wall"] == 0.0
    down = stretch(mesh, (0, 0), (2, 2), (4, 2.005))
    walls = wall_positions(mesh, down)
    assert walls.thickness == pytest.approx(2.005) and walls.width == 4
    assert contact_ratios(mesh, down, 0.01)["a", "wall"] == pytest.approx((1 + 2 * 0.005) / 4, rel=0.01)
    aside = stretch(mesh, (0, 0), (2, 2), (4, 2.005), axis=0)
    assert wall_positions(mesh, aside).width == pytest.approx(2.005)
    assert contact_ratios(mesh, aside, 0.01)["a", "wall"] == pytest.approx((1 + 2 * 0.005) / 4, rel=0.01)


@pytest.mark.parametrize("gap", [0.008, 0.02, 0.05])
def test_discs_at_a_known_gap(gap):
    r, h = 1.0, 0.005
    mesh = discs((10, 10), [(0, 3, 5, r), (1, 3 + 2 * r + h, 5, r)])
    d = 2 * r + h
    angle = np.arccos((r**2 + d**2 - (r + gap) ** 2) / (2 * r * d))
    ratios = contact_ratios(mesh, still(mesh), gap)
    assert ratios["a", "b"] == pytest.approx(angle / np.pi, rel=0.015)
    assert ratios["b", "a"] == pytest.approx(ratios["a", "b"], rel=1e-9)


def test_disc_on_a_wall():
    h, gap = 0.004, 0.02
    mesh = discs((10, 10), [(0, 5, 1 + h, 1.0)])
    angle = np.arccos(1 - (gap - h))
    assert contact_ratios(mesh, still(mesh), gap)["a", "wall"] == pytest.approx(angle / np.pi, rel=0.01)


def packing(seed=3, count=12):
    """Discs strewn over a box, just not overlapping."""
    rng = np.random.default_rng(seed)
    circles = []
    while len(circles) < count:
        x, y = rng.uniform(1.01, 6.99, 2)
        free = min((np.hypot(x - p, y - q) - r for _, p, q, r in circles), default=1.0)
        r = min(free - 0.01, 1.0)
        if r > 0.4:
            circles.append((len(circles) % 2, x, y, r))
    return discs((8, 8), circles)


def test_against_dense_sampling():
    mesh = packing()
    u = 0.02 * np.sin(mesh.nodes[:, ::-1])
    gap = 0.1
    t = (np.arange(40) + 0.5) / 40
    surface = mesh.surface
    points, weights, owner = [], [], []
    for edge, p in zip(surface.edges, surface.particle):
        a, m, b = (mesh.nodes + u)[edge]
        s = t[:, None]
        points.append((1 - s) * (1 - 2 * s) * a + 4 * s * (1 - s) * m + s * (2 * s - 1) * b)
        weights.append(np.linalg.norm((4 * s - 3) * a + 4 * (1 - 2 * s) * m + (4 * s - 1) * b, axis=1))
        owner.append(np.full(len(t), p))
    points, weights, owner = map(np.concatenate, (points, weights, owner))
    phase = mesh.particle_phase[owner]
    ratios = contact_ratios(mesh, u, gap, walls=Walls(-9, 99, -9, 99))
    for i, a in enumerate("ab"):
        for j, b in enumerate("ab"):
            near = 0.0
            for p in np.flatnonzero(mesh.particle_phase == i):
                # Samples 0.003 um apart stand for the other particles' segments.
                distance, _ = cKDTree(points[(phase == j) & (owner != p)]).query(points[owner == p])
                near += weights[owner == p][distance <= gap].sum()
            assert ratios[a, b] == pytest.approx(near / weights[phase == i].sum(), abs=0.002)
    assert ratios["a", "b"] > 0.02


def test_contact_does_not_see_rotation_or_numbering():
    mesh = packing()
    u = 0.02 * np.sin(mesh.nodes[:, ::-1])
    far = Walls(-99, 99, -99, 99)
    ratios = contact_ratios(mesh, u, 0.05, walls=far)
    c, s = np.cos(0.7), np.sin(0.7)
    rotated = (mesh.nodes + u) @ np.array([[c, s], [-s, c]]) - mesh.nodes
    other, node = renumbered(mesh)
    for again in (contact_ratios(mesh, rotated, 0.05, walls=far), contact_ratios(other, u[node], 0.05, walls=far)):
        for pair, value in ratios.items():
            assert again[pair] == pytest.approx(value, abs=1e-9)


def test_contact_with_walls_turned_by_a_quarter():
    mesh = two_squares(0.01)
    u = stretch(mesh, (0, 0), (1, 0.005), (5, 4))
    ratios, again = contact_ratios(mesh, u, 0.02), contact_ratios(quarter_turn(mesh), turned(u), 0.02)
    assert ratios["a", "wall"] > 0.2
    for pair, value in ratios.items():
        assert again[pair] == pytest.approx(value, abs=1e-9)


def test_a_gap_must_not_be_negative():
    mesh = two_squares()
    with pytest.raises(ValueError, match="gap"):
        contact_ratios(mesh, still(mesh), [0.01, -0.01])


def test_surfaces_can_stand_for_the_mesh():
    mesh = two_squares()
    assert contact_ratios(Surfaces(mesh), still(mesh), 0.02) == contact_ratios(mesh, still(mesh), 0.02)


def test_areas_radius_and_porosity():
    mesh = discs((4, 5), [(0, 1, 1, 1.0), (1, 3, 3, 0.5)], n=96)
    assert mean_particle_radius(mesh) == pytest.approx(0.75, rel=1e-4)
    assert solid_area(mesh, still(mesh)) == pytest.approx(1.25 * np.pi, rel=1e-4)
    square = blocks((4, 5), [(0, 1, 3, 1, 2)])
    assert porosity(square, still(square)) == pytest.approx(0.9)
    # The lid comes down by 2 and the particle grows by a half upwards.
    assert porosity(square, stretch(square, (0, 0), (1, 1), (2, 2.5), (5, 3))) == pytest.approx(1 - 3 / 12)


# Two chambers with a slit between them, formed by a block below and one above it, and a piston on the right.
#   left chamber 4 x 4, slit 2 long and 0.2 wide, right chamber 3 x 4, piston 1 x 4


def chambers(size=0.5):
    solids = [(0, 4, 6, 0, 1.9), (0, 4, 6, 2.1, 4), (1, 9, 10, 0, 4)]
    return blocks((10, 4), solids, size=size)


def slit(mesh, width):
    return stretch(mesh, (0, 0), (1.9, 2 - width / 2), (2.1, 2 + width / 2), (4, 4))


def piston(mesh, width):
    return stretch(mesh, (0, 0), (6, 6), (9, 6 + width), (10, 10), axis=0)


THROAT, GAP = 0.5, 0.01


def test_chambers_are_two_pores_beyond_the_throat():
    mesh = chambers()
    pores = Pores(mesh, still(mesh), THROAT, GAP)
    assert len(pores) == 2
    assert pores.areas[0] == pytest.approx(16.2, abs=0.03) and pores.areas[1] == pytest.approx(12.2, abs=0.03)
    assert pores.areas.sum() == pytest.approx(28.4)  # nothing of the pore space is lost
    state = pores.at(still(mesh))
    assert np.allclose(state.relative, 1) and state.count == 2
    assert state.parts.tolist() == [1, 1] and state.carrier.tolist() == [0, 1]
    centre = pores.triangles(still(mesh)).mean(axis=2)
    assert np.all(pores.owner[centre[..., 0] < 4] == 0) and np.all(pores.owner[centre[..., 0] > 6] == 1)
    assert len(Pores(mesh, still(mesh), throat=0.199, gap=GAP)) == 1
    assert len(Pores(mesh, still(mesh), throat=0.201, gap=GAP)) == 2


def test_slit_that_shuts_leaves_the_chambers():
    mesh = chambers()
    pores = Pores(mesh, still(mesh), THROAT, GAP)
    shut = pores.at(slit(mesh, 0.99 * GAP))
    assert shut.areas == pytest.approx([16, 12])
    just_open = pores.at(slit(mesh, 1.01 * GAP))
    assert just_open.areas.sum() == pytest.approx(28 + 2 * 1.01 * GAP)
    assert shut.count == just_open.count == 2


def test_pore_that_closes_and_reopens():
    mesh = chambers()
    pores = Pores(mesh, slit(mesh, 0.0005), THROAT, GAP)
    assert pores.areas == pytest.approx([16, 12])
    for width, area, parts in [(2, 8, 1), (0.3, 1.2, 1), (0.0101, 0.0404, 1), (0.0099, 0, 0), (1, 4, 1), (3, 12, 1)]:
        state = pores.at(slit(mesh, 0.0005) + piston(mesh, width))
        assert state.areas == pytest.approx([16, area], abs=5e-5), width  # less a gap-sized corner
        assert state.relative == pytest.approx([1, area / 12], abs=5e-6)
        assert state.parts.tolist() == [1, parts] and state.count == 1 + parts
        assert state.carrier.tolist() == [0, 1]


def test_pores_that_merge_keep_their_material():
    mesh = chambers()
    pores = Pores(mesh, still(mesh), THROAT, GAP)
    merged = pores.at(slit(mesh, 0.51))
    assert merged.count == 1
    assert merged.parts.tolist() == [1, 0] and merged.carrier.tolist() == [0, 0]
    assert merged.areas.sum() == pytest.approx(28 + 2 * 0.51)
    assert merged.areas == pytest.approx(pores.areas, rel=0.06)  # no jump, but for the slit's own growth
    assert pores.at(slit(mesh, 0.49)).count == 2
    apart = pores.at(still(mesh))
    assert apart.relative == pytest.approx([1, 1]) and apart.parts.tolist() == [1, 1]


def test_pore_that_splits_keeps_all_its_pieces():
    mesh = chambers()
    pores = Pores(mesh, slit(mesh, 0.8), THROAT, GAP)
    assert len(pores) == 1 and pores.areas[0] == pytest.approx(29.6)
    split = pores.at(slit(mesh, 0.2))
    assert split.parts.tolist() == [2] and split.count == 2
    assert split.areas[0] == pytest.approx(28.4)
    assert pores.at(slit(mesh, 0.8)).parts.tolist() == [1]


def test_a_pocket_smaller_than_the_throat_is_no_pore():
    # A notch 0.1 wide and 0.4 deep in one particle, closed by another but for a slit of 0.02.
    notched = [(0, 1, 1.45, 1, 2), (0, 1.55, 2, 1, 2), (0, 1.45, 1.55, 1, 1.6)]
    mesh = blocks((3, 4), [notched, (1, 1, 2, 2.02, 3)], size=0.3)
    centre = mesh.nodes[mesh.cells[mesh.phase < 0]][:, :3].mean(axis=1)
    notch = (abs(centre[:, 0] - 1.5) < 0.05) & (abs(centre[:, 1] - 1.8) < 0.2)
    assert notch.any()
    part, apart = (Pores(mesh, still(mesh), throat, GAP) for throat in (0.3, 0.15))
    assert len(part) == 1 and np.all(part.owner[notch] == 0)
    assert len(apart) == 2 and np.all(apart.owner[notch] == 1) and apart.areas[1] == pytest.approx(0.04, abs=0.02)


def test_everything_shut():
    mesh = chambers()
    pores = Pores(mesh, still(mesh), THROAT, GAP)
    flat = slit(mesh, 0.005)
    flat[:, 0] += stretch(mesh, (0, 3.995), (4, 4), (6, 6), (9, 6.005), (10, 10), axis=0)[:, 0]
    state = pores.at(flat)
    assert state.areas.tolist() == [0, 0] and state.count == 0 and not state.open.any()
    none = Pores(mesh, flat, THROAT, GAP)
    assert len(none) == 0 and none.at(still(mesh)).count == 0


def test_mesh_without_pore_cells_has_no_pores():
    mesh = discs((10, 10), [(0, 5, 5, 1)])
    assert len(Pores(mesh, still(mesh))) == 0 and Pores(mesh, still(mesh)).at(still(mesh)).count == 0


def test_pores_do_not_see_numbering_or_a_quarter_turn():
    mesh = chambers()
    u = slit(mesh, 0.1) + piston(mesh, 1.0)
    pores = Pores(mesh, slit(mesh, 0.005), THROAT, GAP)
    areas = pores.at(u).areas
    other, node = renumbered(mesh)
    again = Pores(other, slit(mesh, 0.005)[node], THROAT, GAP)
    assert again.at(u[node]).areas == pytest.approx(areas, abs=0.03)  # but for a cell in the middle of the slit
    round_ = Pores(quarter_turn(mesh), turned(slit(mesh, 0.005)), THROAT, GAP)
    assert round_.at(turned(u)).areas == pytest.approx(areas)


def test_pores_do_not_depend_on_the_way():
    mesh = chambers()
    pores = Pores(mesh, still(mesh), THROAT, GAP)
    u = slit(mesh, 0.1) + piston(mesh, 1.0)
    direct = pores.at(u)
    for width in (0.6, 0.005, 0.3):
        pores.at(slit(mesh, width))
    again = pores.at(u)
    assert np.array_equal(direct.areas, again.areas) and np.array_equal(direct.open, again.open)


def test_quarters_fill_curved_cells():
    mesh = chambers()
    u = 0.05 * np.sin(3 * mesh.nodes[:, ::-1]) * np.sin(np.pi * mesh.nodes / mesh.box)
    pores = Pores(mesh, still(mesh), THROAT, gap=0.0)
    assert pores.at(u).areas.sum() == pytest.approx(porosity(mesh, u) * 40, rel=1e-12)


def test_gap_and_throat_must_make_sense():
    mesh = chambers()
    for throat, gap in ((0.1, 0.2), (0.1, -0.1)):
        with pytest.raises(ValueError, match="throat"):
            Pores(mesh, still(mesh), throat, gap)


def test_throat_and_gap_that_are_taken():
    mesh = blocks((4, 4), [(0, 1, 2, 1, 2)])
    radius = mean_particle_radius(mesh)
    assert radius == pytest.approx(1 / np.sqrt(np.pi))
    taken = Pores(mesh, still(mesh))
    assert (taken.gap, taken.throat) == pytest.approx((0.01 * radius, 0.15 * radius))
    assert Pores(mesh, still(mesh), gap=0.3).throat == 0.3


def test_expansion_lines():
    assert pure_expansion(0.22, 0.98, 0.356, 0.247) == pytest.approx(0.689, abs=5e-4)
    assert paper_expansion(0.22) == pytest.approx(0.78)
    assert pure_expansion(np.array([0.0, 1.0]), 0.5, 0.4, 0.4) == pytest.approx([1.0, 0.5])


def test_statistics_weighted_by_area():
    s = statistics([1.0, 2.0, 3.0, 4.0], [0.04, 0.50, 0.40, 0.06])
    assert s.mean == pytest.approx(0.04 + 1.0 + 1.2 + 0.24)
    assert (s.p5, s.p50, s.p95, s.max) == (2.0, 2.0, 4.0, 4.0)
    assert statistics(np.arange(1, 101), np.ones(100))[1:] == (5, 50, 95, 100)
    assert statistics([[1.0], [9.0]], [[1.0], [0.0]]).max == 1.0  # what has no area does not count
    with pytest.raises(ValueError, match="area"):
        statistics([], [])
    with pytest.raises(ValueError, match="weights"):
        statistics([1.0, 2.0], [1.0])


def test_share_of_largest():
    history = np.array([[0.1, 0.0], [0.4, 0.0], [0.3, 0.0]])
    share = share_of_largest(history)
    assert share[:, 0] == pytest.approx([0.25, 1.0, 0.75])
    assert np.isnan(share[:, 1]).all()
    assert share_of_largest([0.2, 0.1]) == pytest.approx([1.0, 0.5])
