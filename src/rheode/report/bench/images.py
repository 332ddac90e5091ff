"""Charts of micrographs: the image and its phases, the particles as meshed, and pores followed from frame to frame."""

import re

import numpy as np

from .. import style
from ..run import formula

LINES = (("as published, 1 − $x$", (0, (1, 1.4))), ("by volume fractions", (0, (4, 1.6))))
CLOSED = (1.0, 1.0, 1.0)
MOST_NUMBERS = 20


def chart(analysis):
    """The figure of what `rheode lab image` found: pores over frames where there are any, else one image."""
    with style.look():
        fig = _followed(analysis) if "sequences" in analysis.curves else _one(analysis)
        style.settle(fig)
    return fig


# --- one image


def _one(analysis):
    curves = analysis.curves
    segmentation, image = curves["segmentation"], curves["image"]
    meshed = curves.get("outlines")
    grey = len(segmentation.thresholds) > 0
    panels = 2 + grey + (meshed is not None) + (not grey and meshed is None)
    shown = curves.get("meshed index", _slice(segmentation.index))
    ratio = shown.shape[0] / shown.shape[1]
    width = 0.9 * style.DOUBLE / panels
    phases = len(dict.fromkeys(curves["names"]))
    fig = style.figure(style.DOUBLE, width * ratio + (10 + 3.6 * phases) * style.MM)
    axes = list(fig.subplots(1, panels))
    letters = iter("abcd")
    step = image.spacing[-1] if image.spacing else None

    ax = axes.pop(0)
    style.title(ax, next(letters), "Image" if image.values.ndim == 2 else "Middle slice")
    _picture(ax, _slice(image.values), step, cmap="gray", clip=True)
    _scale_bar(ax, step)
    ax = axes.pop(0)
    style.title(ax, next(letters), "Phases")
    colours = _colours(curves)
    _picture(ax, _coloured(shown, curves, colours), step)
    _key(ax, curves, colours)
    if meshed is not None:
        ax = axes.pop(0)
        style.title(ax, next(letters), f"{int(analysis.values['particles'].value)} particles as meshed")
        _mesh(ax, meshed, curves, colours)
    if grey:
        ax = axes.pop(0)
        style.title(ax, next(letters), "Grey values")
        _histogram(ax, image, segmentation, curves, colours)
        ax.set_box_aspect(ratio)
    elif meshed is None:
        ax = axes.pop(0)
        style.title(ax, next(letters), "Shares of the image")
        _shares(ax, analysis, curves, colours)
        ax.set_box_aspect(ratio)
    return fig


