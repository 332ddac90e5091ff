"""What images tell: fractions of the phases, pores, and what becomes of each pore from frame to frame."""

from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from ...measures import BEYOND, paper_expansion, pure_expansion
from ..analysis import Analysis, LabError, Value
from .regions import DISTINCT, NECK, pores
from .runs import run_frames
from .segmentation import BLOCKS, SHIFT, Segmentation, assign, fractions_table, segment
from .tracking import OVERLAP, TEXTURE, UPSAMPLING, Tracks, drifts, track

SMALLEST = 12  # pixels; a smaller pore is taken for noise, or as closed
THROAT = 0.15  # of the mean particle radius: the passage at which two pores of a run are one, as in measures.pores


@dataclass(frozen=True, eq=False)
class Expansion:
    """Pore areas relative to the start if the growth of the active phase went into the pores alone, frame by frame.

    x: (F,) lithiation; published: (F,) 1 - x, as Xiong et al. (2024) have it; own: (F,) from `growth` (F,), the grown volume of
    the active phase per volume at the start, its share `fraction` of the electrode and the `porosity` at the start.
    """

    x: np.ndarray
    growth: np.ndarray
    fraction: float
    porosity: float

    @property
    def published(self):
        return np.maximum(paper_expansion(self.x - self.x[0]), 0.0)

    @property
    def own(self):
        return np.maximum(pure_expansion(1.0, self.growth - 1.0, self.fraction, self.porosity), 0.0)


@dataclass(frozen=True, eq=False)
class Sequence:
    """Pores followed through frames: `tracks`, the labelled `regions` of each frame, position of the frames `at` ("frame"
    or "cycle" as `axis` says), `expansion` where the lithiation is known, `unit` (of a pixel's area or volume) and `size` of one,
    `whole` (N,): the pores of the first frame whose size there is known."""

    name: str
    tracks: Tracks
    regions: list
    at: np.ndarray
    axis: str
    expansion: Expansion | None
    size: float
    unit: str
    spacing: tuple
    origin: str = ""

    @property
    def whole(self):
        return np.isfinite(self.tracks.areas[0, : self.tracks.first])

    @property
    def relative(self):
        """(F, N) sizes relative to the first frame, of the `whole` pores."""
        return self.tracks.relative[:, self.whole]

    def median(self, k=-1):
        """Median relative size in a frame of the pores whose size is known there; NaN if none is."""
        known = self.relative[k][np.isfinite(self.relative[k])]
        return float(np.median(known)) if len(known) else float("nan")


def analyse(images, *, phases=None, classes=None, thresholds=None, blur=None, smallest=SMALLEST, throat=None, drift=True, x=None, fractions=None, growth=None, run=None, pixel=None):
    """The fractions of an image's phases and its pores, or the pores of several frames followed: Analysis.

    images: list of `reading.Image`, frames of one sequence; phases: what `parse_phases` made: which label is which phase;
    without it the darkest class is the pores. classes, thresholds, blur: see `segment`; the thresholds of the first frame serve
    all. smallest: pixels; throat: um, width of the passage at which two pores are one (None: pores that connect are one; for
    a run THROAT mean particle radii). drift: correct it. x: (F,) lithiation of each frame; growth: function of x that gives the
    active phase's volume per volume at x = 0; fractions: (of the active phase, porosity) of the electrode, measured in the
    first frame by default. run: folder of a run whose states are followed by the same code; pixel: um of its images.
    Raises LabError.
    """
    made = Analysis("image")
    sequences = []
    if images:
        frames = _frames(made, images, phases, classes, thresholds, blur)
        first = frames[0]
        if len(frames) > 1:
            sequences.append(_follow_images(made, images, frames, phases, smallest, throat, drift, x, fractions, growth))
        else:
            if x is not None:
                raise LabError("the lithiation belongs to frames; give two or more")
            _one(made, images[0], first, smallest, throat)
        made.curves |= {"image": images[0], "segmentation": first["segmentation"], "names": first["names"], "roles": first["roles"], "owner": first["owner"]}
        if len(images) > 1:
            made.curves["last image"] = images[-1]
    if run is not None:
        sequences.append(_follow_run(made, run, pixel, smallest, throat))
    if sequences:
        _report(made, sequences)
        made.curves["sequences"] = sequences
    return made


