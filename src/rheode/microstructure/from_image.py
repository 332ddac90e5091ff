"""From a labelled micrograph to the mesh of its particles and pores.

The outlines of all regions form one planar map: arcs between two regions that end where three or more meet. An arc is
smoothed and cut into sides once and serves both regions that share it, so that two touching particles get facing sides,
parallel and of equal length, which are then drawn apart by the gap that the solver needs.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from .foreign import _along_wall, _facing_wall
from .mesh import PORE, Mesh, MeshError, cross
from .meshing import _off_segment, finish, size_field
from .triangulation import fill, place

OUTSIDE = -2  # the label of what lies beyond the image

GAP = 0.01  # um, between touching particles and to the walls: what packings have
SMOOTHING = 2.0  # pixels: standard deviation of the Gaussian that takes the stairs out of an outline
THINNEST = 3.0  # pixels: what is thinner, of particles and of pores, goes to its neighbours
SMALLEST = 0.05  # of the mean area of the particles: smaller ones go to their neighbours, or become pore
SHORTEST = 0.4  # of a side's length: a shorter stretch between two junctions becomes one junction
FINEST = 0.5  # of a side's length: how far a stretch is refined to follow its outline
SHARPEST = np.radians(40.0)  # a particle's tip that is sharper is cut off
LARGEST_LOSS = 0.05  # of a phase's area: more is told as a fault
TURN = 0.39  # longest side relative to the radius of the particle: 16 sides around a disc


@dataclass(frozen=True)
class Account:
    """What meshing an image changed. fractions: {phase: (in the image, in the mesh)}; deviation: um, the largest
    distance of the smoothed outline of pixels from the outline in the mesh, before the gap and the shift; reassigned: share of the pixels
    that belonged to something too thin or too small and went to their neighbours; shift: {phase: um} by which the free
    outlines were moved to make up for the area that was lost; clearance: um, the smallest gap; particles: {phase: number}.
    """

    fractions: dict
    deviation: float
    reassigned: float
    shift: dict
    clearance: float
    particles: dict


def mesh_image(particles, phase, pixel, names, *, gap=GAP, tolerance=None, mesh_size=None, contact_size=None):
    """The mesh of the labelled particles of an image as they are, and of the pores between them: (Mesh, Account).

    particles: (ny, nx) number of the particle of each pixel, -1 in pores; row 0 is the top of the electrode (the loaded
    wall). phase: (P,) index into `names` of each particle; pixel: um. gap: um, kept between particles and to the walls;
    a particle that the image cuts ends in a straight side along the wall. tolerance: um, by which a side may leave its
    smoothed outline, by default 0.05 mean particle radii; where sides half as long as contact_size do not keep it, the
    Account says what was reached. mesh_size, contact_size: as for `mesh_packing`, by default 0.75 and 0.33 mean radii.

    Each phase keeps its area: what cleaning, cutting outlines into sides and gaps take away is made up for by moving the phase's
    free outlines by the same small distance everywhere, up to the tolerance. Raises MeshError.
    """
    particles, phase, names = np.asarray(particles), np.asarray(phase, int), tuple(names)
    if particles.ndim != 2 or min(particles.shape) < 8:
        raise MeshError(f"the labels have the shape {particles.shape}; an image of at least 8 x 8 pixels is needed")
    if not (particles >= 0).any():
        raise MeshError("no pixel belongs to a particle")
    if particles.max() >= len(phase):
        raise MeshError(f"particle {particles.max()} has no phase; {len(phase)} are given")
    count = np.bincount(particles[particles >= 0], minlength=len(phase))
    wanted = np.bincount(phase, count, len(names))[: len(names)] * pixel**2
    box = pixel * np.array(particles.shape[::-1], float)

    labels, owner = clean(particles[::-1], phase)
    owner = phase[owner]
    radii = pixel * np.sqrt(np.bincount(labels[labels >= 0], minlength=len(owner)) / np.pi)
    mean = radii.mean()
    tolerance = 0.05 * mean if tolerance is None else float(tolerance)
    mesh_size = 0.75 * mean if mesh_size is None else float(mesh_size)
    contact_size = min(mesh_size, 0.33 * mean) if contact_size is None else float(contact_size)
    _check_sizes(gap, tolerance, mesh_size, contact_size, pixel, box)
    lost = [name for k, name in enumerate(names) if wanted[k] > 0 and not (owner == k).any()]
    if lost:
        raise MeshError(f"nothing is left of {', '.join(lost)}: all of it is thinner than {THINNEST:g} pixels ({THINNEST * pixel:g} um) or far smaller than the other particles; take a finer image, or call it pore")

    outlines, deviation = _Map(labels, radii, pixel, contact_size, tolerance).outlines()
    rings, shift, clearance = _polygons(outlines, owner, wanted, gap, tolerance, box)
    mesh = _triangulated(rings, owner, box, names, mesh_size)
    solid = [float(mesh.areas[mesh.phase == k].sum()) for k in range(len(names))]
    account = Account(
        fractions={name: (float(wanted[k] / box.prod()), solid[k] / float(box.prod())) for k, name in enumerate(names)},
        deviation=deviation,
        reassigned=float((_phases(labels, owner) != _phases(particles[::-1], phase)).mean()),
        shift={name: float(shift[k]) for k, name in enumerate(names)},
        clearance=clearance,
        particles={name: int((owner == k).sum()) for k, name in enumerate(names)},
    )
    return Mesh(**{key: getattr(mesh, key) for key in mesh.__dataclass_fields__} | {"notes": _notes(account, pixel, gap, tolerance)}), account


def _check_sizes(gap, tolerance, mesh_size, contact_size, pixel, box):
    for name, value in (("gap", gap), ("tolerance", tolerance), ("mesh_size", mesh_size), ("contact_size", contact_size)):
        if not value > 0:
            raise MeshError(f"{name} is {value:g} um; it must be above 0")
    if contact_size > mesh_size:
        raise MeshError(f"contact_size is {contact_size:g} um and mesh_size {mesh_size:g} um; contact_size can't be larger")
    if contact_size < 4 * gap:
        raise MeshError(f"the sides of the outlines would be {contact_size:.3g} um, too short for a gap of {gap:g} um; is the scale of {pixel:.3g} um a pixel right? Else choose a smaller gap")
    if box.prod() / contact_size**2 > 5e5:
        raise MeshError(f"contact_size {contact_size:.3g} um makes about {2 * box.prod() / contact_size**2:.0e} elements in {box[0]:.4g} x {box[1]:.4g} um; 1e+06 is the most: cut out a part of the image")


def _notes(account, pixel, gap, tolerance):
    kept = "; ".join(f"{name} {now:.4f} of the box for {then:.4f} in the image" for name, (then, now) in account.fractions.items())
    moved = ", ".join(f"{name} by {1e3 * shift:+.2g} nm" for name, shift in account.shift.items())
    lost = [f"{name} has {now / then:.0%} of the area that it has in the image" for name, (then, now) in account.fractions.items() if then > 0 and abs(now / then - 1) > LARGEST_LOSS]
    return (
        f"Meshed from an image of {pixel:.6g} um a pixel: {sum(account.particles.values())} particles, outlines within {account.deviation:.3g} um of the smoothed pixels (asked: {tolerance:.3g} um), touching particles and walls {gap:g} um apart.",
        f"Area fractions: {kept}. To keep them the free outlines were moved: {moved}. {account.reassigned:.2%} of the pixels belonged to something too thin or too small to be meshed.",
        *([f"The mesh does not stand for this image: {', '.join(lost)}; the rest is too fine to be particles at {pixel:.3g} um a pixel."] if lost else []),
    )


def _phases(labels, owner):
    return np.where(labels >= 0, owner[labels], PORE)


# --- the labels


def clean(labels, phase, thinnest=THINNEST, smallest=SMALLEST):
    """Labels whose regions are in one piece, nowhere thinner than `thinnest` pixels, and none far smaller than the rest.

    labels: (ny, nx), -1 in pores; phase: (P,) phase of each label. Returns labels 0..P-1 (-1 in pores) and (P,) the label
    each piece had. What is too thin (a morphological opening of every region, pores too, by a disc) or too small goes to
    the nearest of what remains: a solid to its own phase or to the pores, unless both are far away.
    """
    phase, speck = np.append(phase, PORE), np.pi * thinnest**2  # the phase of label -1 comes last
    pieces, old = _pieces(labels)
    size = np.bincount(pieces.ravel(), minlength=len(old))
    particles = size[(old >= 0) & (size >= speck)]
    least = max(speck, smallest * particles.mean()) if len(particles) else speck

    def enough(candidates):
        """Where pieces are large enough, and their labels there, OUTSIDE elsewhere."""
        pieces, old = _pieces(candidates)
        size = np.bincount(pieces[pieces >= 0], minlength=len(old))
        kept = (pieces >= 0) & (size >= np.where(old >= 0, least, speck))[pieces]
        if not (old[pieces[kept]] >= 0).any():
            raise MeshError(f"every particle is thinner than {thinnest:g} pixels or far smaller than the rest; take a finer image")
        return np.where(kept, old[pieces], OUTSIDE)

    for _ in range(3):
        kept = enough(_opened(labels, 0.5 * thinnest))
        before, labels = phase[labels], _nearest(kept)
        for k in np.unique(before[(before >= 0) & (before != phase[labels])]):
            own = np.where((kept != OUTSIDE) & np.isin(phase[kept], (k, PORE)), kept, OUTSIDE)
            if (own != OUTSIDE).any():
                near = ndimage.distance_transform_edt(own == OUTSIDE) <= thinnest
                labels = np.where((before == k) & near, _nearest(own), labels)
    # What is handed out may be thin again, but it shall hang on to something that is not.
    while ((kept := enough(labels)) == OUTSIDE).any():
        labels = _nearest(kept)
    pieces, old = _pieces(labels)
    number = np.where(old >= 0, np.cumsum(old >= 0) - 1, -1)
    return number[pieces], old[old >= 0]


def _nearest(labels):
    """Labels with those that are OUTSIDE taken from the nearest pixel that is not."""
    at = ndimage.distance_transform_edt(labels == OUTSIDE, return_distances=False, return_indices=True)
    return labels[tuple(at)]


def _opened(labels, radius):
    """Labels where a disc of the radius fits into the region around, OUTSIDE elsewhere."""
    reach = int(np.ceil(radius)) + 1
    kept = np.full(labels.shape, OUTSIDE)
    for value, window in enumerate(ndimage.find_objects(labels + 2), start=-1):
        if window is None:
            continue
        # The region goes on beyond the image's edges.
        part = np.pad(labels[window] == value, reach, constant_values=False)
        for axis in (0, 1):
            for end in (0, 1):
                if window[axis].start == 0 if end == 0 else window[axis].stop == labels.shape[axis]:
                    rows = [slice(None)] * 2
                    rows[axis] = slice(None, reach) if end == 0 else slice(-reach, None)
                    edge = [slice(None)] * 2
                    edge[axis] = slice(reach, reach + 1) if end == 0 else slice(-reach - 1, -reach)
                    part[tuple(rows)] = part[tuple(edge)]
        core = ndimage.distance_transform_edt(part) > radius
        core = ndimage.distance_transform_edt(~core) <= radius if core.any() else core
        core = core[reach:-reach, reach:-reach] & (labels[window] == value)
        kept[window][core] = value
    return kept


def _pieces(labels):
    """Number of the connected piece (by sides) of each pixel, -1 for OUTSIDE, and the label of each piece."""
    pieces, old, count = np.full(labels.shape, -1), [], 0
    for value, window in enumerate(ndimage.find_objects(labels + 2), start=-1):
        if window is None:
            continue
        found, n = ndimage.label(labels[window] == value)
        pieces[window][found > 0] = found[found > 0] - 1 + count
        old += [value] * n
        count += n
    return pieces, np.array(old, int)


# --- the planar map of outlines


class _Map:
    """Arcs between regions, smoothed and cut into sides, and the loops of arcs around each particle.

    Vertices of the pixel grid are numbered row by row; an arc is known by its first crack in the direction in which it
    is first met.
    """

    STEP = ((1, 0), (0, 1), (-1, 0), (0, -1))  # (dx, dy), each a left turn of the one before

    def __init__(self, labels, radii, pixel, contact_size, tolerance):
        self.labels = np.pad(labels, 1, constant_values=OUTSIDE)
        self.shape, self.pixel = np.array(labels.shape), pixel
        self.radii, self.contact_size, self.tolerance = radii, contact_size, tolerance
        self._find_nodes()
        self._trace()

    def _find_nodes(self):
        """Vertices where an arc ends: three or more regions meet, or a corner of the image."""
        a = self.labels
        around = np.stack([a[:-1, :-1] != a[:-1, 1:], a[1:, :-1] != a[1:, 1:], a[:-1, :-1] != a[1:, :-1], a[:-1, 1:] != a[1:, 1:]])
        self.node = around.sum(axis=0) > 2
        self.node[[0, 0, -1, -1], [0, -1, 0, -1]] = True

    def _trace(self):
        """Walk around every particle with it on the left; split the walk at nodes."""
        a, node = self.labels, self.node
        pixel_ahead = {0: ((1, 1), (0, 1)), 1: ((1, 0), (1, 1)), 2: ((0, 0), (1, 0)), 3: ((0, 1), (0, 0))}  # (row, column) offsets of left and right pixel seen from a vertex
        # A particle starts where a pixel of it has another label below: the crack from its left to its right end.
        rows, columns = np.nonzero((a[1:-1, 1:-1] >= 0) & (a[1:-1, 1:-1] != a[:-2, 1:-1]))
        seen = set()
        self.arcs, self.loops, names = [], [], {}
        for i, j in zip(rows.tolist(), columns.tolist()):
            if (i, j, 0) in seen:
                continue
            me = int(a[i + 1, j + 1])
            walk, y, x, d = [], i, j, 0
            while True:
                left, right = pixel_ahead[d]
                walk.append((y, x, d, int(a[y + right[0], x + right[1]])))
                if d == 0:
                    seen.add((y, x, 0))
                dx, dy = self.STEP[d]
                y, x = y + dy, x + dx
                (ly, lx), (ry, rx) = pixel_ahead[d]
                if a[y + ly, x + lx] != me:
                    d = (d + 1) % 4
                elif a[y + ry, x + rx] == me:
                    d = (d - 1) % 4
                if (y, x, d) == (i, j, 0):
                    break
            starts = [k for k, (y, x, _, _) in enumerate(walk) if node[y, x]]
            if starts:
                walk = walk[starts[0] :] + walk[: starts[0]]
                starts = [k - starts[0] for k in starts] + [len(walk)]
                parts = [walk[k:m] for k, m in zip(starts, starts[1:])]
            else:
                parts = [walk]
            loop = []
            for part in parts:
                first, last = part[0], part[-1]
                turned = (last[0] + self.STEP[last[2]][1], last[1] + self.STEP[last[2]][0], (last[2] + 2) % 4)
                key, back = first[:3], turned
                if not starts:  # a closed arc: known by its lowest crack, whoever walks it
                    key = back = min(min((y, x) for y, x, _, _ in part), (y, x))
                    forward = names.get(key) is None
                    number = names.setdefault(key, len(self.arcs))
                    if forward:
                        self.arcs.append(self._arc(part, me, closed=True))
                    loop.append((number, forward))
                elif back in names:
                    loop.append((names[back], False))
                else:
                    names[key] = len(self.arcs)
                    self.arcs.append(self._arc(part, me, closed=False))
                    loop.append((names[key], True))
            self.loops.append((me, loop))

    def _arc(self, part, left, closed):
        right = part[0][3]
        start = np.array([(x, y) for y, x, _, _ in part], float)
        step = np.array([self.STEP[d] for _, _, d, _ in part], float)
        middles = start + 0.5 * step
        end = start[-1] + step[-1]
        width = self.shape[1] + 1
        return {
            "sides": (left, right),
            "ends": None if closed else (int(start[0, 1] * width + start[0, 0]), int(end[1] * width + end[0])),
            "line": middles if closed else np.vstack([start[:1], middles, end[None]]),
        }

    def outlines(self):
        """Per particle loop: (particle, points (k, 2) um, other (k,) the region beyond the side from point k to the next);
        and the largest deviation from the smoothed outline, um."""
        for arc in self.arcs:
            arc["curve"] = self.pixel * _smooth(arc["line"], closed=arc["ends"] is None, straight=OUTSIDE in arc["sides"])
            arc["length"] = np.linalg.norm(np.diff(arc["curve"], axis=0), axis=1).sum()
            arc["size"] = min([1.2 * self.contact_size, *(TURN * self.radii[side] for side in arc["sides"] if side >= 0)])
        self._contract()
        deviation = 0.0
        for arc in self.arcs:
            arc["points"], away = self._cut(arc)
            deviation = max(deviation, away)
        found = []
        for me, loop in self.loops:
            points, other = [], []
            for number, forward in loop:
                arc = self.arcs[number]
                line = arc["points"] if forward else arc["points"][::-1]
                points += list(line[:-1])
                other += [arc["sides"][1] if forward else arc["sides"][0]] * (len(line) - 1)
            points, other = np.array(points).reshape(-1, 2), np.array(other, int)
            long = np.linalg.norm(np.roll(points, -1, axis=0) - points, axis=1) > 1e-9 * self.contact_size
            found.append((me, points[long], other[long]))
        return found, deviation

    def _contract(self):
        """Arcs too short for a side become a junction: their ends move to the middle, to the wall or the image's corner."""
        width = self.shape[1] + 1
        where = {}
        for arc in self.arcs:
            if arc["ends"] is not None:
                where |= dict(zip(arc["ends"], arc["curve"][[0, -1]]))
        into = {v: v for v in where}
        box = self.pixel * self.shape[::-1]

        def held(point):
            return int((np.abs(point) < 1e-9 * box).sum() + (np.abs(point - box) < 1e-9 * box).sum())

        def root(v):
            while into[v] != v:
                v = into[v]
            return v

        for arc in sorted((arc for arc in self.arcs if arc["ends"] is not None), key=lambda arc: arc["length"]):
            if arc["length"] >= SHORTEST * arc["size"]:
                break
            a, b = map(root, arc["ends"])
            if a == b or (held(where[a]) and held(where[b]) and OUTSIDE not in arc["sides"]):
                continue
            a, b = (a, b) if held(where[a]) >= held(where[b]) else (b, a)
            if held(where[a]) == held(where[b]):
                where[a] = 0.5 * (where[a] + where[b])
            into[b] = a
            arc["gone"] = True
        for arc in self.arcs:
            if arc["ends"] is not None:
                arc["nodes"] = tuple(where[root(v)] for v in arc["ends"])

    def _cut(self, arc):
        """Points along an arc, both ends included, and how far it leaves the curve."""
        if arc.get("gone"):
            point = arc["nodes"][0]
            return point[None], float(np.linalg.norm(arc["curve"] - point, axis=1).max())
        curve, closed = arc["curve"], arc["ends"] is None
        if not closed:
            curve = _reaching(curve, *arc["nodes"])
        straight = OUTSIDE in arc["sides"]
        along = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(curve, axis=0), axis=1))])
        n = max(6 if closed else 1, round(along[-1] / arc["size"]))
        most = max(n, int(along[-1] / (FINEST * arc["size"])))
        best = None
        while True:
            at = np.linspace(0, along[-1], n + 1)
            points = np.column_stack([np.interp(at, along, curve[:, axis]) for axis in (0, 1)])
            away = _distance(curve, along, points, at)
            if best is None or away < best[1]:
                best = points, away, at
            if straight or away <= self.tolerance or n >= most:
                return best[0], _distance(arc["curve"], along, best[0], best[2])
            n += 1


