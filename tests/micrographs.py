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


def eroding_frames(seed, frames=10, pores=60, shape=(512, 512), noise=0.2, drift=3.0, merging=4, texture=0.08):
    """Grey frames (uint8) of pores in a solid that shrink at rates of their own while the picture drifts, with the truth.

    Some pores close; `merging` pairs of neighbours grow until they meet. Each frame has its drift (random walk, `drift`
    pixels a step, not whole ones), blur, noise (`noise` of the contrast between solid and pore, a standard deviation),
    shading and a change of brightness. Returns (images (F, ny, nx), truth (F, ny, nx) int: pore from 1, 0 solid,
    drift (F, 2), pairs [(pore, pore)] that merge).
    """
    rng = np.random.default_rng(seed)
    room = 60  # around the picture, so that it can drift
    ny, nx = shape[0] + 2 * room, shape[1] + 2 * room
    spacing = np.sqrt(shape[0] * shape[1] / pores)
    sites = []
    while len(sites) < 4 * pores:
        trial = rng.uniform(0, 1, 2) * (ny, nx)
        if all(np.hypot(*(trial - s)) > 0.72 * spacing for s in sites):
            sites.append(trial)
        elif rng.random() < 0.001:
            break
    sites = np.array(sites)
    radii = spacing * rng.uniform(0.10, 0.26, len(sites))
    near = np.hypot(sites[:, None, 0] - sites[None, :, 0], sites[:, None, 1] - sites[None, :, 1]) + 1e9 * np.eye(len(sites))
    pairs, taken = [], set()
    inner = ((sites > room + 40) & (sites < np.array([ny, nx]) - room - 40)).all(axis=1)
    for a, b in zip(*np.unravel_index(np.argsort(near, axis=None), near.shape)):
        if len(pairs) == merging:
            break
        if inner[a] and inner[b] and not {a, b} & taken and a < b:
            pairs.append((int(a), int(b)))
            taken |= {a, b}
    final = rng.uniform(-0.3, 0.8, len(sites)) * radii  # the radius at the end; below 0 the pore has closed
    for a, b in pairs:
        radii[[a, b]] = 0.38 * near[a, b]
        final[[a, b]] = 0.54 * near[a, b]
    warp = [1.5 * _noise(rng, (ny, nx), 8.0) for _ in range(2)]
    windows, distances = [], []
    for k, site in enumerate(sites):
        angle, aspect = rng.uniform(0, np.pi), 1.0 if k in taken else rng.uniform(1.0, 1.6)
        reach = 1.4 * max(radii[k], final[k]) + 10
        window = tuple(slice(max(0, int(c - reach)), min(n, int(c + reach))) for c, n in zip(site, (ny, nx)))
        y, x = np.mgrid[window].astype(float)
        dy, dx = y + warp[0][window] - site[0], x + warp[1][window] - site[1]
        u, v = np.cos(angle) * dx + np.sin(angle) * dy, -np.sin(angle) * dx + np.cos(angle) * dy
        windows.append(window)
        distances.append(np.hypot(u / np.sqrt(aspect), v * np.sqrt(aspect)))
    grain = texture * _noise(rng, (ny, nx), 3.0)
    walk = np.vstack([[0, 0], np.cumsum(rng.normal(0, drift, (frames - 1, 2)), axis=0)])
    walk = np.clip(walk, -room + 12, room - 12)
    images, truth = np.empty((frames, *shape), np.uint8), np.zeros((frames, *shape), int)
    rows, columns = np.mgrid[: shape[0], : shape[1]].astype(float) + room
    for f in range(frames):
        share = f / max(frames - 1, 1)
        top, owner = np.full((ny, nx), -np.inf), np.zeros((ny, nx), int)
        for k, (window, distance) in enumerate(zip(windows, distances)):
            level = (1 - share) * radii[k] + share * final[k] - distance
            higher = level > top[window]
            top[window][higher], owner[window][higher] = level[higher], k
        at = np.stack([rows - walk[f, 0], columns - walk[f, 1]])
        grey = np.where(top > 0, 0.0, 1.0 + grain)
        seen = map_coordinates(gaussian_filter(grey, 0.8), at, order=1)
        seen = seen * (1 + 0.03 * rng.standard_normal()) + 0.05 * (rows / ny - 0.5) + noise * rng.standard_normal(shape)
        images[f] = np.clip(70 + 110 * seen, 0, 255)
        place = np.clip(np.round(at).astype(int), 0, [[[ny - 1]], [[nx - 1]]])
        truth[f] = np.where(top > 0, owner + 1, 0)[tuple(place)]
    return images, truth, walk, [(a + 1, b + 1) for a, b in pairs]
