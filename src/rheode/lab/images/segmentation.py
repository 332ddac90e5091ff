"""From grey values to phases: labels recognised, else thresholds (Otsu's, or given), and how much hangs on them."""

import re
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ..analysis import LabError, Value

FEW = 16  # an image with no more values than this shows labels, not grey
SHIFT = 0.05  # of the distance between the mean grey values of two classes: how far thresholds are moved for the sensitivity
BLUR = 1.0  # pixels: standard deviation of the Gaussian that is applied to grey images first
BLOCKS = 4  # along each axis: parts of the image whose spread tells how well it stands for the electrode


@dataclass(frozen=True, eq=False)
class Segmentation:
    """The classes of an image.

    index: (ny, nx) or (nz, ny, nx), number of the class of each pixel from 0 (the darkest); labels: (k,) what a class is
    called: the grey value of a label image, else its number; thresholds: (k - 1,) grey values, none for a label image: a
    pixel belongs to class i where threshold i - 1 <= grey < threshold i; fractions: (k,); uncertainty: (k,) standard
    uncertainty of the fractions as those of the whole electrode, from the spread between BLOCKS parts along each axis;
    lower, upper: (k,) fractions with all thresholds moved down and up by `shift` (k - 1,); source: how it was done.
    """

    index: np.ndarray
    labels: np.ndarray
    thresholds: np.ndarray
    fractions: np.ndarray
    uncertainty: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    shift: np.ndarray
    source: str
    blur: float


def segment(values, *, classes=None, thresholds=None, blur=None, labels=None):
    """The classes of an image (any dimension).

    thresholds: given grey values, ascending; classes: number of classes, whose thresholds are then found by Otsu's
    method (Otsu 1979; several: Liao 2001), 2 by default. labels: (k,) grey values that are labels. Without any of these, an image of
    FEW values or fewer is taken as labelled. blur: pixels, BLUR for grey images by default, never for labels. Raises LabError.
    """
    if thresholds is None and classes is None:
        found = np.unique(values) if labels is None else np.asarray(labels)
        if labels is not None or len(found) <= FEW:
            if len(found) < 2:
                raise LabError(f"the image has the same value {found[0]:g} everywhere; nothing can be told apart")
            index = np.searchsorted(found, values)
            return _made(index, found, np.empty(0), None, None, "grey values taken as labels", 0.0)
    blur = BLUR if blur is None else float(blur)
    if not 0 <= blur <= 20:
        raise LabError(f"the blur is {blur:g} pixels; 0 to 20 is allowed")
    grey = ndimage.gaussian_filter(values.astype(np.float32), blur) if blur else values.astype(np.float32)
    if thresholds is None:
        thresholds, source = otsu(grey, 2 if classes is None else classes), "Otsu's thresholds"
    else:
        thresholds, source = np.asarray(thresholds, float), "thresholds given"
        if not (np.diff(thresholds) > 0).all() or not (np.isfinite(thresholds)).all():
            raise LabError(f"the thresholds {', '.join(f'{t:g}' for t in thresholds)} must ascend")
        low, high = float(grey.min()), float(grey.max())
        if thresholds[0] <= low or thresholds[-1] > high:
            raise LabError(f"the thresholds {', '.join(f'{t:g}' for t in thresholds)} leave a class empty; the grey values go from {low:.4g} to {high:.4g}")
    return _made(_classes(grey, thresholds, blur), np.arange(len(thresholds) + 1), np.asarray(thresholds, float), grey, SHIFT, source, blur)


def otsu(grey, classes):
    """(classes - 1,) thresholds that leave the least variance within the classes."""
    from skimage.filters import threshold_multiotsu

    if not 2 <= classes <= 5:
        raise LabError(f"{classes} classes; 2 to 5 are told apart by Otsu's method (give thresholds for more)")
    try:
        return np.asarray(threshold_multiotsu(grey, classes), float)
    except ValueError:
        raise LabError(f"the image has too few grey values for {classes} classes") from None


def _classes(grey, thresholds, blur):
    """Class of each pixel. An edge between a dark and a bright phase passes through the grey of those between them: what
    lies between, is thinner than the blur makes an edge and borders on both, goes to the one whose grey is nearer."""
    index = np.digitize(grey, thresholds)
    if len(thresholds) < 2:
        return index
    means = ndimage.mean(grey, index, np.arange(len(thresholds) + 1))
    reach = round(1 + blur)
    ball = ndimage.distance_transform_edt(np.pad(np.zeros((1,) * index.ndim), reach, constant_values=1)) <= reach + 0.5
    for k in range(1, len(thresholds)):
        mine = np.pad(index == k, reach, mode="edge")
        thin = mine & ~ndimage.binary_opening(mine, ball)
        thin = thin[(slice(reach, -reach),) * index.ndim]
        ends = []
        for side in (index < k, index > k):
            away, at = ndimage.distance_transform_edt(~side, return_indices=True)
            thin &= away <= 2 * reach
            ends.append(index[tuple(at)])
        dark, bright = (means[end] for end in ends)
        index = np.where(thin, np.where(grey > 0.5 * (dark + bright), ends[1], ends[0]), index)
    return index


