"""Charts of materials: where they stand on a mechanism map, what they hold, how size weakens them."""

import re

import numpy as np

from ..electrode import mechanisms as creep
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
    return show(temperature, "temperature").replace("degC", "°C")


def _micro(size):
    return show(float(f"{size:.2g}"), "length").replace("um", "µm")


def _italic(ax, x, y, text, **options):
    return ax.text(x, y, text, **({"ha": "center", "va": "center", "color": style.QUIET, "style": "italic", "fontsize": 7} | options))


# --- screening -------------------------------------------------------------------------------------


def screening(rows, temperature: float, stress: float, states=()):
    """Both charts of Fig. 2 of Xiong et al. 2024 for the `rows` of a screening.

    a: shear stress over shear modulus against homologous temperature, each material at the shear stress
    `stress` [GPa] and `temperature` [K], the phases of a run (`states`) at theirs; b: the metrics side by side.
    """
    with style.look():
        held = [row for row in rows if row.homologous is not None or row.volumetric is not None]
        heights = [76 * style.MM, (22 + 4.0 * max(len(held), 4)) * style.MM]
        fig = style.figure(style.DOUBLE, sum(heights))
        above, below = fig.subfigures(2, 1, height_ratios=heights)
        ax = above.subplots()
        points = _placed(ax, rows, temperature, stress, states)
        _compared(below, held, temperature)
        style.settle(fig)
        _name_points(ax, points, CREEPABLE)
    return fig


def _placed(ax, rows, temperature, stress, states):
    """Draws the map and its marks; returns what is to be named: (x, y, name, weight)."""
    style.title(ax, "a", f"Materials at {_degrees(temperature)} under a shear stress of {show(stress, 'pressure')}")
    placed = [(row.homologous, stress / row.shear_modulus, row) for row in rows if row.homologous is not None and row.shear_modulus is not None]
    # A phase of a run is known by what it is made as: the melting temperature of that is the one on the axis.
    run = [(state, state.temperature / melting.value, G) for state in states if (melting := state.material.known("melting_temperature")) and (G := shear_modulus(state.material))]
    heights = [y for _, y, _ in placed] + [s / np.sqrt(3) / G for state, _, G in run for s in (state.lowest, state.highest)]
    right = max([1.06, *[1.06 * x for x, _, _ in placed]])
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
        ax.plot(x, y, "o", color=COLOURS.get(row.material.group, style.INK), ms=4.2, mec="white", mew=0.5, zorder=5)
        points.append((x, y, _short(row.material), "normal"))
    for state, x, G in run:
        ends = np.array([state.lowest, state.stress, state.highest]) / np.sqrt(3) / G
        ax.plot([x, x], ends[[0, 2]], color=style.INK, lw=1.1, zorder=6, solid_capstyle="butt")
        ax.plot(x, ends[1], "D", color=style.INK, ms=4.0, mec="white", mew=0.5, zorder=7)
        points.append((x, ends[1], f"{state.phase} in the run", "bold"))
    return points


def _short(material):
    """An element by its symbol, the rest by the name of the library."""
    formula = material.formula.split(",")[0]
    return formula if len(formula) <= 2 else material.name.upper() if len(material.name) <= 6 else material.name


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
            reach, _, _, box = spot
            if box[0] <= frame.x0 or box[2] >= frame.x1 or box[1] <= frame.y0 or any(_overlap(box, other) for other in taken):
                return False
            if any(_overlap(box, (*point, *point)) for leader in leaders for point in leader):
                return False
            lead = _leader(px, py, box)
            if reach > 2 and any(np.linalg.norm(lead[:, None] - leader, axis=2).min() < 2 * scale for leader in leaders):
                return False
            others = [other for other in (*discs, *named) if not _overlap(other, (px, py, px, py))]
            return reach <= 2 or not any(_overlap(other, (*point, *point)) for point in lead for other in others)

        reach, cx, cy, box = next(filter(free, spots), spots[0])
        text.set_position(ax.transData.inverted().transform((cx, cy)))
        taken.append(box)
        named.append(box)
        if reach > 2:
            leaders.append(_leader(px, py, box))
            ax.plot(*ax.transData.inverted().transform(leaders[-1][[0, -1]]).T, color=style.QUIET, lw=0.4, zorder=4)


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
        ("Volume change (%)", lambda row: None if row.volume_change is None else 100 * row.volume_change, "{:.0f}"),
    ]
    axes = fig.subplots(1, len(columns), sharey=True)
    heights = np.arange(len(rows))[::-1]
    for ax, (label, value, form) in zip(axes, columns):
        values = [value(row) for row in rows]
        most = max([v for v in values if v is not None], default=1.0) or 1.0
        for y, row, v in zip(heights, rows, values):
            if v is not None:
                ax.barh(y, v, height=0.56, color=style.tint(COLOURS.get(row.material.group, style.INK), 0.35), lw=0)
                ax.text(v + 0.03 * most, y, form.format(v), va="center", ha="left", fontsize=6, bbox=dict(fc="white", ec="none", pad=0.4))
        ax.set(xlim=(0, 1.32 * most), ylim=(-0.7, len(rows) - 0.3), xlabel=label)
        ax.tick_params(axis="y", length=0)
        ax.spines["left"].set_visible(ax is axes[0])
    axes[0].axvline(CREEPABLE, color=style.QUIET, lw=0.8, ls="--", zorder=0.5)
    axes[0].set_yticks(heights, [row.name for row in rows])
    style.title(axes[0], "b")
    axes[1].set_title("per mass and volume of the lithiated end, where it is known", loc="left", fontsize=7, color=style.QUIET)


