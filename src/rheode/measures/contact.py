"""Contact ratios: the share of a phase's surface that lies within a gap of something else."""

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


def contact_ratios(mesh, displacement, gap, walls=None) -> dict:
    """Share of the deformed surface of each phase that is in contact.

    mesh: a Mesh, or its `Surfaces` where many states are measured; displacement: (n, 2) um;
    gap: um, the distance within which two surfaces count as touching, or a sequence of gaps;
    walls: the current `Walls`, from the displacement of the wall nodes if not given.

    Returns {(a, b): share} for each ordered pair of phase names, with b also "any" (another
    particle or a wall) and "wall". The share is of all the surface of phase a; contact of a
    particle with itself does not count. A float per entry, or an array (len(gap),).

    Each T6 side is sampled at equal parameter steps; between two samples the distance is taken as
    linear, so that the end of a contact is found between them. Raises ValueError for a negative gap.
    """
    surfaces = mesh if isinstance(mesh, Surfaces) else Surfaces(mesh)
    mesh = surfaces.mesh
    gaps = np.atleast_1d(np.asarray(gap, dtype=float))
    if not np.all(gaps >= 0.0):
        raise ValueError(f"contact gap must not be negative: {gap}")
    if walls is None:
        walls = wall_positions(mesh, displacement)
    names = mesh.phase_names
    lines, boxes, around = surfaces.at(displacement)
    touching, total = _covered(
        lines, boxes, around, surfaces.start, surfaces.phase, np.array(walls, dtype=float), gaps, len(names)
    )
    share = np.divide(touching, total[:, None, None], out=np.zeros_like(touching), where=total[:, None, None] > 0)
    columns = (*names, "wall", "any")
    pick = (lambda v: v.copy()) if np.ndim(gap) else (lambda v: float(v[0]))
    return {(a, b): pick(share[i, j]) for i, a in enumerate(names) for j, b in enumerate(columns)}


@njit(cache=True)
def _covered(lines, boxes, around, start, phase, walls, gaps, phases):
    """Lengths (phases, phases + 2, gaps) within each gap of each phase, a wall, anything; and in all."""
    samples = lines.shape[1]
    touching = np.zeros((phases, phases + 2, gaps.size))
    total = np.zeros(phases)
    near = np.empty((samples, phases + 2))  # squared distances, then distances
    length = np.empty(samples - 1)
    widest = gaps.max()
    for p in range(start.size - 1):
        for e in range(start[p], start[p + 1]):
            step = 0.0
            for i in range(samples - 1):
                dx = lines[e, i + 1, 0] - lines[e, i, 0]
                dy = lines[e, i + 1, 1] - lines[e, i, 1]
                length[i] = np.sqrt(dx * dx + dy * dy)
                total[phase[p]] += length[i]
                step = max(step, length[i])
            # A sample next to a touching one is at most one step further away: all that
            # interpolation needs lies within this reach.
            reach = widest + step
            reach2 = reach * reach * (1.0 + 1e-9)
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
            for i in range(samples - 1):
                for b in range(phases + 2):
                    low = min(near[i, b], near[i + 1, b])
                    high = max(near[i, b], near[i + 1, b])
                    for g in range(gaps.size):
                        if high <= gaps[g]:
                            touching[phase[p], b, g] += length[i]
                        elif low <= gaps[g]:
                            touching[phase[p], b, g] += length[i] * (gaps[g] - low) / (high - low)
    return touching, total