def _smooth(line, closed, straight):
    """A polyline without the stairs of pixels; its ends stay. Twice the Gaussian less its square: what bends over many
    pixels keeps its place."""
    if straight:
        return line

    def blur(x):
        if closed:
            return ndimage.gaussian_filter1d(x, SMOOTHING, axis=0, mode="wrap")
        n = min(len(x) - 1, int(4 * SMOOTHING) + 1)
        wide = np.vstack([2 * x[0] - x[n:0:-1], x, 2 * x[-1] - x[-2 : -n - 2 : -1]])
        return ndimage.gaussian_filter1d(wide, SMOOTHING, axis=0, mode="nearest")[n : n + len(x)]

    once = blur(line)
    smooth = 2 * once - blur(once)
    return np.vstack([smooth, smooth[:1]]) if closed else smooth


def _reaching(curve, start, end):
    """The curve with its ends moved to `start` and `end`; the moves fade linearly along it."""
    share = np.linspace(0, 1, len(curve))[:, None]
    return curve + (1 - share) * (start - curve[0]) + share * (end - curve[-1])


def _distance(curve, along, points, at):
    """Largest distance of the curve from the chords between the points that were taken at the lengths `at`."""
    k = np.clip(np.searchsorted(at, along, side="right") - 1, 0, len(points) - 2)
    a, b = points[k], points[k + 1]
    chord = b - a
    share = np.clip(((curve - a) * chord).sum(1) / np.maximum((chord**2).sum(1), 1e-300), 0, 1)
    return float(np.linalg.norm(curve - a - share[:, None] * chord, axis=1).max())