# --- segmentation of all frames


def _frames(made, images, phases, classes, thresholds, blur):
    """Segmentation, names and pores of each frame; the first one's fractions go into the analysis."""
    image = images[0]
    shape = image.values.shape
    other = next((i for i in images if i.values.shape != shape), None)
    if other is not None:
        raise LabError(f"{other.name} has {_shape(other.values)} pixels, {image.name} {_shape(image.values)}; frames need one size (crop them)")
    segmentation = segment(image.values, classes=classes, thresholds=thresholds, blur=blur, labels=_labels(image.values, phases, classes, thresholds))
    labels = segmentation.labels
    if phases is None:
        owner, names, roles = np.where(np.arange(len(labels)) == 0, -1, np.arange(len(labels)) - 1), ["pore", *(f"class {v:g}" for v in labels[1:])], ["pore"] + ["framework"] * (len(labels) - 1)
        made.notes.append(f"The darkest class ({_range(segmentation, 0)}) is taken as pores; --phases says otherwise.")
    else:
        owner = assign(labels, phases)
        solid = [p for p in phases if p.role != "pore"]
        names = ["pore" if k < 0 else solid[k].name for k in owner]
        roles = ["pore" if k < 0 else solid[k].role for k in owner]
    out = []
    for k, frame in enumerate(images):
        found = segmentation if k == 0 else _again(segmentation, frame)
        out.append({"segmentation": found, "owner": owner, "names": names, "roles": roles, "pores": owner[found.index] < 0})
    table, values = fractions_table(segmentation, names)
    made.values |= {"pixels": Value(image.values.size), **({"scale": Value(image.spacing[-1] * 1000, "nm")} if image.spacing else {}), **values}
    if "pore" in names:
        made.values["porosity"] = made.values.pop("fraction pore")
    made.tables["phases"] = table
    made.choices |= {
        "file": [i.name for i in images], "scale": image.scale or "unknown", "spacing um": image.spacing, "segmentation": segmentation.source,
        "thresholds": segmentation.thresholds, "blur px": segmentation.blur, "threshold shift for sensitivity": segmentation.shift,
        "threshold shift, share of the distance between class means": SHIFT if len(segmentation.thresholds) else None,
        "uncertainty of fractions": f"standard error of the mean over {BLOCKS} parts along each axis",
    }  # fmt: skip
    made.notes += dict.fromkeys(note for i in images for note in i.notes)
    _check_brightness(made, segmentation, images)
    return out


def _labels(values, phases, classes, thresholds):
    """The values that are labels since the phases name them all (but one at most, the pores); None: to be seen."""
    if phases is None or classes is not None or thresholds is not None:
        return None
    found = np.unique(values)
    named = np.any([p.holds(found) for p in phases], axis=0)
    return found if (~named).sum() <= 1 else None


def _again(segmentation, frame):
    """A frame segmented as the first one was."""
    if len(segmentation.thresholds):
        try:
            return segment(frame.values, thresholds=segmentation.thresholds, blur=segmentation.blur)
        except LabError as error:
            raise LabError(f"{frame.name}: {error}") from None
    extra = np.setdiff1d(np.unique(frame.values), segmentation.labels)
    if len(extra):
        raise LabError(f"{frame.name}: the label {extra[0]:g} is not in the first frame, whose labels are {', '.join(f'{v:g}' for v in segmentation.labels)}")
    index = np.searchsorted(segmentation.labels, frame.values).astype(np.uint16)
    shares = np.bincount(index.ravel(), minlength=len(segmentation.labels)) / index.size
    return replace(segmentation, index=index, fractions=shares, lower=shares, upper=shares)


def _check_brightness(made, segmentation, images):
    if not len(segmentation.thresholds) or len(images) < 2:
        return
    middle = np.array([np.median(i.values) for i in images])
    change = np.abs(middle - middle[0]).max()
    if change > segmentation.shift.min():
        made.notes.append(f"The frames' brightness (median grey value) changes by up to {change:.3g}, more than the shift of the thresholds that is used for the sensitivity; the thresholds are those of the first frame. Even out the brightness if the pores seem to grow or shrink everywhere.")