def _made(index, labels, thresholds, grey, share, source, blur):
    count = len(labels)
    fractions = np.bincount(index.ravel(), minlength=count) / index.size
    shift, lower, upper = np.zeros(len(thresholds)), fractions, fractions
    if grey is not None:
        means = ndimage.mean(grey, index, np.arange(count))
        shift = share * np.diff(means)
        lower, upper = (np.bincount(_classes(grey, thresholds + sign * shift, blur).ravel(), minlength=count) / index.size for sign in (-1, 1))
    return Segmentation(index.astype(np.uint16), labels, thresholds, fractions, _spread(index, count), lower, upper, shift, source, blur)


def _spread(index, count):
    """(count,) standard uncertainty of the fractions from the parts of the image, as if these were independent."""
    parts = [index]
    for axis in range(index.ndim):
        parts = [piece for part in parts for piece in np.array_split(part, min(BLOCKS, part.shape[axis]), axis=axis)]
    shares = np.array([np.bincount(part.ravel(), minlength=count) / part.size for part in parts])
    return shares.std(axis=0, ddof=1) / np.sqrt(len(parts))


# --- what the classes are


@dataclass(frozen=True)
class PhaseLabels:
    """The labels (ranges of values, both ends included) of one phase; role "pore" for pores, which have no material."""

    ranges: tuple[tuple[float, float], ...]
    role: str
    material: str = ""
    name: str = ""

    def holds(self, labels):
        """(k,) bool: which labels are this phase's."""
        return np.any([(labels >= low) & (labels <= high) for low, high in self.ranges], axis=0)


_NUMBER = r"\d+(?:\.\d+)?"
_PHASE = re.compile(rf"\s*({_NUMBER}(?:-{_NUMBER})?(?:\+{_NUMBER}(?:-{_NUMBER})?)*)\s*=\s*(pore|[a-z]+\s*:\s*[^:\s]+(?:\s*:\s*[A-Za-z]\w*)?)\s*")


def parse_phases(text):
    """The phases in a text such as "85=active:selenium, 170=framework:mo6se8:mse, 0=pore".

    Each is LABEL=ROLE:MATERIAL, with the phase's short name behind if wanted; a label is a value, several joined by "+", or a
    range "1-12" whose values then are particles of their own. Raises LabError.
    """
    found = []
    for part in text.split(","):
        match = _PHASE.fullmatch(part)
        if match is None:
            raise LabError(f'the phase {part.strip()!r} is not understood; write LABEL=ROLE:MATERIAL, as in "85=active:selenium, 170=framework:mo6se8, 0=pore"')
        ranges = tuple((float(r.split("-")[0]), float(r.split("-")[-1])) for r in match[1].split("+"))
        role, material, name = (*(p.strip() for p in match[2].split(":")), "", "")[:3]
        name = name or re.sub(r"\W+", "_", material)
        found.append(PhaseLabels(ranges, role, material, name if name[:1].isalpha() or not name else f"phase_{name}"))
    names = [phase.name for phase in found if phase.role != "pore"]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise LabError(f"two phases are called {twice}; join their labels by '+', or name them, as in 85=active:selenium:se")
    return found


def assign(labels, phases):
    """(k,) number of the phase of each label, -1 for pore, from what `parse_phases` made; numbers count what is no pore.

    A label that no phase names is pore if it is the only one. Raises LabError.
    """
    solid = [phase for phase in phases if phase.role != "pore"]
    owner = np.full(len(labels), -2)
    for phase in phases:
        mine = phase.holds(labels)
        if not mine.any():
            asked = "+".join(f"{a:g}" if a == b else f"{a:g}-{b:g}" for a, b in phase.ranges)
            raise LabError(f"no pixel has the label {asked}; the image's labels are {_listed(labels)}")
        if (owner[mine] != -2).any():
            raise LabError(f"the label {labels[mine][owner[mine] != -2][0]:g} is named twice")
        owner[mine] = -1 if phase.role == "pore" else solid.index(phase)
    left = owner == -2
    if left.sum() > 1 or (left.any() and (owner == -1).any()):
        raise LabError(f"the labels {_listed(labels[left])} have no phase; name them in --phases, pores as in {labels[left][0]:g}=pore")
    owner[left] = -1
    return owner


def _listed(labels):
    return ", ".join(f"{v:g}" for v in labels[:12]) + (", ..." if len(labels) > 12 else "")


def fractions_table(segmentation, names):
    """The fractions as a table, and as values by name: (table, {name: Value}). names: (k,) what the classes are called."""
    s = segmentation
    table = {"label": s.labels.tolist(), "phase": list(names), "fraction []": s.fractions, "uncertainty []": s.uncertainty}
    if len(s.thresholds):
        table |= {"fraction, thresholds down []": s.lower, "fraction, thresholds up []": s.upper}
    # Several labels may make one phase.
    values = {}
    for name in dict.fromkeys(names):
        mine = np.array([n == name for n in names])
        uncertainty = s.uncertainty[mine][0] if mine.sum() == 1 else None
        values[f"fraction {name}"] = Value(float(s.fractions[mine].sum()), "", None if uncertainty is None else float(uncertainty))
    return table, values