# --- from outlines to polygons


def _polygons(outlines, owner, wanted, gap, tolerance, box, rounds=12):
    """Polygons with the gap between them, and with the areas of the phases (um2) as wanted.

    Returns rings [(particle, points)], shift (phases,) um by which free outlines were moved outwards, smallest gap um.
    """
    outlines = [(me, *_untipped(points, other)) for me, points, other in outlines]
    phase = np.array([owner[me] for me, _, _ in outlines])
    # A phase without free outlines can't be moved.
    free = np.bincount(phase, [np.linalg.norm(np.roll(points, -1, axis=0) - points, axis=1)[other == PORE].sum() for _, points, other in outlines], len(wanted))
    shift = np.zeros(len(wanted))
    for _ in range(rounds):
        rings = [(me, _inset(points, np.where(other >= 0, 0.5 * gap, np.where(other == OUTSIDE, gap, 0.0)), other == PORE, shift[owner[me]])) for me, points, other in outlines]
        rings, clearance = _kept_apart(rings, box, gap)
        lack = wanted - np.bincount(phase, [_area(points) for _, points in rings], len(wanted))
        if np.abs(lack).max() < 1e-6 * wanted.sum():
            break
        shift = np.clip(shift + np.where(free > 0, lack / np.maximum(free, 1e-12), 0.0), -tolerance, tolerance)
    return rings, shift, clearance