def _slice(values):
    return values if values.ndim == 2 else values[len(values) // 2]


def _colours(curves):
    """A colour for each class; classes of one phase share it."""
    roles = {name: role for name, role in zip(curves["names"], curves["roles"]) if role != "pore"}
    found = style.colours(roles) if curves["owner"].max() >= 0 else {}
    return [found.get(name, "#ffffff") for name in curves["names"]]


def _coloured(index, curves, colours):
    from matplotlib.colors import to_rgb

    return np.array([to_rgb(c) for c in colours])[index]


def _picture(ax, values, step, cmap=None, clip=False):
    """An image with its upper row on top; lengths in um where the scale is known, else in pixels."""
    step = step or 1.0
    ny, nx = values.shape[:2]
    limits = dict(zip(("vmin", "vmax"), np.percentile(values, (0.5, 99.5)))) if clip else {}
    ax.imshow(values, cmap=cmap, extent=(0, nx * step, ny * step, 0), interpolation="nearest", **limits)
    ax.set_xticks([])
    ax.set_yticks([])
    for spine in ax.spines.values():
        spine.set(visible=True, linewidth=0.5, color=style.QUIET)


def _scale_bar(ax, step):
    """A bar of a round length below the picture."""
    low, high = ax.get_xlim()
    bottom = ax.get_ylim()[0]
    size = high - low
    base = 10.0 ** np.floor(np.log10(0.3 * size))
    length = next(base * k for k in (5, 2, 1) if base * k <= 0.3 * size)
    y = bottom + 0.07 * size
    ax.plot([low, low + length], [y, y], color=style.INK, linewidth=1.8, solid_capstyle="butt", clip_on=False)
    unit, factor = ("px", 1) if step is None else ("µm", 1) if length >= 0.5 else ("nm", 1000)
    ax.text(low + length + 0.03 * size, y, f"{length * factor:g} {unit}", va="center", fontsize=7)
    ax.set_xlim(low, high)
    ax.set_ylim(bottom, 0)


def _key(ax, curves, colours):
    """Names of the phases below the picture, each behind a patch of its colour, with its share."""
    shares = {}
    for name, colour, share in zip(curves["names"], colours, curves["segmentation"].fractions):
        shares[name] = colour, shares.get(name, (colour, 0.0))[1] + share
    for k, (name, (colour, share)) in enumerate(shares.items()):
        spot = {"xy": (0, 0), "xycoords": "axes fraction", "textcoords": "offset points", "va": "center", "annotation_clip": False}
        ax.annotate("   ", xytext=(2, -8 - 10 * k), fontsize=4.5, bbox={"facecolor": colour, "edgecolor": style.QUIET, "linewidth": 0.5, "pad": 1.2}, **spot)
        ax.annotate(f"{_label(curves, name)}  {100 * share:.1f} %", xytext=(12, -8 - 10 * k), fontsize=7, **spot)


def _label(curves, name):
    """How a phase is called in the chart: by its material's title where that is known."""
    text = curves.get("labels", {}).get(name, name)
    return formula(text) if re.fullmatch(r"(?:[A-Z][a-z]?(?:\d{1,2})?)+", text) else text  # "Mo6Se8", but not "NCM811"


def _mesh(ax, outlines, curves, colours):
    from matplotlib.path import Path
    from matplotlib.patches import PathPatch

    width, height = curves["box"]
    phases = list(dict.fromkeys(owner for owner in curves["owner"].tolist() if owner >= 0))
    of = {owner: colours[curves["owner"].tolist().index(owner)] for owner in phases}
    loops = {}
    for number, (particle, phase, points) in enumerate(outlines):
        loops.setdefault((particle, phase), []).append(points)
    for (_, phase), rings in loops.items():
        corners = np.vstack([np.vstack([ring, ring[:1]]) for ring in rings])
        codes = np.concatenate([[Path.MOVETO] + [Path.LINETO] * (len(ring) - 1) + [Path.CLOSEPOLY] for ring in rings])
        ax.add_patch(PathPatch(Path(corners, codes), facecolor=of[phase], edgecolor=style.INK, linewidth=0.4))
    ax.set(xlim=(0, width), ylim=(0, height), aspect="equal", xticks=[], yticks=[])
    for spine in ax.spines.values():
        spine.set(visible=True, linewidth=0.5, color=style.QUIET)


def _histogram(ax, image, segmentation, curves, colours):
    """Shares of the grey values, coloured by class, with the thresholds and the band of their shift."""
    from scipy.ndimage import gaussian_filter

    values = image.values.astype(np.float32)
    values = gaussian_filter(values, segmentation.blur) if segmentation.blur else values
    low, high = np.percentile(values, (0.02, 99.98))
    edges = np.linspace(low, high, 121)
    shares = 100 * np.histogram(values, edges)[0] / values.size
    middle = 0.5 * (edges[1:] + edges[:-1])
    of = np.digitize(middle, segmentation.thresholds)
    fill = [style.FAINT if name == "pore" else style.tint(colour, 0.2) for name, colour in zip(curves["names"], colours)]
    ax.bar(middle, shares, width=np.diff(edges), color=[fill[k] for k in of], linewidth=0)
    for threshold, shift in zip(segmentation.thresholds, segmentation.shift):
        ax.axvspan(threshold - shift, threshold + shift, color=style.QUIET, alpha=0.3, linewidth=0)
        ax.axvline(threshold, color=style.INK, linewidth=0.8)
    top = 1.14 * shares.max()
    for threshold in segmentation.thresholds:
        ax.text(threshold, top, f"{threshold:.4g} ", ha="right", va="top", fontsize=6.5)
    ax.set(xlim=(low, high), ylim=(0, top), xlabel="Grey value" + (" (blurred)" if segmentation.blur else ""), ylabel="Share of the pixels (%)")


def _shares(ax, analysis, curves, colours):
    s = curves["segmentation"]
    at = np.arange(len(s.fractions))[::-1]
    ax.barh(at, 100 * s.fractions, 0.6, color=colours, edgecolor=style.QUIET, linewidth=0.6, xerr=100 * s.uncertainty, error_kw={"elinewidth": 0.8, "ecolor": style.INK})
    ax.set_yticks(at, [f"{_label(curves, name)} ({label:g})" for name, label in zip(curves["names"], s.labels)] if len(at) <= 12 else [""] * len(at))
    ax.set(xlabel="Share (%), with 1 s.d.", xlim=(0, None))


# --- frames


def _followed(analysis):
    sequences = analysis.curves["sequences"]
    first = sequences[0]
    shape = first.regions[0].shape[-2:]
    ratio = shape[0] / shape[1]
    picture = min(58 * style.MM * ratio, 70 * style.MM)
    fig = style.figure(style.DOUBLE, picture + 62 * style.MM)
    above, below = fig.add_gridspec(2, 1, height_ratios=(picture + 10 * style.MM, 52 * style.MM))
    turn = _turn(first)
    shown = [0, turn, len(first.regions) - 1] if 0 < turn < len(first.regions) - 1 else [0, len(first.regions) - 1]
    panels = above.subgridspec(1, len(shown)).subplots()
    shade = _shades(first)
    for letter, ax, k in zip("abc", panels, shown):
        style.title(ax, letter, _when(first, k))
        _pores(ax, analysis, first, k, shade)
    _scale_bar(panels[0], first.spacing[-1] if first.spacing else None)
    _shade_key(fig, panels)
    over, ends = below.subgridspec(1, 2, width_ratios=(1.15, 1)).subplots()
    what = "area" if first.tracks.drift.shape[1] == 2 else "volume"
    style.title(over, "abcd"[len(shown)], "Each pore")
    _against(over, sequences, what)
    style.title(ends, "abcde"[len(shown) + 1], "Pores by size at the end")
    _sorted(ends, first, turn)
    for ax in (over, ends):
        style.label_lines(ax, ax.labels_wanted, size=6.5, gap=0.062)
    return fig


def _turn(sequence):
    """The most lithiated frame; the last where the lithiation is not known."""
    return int(np.argmax(sequence.expansion.x)) if sequence.expansion is not None else len(sequence.regions) - 1


def _when(sequence, k):
    frame = f"Frame {k + 1}" if sequence.name == "images" else "Start" if k == 0 else "End" if k == len(sequence.regions) - 1 else "Lithiated"
    return frame + (f",  $x$ = {sequence.expansion.x[k]:.2f}" if sequence.expansion is not None else "")


def _shades(sequence):
    """Colour of each pore from its relative size at the end; grey where that is not known."""
    from matplotlib import colormaps

    last = sequence.tracks.areas[-1].copy()
    start = np.full(len(last), np.nan)
    start[: sequence.tracks.first] = sequence.tracks.areas[0, : sequence.tracks.first]
    with np.errstate(invalid="ignore"):
        share = last / start
    ramp = colormaps["viridis"]
    return [ramp(0.95 * min(s, 1.0)) if np.isfinite(s) else (0.72, 0.72, 0.72, 1.0) for s in share]


def _pores(ax, analysis, sequence, k, shade):
    """A frame, the pores coloured; solid phases pale."""
    regions = sequence.regions[k]
    cut = (len(regions) // 2,) if regions.ndim == 3 else ()
    labels = regions[cut]
    picture = np.full((*labels.shape, 3), 0.93)
    run = analysis.curves.get("run")
    if sequence.name == "run":
        from matplotlib.colors import to_rgb

        phases = run["images"][k]
        found = style.colours(dict(zip(run["names"], run["roles"])))
        for number, name in enumerate(run["names"]):
            picture[phases == number] = to_rgb(style.tint(found[name], 0.72))
        picture[phases == -1] = 1.0
        picture[phases == -2] = 1.0
    else:
        last = analysis.curves.get("last image")
        source = analysis.curves["image"] if k == 0 else last if k == len(sequence.regions) - 1 else None
        if source is not None:
            values = source.values[cut].astype(float)
            low, high = np.percentile(values, (1, 99))
            picture = np.repeat(0.45 + 0.5 * np.clip((values - low) / max(high - low, 1e-9), 0, 1)[..., None], 3, axis=-1)
    colours = np.zeros((int(regions.max()) + 1, 3))
    for j, held in enumerate(sequence.tracks.shares[k]):
        colours[j + 1] = shade[max(held, key=held.get)][:3]
    picture[labels > 0] = colours[labels[labels > 0]]
    _picture(ax, picture, sequence.spacing[-1] if sequence.spacing else None)
    if k == 0 and not cut:
        _numbers(ax, labels, sequence, shade)


def _numbers(ax, labels, sequence, shade):
    """Numbers of the largest pores, each where its pore is widest, if it is wide enough there."""
    from scipy.ndimage import distance_transform_edt, maximum_position

    wide = distance_transform_edt(labels > 0)
    step = np.array(sequence.spacing or (1.0, 1.0))
    for pore in np.flatnonzero(sequence.whole[:MOST_NUMBERS]):
        at = maximum_position(wide, labels, pore + 1)
        if wide[at] > 0.02 * max(labels.shape):
            y, x = (np.array(at) + 0.5) * step
            ax.text(x, y, str(pore + 1), fontsize=5, color="white" if np.mean(shade[pore][:3]) < 0.55 else style.INK, ha="center", va="center_baseline")


def _shade_key(fig, panels):
    from matplotlib import colormaps
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import ListedColormap, Normalize

    ramp = ListedColormap(colormaps["viridis"](np.linspace(0, 0.95, 256)))
    bar = fig.colorbar(ScalarMappable(Normalize(0, 100), ramp), ax=list(panels), location="right", fraction=0.025, pad=0.015, aspect=22, shrink=0.85, extend="max")
    bar.set_label("Size at the end, relative (%)", fontsize=7)
    bar.ax.tick_params(labelsize=6.5)
    bar.outline.set_linewidth(0.5)


def _against(ax, sequences, what):
    """Each pore's size relative to the start against cycle or frame, medians, and pure expansion."""
    labels, top = [], 100.0
    for number, sequence in enumerate(sequences):
        relative = 100 * sequence.relative
        measured = sequence.name == "images"
        colour = style.INK if measured or len(sequences) == 1 else style.RUNS[0]
        median = 100 * np.array([sequence.median(k) for k in range(len(sequence.at))])
        if number == 0:
            ax.plot(sequence.at, relative, color=style.QUIET, linewidth=0.45, alpha=0.5, marker="o" if measured and len(sequence.at) < 15 else None, markersize=1.8)
        else:
            known = [row[np.isfinite(row)] for row in relative]
            low, high = np.transpose([np.percentile(row, (25, 75)) if len(row) else (np.nan, np.nan) for row in known])
            ax.fill_between(sequence.at, low, high, color=colour, alpha=0.16, linewidth=0)
        ax.plot(sequence.at, median, color=colour, linewidth=1.6, **(style.open_marker(colour) | {"linestyle": "-"} if measured else {}))
        labels.append(("median" if len(sequences) == 1 else f"median, {sequence.name}", median[-1], colour))
        known = relative[np.isfinite(relative)]
        top = max(top, np.percentile(known, 99) if len(known) else top)
    at, expansion = next(((s.at, s.expansion) for s in sequences if s.expansion is not None), (None, None))
    if expansion is not None:
        for (name, dash), y in zip(LINES, (expansion.published, expansion.own)):
            ax.plot(at, 100 * y, color=style.ROLES["active"][1], linewidth=1.0, linestyle=dash)
            labels.append((name, 100 * y[-1], style.ROLES["active"][1]))
    last = max(s.at[-1] for s in sequences)
    first = min(s.at[0] for s in sequences)
    ax.set(xlim=(first - 0.015 * (last - first), last), ylim=(0, min(1.04 * top, 250)), ylabel=f"Pore {what}, relative (%)",
           xlabel="Frame" if sequences[0].axis == "frame" else "Cycle")
    if sequences[0].axis == "frame":
        from matplotlib.ticker import MaxNLocator

        ax.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
    ax.labels_wanted = labels


def _sorted(ax, sequence, turn):
    """Pores sorted by their size at the end: there, and at full lithiation, with pure expansion at the end."""
    relative = 100 * sequence.relative
    known = np.isfinite(relative[-1])
    end, full = relative[-1][known], relative[turn][known]
    order = np.argsort(end, kind="stable")
    number = np.arange(1, len(order) + 1)
    weight = sequence.tracks.areas[0, : sequence.tracks.first][sequence.whole][known][order]
    size = 4 + 26 * weight / weight.max() if len(weight) else 4
    labels = []
    between = 0 < turn < len(sequence.regions) - 1
    if between:
        pale = style.tint(style.INK, 0.55)
        ax.vlines(number, full[order], end[order], color=style.FAINT, linewidth=1.0, zorder=1)
        ax.scatter(number, full[order], s=size, color=pale, linewidths=0, zorder=2)
        if len(order):
            labels.append(("lithiated", full[order][-1], pale))
    ax.scatter(number, end[order], s=size, color=style.INK, linewidths=0, zorder=3)
    if len(order):
        labels.append(("at the end", end[order][-1], style.INK))
    if sequence.expansion is not None:
        for (name, dash), y in zip(LINES, (sequence.expansion.published[-1], sequence.expansion.own[-1])):
            ax.axhline(100 * y, color=style.ROLES["active"][1], linewidth=1.0, linestyle=dash, zorder=0)
            labels.append((name, 100 * y, style.ROLES["active"][1]))
    both = np.concatenate([end, full[np.isfinite(full)], [100.0]])
    ax.set(xlim=(0, len(order) + 1), ylim=(0, min(1.05 * np.percentile(both, 99), 250)), xlabel=f"Pore of {len(order)}, sorted; dots grow with its size at the start")
    ax.labels_wanted = labels
