"""Charts of an electrode design: room to swell, and what composition does to porosity and energy."""

import numpy as np

from ..electrode.design import Design
from ..units import show
from . import style



def chart(design: Design):
    """a: volumes of the components against lithiation, per volume of the electrode as pressed; with a sweep b: porosity
    and the one needed, c: energy density, against composition. Bands: one standard uncertainty. Published values open."""
    with style.look():
        if design.sweep is None:
            fig = style.figure(style.SINGLE, 66 * style.MM)
            _volumes(fig.subplots(), design, "")
        else:
            fig = style.figure(style.DOUBLE, 62 * style.MM)
            axes = fig.subplots(1, 3, width_ratios=(1, 1, 1))
            _volumes(axes[0], design, "a")
            rows = design.swept()
            _porosities(axes[1], design, rows)
            _energies(axes[2], design, rows)
        style.settle(fig)
    return fig


def _colours(design):
    return style.colours({name: part.role if part.role in style.ROLES else "other" for name, part in design.components.items()})


def _volumes(ax, design, letter):
    solid, porosity = design.solid, design.value("porosity")
    end = design.lithiation
    x = np.linspace(0, max(end, 1e-6), 101)
    held = solid.volume_changes
    if np.isnan(held).any():
        held = np.zeros_like(held)
    volumes = [(1 - porosity) * v * (1 + dV * x) / (1 + dV * at) for v, dV, at in zip(solid.volumes, held, solid.pressed_at)]
    # What keeps its volume goes to the bottom, so that swelling is read from one edge; pores are what is left.
    order = sorted(range(len(volumes)), key=lambda i: abs(held[i]) * solid.volumes[i])
    below, colours = np.zeros_like(x), _colours(design)
    labels = []
    for i in order:
        name = solid.names[i]
        colour = colours[name]
        ax.fill_between(x, below, below + volumes[i], color=style.tint(colour, 0.35), lw=0)
        ax.plot(x, below + volumes[i], color=colour, lw=0.9)
        labels.append((name, below[-1] + volumes[i][-1] / 2, colour))
        below = below + volumes[i]
    top = max(1.0, below.max())
    ax.set(xlim=(0, x[-1]), ylim=(0, 1.14 * top), xlabel="Lithiation", ylabel="Volume (1 as pressed)")
    ax.plot(x, np.ones_like(x), color=style.INK, lw=0.9, ls="--")
    left = 0.03 * x[-1]
    full = design.value("lithiation at which the pores are full")
    if 0 <= full <= x[-1]:
        ax.plot([full], [1], "o", color=style.INK, ms=4, zorder=5)
        ax.annotate(f"pores full at {full:.2f}", (full, 1), xytext=(left, 1.12 * top), fontsize=7, va="top",
                    arrowprops={"arrowstyle": "-", "color": style.INK, "lw": 0.6, "shrinkB": 3, "relpos": (0.5, 0)})
    if 1 - below[len(x) // 4] > 0.13 * top:  # room for the word
        word = "liquid" if design.liquid is not None else "pores"
        ax.text(left, (1 + below[len(x) // 4]) / 2, word, color=style.QUIET, fontsize=7, va="center", style="italic")
    if letter:
        style.title(ax, letter, "Room to swell")
    style.label_lines(ax, labels)


def _wide(x):
    """Limits that leave room for whole markers at both ends."""
    return x[0] - 0.04 * (x[-1] - x[0]), x[-1] + 0.04 * (x[-1] - x[0])


def _content(design):
    return f"Weight fraction of {design.sweep.component} (%)"


def _porosities(ax, design, rows):
    style.title(ax, "b", "Porosity")
    x, porosity, spread, needed = (100 * np.array([row[name] for row in rows]) for name in ("weight fraction", "porosity", "u(porosity)", "porosity needed"))
    colour = style.RUNS[2]
    ax.fill_between(x, np.maximum(porosity - spread, 0), porosity + spread, color=style.tint(colour, 0.75), lw=0)
    ax.plot(x, porosity, color=colour)
    top = (porosity + spread).max()
    labels = [("as pressed", porosity[-1], colour)]
    if np.isfinite(needed).all():
        ax.plot(x, needed, color=style.INK, ls="--", lw=1.0)
        labels.append(("needed by a\nrigid box", needed[-1], style.INK))
        top = max(top, needed.max())
    pellets = design.pellets
    if pellets is not None and pellets.component == design.sweep.component:
        at = np.isclose(pellets.pressures, design.pressing.pressure)
        ax.plot(100 * pellets.fractions[at], 100 * pellets.printed[at], **style.open_marker(colour))
        labels[0] = (f"pressed at\n{show(design.pressing.pressure, 'pressure')}\n(open: printed)", *labels[0][1:])
    ax.set(xlim=_wide(x), ylim=(0, 1.1 * top), xlabel=_content(design), ylabel="Porosity (%)")
    style.label_lines(ax, labels, gap=0.08 * max(text.count("\n") + 1 for text, *_ in labels))


def _energies(ax, design, rows):
    style.title(ax, "c", "Energy density")
    x = 100 * np.array([row["weight fraction"] for row in rows])
    dense, spread, solid = (np.array([row[name] for row in rows]) for name in ("energy density", "u(energy density)", "energy density without pores"))
    colour = style.RUNS[1]
    ax.fill_between(x, dense - spread, dense + spread, color=style.tint(colour, 0.75), lw=0)
    ax.plot(x, dense, color=colour)
    ax.plot(x, solid, color=style.QUIET, lw=1.0, ls="--")
    own = 100 * float(design.solid.weights[design.solid.names.index(design.sweep.component)])
    if x[0] <= own <= x[-1]:
        value = design.value("energy density")
        ax.plot([own], [value], "o", color=colour, zorder=6)
        ax.annotate(f"{value:.0f}", (own, value), xytext=(-4, -3), textcoords="offset points", fontsize=7, color=colour, ha="right", va="top")
    ax.set(xlim=_wide(x), ylim=(0, 1.08 * max(solid.max(), (dense + spread).max())), xlabel=_content(design), ylabel="Energy density (Wh/L)")
    style.label_lines(ax, [("electrode", dense[-1], colour), ("without\npores", solid[-1], style.QUIET)], gap=0.13)