def _area(points):
    after = np.roll(points, -1, axis=0)
    return 0.5 * float(cross(points, after).sum())


def _untipped(points, other):
    """An outline without its sharpest tips: a corner whose angle inside the particle is below SHARPEST is left out."""
    while len(points) > 4:
        before, after = np.roll(points, 1, axis=0) - points, np.roll(points, -1, axis=0) - points
        inside = np.arctan2(cross(after, before), (after * before).sum(1)) % (2 * np.pi)
        k = int(inside.argmin())
        if inside[k] >= SHARPEST:
            break
        # The new side cuts through the particle: a pore, or a slit if both sides faced the same neighbour, lies beyond.
        other = other.copy()
        other[k - 1] = other[k] if other[k] == other[k - 1] else PORE
        points, other = np.delete(points, k, axis=0), np.delete(other, k)
    return points, other


def _inset(points, distance, free, shift):
    """A polygon whose sides are moved inwards, each by its own distance, and whose corners between two free sides are moved
    outwards by `shift`; um. Where a free side meets another the corner stays on the free one, so that no contact shuts."""
    along = np.roll(points, -1, axis=0) - points
    normal = np.column_stack([-along[:, 1], along[:, 0]]) / np.maximum(np.linalg.norm(along, axis=1), 1e-300)[:, None]
    n1, n2, d1, d2 = np.roll(normal, 1, axis=0), normal, np.roll(distance, 1), distance
    sine = cross(n1, n2)
    mean = n1 + n2
    mean = mean / np.maximum(np.linalg.norm(mean, axis=1), 1e-300)[:, None]
    # The corner of the moved sides; where they are nearly in line, along the mean normal by the larger distance.
    bent = np.abs(sine) > np.sin(np.radians(20))
    safe = np.where(bent, sine, 1.0)
    corner = np.column_stack([d1 * n2[:, 1] - d2 * n1[:, 1], d2 * n1[:, 0] - d1 * n2[:, 0]]) / safe[:, None]
    most = np.maximum(d1, d2)
    move = np.where(bent[:, None], corner, mean * most[:, None])
    size = np.linalg.norm(move, axis=1)
    move = move * np.minimum(1, 3 * most / np.maximum(size, 1e-300))[:, None]
    return points + move - np.where((free & np.roll(free, 1))[:, None], shift * mean, 0.0)


