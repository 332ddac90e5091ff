"""Synthetic micrographs of known truth: label images of irregular particles, and frames of eroded, drifting pores."""

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates

PORE, ACTIVE, FRAMEWORK = 0, 85, 170


def _noise(rng, shape, length):
    field = gaussian_filter(rng.standard_normal(shape), length, mode="reflect")
    return field / field.std()


def electrode(seed, particles=26, shape=(256, 256), fractions=(0.356, 0.397), roughness=1.0):
    """A label image (uint8: 0 pore, 85 active, 170 framework) of irregular particles, some touching, some cut by the edges.

    Voronoi cells of random sites, their borders bent by smooth noise; pores open along the borders, wide in some places
    and shut in others. The porosity is exact to a pixel, the phases' fractions as near as whole particles allow.
    Returns (labels, particle number of each pixel or -1).
    """
    rng = np.random.default_rng(seed)
    height, width = shape
    sites = rng.uniform(0, 1, (particles, 2)) * shape
    yy, xx = np.mgrid[:height, :width].astype(float)
    radius = np.sqrt(height * width / particles / np.pi)
    for _ in range(6):  # Lloyd: cells of like size, as ground powders have
        owner = ((yy[..., None] - sites[:, 0]) ** 2 + (xx[..., None] - sites[:, 1]) ** 2).argmin(axis=-1)
        sites = np.array([[yy[owner == k].mean(), xx[owner == k].mean()] if (owner == k).any() else sites[k] for k in range(particles)])
    y = yy + roughness * 0.18 * radius * _noise(rng, shape, 0.35 * radius)
    x = xx + roughness * 0.18 * radius * _noise(rng, shape, 0.35 * radius)
    distance = np.hypot(y[..., None] - sites[:, 0], x[..., None] - sites[:, 1])
    order = np.argsort(distance, axis=-1)[..., :2]
    first, second = np.moveaxis(np.take_along_axis(distance, order, axis=-1), -1, 0)
    depth = (second - first) / radius + 0.25 * _noise(rng, shape, 0.6 * radius)
    particle = np.where(depth > np.quantile(depth, 1 - sum(fractions)), order[..., 0], -1)
    areas = np.bincount(particle[particle >= 0], minlength=particles)
    wanted = fractions[0] * height * width
    best = None
    for _ in range(200):
        mixed = rng.permutation(particles)
        count = np.abs(np.cumsum(areas[mixed]) - wanted).argmin() + 1
        miss = abs(areas[mixed[:count]].sum() - wanted)
        if best is None or miss < best[0]:
            best = miss, mixed[:count]
    active = np.isin(np.arange(particles), best[1])
    labels = np.where(particle < 0, PORE, np.where(active[particle], ACTIVE, FRAMEWORK)).astype(np.uint8)
    return labels, particle
