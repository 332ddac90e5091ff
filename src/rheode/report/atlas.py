"""Charts of materials: where they stand on a mechanism map, what they hold, how size weakens them."""

import re
import textwrap

import numpy as np

from .. import materials as library
from ..materials import mechanisms as creep
from ..electrode.screening import CREEPABLE, shear_modulus
from ..units import show
from . import style

COLOURS = {
    "conversion": style.ROLES["active"][0],
    "alloy": style.ROLES["active"][1],
    "insertion": style.ROLES["framework"][0],
    "framework": style.ROLES["framework"][1],
}
PALE = {"warm": "#f3ddc9", "blue": "#dbe4ee", "green": "#d9eadf"}  # fields: pale enough for lines and words
DARK = {"warm": "#a84f0c", "blue": "#3d5f87", "green": "#2d7a58"}  # their lines and names
MPA = 1000.0  # in a GPa


def _degrees(temperature):
    return show(temperature, "temperature").replace("degC", "°C").replace("-", "\u2212")


def _micro(size):
    return show(float(f"{size:.2g}"), "length").replace("um", "µm")


def _italic(ax, x, y, text, **options):
    return ax.text(x, y, text, **({"ha": "center", "va": "center", "color": style.QUIET, "style": "italic", "fontsize": 7} | options))


# --- screening -------------------------------------------------------------------------------------


def screening(rows, temperature: float, stress: float, states=()):
    """Both charts of Fig. 2 of Xiong et al. 2024 for the `rows` of a screening.

    a: shear stress over shear modulus against homologous temperature, each material at the shear stress
    `stress` [GPa] and `temperature` [K], the phases of a run (`states`) at theirs, a ring where two would hide each other;
    b: the metrics side by side.
    What can't be placed on a is told below it.
    """
    with style.look():
        held = [row for row in rows if any(each is not None for each in (row.homologous, row.capacity, row.voltage, row.volume_change))]
        absent = [f"{_short(row.material)} ({lack})" for row in rows if (lack := row.unplaced)] + [f"{state.phase} in the run ({state.unplaced})" for state in states if state.unplaced]
        note = textwrap.wrap(f"Not placed, for lack of a value: {', '.join(absent)}.", 145) if absent else []
        caveats = [f"* {_short(row.material)}: {row.caveat}." for row in held if row.caveat]
        heights = [(74 + 3.2 * len(note)) * style.MM, (22 + 4.0 * max(len(held), 4) + 4 * len(caveats)) * style.MM]
        fig = style.figure(style.DOUBLE, sum(heights))
        above, below = fig.subfigures(2, 1, height_ratios=heights)
        ax = above.subplots()
        points = _placed(ax, rows, temperature, stress, states)
        if note:
            above.supxlabel("\n".join(note), x=0.01, ha="left", fontsize=6.5, color=style.QUIET)
        _compared(below, held, temperature)
        if caveats:
            below.supxlabel("\n".join(caveats).replace("degC", "°C"), x=0.01, ha="left", fontsize=6.5, color=style.QUIET)
        style.settle(fig)
        _name_points(ax, points, CREEPABLE)
    return fig


