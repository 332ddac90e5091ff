"""A deformed mesh as an image: what a microscope of a given pixel would show of it."""

from __future__ import annotations

import numpy as np
from numba import njit

from .surfaces import wall_positions

BEYOND = -2  # value of pixels beyond the walls
PARTS = 4  # straight pieces of each curved side of a cell


def rasterise(mesh, displacement, pixel, height=None):
    """The phases of a state as an image (ny, nx) of int16: index of the phase, -1 in pores, BEYOND past the walls.

    displacement: (n, 2) um; pixel: um; height: um that the image shows, from the bottom wall upwards, by default up to
    the top wall. Row 0 is the top, as in a micrograph; a pixel shows what is at its middle. Slits thinner than a pixel
    show here and there or not at all.
    """
    walls = wall_positions(mesh, displacement)
    height = walls.thickness if height is None else float(height)
    shape = max(1, round(height / pixel)), max(1, round(walls.width / pixel))
    x = walls.left + (np.arange(shape[1]) + 0.5) * pixel
    y = walls.bottom + (np.arange(shape[0]) + 0.5) * pixel
    image = np.full(shape, -1, np.int16)
    corners = np.matmul(_SHAPE, (mesh.nodes + displacement)[mesh.cells[mesh.solid]])
    triangles = corners[:, _PARTS].reshape(-1, 3, 2) - (walls.left, walls.bottom)
    _fill(image, np.ascontiguousarray(triangles / pixel - 0.5), np.repeat(mesh.phase[mesh.solid], len(_PARTS)))
    image[y > walls.top] = BEYOND
    image[:, x > walls.right] = BEYOND
    return image[::-1]


def _grid(n):
    """Points of a triangle cut n times along each side, their shape functions, and the small triangles."""
    points = [(i / n, j / n) for j in range(n + 1) for i in range(n + 1 - j)]
    number = {(i, j): k for k, (i, j) in enumerate((i, j) for j in range(n + 1) for i in range(n + 1 - j))}
    parts = [(number[i, j], number[i + 1, j], number[i, j + 1]) for i, j in number if i + j < n]
    parts += [(number[i + 1, j], number[i + 1, j + 1], number[i, j + 1]) for i, j in number if i + j < n - 1]
    s, t = np.array(points).T
    r = 1 - s - t
    return np.stack([r * (2 * r - 1), s * (2 * s - 1), t * (2 * t - 1), 4 * r * s, 4 * s * t, 4 * t * r], axis=1), np.array(parts)


_SHAPE, _PARTS = _grid(PARTS)


@njit(cache=True)
def _fill(image, triangles, value):
    """Write the value of each triangle (in pixels, pixel (0, 0) at the origin) into the pixels whose middle it covers."""
    ny, nx = image.shape
    for k in range(len(triangles)):
        t = triangles[k]
        for i in range(max(0, int(np.ceil(t[:, 1].min()))), min(ny - 1, int(np.floor(t[:, 1].max()))) + 1):
            for j in range(max(0, int(np.ceil(t[:, 0].min()))), min(nx - 1, int(np.floor(t[:, 0].max()))) + 1):
                left = right = True
                for a in range(3):
                    b = (a + 1) % 3
                    side = (t[b, 0] - t[a, 0]) * (i - t[a, 1]) - (t[b, 1] - t[a, 1]) * (j - t[a, 0])
                    left &= side >= 0
                    right &= side <= 0
                if left or right:
                    image[i, j] = value[k]