# --- the mechanism map -----------------------------------------------------------------------------


def mechanism_map(found, temperature: float, states=()):
    """A deformation-mechanism map (`electrode.mechanisms.Map`) with contours of the strain rate.

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
        _italic(ax, 0.5 * (x[0] + x[-1]), np.sqrt(creep.IDEAL * high), "theoretical limit")
        here = temperature / of.melting_temperature.value
        if x[0] < here < x[-1]:
            ax.plot([here, here], [low, creep.IDEAL], color=style.QUIET, lw=0.8, ls="--", zorder=2)
            ax.annotate(_degrees(temperature), (here, low), (2, 3), textcoords="offset points", fontsize=6.5, color=style.QUIET, rotation=90, va="bottom",
                        bbox=dict(fc="white", ec="none", alpha=0.7, pad=0.5), zorder=4)  # fmt: skip
        exponents = np.log10(found.rate)
        levels = np.arange(np.ceil(max(exponents.min(), -16) / 2) * 2, min(exponents.max(), 4) + 0.1, 2)
        lines = ax.contour(x, y, exponents, levels=levels, colors=style.INK, linewidths=0.6, linestyles="solid", zorder=3)
        for state in states:
            ends = creep.normalised(of, [state.lowest, state.stress, state.highest])
            at = state.temperature / of.melting_temperature.value
            ax.plot([at, at], ends[[0, 2]], color="white", lw=3, zorder=6)
            ax.plot([at, at], ends[[0, 2]], color=style.INK, lw=1.3, zorder=7)
            ax.plot(at, ends[1], "D", color=style.INK, ms=4.6, mec="white", mew=0.7, zorder=8)
            ax.annotate(f"{state.phase} in the run", (at, ends[1]), (6, 0), textcoords="offset points", va="center", fontweight="bold", zorder=9,
                        bbox=dict(fc="white", ec="none", alpha=0.8, pad=0.8))  # fmt: skip
        _second_axes(ax, of)
        ax.set_title(f"{of.title or of.material}, grains of {_micro(found.size)}; lines: strain rate in s$^{{-1}}$", loc="left", pad=27)
        style.settle(fig)
        _name_contours(ax, lines, x, y, exponents, levels)
        _name_fields(ax, found, boundary)
    return fig


def _second_axes(ax, of):
    """The same in degrees and in MPa."""
    melting, G = of.melting_temperature.value, of.shear_modulus.value * MPA
    above = ax.secondary_xaxis("top", functions=(lambda h: h * melting - 273.15, lambda c: (np.asarray(c) + 273.15) / melting))
    above.set_xlabel("Temperature (°C)")
    right = ax.secondary_yaxis("right", functions=(lambda t: t * G, lambda s: np.asarray(s) / G))
    right.set_ylabel("Shear stress $\\tau$ (MPa)")


def _name_contours(ax, lines, x, y, exponents, levels):
    """Powers of ten on the contours, in a row at the right where they reach it."""
    spots = []
    for level in levels:
        for column in (np.array([0.93, 0.8, 0.65, 0.5, 0.36, 0.22, 0.1]) * (len(x) - 1)).astype(int):
            height = np.exp(np.interp(level, exponents[:, column], np.log(y)))
            if 2.5 * y[0] < height < 0.5 * y[-1]:
                spots.append((x[column], height))
                break
    if spots:
        lines.clabel(levels, fontsize=6.5, fmt=lambda level: f"$10^{{{level:.0f}}}$", manual=spots, inline=True, inline_spacing=2)


def _name_fields(ax, found, boundary):
    """Each field's name where it has most room, off the contours' numbers."""
    taken = [_box(text) for text in ax.texts]
    x, y = found.homologous, found.shear
    below = y[:, None] < boundary
    for name, inside, colour in (
        (creep.DISLOCATION, ~below, "warm"),
        (creep.NABARRO_HERRING, below & ~found.coble, "blue"),
        (creep.COBLE_CREEP, below & found.coble, "green"),
    ):
        if inside.mean() < 0.03:
            continue
        text = ax.text(x[0], y[0], name, color=DARK[colour], ha="center", va="center", fontsize=8, fontweight="bold", zorder=5, bbox=dict(fc=PALE[colour], ec="none", pad=1.0))
        width, height = text.get_window_extent().size
        spots = []
        for row in range(0, len(y), 7):
            for column in range(0, len(x), 7):
                cx, cy = ax.transData.transform((x[column], y[row]))
                box = (cx - width / 2 - 6, cy - height / 2 - 4, cx + width / 2 + 6, cy + height / 2 + 4)
                corners = ax.transData.inverted().transform([(box[0], box[1]), (box[2], box[1]), (box[0], box[3]), (box[2], box[3])])
                i, j = np.searchsorted(y, corners[:, 1]), np.searchsorted(x, corners[:, 0])
                fits = np.all((i > 0) & (i < len(y)) & (j > 0) & (j < len(x))) and np.all(inside[np.minimum(i, len(y) - 1), np.minimum(j, len(x) - 1)])
                if fits and not any(_overlap(box, other) for other in taken):
                    rows, columns = np.flatnonzero(inside[:, column]), np.flatnonzero(inside[row])
                    room = min(row - rows[0], rows[-1] - row) / len(y) + min(column - columns[0], columns[-1] - column) / len(x)
                    spots.append((room, x[column], y[row]))
        if spots:
            text.set_position(max(spots)[1:])
        else:
            text.remove()


# --- the size effect -------------------------------------------------------------------------------


def size_effect(of, effect, cross, strength=None):
    """Strength against size (`electrode.mechanisms.SizeEffect`) of the set `of`, with its crossover.

    `strength`: a published bulk strength (`materials.Known`, GPa) to print beside it.
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
            at = size[-1] / 1.7
            ax.errorbar(at, strength.value * MPA, yerr=(strength.uncertainty or 0) * MPA, color=style.INK, lw=0.9, capsize=2, **style.open_marker(style.INK) | {"zorder": 5})
            side = 1 if strength.value > effect.strength[-1] else -1
            end = (strength.value + side * (strength.uncertainty or 0)) * MPA
            ax.annotate("published yield", (at, end), (4, 4 * side), textcoords="offset points", ha="right", va="bottom" if side > 0 else "top", fontsize=6.5)
        ax.plot([cross.size] * 2, [low, limit], color=style.QUIET, lw=0.6, ls=":", zorder=2)
        for text, side, shift in (("smaller is much weaker", "right", -4), ("smaller is stronger", "left", 4)):
            ax.annotate(text, (cross.size, 1), (shift, 3), xycoords=("data", "axes fraction"), textcoords="offset points", ha=side, va="bottom", color=style.QUIET, style="italic", fontsize=7)
        ax.set_title(f"{of.title or of.material} at {_power(effect.rate)} s$^{{-1}}$ and {_degrees(effect.temperature)}", loc="left", pad=16)
        style.settle(fig)
        _name_curve(ax, size, effect.dislocation * MPA, "dislocations alone", DARK["warm"], 1, 0.42)
        for alone, other, name, colour, free in ((effect.herring, effect.coble, "Nabarro-Herring alone", "blue", 0.68), (effect.coble, effect.herring, "Coble alone", "green", 0.25)):

            def apart(share):
                height = low * (limit / low) ** share
                return np.log(np.interp(height, other * MPA, size) / np.interp(height, alone * MPA, size))

            share = 0.25 if abs(apart(0.25)) > 1 else free
            _name_curve(ax, size, alone * MPA, name, DARK[colour], np.sign(apart(share)), share)
    return fig