def _placed(ax, rows, temperature, stress, states):
    """Draws the map and its marks; returns what is to be named: (x, y, name, weight)."""
    run = [(state, state.homologous, shear_modulus(state.material)) for state in states if not state.unplaced]
    at = f"; the run at {_degrees(run[0][0].temperature)} under its own stress" if run else ""
    style.title(ax, "a", f"Materials at {_degrees(temperature)} under a shear stress of {show(stress, 'pressure')}{at}")
    placed = [(row.homologous, stress / row.shear_modulus, row) for row in rows if not row.unplaced]
    heights = [y for _, y, _ in placed] + [s / np.sqrt(3) / G for state, _, G in run for s in (state.lowest, state.highest)]
    right = max([1.06, *[1.06 * x for x, _, _ in placed], *[1.06 * x for _, x, _ in run]])
    low, high = min([1e-3, *heights]) / 6, 0.4
    ax.set(xlim=(0, right), ylim=(low, high), yscale="log", xlabel="Homologous temperature $T/T_\\mathrm{m}$", ylabel="Shear stress over shear modulus $\\tau/G$")
    for left, end, word, colour in ((0, CREEPABLE, "brittle", "blue"), (CREEPABLE, 1, "creepable", "warm"), (1, right, "liquid", "green")):
        ax.axvspan(left, end, color=PALE[colour], lw=0, zorder=0)
        _italic(ax, (left + end) / 2, low * 1.25, word, va="bottom")
    ax.axhspan(creep.IDEAL, high, color=style.FAINT, lw=0, zorder=0.5)
    _italic(ax, 0.5 * right, np.sqrt(creep.IDEAL * high), "beyond the theoretical strength, 0.1 $G$")
    ax.plot([CREEPABLE] * 2, [low, creep.IDEAL], color=style.QUIET, lw=0.8, ls="--")
    points = []
    for x, y, row in placed:
        colour = COLOURS.get(row.material.group, style.INK)
        under = sum(abs(x - other) < 0.006 * right and abs(np.log10(y / level)) < 0.05 for other, level, *_ in points)
        if under:  # a ring around the dot that would hide it
            ax.plot(x, y, "o", mfc="none", mec=colour, ms=4.2 + 3.2 * under, mew=0.9, zorder=5)
        else:
            ax.plot(x, y, "o", color=colour, ms=4.2, mec="white", mew=0.5, zorder=5)
        points.append((x, y, _short(row.material), "normal"))
    for state, x, G in run:
        ends = np.array([state.lowest, state.stress, state.highest]) / np.sqrt(3) / G
        ax.plot([x, x], ends[[0, 2]], color=style.INK, lw=1.1, zorder=4, solid_capstyle="butt")  # under the points of materials
        ax.plot(x, ends[1], "D", color=style.INK, ms=4.0, mec="white", mew=0.5, zorder=7)
        points.append((x, ends[1], f"{state.phase} in the run", "bold"))
    return points


def _short(material):
    """A material as charts name it: insertion oxides by their letters, the rest of the library by formula, others by name."""
    formula = (library.listed(material.formula) or [material.name])[0]
    if material.name not in library.names() and material.name != formula.lower():
        return material.name
    return material.name.upper() if material.group == "insertion" else re.sub(r"(\d+)", r"$_{\1}$", formula)


def _name_points(ax, points, border, size=7.0):
    """Name points beside them, off each other, the marks and the line x = `border`, a thin line leading where they had to move."""
    scale = ax.get_figure(root=True).dpi / 72
    marks = [ax.transData.transform(point[:2]) for point in points]
    frame = ax.get_window_extent()
    discs = [(x - 3 * scale, y - 3 * scale, x + 3 * scale, y + 3 * scale) for x, y in marks]
    edge = ax.transData.transform((border, points[0][1]))[0] if points else 0.0
    taken = [*discs, *map(_box, ax.texts), (edge - scale, frame.y0, edge + scale, frame.y1)]
    leaders, named = [], []
    for (px, py), (x, y, name, weight) in sorted(zip(marks, points), key=lambda pair: (pair[0][0], -pair[0][1])):
        text = ax.annotate(name, (x, y), fontsize=size, fontweight=weight, ha="center", va="center", annotation_clip=False, zorder=8)
        width, height = text.get_window_extent().size
        spots = []
        for reach in (2, 6, 11, 17, 24, 32, 41, 51, 65):
            for angle in np.deg2rad([0, 180, 45, -45, 135, -135, 90, -90, 22, -22, 158, -158, 68, -68, 112, -112]):
                across, up = np.cos(angle), np.sin(angle)
                cx = px + across * (3 + reach) * scale + np.sign(round(across, 3)) * width / 2
                cy = py + up * (3 + reach) * scale + np.sign(round(up, 3)) * height / 2
                spots.append((reach, cx, cy, (cx - width / 2 - scale, cy - height / 2, cx + width / 2 + scale, cy + height / 2)))

        def free(spot):
            reach, cx, _, box = spot
            if (cx < edge) != (px < edge) or box[0] <= frame.x0 or box[2] >= frame.x1 or box[1] <= frame.y0 or any(_overlap(box, other) for other in taken):
                return False
            if any(_overlap(box, (*point, *point)) for leader in leaders for point in leader):
                return False
            lead = _leader(px, py, box)
            if reach > 2 and any(np.linalg.norm(lead[8:, None] - leader, axis=2).min() < 2 * scale for leader in leaders):
                return False
            if reach <= 2:  # without a line from the mark the name must be plainly nearer to it than to any other
                return all(np.hypot(gx - px, gy - py) < 4 * scale or _gap(gx, gy, box) > 7 * scale for gx, gy in marks)
            others = [other for other in (*discs, *named) if not _overlap(other, (px, py, px, py))]
            return not any(_overlap(other, (*point, *point)) for point in lead for other in others)

        reach, cx, cy, box = next(filter(free, spots), spots[0])
        text.set_position(ax.transData.inverted().transform((cx, cy)))
        taken.append(box)
        named.append(box)
        if reach > 2:
            leaders.append(_leader(px, py, box))
            ax.plot(*ax.transData.inverted().transform(leaders[-1][[0, -1]]).T, color=style.QUIET, lw=0.4, zorder=4)