def _range(segmentation, k):
    t = segmentation.thresholds
    if not len(t):
        return f"label {segmentation.labels[k]:g}"
    return f"grey below {t[0]:.4g}" if k == 0 else f"grey from {t[k - 1]:.4g}"


def _shape(values):
    return " x ".join(str(n) for n in values.shape[::-1])


def _unit(spacing, dimension):
    """Size of a pixel's area or volume and its unit."""
    return (1.0, "px") if spacing is None else (float(np.prod(spacing)), "um2" if dimension == 2 else "um3")


def _throat(throat, spacing):
    """The throat in pixels."""
    if throat is None:
        return None
    if spacing is None:
        raise LabError('the throat is a length, but the scale is unknown; give it, as in --scale "50 nm"')
    return throat / spacing[-1]


# --- one image


def _one(made, image, frame, smallest, throat):
    found = pores(frame["pores"], _throat(throat, image.spacing), smallest)
    count = int(found.max(initial=0))
    size, unit = _unit(image.spacing, found.ndim)
    number = np.arange(1, count + 1)
    area = np.bincount(found.ravel(), minlength=count + 1)[1:] * size
    step = np.array(image.spacing or (1.0,) * found.ndim)
    centre = np.array(ndimage.center_of_mass(found > 0, found, number)).reshape(-1, found.ndim) * step
    edge = np.unique(np.concatenate([np.take(found, [0, -1], axis=axis).ravel() for axis in range(found.ndim)]))
    length = "um" if image.spacing else "px"
    what = "area" if found.ndim == 2 else "volume"
    diameter = 2 * np.sqrt(area / np.pi) if found.ndim == 2 else np.cbrt(6 * area / np.pi)
    made.tables["pores"] = {
        "pore": number, **{f"{axis} [{length}]": centre[:, -1 - k] for k, axis in enumerate("xyz"[: found.ndim])},
        f"{what} [{unit}]": area, f"diameter of equal {what} [{length}]": diameter, "cut by the edge": np.isin(number, edge),
    }  # fmt: skip
    made.values["pores"] = Value(count)
    if count:
        made.values["share of the largest pore in all pores"] = Value(float(area.max() / (frame["pores"].sum() * size)))
    made.choices |= {"smallest pore px": smallest, "throat um": throat, "pores connect by": "sides of pixels" if found.ndim == 2 else "faces of voxels"}
    made.curves["pores"] = found


# --- frames


def _follow_images(made, images, frames, phases, smallest, throat, drift, x, fractions, growth):
    spacing, dimension = images[0].spacing, images[0].values.ndim
    passage = _throat(throat, spacing)
    grey = len(frames[0]["segmentation"].thresholds) > 0
    moved = None
    if drift:
        moved = drifts([i.values for i in images] if grey else [f["pores"] for f in frames])
    regions = [pores(f["pores"], passage, smallest) for f in frames]
    if not regions[0].max():
        raise LabError(f"{images[0].name}: no pore of {smallest} pixels or more in the first frame; other thresholds or --phases may show them")
    tracks = track(regions, moved)
    if drift:
        made.choices |= {"drift": f"cross-correlation from frame to frame, to 1/{UPSAMPLING} pixel, of variations below {TEXTURE:.3g} of the image's side"}
    else:
        made.choices["drift"] = "not corrected"
    expansion = None
    if x is not None:
        expansion = _expansion(made, frames[0], phases, np.asarray(x, float), len(images), fractions, growth)
    size, unit = _unit(spacing, dimension)
    at, axis = (np.arange(1, len(images) + 1), "frame") if x is None else (cycles_of(expansion.x), "cycle")
    sequence = Sequence("images", tracks, regions, at, axis, expansion, size, unit, spacing, images[0].name)
    if grey:
        _sensitivity(made, sequence, images, frames, moved, passage, smallest)
    made.choices |= {"smallest pore px": smallest, "throat um": throat}
    return sequence


