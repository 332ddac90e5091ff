"""Structured T6 meshes for problems with known answers."""

import numpy as np


def raise_to_t6(nodes, triangles):
    """Straight-sided T6 (nodes, cells) from corners and triangles."""
    edges = np.sort(np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]]), axis=1)
    unique, inverse = np.unique(edges, axis=0, return_inverse=True)
    mids = inverse.reshape(3, len(triangles)).T + len(nodes)
    return np.concatenate([nodes, nodes[unique].mean(axis=1)]), np.concatenate([triangles, mids], axis=1)


def grid(nx, ny, position=lambda s, t: (s, t)):
    """T6 mesh of the unit square, nx by ny cells of two triangles, mapped by `position`."""
    s, t = np.meshgrid(np.linspace(0, 1, nx + 1), np.linspace(0, 1, ny + 1), indexing="ij")
    nodes = np.stack(position(s, t), axis=-1).reshape(-1, 2)
    i, j = (a.ravel() for a in np.meshgrid(np.arange(nx), np.arange(ny), indexing="ij"))
    a, b, c, d = (i * (ny + 1) + j, (i + 1) * (ny + 1) + j, (i + 1) * (ny + 1) + j + 1, i * (ny + 1) + j + 1)
    return raise_to_t6(nodes, np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)]))


def sector(inner, outer, nr, nt):
    """Quarter annulus between the x and the y axis; the radius grows geometrically."""

    def position(s, t):
        r, angle = inner * (outer / inner) ** s, t * np.pi / 2
        return r * np.cos(angle), r * np.sin(angle)

    return grid(nr, nt, position)


def disc(radius, rings, centre=(0.0, 0.0)):
    """Disc of concentric rings, 6 k triangles' corners on ring k."""
    nodes, triangles, before = [np.zeros((1, 2))], [], np.array([0])
    count = 1
    for k in range(1, rings + 1):
        angle = np.arange(6 * k) * np.pi / (3 * k)
        nodes.append(radius * k / rings * np.stack([np.cos(angle), np.sin(angle)], 1))
        ring = count + np.arange(6 * k)
        for sextant in range(6):
            for j in range(k):
                a, b = ring[sextant * k + j], ring[(sextant * k + j + 1) % (6 * k)]
                inner = before[(sextant * (k - 1) + j) % len(before)]
                triangles.append([inner, a, b])
                if j < k - 1:
                    triangles.append([inner, b, before[(sextant * (k - 1) + j + 1) % len(before)]])
        before, count = ring, count + 6 * k
    return raise_to_t6(np.concatenate(nodes) + np.asarray(centre), np.array(triangles))