def name_beside(ax, spot, text, curves, colour, **options):
    """A text beside a point (data units) where it lies inside the axes and clear of `curves` [(x, y)]; of a figure that is laid out."""
    scale = ax.get_figure(root=True).dpi / 72
    named = ax.annotate(text, spot, (0, 0), textcoords="offset points", color=colour, ha="center", va="center", annotation_clip=False, **{"fontsize": 7, "zorder": 8} | options)
    width, height = (side / scale for side in named.get_window_extent().size)
    frame, lines = ax.get_window_extent(), [curve_in_pixels(ax, *curve) for curve in curves]
    for reach in (4, 7, 11, 16):
        for across, up in ((1, -1), (-1, -1), (1, 1), (-1, 1), (0, -1), (0, 1), (1, 0), (-1, 0)):
            named.set_position((across * (reach + width / 2), up * (reach + height / 2)))
            left, low, right, high = _box(named)
            if frame.x0 < left and right < frame.x1 and frame.y0 < low and high < frame.y1 and not any(crosses((left, low, right, high), line, 2 * scale) for line in lines):
                return named
    return named


def curve_in_pixels(ax, x, y):
    """A curve as pixels, close enough together that none passes between a text's corners unseen."""
    points = ax.transData.transform(np.column_stack([x, y]))
    points = points[np.isfinite(points).all(axis=1)]
    along = np.r_[0, np.cumsum(np.hypot(*np.diff(points, axis=0).T))]
    steps = np.linspace(0, along[-1], max(int(along[-1]), 2))
    return np.column_stack([np.interp(steps, along, column) for column in points.T])


def crosses(box, points, margin=0.0):
    """Does any of the points (n, 2) lie within a box, or nearer to it than `margin`?"""
    return bool(np.any((points > np.array(box[:2]) - margin).all(axis=1) & (points < np.array(box[2:]) + margin).all(axis=1)))


def _gap(x, y, box):
    """Distance from a point to a box."""
    return np.hypot(x - np.clip(x, box[0], box[2]), y - np.clip(y, box[1], box[3]))


def _leader(x, y, box):
    """Points on the line from a mark to the nearest point of the box of its name, in pixels."""
    end = np.array([np.clip(x, box[0], box[2]), np.clip(y, box[1], box[3])])
    return np.array([x, y]) + np.linspace(0, 1, 21)[:, None] * (end - [x, y])


def _box(text):
    extent = text.get_window_extent()
    return extent.x0, extent.y0, extent.x1, extent.y1


