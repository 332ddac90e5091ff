"""A straight pore through a layer, filled to its mouth: a structured mesh."""

from __future__ import annotations

import numpy as np

from .mesh import PORE, Mesh, raise_order

STRETCH = 8.0  # longest cell of the pore by its width across the pore: along a pore little changes


def channel(width, depth, porosity, gap, across, phase_names, filling, body=None) -> Mesh:
    """A pore of `width` [um] and `depth`, closed below and open above to a `gap` under the top of the box.

    porosity: width of the pore by that of the box, below 1; the rest is the layer, to which the filling sticks. At 1 there
    is no layer: the pore's sides are those of the box, along which it slides. across: cells across the pore.
    phase_names: of the mesh; filling, body: the names in it of what fills the pore and of the layer.
    """
    fine = width / across
    columns = [np.linspace(0.0, width, across + 1)]
    if porosity < 1.0:
        flank = _growing(0.5 * width * (1 / porosity - 1), fine, np.inf)
        columns = [-flank[:0:-1], *columns, width + flank[1:]]
    x = np.concatenate(columns)
    x = x - x[0]
    rows = depth - _growing(depth, fine, STRETCH * fine)[::-1]
    y = np.concatenate([rows, np.linspace(depth, depth + gap, max(2, round(gap / fine)) + 1)[1:]])

    grid_x, grid_y = np.meshgrid(x, y, indexing="ij")
    i, j = (index.ravel() for index in np.meshgrid(np.arange(len(x) - 1), np.arange(len(y) - 1), indexing="ij"))
    a = i * len(y) + j
    b, c, d = a + len(y), a + len(y) + 1, a + 1
    # Diagonals mirror at the middle, as the pore does.
    left = (x[i] + x[i + 1] < x[-1])[:, None, None]
    halves = np.where(left, np.stack([[a, b, c], [a, c, d]], 1).T, np.stack([[a, b, d], [b, c, d]], 1).T)
    nodes, cells = raise_order(np.stack([grid_x, grid_y], -1).reshape(-1, 2), halves.reshape(-1, 3))
    middle = nodes[cells[:, :3]].mean(axis=1)
    side = np.searchsorted([0.5 * (x[-1] - width), 0.5 * (x[-1] + width)], middle[:, 0])  # left of the pore, in it, right
    solid = middle[:, 1] < depth
    particle = np.where(solid, np.array([1, 0, 2])[side], PORE)
    fills = phase_names.index(filling)
    of = np.array([fills if body is None else phase_names.index(body), fills])
    phase = np.where(solid, of[(side == 1).astype(int)], PORE)
    return Mesh(nodes, cells, phase, particle, np.array([x[-1], y[-1]]), tuple(phase_names))


def _growing(length, first, largest):
    """Coordinates from 0 to `length` in steps that start near `first` and grow by 1.3 up to `largest`."""
    steps = [first]
    while sum(steps) < length:
        steps.append(min(1.3 * steps[-1], largest))
    return np.concatenate([[0.0], np.cumsum(steps)]) * length / sum(steps)