def _expansion(made, frame, phases, x, count, fractions, growth):
    if len(x) != count:
        raise LabError(f"{len(x)} values of the lithiation for {count} frames; one a frame is needed")
    if not ((x >= 0) & (x <= 1)).all():
        raise LabError(f"the lithiation goes from {x.min():g} to {x.max():g}; 0 to 1 is allowed")
    s: Segmentation = frame["segmentation"]
    if growth is None:
        raise LabError("the expansion lines need the active phase's growth: name it in --phases (as in 85=active:selenium), or give --dV")
    active = np.array(frame["roles"]) == "active"
    if fractions is None:
        if not active.any():
            raise LabError("the expansion lines need the active phase's fraction: name it in --phases (as in 85=active:selenium), or give --fractions ACTIVE,POROSITY")
        fractions = float(s.fractions[active].sum()), float(s.fractions[frame["owner"] < 0].sum())
        made.choices["expansion"] = "fractions measured in the first frame"
    else:
        made.choices["expansion"] = "fractions given"
    return Expansion(x, growth(x) / growth(x[:1]), *fractions)


def cycles_of(x):
    """Position of frames in cycles from their lithiation: each stretch in one direction is half a cycle."""
    x = np.asarray(x, float)
    at, start, k = np.zeros(len(x)), 0.0, 0
    while k < len(x) - 1:
        turn = np.sign(x[k + 1] - x[k])
        end = k + 1
        while end < len(x) - 1 and np.sign(x[end + 1] - x[end]) in (turn, 0):
            end += 1
        span = x[end] - x[k]
        if turn == 0:
            at[k + 1 : end + 1] = start
        else:
            at[k + 1 : end + 1] = start + 0.5 * (x[k + 1 : end + 1] - x[k]) / span
            start += 0.5
        k = end
    return at


def _sensitivity(made, sequence, images, frames, moved, passage, smallest):
    """Median relative size at the end with all thresholds moved down and up."""
    s = frames[0]["segmentation"]
    for word, sign in (("down", -1), ("up", 1)):
        try:
            shifted = [segment(i.values, thresholds=s.thresholds + sign * s.shift, blur=s.blur) for i in images]
            tracks = track([pores(frames[0]["owner"][f.index] < 0, passage, smallest) for f in shifted], moved)
        except LabError:
            continue
        made.values[f"median relative size at the end, thresholds {word}"] = Value(replace(sequence, tracks=tracks).median())


def _follow_run(made, directory, pixel, smallest, throat):
    found = run_frames(directory, pixel)
    made.notes += found["notes"]
    throat = THROAT * found["radius"] if throat is None else throat
    spacing = (found["pixel"],) * 2
    regions = [pores(image == -1, throat / found["pixel"], smallest) for image in found["images"]]
    expansion = Expansion(found["x"], found["growth"], found["fraction"], found["porosity"])
    made.choices |= {"run": str(directory), "pixel of the run um": found["pixel"], "throat of the run um": throat, "smallest pore px": smallest}
    size, unit = _unit(spacing, 2)
    made.curves["run"] = {key: found[key] for key in ("images", "names", "roles", "pixel")}
    return Sequence("run", track(regions), regions, found["cycle"], "cycle", expansion, size, unit, spacing, str(directory))


def _report(made, sequences):
    tables = {}
    for sequence in sequences:
        behind = f" ({sequence.name})" if len(sequences) > 1 else ""
        tracks, relative = sequence.tracks, sequence.relative
        counts = {event: sum(e["event"] == event for e in tracks.events) for event in ("closed", "reopened", "merged", "parted", "split", "opened")}
        known = np.isfinite(relative[-1])
        values = {"pores in the first frame": Value(tracks.first), "of these whole in the first and last": Value(int(known.sum()))}
        if known.any():
            low, high = np.percentile(relative[-1][known], (25, 75))
            values["median relative size at the end"] = Value(sequence.median())
            values |= {"lower quartile": Value(float(low)), "upper quartile": Value(float(high))}
        values |= {f"pores {event}" if event != "merged" else "mergers": Value(number) for event, number in counts.items() if number}
        if sequence.expansion is not None:
            e = sequence.expansion
            values |= {
                "pure expansion at the end, as published (1 - x)": Value(float(e.published[-1])),
                "pure expansion at the end, by volume fractions": Value(float(e.own[-1])),
            }
            if known.any():
                values["pores below the published line at the end"] = Value(float((relative[-1][known] < e.published[-1]).mean()))
                values["pores below the line by volume fractions at the end"] = Value(float((relative[-1][known] < e.own[-1]).mean()))
            made.choices |= {f"growth of the active phase at the end{behind}": float(e.growth[-1]), f"active fraction{behind}": e.fraction, f"porosity{behind}": e.porosity}
        made.values |= {name + behind: value for name, value in values.items()}
        tables |= {name + behind: table for name, table in _tables(sequence).items()}
        if sequence.expansion is not None and (sequence.expansion.own == 0).any():
            made.notes.append("By the volume fractions the growth fills more than the pores at times: the line is cut at 0 there.")
    made.tables = tables | made.tables
    made.choices |= {"same pore if they share, of the smaller region": OVERLAP, "two hollows are distinct if wider than the passage by": DISTINCT}