def _kept_apart(rings, box, gap, rounds=200):
    """Polygons no two of which, and none and a wall, come closer than the gap: corners are moved. (rings, smallest gap)."""
    sizes = [len(points) for _, points in rings]
    points = np.vstack([points for _, points in rings])
    particle = np.repeat([me for me, _ in rings], sizes)
    first = np.repeat(np.cumsum([0, *sizes[:-1]]), sizes)
    local = np.arange(len(points)) - first
    size = np.repeat(sizes, sizes)
    after = first + (local + 1) % size
    for _ in range(rounds):
        length = np.linalg.norm(points[after] - points, axis=1)
        tree = cKDTree(0.5 * (points + points[after]))
        pairs = tree.query_ball_point(points, 0.5 * length.max() + gap)
        corner = np.repeat(np.arange(len(points)), [len(p) for p in pairs])
        side = np.concatenate(pairs).astype(int)
        fits = (side != corner) & (after[side] != corner)
        corner, side = corner[fits], side[fits]
        distance, normal = _off_segment(points[corner], points[side], points[after[side]])
        # Corners that coincide part by withdrawing into their particles.
        along = points[after] - points
        inward = np.zeros_like(points)
        for corners in (np.arange(len(points)), after):
            np.add.at(inward, corners, np.column_stack([-along[:, 1], along[:, 0]]))
        same = np.minimum(*(np.linalg.norm(points[corner] - points[end], axis=1) for end in (side, after[side]))) < 1e-9 * gap
        normal[same] = inward[corner[same]] / np.linalg.norm(inward[corner[same]], axis=1)[:, None]
        # Of the sides of one polygon the nearest decides whether a corner lies inside it.
        order = np.lexsort((np.abs(distance), particle[side], corner))
        corner, side, distance, normal = corner[order], side[order], distance[order], normal[order]
        nearest = np.ones(len(corner), bool)
        nearest[1:] = (np.diff(corner) != 0) | (np.diff(particle[side]) != 0)
        # A particle's own outline may be near on its inside.
        close = nearest & (distance < gap) & ((particle[corner] != particle[side]) | (distance > 0))
        margin = np.minimum(points, box - points)
        smallest = min(distance[nearest & (particle[corner] != particle[side])].min(initial=np.inf), margin.min())
        if smallest >= 0.999 * gap and not (close & (distance < 0.999 * gap)).any():
            break
        lack = np.where(close, gap - distance, 0.0)[:, None] * normal
        move = np.zeros_like(points)
        for target, share in ((corner, 0.6), (side, -0.3), (after[side], -0.3)):
            np.add.at(move, target[close], share * lack[close])
        points = np.clip(points + move, gap, box - gap)
    starts = np.cumsum([0, *sizes])
    return [(me, points[a:b]) for (me, _), a, b in zip(rings, starts, starts[1:])], float(smallest)


