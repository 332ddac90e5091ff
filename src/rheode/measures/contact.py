"""Contact ratios: the share of a phase's surface that lies within a gap of something else, or that bears a pressure."""

from __future__ import annotations

import numpy as np
from numba import njit

from .surfaces import (
    Surfaces,
    box_distance2,
    point_box_distance2,
    point_line_distance2,
    wall_positions,
)


# Integral of N_a dN_b over a quadratic side, nodes (end, middle, end).
_BY_LENGTH = np.array([[-3.0, 4.0, -1.0], [-4.0, 0.0, 4.0], [1.0, -4.0, 3.0]]) / 6


def contact_ratios(mesh, displacement, gap, walls=None) -> dict:
    """Share of the deformed surface of each phase that is within a gap of something: `Neighbours.within` of one state."""
    return Neighbours(mesh, displacement, np.max(gap), walls).within(gap)


def contact_pressures(mesh, displacement, force):
    """Pressure [GPa] on the nodes of each surface side, (k, 3), from what pushes on the particles there.

    mesh: as in `contact_ratios`; force: (n, 2) GPa um, what lies between the particles exerts on the nodes. A node's
    pressure is its force along the outward normal by the length that it stands for, both integrated with its shape
    function over the deformed sides: an even pressure is found exactly.
    """
    surfaces = mesh if isinstance(mesh, Surfaces) else Surfaces(mesh)
    return _node_pressures(surfaces.mesh.nodes + displacement, surfaces.edges, force)


@njit(cache=True)
def _node_pressures(x, edges, force):
    """See `contact_pressures`; x (n, 2) um."""
    outward = np.zeros_like(x)
    for e in range(len(edges)):
        for i in range(3):
            share_x, share_y = 0.0, 0.0
            for j in range(3):
                share_x += _BY_LENGTH[i, j] * x[edges[e, j], 1]  # turned: the particle is on the left, its outside on the right
                share_y -= _BY_LENGTH[i, j] * x[edges[e, j], 0]
            outward[edges[e, i], 0] += share_x
            outward[edges[e, i], 1] += share_y
    pressures = np.empty(edges.shape)
    for e in range(len(edges)):
        for i in range(3):
            n = edges[e, i]
            square = max(outward[n, 0] ** 2 + outward[n, 1] ** 2, 1e-300)
            pressures[e, i] = -(force[n, 0] * outward[n, 0] + force[n, 1] * outward[n, 1]) / square
    return pressures


class Neighbours:
    """What is near each particle's surface in a state, to be asked for several kinds of contact.

    mesh: a Mesh, or its `Surfaces` where many states are measured; displacement: (n, 2) um; gap: um, the largest that
    will be asked for; walls: the current `Walls`, from the displacement of the wall nodes if not given.

    Each T6 side is sampled at equal parameter steps; between two samples distance and pressure are taken as linear, so
    that the end of a contact is found between them. Shares are {(a, b): share} for each ordered pair of phase names, with
    b also "any" (another particle or a wall) and "wall", of all the deformed surface of phase a; contact of a particle with
    itself does not count. A float per entry, or an array where several gaps or pressures are asked for.
    """

    def __init__(self, mesh, displacement, gap, walls=None):
        surfaces = mesh if isinstance(mesh, Surfaces) else Surfaces(mesh)
        self.names, self.gap = surfaces.mesh.phase_names, float(gap)
        if not gap >= 0.0:
            raise ValueError(f"contact gap must not be negative: {gap}")
        if walls is None:
            walls = wall_positions(surfaces.mesh, displacement)
        lines, boxes, around = surfaces.at(displacement)
        self.near, self.lengths = _nearest(lines, boxes, around, surfaces.start, surfaces.phase, np.array(walls, dtype=float), gap, len(self.names))
        self.owner = surfaces.owner
        self.total = np.bincount(self.owner, self.lengths.sum(axis=1), len(self.names))[:, None, None]

    def within(self, gap):
        """Shares within a gap [um], or within each of several. Raises ValueError for a negative one."""
        gaps = np.atleast_1d(np.asarray(gap, dtype=float))
        if not np.all(gaps >= 0.0):
            raise ValueError(f"contact gap must not be negative: {gap}")
        return self._shares(_within(self.near, self.lengths, self.owner, gaps, len(self.names)), np.ndim(gap))

    def pressed(self, pressures, threshold):
        """Shares that bear more than a pressure [GPa], or more than each of several.

        pressures: (k, 3) at the nodes of the sides, as of `contact_pressures`, linear between them. The partner is what is
        nearest; where nothing is within reach of the gap the share counts as "any" alone.
        """
        thresholds = np.atleast_1d(np.asarray(threshold, dtype=float))
        touching = _pressed(self.near, self.lengths, self.owner, pressures, thresholds, len(self.names), self.gap)
        return self._shares(touching, np.ndim(threshold))

    def _shares(self, touching, several):
        share = np.divide(touching, self.total, out=np.zeros_like(touching), where=self.total > 0)
        pick = (lambda v: v) if several else (lambda v: float(v[0]))
        columns = (*self.names, "wall", "any")
        return {(a, b): pick(share[i, j]) for i, a in enumerate(self.names) for j, b in enumerate(columns)}