def _overlap(a, b):
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _compared(fig, rows, temperature):
    """Metrics as bars, a material a line: read across more easily than on a radar."""
    columns = [
        (f"$T/T_\\mathrm{{m}}$ at {_degrees(temperature)}", lambda row: row.homologous, "{:.2f}"),
        ("Capacity (mAh g$^{-1}$)", lambda row: row.capacity, "{:.0f}"),
        ("Capacity (mAh cm$^{-3}$)", lambda row: row.volumetric, "{:.0f}"),
        ("Voltage (V)", lambda row: row.voltage, "{:.2f}"),
        ("Volume change (%)", lambda row: None if row.volume_change is None else 100 * row.volume_change, "{:.3g}"),
    ]
    axes = fig.subplots(1, len(columns), sharey=True)
    heights = np.arange(len(rows))[::-1]
    for ax, (label, value, form) in zip(axes, columns):
        values = [value(row) for row in rows]
        most = max([v for v in values if v is not None], default=1.0) or 1.0
        for y, row, v in zip(heights, rows, values):
            if v is not None:
                colour = style.tint(COLOURS.get(row.material.group, style.INK), 0.35)
                open_bar = ax in (axes[1], axes[2]) and not row.of_lithiated
                ax.barh(y, v, height=0.56, fc="white" if open_bar else colour, ec=colour, lw=0.9 if open_bar else 0)
                end = v + 0.03 * most
                if ax is axes[0] and CREEPABLE - 0.26 * most < end < CREEPABLE + 0.03 * most:  # the number would lie on the line
                    end = CREEPABLE + 0.03 * most
                ax.text(end, y, form.format(v) + "*" * (ax is axes[0] and bool(row.caveat)), va="center", ha="left", fontsize=6)
        ax.set(xlim=(0, 1.32 * most), ylim=(-0.7, len(rows) - 0.3), xlabel=label)
        ax.tick_params(axis="y", length=0)
        ax.spines["left"].set_visible(ax is axes[0])
    axes[0].axvline(CREEPABLE, color=style.QUIET, lw=0.8, ls="--", zorder=0.5)
    axes[0].set_yticks(heights, [_short(row.material) for row in rows])
    style.title(axes[0], "b")
    basis = "per mass and volume of the lithiated end" + ("" if all(row.of_lithiated for row in rows) else " (open bars: of the unlithiated one)")
    axes[1].annotate(basis, (0, 1), (0, 5), xycoords="axes fraction", textcoords="offset points", va="bottom", fontsize=7, color=style.QUIET).set_in_layout(False)


# --- the mechanism map -----------------------------------------------------------------------------


