"""Regions of a labelled image: particles that touch and pores that connect, told apart at their necks."""

import numpy as np
from scipy import ndimage

NECK = 0.75  # a passage narrower than this share of the narrower region's width parts two particles
DISTINCT = 1.5  # a pore is this much wider than the passage to it, as in measures.pores


def particles(index, owner, phases, neck=NECK):
    """The particles of a segmented image: (labels like index, -1 in pores; (P,) phase of each; number of cuts).

    index: class of each pixel; owner: (k,) phase of each class, -1 for pore; phases: the `PhaseLabels` of the solid
    phases: where one has a range of labels, its labels are particles already. Elsewhere connected regions of a phase are
    parted where the passage is narrower than `neck` times the width of the narrower part (watershed of the distance to
    the region's edge).
    """
    labels, phase, cuts = np.full(index.shape, -1), [], 0
    for number, entry in enumerate(phases):
        if any(low != high for low, high in entry.ranges):
            for value in np.flatnonzero(owner == number):
                found, count = ndimage.label(index == value)
                labels[found > 0] = found[found > 0] - 1 + len(phase)
                phase += [number] * count
            continue
        mask = owner[index] == number
        found = basins(mask, lambda saddle, low: saddle >= neck * low)
        count = int(found.max(initial=0))
        cuts += count - ndimage.label(mask)[1]
        labels[mask] = found[mask] - 1 + len(phase)
        phase += [number] * count
    return labels, np.array(phase, int), cuts


def pores(mask, throat=None, smallest=1):
    """The pores in a mask of pore pixels: labels from 1 by falling size, 0 elsewhere.

    throat: pixels, width of the passage at which two pores are one; None: whatever connects by the sides of pixels is one pore.
    smallest: pixels; smaller pores are left out, and slits that are nowhere wider than two pixels.
    """
    if throat is None:
        found = ndimage.label(mask)[0]
    else:
        found = basins(mask, lambda saddle, low: (2 * saddle >= throat) | (2 * low < np.maximum(throat, 2 * DISTINCT * saddle)))
    size = np.bincount(found.ravel())[1:]
    order = np.argsort(-size, kind="stable")
    wide = np.bincount(found[ndimage.binary_erosion(mask, border_value=1)], minlength=len(size) + 1)[1:] > 0
    order = order[(size[order] >= smallest) & wide[order]]
    number = np.zeros(len(size) + 1, np.int32)
    number[order + 1] = np.arange(1, len(order) + 1)
    return number[found]


def basins(mask, joined):
    """Regions of a mask around the local maxima of the distance to its edge, numbered from 1; 0 outside.

    joined: function of the largest distance on the border between two regions and the largest in the narrower one (numbers,
    pixels) that says whether they are one. Wide passages are judged first.
    """
    from skimage.feature import peak_local_max
    from skimage.segmentation import watershed

    if not mask.any():
        return np.zeros(mask.shape, np.int32)
    # The stairs of an edge make many maxima; half a pixel of blur leaves those that matter.
    distance = ndimage.gaussian_filter(ndimage.distance_transform_edt(np.pad(mask, 1, mode="edge")), 1.0)
    distance = np.where(mask, distance[(slice(1, -1),) * mask.ndim], 0.0)
    whole, count = ndimage.label(mask)
    peaks = peak_local_max(distance, min_distance=2, labels=whole, exclude_border=False)
    markers = np.zeros(mask.shape, np.int32)
    markers[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    # A region too thin for a maximum is its own.
    bare = np.setdiff1d(np.arange(1, count + 1), whole[markers > 0])
    lost = np.isin(whole, bare) & mask
    markers[lost] = len(peaks) + whole[lost]
    markers = np.unique(markers, return_inverse=True)[1].reshape(mask.shape).astype(np.int32)
    regions = watershed(-distance, markers, mask=mask)
    parent = _joined(regions, distance, joined)
    return np.unique(parent[regions], return_inverse=True)[1].reshape(mask.shape).astype(np.int32)


def _joined(regions, distance, joined):
    """(n + 1,) the region that each becomes part of."""
    n = int(regions.max())
    one, other, level = [], [], []
    for axis in range(regions.ndim):
        a, b = (np.moveaxis(regions, axis, 0)[cut] for cut in (slice(None, -1), slice(1, None)))
        da, db = (np.moveaxis(distance, axis, 0)[cut] for cut in (slice(None, -1), slice(1, None)))
        meet = (a != b) & (a > 0) & (b > 0)
        one.append(np.minimum(a, b)[meet])
        other.append(np.maximum(a, b)[meet])
        level.append(np.minimum(da, db)[meet])
    key = np.concatenate(one).astype(np.int64) * (n + 1) + np.concatenate(other)
    pairs, inverse = np.unique(key, return_inverse=True)
    saddle = np.zeros(len(pairs))
    np.maximum.at(saddle, inverse, np.concatenate(level))
    peak = ndimage.maximum(distance, regions, np.arange(n + 1))
    parent = np.arange(n + 1)

    def root(i):
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for k in np.argsort(-saddle, kind="stable"):
        a, b = root(pairs[k] // (n + 1)), root(pairs[k] % (n + 1))
        if a != b and joined(saddle[k], min(peak[a], peak[b])):
            keep, gone = (a, b) if peak[a] >= peak[b] else (b, a)
            parent[gone] = keep
    return np.array([root(i) for i in range(n + 1)])