@njit(cache=True)
def _nearest(lines, boxes, around, start, phase, walls, widest, phases):
    """Distance of each sample (k, samples, phases + 2) from each phase, the walls, and the nearest of these, inf where far
    beyond `widest`; and the lengths (k, samples - 1) between samples."""
    edges, samples = lines.shape[:2]
    out = np.empty((edges, samples, phases + 2))
    lengths = np.empty((edges, samples - 1))
    for p in range(start.size - 1):
        for e in range(start[p], start[p + 1]):
            step = 0.0
            for i in range(samples - 1):
                dx, dy = lines[e, i + 1, 0] - lines[e, i, 0], lines[e, i + 1, 1] - lines[e, i, 1]
                lengths[e, i] = np.sqrt(dx * dx + dy * dy)
                step = max(step, lengths[e, i])
            # A sample next to a touching one is at most one step further away: all that
            # interpolation needs lies within this reach.
            reach = widest + step
            reach2 = reach * reach * (1.0 + 1e-9)
            near = out[e]  # squared distances, then distances
            near[:] = np.inf
            for q in range(start.size - 1):
                if q == p or box_distance2(boxes[e], around[q]) > reach2:
                    continue
                for f in range(start[q], start[q + 1]):
                    if box_distance2(boxes[e], boxes[f]) > reach2:
                        continue
                    for i in range(samples):
                        x, y = lines[e, i, 0], lines[e, i, 1]
                        if point_box_distance2(x, y, boxes[f]) < near[i, phase[q]]:
                            d = point_line_distance2(x, y, lines[f])
                            if d < near[i, phase[q]]:
                                near[i, phase[q]] = d
            for i in range(samples):
                x, y = lines[e, i, 0], lines[e, i, 1]
                wall = max(0.0, min(x - walls[0], walls[1] - x, y - walls[2], walls[3] - y))
                closest = wall
                for b in range(phases):
                    near[i, b] = np.sqrt(near[i, b])
                    closest = min(closest, near[i, b])
                near[i, phases] = wall
                near[i, phases + 1] = closest
    return out, lengths


@njit(cache=True)
def _within(near, lengths, owner, gaps, phases):
    """Lengths (phases, phases + 2, gaps) within each gap of each phase, a wall, anything."""
    touching = np.zeros((phases, phases + 2, gaps.size))
    for e in range(len(near)):
        for i in range(lengths.shape[1]):
            for b in range(phases + 2):
                low = min(near[e, i, b], near[e, i + 1, b])
                high = max(near[e, i, b], near[e, i + 1, b])
                for g in range(gaps.size):
                    if high <= gaps[g]:
                        touching[owner[e], b, g] += lengths[e, i]
                    elif low <= gaps[g]:
                        touching[owner[e], b, g] += lengths[e, i] * (gaps[g] - low) / (high - low)
    return touching


@njit(cache=True)
def _pressed(near, lengths, owner, pressures, thresholds, phases, widest):
    """Lengths (phases, phases + 2, thresholds) that bear more than each pressure, by what is nearest; the last column is all.

    pressures (k, 3): at the nodes of the sides, linear between them.
    """
    pressed = np.zeros((phases, phases + 2, thresholds.size))
    pieces = lengths.shape[1]
    for e in range(len(near)):
        for i in range(pieces):
            side = 2 * i // pieces  # of the middle node
            t = 2.0 * i / pieces - side
            first = (1.0 - t) * pressures[e, side] + t * pressures[e, side + 1]
            t += 2.0 / pieces
            second = (1.0 - t) * pressures[e, side] + t * pressures[e, side + 1]
            low, high = min(first, second), max(first, second)
            partner, closest = -1, widest + lengths[e, i]
            for b in range(phases + 1):
                d = min(near[e, i, b], near[e, i + 1, b])
                if d < closest:
                    partner, closest = b, d
            for g in range(thresholds.size):
                length = 0.0
                if low > thresholds[g]:
                    length = lengths[e, i]
                elif high > thresholds[g]:
                    length = lengths[e, i] * (high - thresholds[g]) / (high - low)
                pressed[owner[e], phases + 1, g] += length
                if partner >= 0:
                    pressed[owner[e], partner, g] += length
    return pressed