def mechanism_map(found, temperature: float, states=()):
    """A deformation-mechanism map (`materials.mechanisms.Map`) with contours of the strain rate.

    `temperature` [K] is marked; `states` are phases of a run, of this material, placed on the map.
    """
    of = found.creep
    with style.look():
        fig = style.figure(120 * style.MM, 100 * style.MM)
        ax = fig.subplots()
        x, y = found.homologous, found.shear
        low, high = y[0], 6 * creep.IDEAL
        ax.set(xlim=(x[0], x[-1]), ylim=(low, high), yscale="log", xlabel="Homologous temperature $T/T_\\mathrm{m}$", ylabel="Shear stress over shear modulus $\\tau/G$")
        boundary = np.clip(found.boundary, low, creep.IDEAL)
        ax.fill_between(x, boundary, creep.IDEAL, color=PALE["warm"], lw=0, zorder=0)
        ax.fill_between(x, low, boundary, where=found.coble, color=PALE["green"], lw=0, zorder=0)
        ax.fill_between(x, low, boundary, where=~found.coble, color=PALE["blue"], lw=0, zorder=0)
        ax.plot(x, boundary, color=style.QUIET, lw=1.0, zorder=2)
        for change in np.flatnonzero(np.diff(found.coble)):
            edge = 0.5 * (x[change] + x[change + 1])
            ax.fill_betweenx([low, boundary[change]], x[change], x[change + 1], color=PALE["blue"], lw=0, zorder=0)
            ax.plot([edge, edge], [low, boundary[change]], color=style.QUIET, lw=1.0, zorder=2)
        ax.axhspan(creep.IDEAL, high, color=style.FAINT, lw=0, zorder=1)
        here = temperature / of.melting_temperature.value
        early = here < x[0] + 0.4 * (x[-1] - x[0])
        _italic(ax, x[0] + (0.98 if early else 0.02) * (x[-1] - x[0]), np.sqrt(creep.IDEAL * high), "theoretical limit", ha="right" if early else "left")
        ax.plot([here, here], [low, creep.IDEAL], color=style.QUIET, lw=0.8, ls="--", zorder=2)
        ax.annotate(_degrees(temperature), (np.clip(here, x[0] + 0.05, x[-1] - 0.05), creep.IDEAL), (0, 3), textcoords="offset points", color=style.QUIET, ha="center", va="bottom", zorder=4)
        exponents = np.log10(found.rate)
        levels = np.arange(np.ceil(max(exponents.min(), -16) / 2) * 2, min(exponents.max(), 4) + 0.1, 2)
        lines = ax.contour(x, y, exponents, levels=levels, colors=style.INK, linewidths=0.6, linestyles="solid", zorder=3)
        for state in states:
            ends = creep.normalised(of, [state.lowest, state.stress, state.highest])
            at = state.temperature / of.melting_temperature.value
            ax.plot([at, at], ends[[0, 2]], color="white", lw=3, zorder=6)
            ax.plot([at, at], ends[[0, 2]], color=style.INK, lw=1.3, zorder=7)
            ax.plot(at, ends[1], "D", color=style.INK, ms=4.6, mec="white", mew=0.7, zorder=8)
            left = at > x[0] + 0.7 * (x[-1] - x[0])
            ax.annotate(f"{state.phase} in the run, {_degrees(state.temperature)}", (at, ends[1]), (-6 if left else 6, 0), textcoords="offset points",
                        ha="right" if left else "left", va="center", fontweight="bold", zorder=9, bbox=dict(fc="white", ec="none", alpha=0.8, pad=0.8))  # fmt: skip
        _second_axes(ax, of)
        ax.set_title(f"{of.title or of.material}, grains of {_micro(found.size)}; lines: strain rate in s$^{{-1}}$", loc="left", pad=27)
        style.settle(fig)
        upright = [(here, low, creep.IDEAL), *((state.temperature / of.melting_temperature.value, *creep.normalised(of, [state.lowest, state.highest])) for state in states)]
        taken = [*map(_box, ax.texts), *(_upright(ax, *line) for line in upright)]
        _name_contours(ax, lines, found, exponents, levels, taken)
        _name_fields(ax, found, exponents, levels, taken)
    return fig


def _second_axes(ax, of):
    """The same in degrees and in MPa."""
    melting, G = of.melting_temperature.value, of.shear_modulus.value * MPA
    above = ax.secondary_xaxis("top", functions=(lambda h: h * melting - 273.15, lambda c: (np.asarray(c) + 273.15) / melting))
    above.set_xlabel("Temperature (°C)")
    right = ax.secondary_yaxis("right", functions=(lambda t: t * G, lambda s: np.asarray(s) / G))
    right.set_ylabel("Shear stress $\\tau$ (MPa)")


def _upright(ax, x, low, high):
    """The box of an upright line, in pixels, with a margin."""
    (left, bottom), (right, top) = ax.transData.transform([(x, low), (x, high)])
    return left - 4, bottom - 4, right + 4, top + 4


