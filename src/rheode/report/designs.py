"""Charts of electrode designs: room to swell, what composition and pressure do to porosity and energy, designs side by side."""

import re
from itertools import cycle

import numpy as np

from .. import materials as library
from ..electrode.design import Design, told_sweep
from ..units import show
from . import style
from .atlas import name_beside


def chart(design: Design):
    """a: volumes of the components against lithiation, per volume of the electrode as pressed; with a sweep b: porosity
    and the one needed, c: energy density, against composition. Bands: one standard uncertainty. Published values open."""
    with style.look():
        if design.sweep is None:
            fig = style.figure(style.SINGLE, 66 * style.MM)
            _volumes(fig.subplots(), design, "")
        else:
            note = told_sweep(design)
            fig = style.figure(style.DOUBLE, (66 if note else 62) * style.MM)
            axes = fig.subplots(1, 3, width_ratios=(1, 1, 1))
            _volumes(axes[0], design, "a")
            rows = design.swept()
            _porosities(axes[1], design, rows)
            name_value = _energies(axes[2], design, rows)
            if note:
                fig.supxlabel(_name(note, design), x=0.99, ha="right", fontsize=6.5, color=style.QUIET)
            style.settle(fig)
            name_value()
        style.settle(fig)
    return fig


def _name(text, design):
    """Text with the digits of those components that are named by a formula set low."""
    for name in design.components:
        if name[0].isupper() and name.lower() in {*library.names(), *library.other_names()}:
            text = text.replace(name, re.sub(r"(\d+)", r"$_{\1}$", name))
    return text


def compared(designs: list[Design]):
    """Porosity, density and energy density of several designs: against pressure if all of them have a pressing curve (Fig. 2d of
    Xiong et al. 2024), else as bars. Bands and whiskers: one standard uncertainty. Published values open."""
    with style.look():
        panels = (("porosity", "Porosity (%)", 100), ("density", "Density (g/cm$^3$)", 1), ("energy density", "Energy density (Wh/L)", 1))
        pressed = [design.pressed() if all(each.pressing for each in designs) else None for design in designs]
        fig = style.figure(style.DOUBLE, 62 * style.MM if pressed[0] else (20 + 7 * len(designs)) * style.MM)
        for letter, ax, (name, label, factor) in zip("abc", fig.subplots(1, len(panels), sharey=pressed[0] is None), panels):
            if pressed[0]:
                told = {"a": "open: printed" if any(each.pellets for each in designs) else "", "b": "band: one standard uncertainty"}
                style.title(ax, letter, told.get(letter, ""))
                _against_pressure(ax, designs, pressed, name, label, factor)
            else:
                style.title(ax, letter)
                _side_by_side(ax, designs, name, label, factor)
        if pressed[0]:
            ends = [(f"{each.name}\n({_basis(each)})", rows[-1]["energy density"], colour) for each, rows, colour in zip(designs, pressed, cycle(style.RUNS))]
            style.label_lines(ax, ends, gap=0.15)
        style.settle(fig)
    return fig


def _basis(design):
    """What capacity the energies of a design rest on."""
    return "measured capacity" if design.measured_capacity is not None else "theoretical capacity" if design.utilisation is None else f"utilisation {100 * design.utilisation:.3g} %"


def _against_pressure(ax, designs, pressed, name, label, factor):
    for design, rows, colour in zip(designs, pressed, cycle(style.RUNS)):
        pressure = 1000 * np.array([row["pressure"] for row in rows])
        value, spread = (factor * np.array([row[key] for row in rows]) for key in (name, f"u({name})"))
        ax.fill_between(pressure, np.maximum(value - spread, 0), value + spread, color=colour, alpha=0.15, lw=0)
        ax.plot(pressure, value, color=colour)
        published = {"porosity": "printed", "density": "densities"}.get(name)
        if design.pellets is not None and published:
            pellets = design.pellets
            weight = design.solid.weights[design.solid.names.index(pellets.component)] if pellets.component else 0.0
            here = np.isclose(pellets.fractions, weight)
            ax.plot(1000 * pellets.pressures[here], factor * getattr(pellets, published)[here], **style.open_marker(colour))
    low, high = ax.get_xlim()
    ax.set(xlim=(min(0, low), high), ylim=(0, None), xlabel="Pressure (MPa)", ylabel=label)


def _side_by_side(ax, designs, name, label, factor):
    heights = np.arange(len(designs))[::-1]
    results = [next(result for result in design.quantities() if result.name == name) for design in designs]
    values, spreads = [result.value for result in results], [result.uncertainty for result in results]
    most = max(v + u for v, u in zip(values, spreads)) or 1.0
    for y, design, v, u, colour in zip(heights, designs, values, spreads, cycle(style.RUNS)):
        ax.barh(y, v, height=0.56, color=style.tint(colour, 0.35), lw=0)
        if u:
            ax.errorbar(v, y, xerr=u, color=style.INK, lw=0.8, capsize=2)
        number = f"{v:#.3g}" if v < 100 else f"{v:.0f}"
        ax.text(v + u + 0.03 * most, y, f"{number}\n{_basis(design)}" if name == "energy density" else number, va="center", fontsize=6.5, linespacing=1.1)
    ax.set(xlim=(0, (1.75 if name == "energy density" else 1.25) * most), ylim=(-0.6, len(designs) - 0.4), xlabel=label)
    ax.set_yticks(heights, [design.name for design in designs])
    ax.tick_params(axis="y", length=0)


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
        labels.append((_name(name, design), below[-1] + volumes[i][-1] / 2, colour if colour not in style.OTHER_ROLES else style.QUIET))
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


def _tens(ax):
    """Ticks at tens, not at quarters."""
    from matplotlib.ticker import MaxNLocator

    ax.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))


def _content(design):
    return f"Weight fraction of {_name(design.sweep.component, design)} (%)"


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
    _tens(ax)
    style.label_lines(ax, labels, gap=0.08 * max(text.count("\n") + 1 for text, *_ in labels))


def _energies(ax, design, rows):
    """Draws; returns what names the design's own value once the figure is laid out."""
    style.title(ax, "c", "Energy density")
    x = 100 * np.array([row["weight fraction"] for row in rows])
    dense, spread, solid = (np.array([row[name] for row in rows]) for name in ("energy density", "u(energy density)", "energy density without pores"))
    colour = style.RUNS[1]
    ax.fill_between(x, dense - spread, dense + spread, color=style.tint(colour, 0.75), lw=0)
    ax.plot(x, dense, color=colour)
    ax.plot(x, solid, color=style.QUIET, lw=1.0, ls="--")
    own = 100 * float(design.solid.weights[design.solid.names.index(design.sweep.component)])
    value, shown = design.value("energy density"), x[0] <= own <= x[-1]
    if shown:
        ax.plot([own], [value], "o", color=colour, zorder=6)
    ax.set(xlim=_wide(x), ylim=(0, 1.08 * max(solid.max(), (dense + spread).max())), xlabel=_content(design), ylabel="Energy density (Wh/L)")
    _tens(ax)
    style.label_lines(ax, [("electrode", dense[-1], colour), ("without\npores", solid[-1], style.QUIET)], gap=0.13)
    return lambda: name_beside(ax, (own, value), f"{value:.0f}", [(x, dense), (x, solid)], colour) if shown else None