def _triangulated(rings, owner, box, names, mesh_size):
    """The mesh of the particles inside the rings and of the pores around them."""
    sizes = [len(points) for _, points in rings]
    first = np.cumsum([0, *sizes])
    rim = np.vstack([points for _, points in rings])
    segments = np.vstack([np.column_stack([np.arange(n), (np.arange(n) + 1) % n]) + k for n, k in zip(sizes, first)])
    particle = np.repeat([me for me, _ in rings], sizes)
    length = np.linalg.norm(rim[segments[:, 1]] - rim[segments[:, 0]], axis=1)
    local = np.zeros(len(rim))
    np.maximum.at(local, segments, length[:, None])
    corners = np.array([[0, 0], [box[0], 0], box, [0, box[1]]])
    walls = np.vstack([corners, *(_facing_wall(rim, local, segments, box, wall, mesh_size) for wall in range(4))])
    points = np.vstack([rim, walls])
    around = np.vstack([_along_wall(points, box, wall) for wall in range(4)])
    everything = np.vstack([segments, around])
    region = np.concatenate([particle, np.full(len(around), -1)])
    points, triangles, region = fill(points, everything, region, size_field(points, everything, mesh_size))
    missing = np.setdiff1d(np.arange(len(owner)), region)
    if len(missing):
        raise MeshError(f"{len(missing)} particles have no triangle, the first near {place(rim[particle == missing[0]].mean(axis=0))} um; smooth the image or raise contact_size")
    phase = np.where(region >= 0, owner[region], PORE)
    return finish(points, triangles, phase, region, box, names)