def _name_contours(ax, lines, found, exponents, levels, taken):
    """Powers of ten on the contours, as far right as they find room: off `taken` (boxes in pixels), each other and the fields' borders.

    Their boxes are added to `taken`.
    """
    scale = ax.get_figure(root=True).dpi / 72
    x, y = found.homologous, found.shear
    borders = np.flatnonzero(np.diff(found.coble))
    spots = []
    for level in levels:
        heights = np.array([np.exp(np.interp(level, column, np.log(y), left=np.nan, right=np.nan)) for column in exponents.T])
        curve = ax.transData.transform(np.column_stack([x, heights]))
        edge = ax.transData.transform(np.column_stack([x, np.clip(found.boundary, y[0], y[-1])]))[:, 1]
        for column in range(int(0.94 * len(x)), 8, -4):
            if not np.isfinite(curve[column - 8 : column + 9]).all():
                continue
            across, up = abs(curve[column + 8] - curve[column - 8])
            along = np.array([across, up]) / np.hypot(across, up)
            half = 0.5 * scale * (np.array([24, 8]) * along[0] + np.array([8, 24]) * along[1])  # of an inclined number
            box = (*(curve[column] - half), *(curve[column] + half))
            inside = ax.get_window_extent()
            if box[0] < inside.x0 or box[1] < inside.y0 or box[2] > inside.x1 or box[3] > inside.y1 or any(_overlap(box, other) for other in taken):
                continue
            if box[1] < edge[column] < box[3] or any(box[0] < curve[border, 0] < box[2] and curve[column, 1] < edge[border] for border in borders):
                continue
            spots.append((level, (x[column], heights[column])))
            taken.append(box)
            break
    if spots:
        lines.clabel([level for level, _ in spots], fontsize=6.5, fmt=lambda level: f"$10^{{{level:.0f}}}$", manual=[spot for _, spot in spots], inline=True, inline_spacing=2)


def _name_fields(ax, found, exponents, levels, taken):
    """Each field's name where it has most room, off `taken` (boxes in pixels) and the contours as far as that goes.

    Names are broken, then turned upright where a field is narrow; one too small for any has its name beside it, with a line.
    """
    x, y = found.homologous, found.shear
    below = y[:, None] < found.boundary
    for name, inside, colour in (
        (creep.DISLOCATION, ~below, "warm"),
        (creep.NABARRO_HERRING, below & ~found.coble, "blue"),
        (creep.COBLE_CREEP, below & found.coble, "green"),
    ):
        if not inside.any():
            continue
        broken = name.replace("-", "-\n") if "-" in name else name.replace(" ", "\n")
        text = ax.text(x[0], y[0], name, color=DARK[colour], ha="center", va="center", fontsize=8, fontweight="bold", linespacing=1.1, zorder=5)
        best = None
        for rank, (words, turned) in enumerate(((name, 0), (broken, 0), (name, 90), (broken, 90))):
            text.set(text=words, rotation=turned)
            good, *spot = max(_spots(ax, text, inside, found, exponents, levels, taken), default=(-np.inf,))
            if spot and (best is None or good - 0.3 * rank > best[0]):
                best = good - 0.3 * rank, words, turned, spot
        if best:
            text.set(text=best[1], rotation=best[2], position=best[3])
        else:
            text.set(text=broken, rotation=0)
            field = ax.transData.transform([(x[j], y[i]) for i, j in np.argwhere(inside)])
            off = [(np.linalg.norm(field - ax.transData.transform(spot[1:]), axis=1), spot) for spot in _spots(ax, text, ~inside, found, exponents, levels, taken)]
            away, (_, *spot) = min(off, key=lambda each: each[0].min())
            text.set_position(spot)
            end = ax.transData.inverted().transform(field[away < away.min() + 20].mean(axis=0))  # a little way into the field
            ax.plot(*np.transpose([spot, end]), color=DARK[colour], lw=0.8, zorder=4.5)
        text.set_bbox(dict(fc=PALE[colour], ec="none", pad=1.0))
        taken.append(_box(text))