def _power(rate):
    """A rate as mantissa and power of ten: 2 x 10^-4, or 10^-4."""
    mantissa, exponent = re.fullmatch(r"([\d.]+)e([-+]\d+)", f"{rate:.2g}" if "e" in f"{rate:.2g}" else f"{rate:.1e}").groups()
    return (f"{float(mantissa):g} × " if float(mantissa) != 1 else "") + f"10$^{{{int(exponent)}}}$"


def _name_curve(ax, x, y, name, colour, side, share):
    """The name along a curve, on its upper (side 1) or lower side, at a share of the height or width of the axes."""
    spots = ax.transData.transform(np.column_stack([x, y]))
    frame = ax.get_window_extent()
    rising = y[-1] > y[0]
    along, start, length = (spots[:, 1], frame.y0, frame.height) if rising else (spots[:, 0], frame.x0, frame.width * 0.5)
    index = int(np.clip(np.argmin(abs(along - start - share * length)), 1, len(x) - 2))
    a, b = spots[index - 1], spots[index + 1]
    angle = np.arctan2(b[1] - a[1], b[0] - a[0])
    off = np.array([-np.sin(angle), np.cos(angle)]) * 6 * side
    ax.annotate(name, (x[index], y[index]), tuple(off), textcoords="offset points", rotation=np.degrees(angle), rotation_mode="anchor", ha="center", va="center", color=colour, fontsize=7)