def _tables(sequence):
    """One row a pore of the first frame; one row a frame; one row a pore and frame; one row an event."""
    tracks, spacing = sequence.tracks, sequence.spacing
    frames, count = tracks.areas.shape
    length = "um" if spacing else "px"
    step = np.array(spacing or (1.0,) * tracks.drift.shape[1])
    what = "area" if tracks.drift.shape[1] == 2 else "volume"
    axes = "xyz"[: tracks.drift.shape[1]]
    first = tracks.first
    with np.errstate(invalid="ignore"):
        relative = tracks.areas / np.where(np.arange(count) < first, tracks.areas[0], np.nan)
    last = [_fate(tracks, k) for k in range(first)]
    pores_table = {
        "pore": np.arange(1, first + 1), **{f"{axis} [{length}]": tracks.centres[0, :first, -1 - k] * step[-1 - k] for k, axis in enumerate(axes)},
        f"{what} [{sequence.unit}]": tracks.areas[0, :first] * sequence.size,
        f"relative {what} at the end []": relative[-1, :first],
        f"smallest relative {what} []": _least(relative[:, :first]),
        "at the end": last,
    }  # fmt: skip
    known = np.isfinite(sequence.relative)
    quartiles = [np.percentile(row[ok], (25, 50, 75)) if ok.any() else (np.nan,) * 3 for row, ok in zip(sequence.relative, known)]
    frames_table = {
        "frame": np.arange(1, frames + 1), **({"cycle []": sequence.at} if sequence.axis == "cycle" else {}),
        **{f"drift {axis} [{length}]": tracks.drift[:, -1 - k] * step[-1 - k] for k, axis in enumerate(axes)},
        "pores": [len(s) for s in tracks.shares], **{f"relative {what}, {name} []": [q[i] for q in quartiles] for i, name in enumerate(("lower quartile", "median", "upper quartile"))},
    }  # fmt: skip
    if sequence.expansion is not None:
        e = sequence.expansion
        frames_table |= {"lithiation []": e.x, "pure expansion as published []": e.published, "pure expansion by volume fractions []": e.own}
    pore, frame = (a.ravel() for a in np.meshgrid(np.arange(count), np.arange(frames)))
    seen = tracks.state[frame, pore] != "not yet open"
    pore, frame = pore[seen], frame[seen]
    tracks_table = {
        "frame": frame + 1, "pore": pore + 1, **{f"{axis} [{length}]": tracks.centres[frame, pore, -1 - k] * step[-1 - k] for k, axis in enumerate(axes)},
        f"{what} [{sequence.unit}]": tracks.areas[frame, pore] * sequence.size, f"relative {what} []": relative[frame, pore],
        "state": tracks.state[frame, pore], "part of": tracks.with_[frame, pore] + 1, "pieces": tracks.pieces[frame, pore],
    }  # fmt: skip
    events = {key: [e[key] for e in tracks.events] for key in ("frame", "event", "pore", "others")}
    return {"pores": pores_table, "frames": frames_table, "tracks": tracks_table, "events": events}


def _fate(tracks, pore):
    state = str(tracks.state[-1, pore])
    return f"merged with {tracks.with_[-1, pore] + 1}" if state == "merged" and tracks.with_[-1, pore] != pore else state


def _least(relative):
    known = np.isfinite(relative)
    return np.where(known.any(axis=0), np.where(known, relative, np.inf).min(axis=0), np.nan)