def _spots(ax, text, inside, found, exponents, levels, taken):
    """[(how good, x, y)] where a text lies within a field (a mask) and off all boxes in `taken`; crossing a contour costs most."""
    x, y = found.homologous, found.shear
    half = 0.5 * np.array(text.get_window_extent().size) + [6, 4]
    spots = []
    for row in range(0, len(y), 5):
        for column in range(0, len(x), 5):
            centre = ax.transData.transform((x[column], y[row]))
            box = (*(centre - half), *(centre + half))
            (left, low), (right, high) = ax.transData.inverted().transform([box[:2], box[2:]])
            (bottom, top), (first, last) = np.searchsorted(y, (low, high)), np.searchsorted(x, (left, right))
            covered = np.s_[bottom : top + 1, first : last + 1]
            if min(bottom, first) == 0 or top == len(y) or last == len(x) or not inside[covered].all() or any(_overlap(box, other) for other in taken):
                continue
            crossed = np.count_nonzero((levels > exponents[covered].min()) & (levels < exponents[covered].max()))
            rows, columns = np.flatnonzero(inside[:, column]), np.flatnonzero(inside[row])
            room = min(row - rows[0], rows[-1] - row) / len(y) + min(column - columns[0], columns[-1] - column) / len(x)
            spots.append((room - crossed, x[column], y[row]))
    return spots


# --- the size effect -------------------------------------------------------------------------------


def size_effect(of, effect, cross, strength=None):
    """Strength against size (`materials.mechanisms.SizeEffect`) of the set `of`, with its crossover.

    `strength`: a published bulk strength (`materials.Known`, GPa) to print beside it, at the margin, since it has no size.
    """
    with style.look():
        fig = style.figure(style.SINGLE, 82 * style.MM)
        ax = fig.subplots()
        size, limit = effect.size, np.sqrt(3) * creep.IDEAL * of.shear_modulus.value * MPA
        low = 10.0 ** np.floor(np.log10(cross.strength * MPA / 1000))
        ax.set(xscale="log", yscale="log", xlim=(size[0], size[-1]), ylim=(low, 2.5 * limit), xlabel="Size of the sample or grain (µm)", ylabel="Strength, von Mises (MPa)")
        ax.axhspan(limit, 2.5 * limit, color=style.FAINT, lw=0, zorder=0.5)
        _italic(ax, np.sqrt(size[0] * size[-1]), limit * np.sqrt(2.5), "theoretical limit")
        if of.boundary_decades:
            ax.fill_between(size, np.maximum(effect.weakest * MPA, low / 10), effect.strongest * MPA, color=PALE["green"], lw=0, zorder=1)
        for alone, colour in ((effect.dislocation, "warm"), (effect.herring, "blue"), (effect.coble, "green")):
            shown = alone * MPA <= limit
            ax.plot(size[shown], alone[shown] * MPA, color=DARK[colour], lw=0.9, ls="--", zorder=3)
        ax.plot(size, effect.strength * MPA, color=style.INK, lw=1.8, zorder=4)
        ax.plot(cross.size, cross.strength * MPA, "o", color=style.INK, ms=4.8, mec="white", mew=0.8, zorder=6)
        ax.annotate(_micro(cross.size), (cross.size, cross.strength * MPA), (5, 4), textcoords="offset points", ha="left", va="bottom", fontweight="bold", zorder=7)
        if strength is not None:
            _bulk_strength(ax, strength, effect.strength[-1])
        ax.plot([cross.size] * 2, [low, limit], color=style.QUIET, lw=0.6, ls=":", zorder=2)
        for text, side, shift in (("smaller is much weaker", "right", -4), ("smaller is stronger", "left", 4)):
            ax.annotate(text, (cross.size, 1), (shift, 3), xycoords=("data", "axes fraction"), textcoords="offset points", ha=side, va="bottom", color=style.QUIET, style="italic", fontsize=7)
        ax.set_title(f"{of.title or of.material} at {_power(effect.rate)} s$^{{-1}}$ and {_degrees(effect.temperature)}", loc="left", pad=16)
        style.settle(fig)
        curves = {name: getattr(effect, name) * MPA for name in ("dislocation", "herring", "coble", "strength")}
        lines = {name: curve_in_pixels(ax, size[curve <= limit], curve[curve <= limit]) for name, curve in curves.items()}

        def others(own):
            return np.concatenate([line for name, line in lines.items() if name != own])

        _name_curve(ax, size, curves["dislocation"], "dislocations alone", DARK["warm"], 1, 0.42, others("dislocation"))
        for own, other, name, colour, free in (("herring", "coble", "Nabarro-Herring alone", "blue", 0.68), ("coble", "herring", "Coble alone", "green", 0.25)):

            def apart(share):
                height = low * (limit / low) ** share
                return np.log(np.interp(height, curves[other], size) / np.interp(height, curves[own], size))

            share = 0.25 if abs(apart(0.25)) > 1 else free
            _name_curve(ax, size, curves[own], name, DARK[colour], np.sign(apart(share)), share, others(own))
    return fig


def _bulk_strength(ax, strength, computed):
    """A published strength as a bar at the right margin; its words above or below it, away from the strength `computed` for the largest size."""
    spread = strength.uncertainty or 0.0
    low, high = ((strength.value + sign * spread) * MPA for sign in (-1, 1))
    bottom, top = ax.get_ylim()
    if low < bottom or high > top:
        return
    margin = ax.get_yaxis_transform()
    ax.plot([1.012] * 2, [low / 1.01, high * 1.01], transform=margin, color=style.INK, lw=3, solid_capstyle="butt", clip_on=False, zorder=5)
    above = strength.value > computed
    words = f"published, bulk:\n{low:.2g}" + (f" to {high:.2g}" if spread else "") + " MPa" + (",\nrate not stated" if "rate not stated" in strength.conditions else "")
    ax.annotate(words, (1, high if above else low), (-1, 5 if above else -5), xycoords=margin, textcoords="offset points", ha="right", va="bottom" if above else "top", fontsize=6.5, linespacing=1.15)


def _power(rate):
    """A rate as mantissa and power of ten: 2 x 10^-4, or 10^-4."""
    mantissa, exponent = f"{rate:.1e}".split("e")
    if int(exponent) == 0:
        return f"{float(mantissa):g}"
    return (f"{float(mantissa):g} × " if float(mantissa) != 1 else "") + f"10$^{{{int(exponent)}}}$"


def _name_curve(ax, x, y, name, colour, side, share, others):
    """The name along a curve, on its upper (side 1) or lower side, at a share of the height or width of the axes or the
    nearest one where it lies inside, off other texts and clear of the points `others` (pixels) of other curves; none if it
    lies nowhere inside."""
    spots = ax.transData.transform(np.column_stack([x, y]))
    scale, frame = ax.get_figure(root=True).dpi / 72, ax.get_window_extent()
    limit = ax.transData.transform((x[0], ax.get_ylim()[1] / 2.5))[1]  # the theoretical one, below the band
    rising = y[-1] > y[0]
    along, start, length = (spots[:, 1], frame.y0, frame.height) if rising else (spots[:, 0], frame.x0, frame.width * 0.5)
    text = ax.annotate(name, (x[0], y[0]), (0, 0), textcoords="offset points", rotation_mode="anchor", ha="center", va="center", color=colour, fontsize=7, annotation_clip=False)
    half = np.array(text.get_window_extent().size) / 2
    taken = [_box(other) for other in ax.texts if other is not text]
    crossed = None  # the first place that is inside though another curve runs through it
    for each in sorted(np.arange(0.05, 0.96 if rising else 1.91, 0.025), key=lambda at: abs(at - share)):
        index = int(np.clip(np.argmin(abs(along - start - each * length)), 1, len(x) - 2))
        a, b = spots[index - 1], spots[index + 1]
        angle = np.arctan2(b[1] - a[1], b[0] - a[0])
        for above in (side, -side):
            off = np.array([-np.sin(angle), np.cos(angle)]) * 6 * above
            text.xy = (x[index], y[index])
            text.set(position=tuple(off), rotation=np.degrees(angle))
            box = _box(text)
            if not (frame.x0 < box[0] and box[2] < frame.x1 and frame.y0 < box[1] and box[3] < limit) or any(_overlap(box, other) for other in taken):
                continue
            turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
            if not crosses((*-half, *half), (others - spots[index] - off * scale) @ turn, scale):
                return
            crossed = crossed or (text.xy, tuple(off), np.degrees(angle))
    if crossed is None:
        text.remove()
    else:
        text.xy = crossed[0]
        text.set(position=crossed[1], rotation=crossed[2])
