"""Charts of cells: profiles, capacity and efficiency, rates, retention, life, temperature, dQ/dV, plating, and a cell beside
a run."""

import re

import numpy as np

from ...lab.cycling import POINTS, profile, shown
from .. import style

CAPACITY, EFFICIENCY = style.RUNS[0], style.RUNS[1]
WAYS = {"charge": style.RUNS[1], "discharge": style.RUNS[0]}
SHADES = (0.12, 0.88)  # of the map in which early cycles are pale and late ones dark
LONGER = 2.5  # times: a cell that went so much further than a run is drawn on a logarithmic axis
MANY = 60  # cycles from which markers are points


def unit(text):
    """A unit as charts print it."""
    return re.sub(r"/([A-Za-z]+)(\d?)$", lambda m: f" {m[1]}$^{{-{m[2] or 1}}}$", text)


def cycles(analysis):
    """a: voltage against capacity of some cycles; b: capacity (left) and coulombic efficiency (right) against cycle."""
    made, cell = analysis.curves["cycles"], analysis.curves["cell"]
    with style.look():
        fig = style.figure(style.DOUBLE, 66 * style.MM)
        left, right = fig.subplots(1, 2, width_ratios=(1, 1.15))
        _profiles(left, made, shown(made, analysis.curves.get("wanted")))
        style.title(left, "a")
        pale = _capacity(right, made, analysis.tables["cycles"], cell)
        style.title(right, "b", "pale: unfinished" if pale else "")
        style.settle(fig)
    return fig


def _shades(n):
    """n colours, pale for the first."""
    shade = style.colour_map("viridis_r", *SHADES, 0.0)
    return [shade(0.5 if n == 1 else i / (n - 1)) for i in range(n)]


def _thin(x, y):
    """At most POINTS points of a curve."""
    step = max(len(x) // POINTS, 1)
    return np.append(x[:-1:step], x[-1:]), np.append(y[:-1:step], y[-1:])


def _profiles(ax, made, numbers):
    ends = []
    for number, colour in zip(numbers, _shades(len(numbers))):
        for way, half in profile(made, number).items():
            ax.plot(*_thin(half.capacity, half.voltage), color=colour, lw=1.0)
            ends.append(half.capacity[-1])
    ax.set(xlabel=f"Capacity ({unit(made.electrode.unit)})", ylabel="Voltage (V)", xlim=(0, 1.04 * max(ends, default=1)))
    if not ends:
        ax.text(0.5, 0.5, "no charge passes", transform=ax.transAxes, ha="center", va="center", color=style.QUIET)
    _named_cycles(ax, numbers)


def _named_cycles(ax, numbers):
    """The numbers of cycles in their colours, in a row above the panel."""
    x = 1.0
    for number, colour in reversed(list(zip(numbers, _shades(len(numbers))))):
        text = ax.text(x, 1.03, f"{number}", transform=ax.transAxes, color=colour, ha="right", va="bottom", fontsize=7, fontweight="bold")
        x -= 0.03 + 0.028 * len(f"{number}")
    ax.text(x, 1.03, "cycle" if len(numbers) == 1 else "cycles", transform=ax.transAxes, color=style.QUIET, ha="right", va="bottom", fontsize=7)
    return text


def _marks(n):
    """Markers of a series of n cycles."""
    return {"marker": "o", "linestyle": "none", "markersize": 2.0 if n > MANY else 3.6, "markeredgewidth": 0.9 if n <= MANY else 0.6, "clip_on": False, "in_layout": False}


def _capacity(ax, made, table, cell):
    """Draws capacity and efficiency; whether cycles that were not finished are among them, drawn pale."""
    number, whole = made.numbers, made.whole if made.whole.any() else np.ones(len(made.numbers), bool)
    marks = _marks(len(number))
    pale = False
    for way in ("charge", "discharge"):
        values = made.electrode.scaled(made.table[f"{way} [mAh]"])
        full = way == made.of
        rest = ~whole & (values > 0)
        pale |= rest.any()
        for some, colour, name in ((rest, style.tint(WAYS[way], 0.65), None), (whole, WAYS[way], way)):
            # Open markers without a face and over the full ones: halves that are alike are both seen.
            ax.plot(number[some], values[some], **marks, color=colour, markerfacecolor=colour if full else "none", label=name, zorder=2 if full else 2.5)
    # The efficiency has the upper part of the panel to itself.
    ax.set(ylim=(0, max(ax.get_ylim()[1], 1e-9) * (1.04 if cell is None else 1.45)), ylabel=f"Capacity ({unit(made.electrode.unit)})")
    _cycle_axis(ax, number)
    ax.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2, handletextpad=0.1, columnspacing=0.9, borderaxespad=0.1)  # above the panel: never on the data
    if cell is not None:
        twin = ax.twinx()
        twin.spines["right"].set_visible(True)
        efficiency = table["coulombic efficiency [%]"]
        shown_ = whole & np.isfinite(efficiency)
        twin.plot(number[shown_], efficiency[shown_], **marks | {"marker": "D", "markersize": marks["markersize"] * 0.85}, color=style.QUIET, markerfacecolor="white")
        low, high = (min(efficiency[shown_].min(), 99.0), max(efficiency[shown_].max(), 100.0)) if shown_.any() else (90.0, 100.0)
        twin.set_ylim(low - 3.6 * (high - low), high + 0.2 * (high - low))
        twin.set_yticks([tick for tick in twin.get_yticks() if low - 0.6 * (high - low) <= tick <= high + 0.2 * (high - low)] or [100.0])
        twin.set_ylabel("Coulombic efficiency (%)", color=style.QUIET)
        twin.tick_params(axis="y", colors=style.QUIET)
    return pale


def _cycle_axis(ax, number):
    """Limits that leave room for whole markers, integer ticks."""
    from matplotlib.ticker import MaxNLocator

    pad = 0.04 * max(number[-1] - number[0], 1)
    ax.set_xlim(number[0] - pad - (0.4 if len(number) < 12 else 0), number[-1] + pad + (0.4 if len(number) < 12 else 0))
    ax.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True, min_n_ticks=1, steps=[1, 2, 5, 10]))
    ax.set_xlabel("Cycle")


def rates(analysis):
    """Capacity against cycle, each run of cycles at one current named."""
    made, table = analysis.curves["cycles"], analysis.tables["rates"]
    with style.look():
        fig = style.figure(style.SINGLE, 66 * style.MM)
        ax = fig.subplots()
        whole = made.whole
        number, capacity = made.numbers[whole], made.compared[whole]
        ax.plot(number, capacity, **_marks(len(number)), color=WAYS[made.of])
        top = capacity.max()
        ax.set(ylim=(0, 1.22 * top), ylabel=f"{made.of.capitalize()} capacity ({unit(made.electrode.unit)})")
        _cycle_axis(ax, number)
        groups = len(table["first cycle"])
        last = -np.inf
        for i in range(groups):
            first, final = table["first cycle"][i], table["last cycle"][i]
            if i:
                ax.axvline((first + table["last cycle"][i - 1]) / 2, color=style.FAINT, lw=0.8, zorder=0)
            text = f"{table['rate [C]'][i]:.2g} C" if "rate [C]" in table else f"{table[f'{made.of} current [mA]'][i]:.3g} mA"
            middle = (first + final) / 2
            width = (0.01 + 0.02 * len(text)) * (ax.get_xlim()[1] - ax.get_xlim()[0])
            crowded = middle - last < width  # names that would touch stand one above the other
            ax.text(middle, (1.15 if crowded else 1.08) * top, text, ha="center", va="bottom", fontsize=7, color=style.INK)
            last = -np.inf if crowded else middle
        style.settle(fig)
    return fig


def retention(analysis):
    """a: capacity, b: its retention, of several cells against cycle."""
    cells, measure = analysis.curves["cells"], analysis.curves["unit"]
    with style.look():
        fig = style.figure(style.DOUBLE, 66 * style.MM)
        left, right = fig.subplots(1, 2)
        last = max(cell["cycle"][-1] for cell in cells)
        labels = []
        for cell, colour in zip(cells, style.RUNS * (1 + len(cells) // len(style.RUNS))):
            marks = _marks(last)
            left.plot(cell["cycle"], cell["capacity"], **marks, color=colour)
            right.plot(cell["cycle"], cell["retention"], **marks, color=colour)
            labels.append((f"{cell['label']}  {cell['retention'][-1]:.1f} %", cell["retention"][-1], colour))
        left.set(ylim=(0, 1.06 * max(cell["capacity"].max() for cell in cells)), ylabel=f"{analysis.curves['of'].capitalize()} capacity ({unit(measure)})")
        low = min(cell["retention"].min() for cell in cells)
        right.set(ylim=(0 if low < 60 else 50, max(105.0, 1.03 * max(cell["retention"].max() for cell in cells))), ylabel="Retention (%)")
        for ax, letter in ((left, "a"), (right, "b")):
            _cycle_axis(ax, np.array([1, last]))
            style.title(ax, letter)
        style.label_lines(right, labels)
        style.settle(fig)
    return fig


def life(analysis):
    """Cycles to the end of life against stack pressure; open with an arrow where the end was not reached."""
    table, to = analysis.tables["life"], analysis.curves["to"]
    pressure, number = np.array(table["pressure [MPa]"], float), np.array(table["life [cycles]"], float)
    reached = np.array(table["reached"])
    with style.look():
        fig = style.figure(style.SINGLE, 70 * style.MM)
        ax = fig.subplots()
        ax.plot(pressure[reached], number[reached], "o", color=CAPACITY, ms=5)
        ax.plot(pressure[~reached], number[~reached], "o", color=CAPACITY, markerfacecolor="white", markeredgewidth=1.1, ms=5)
        for x, y in zip(pressure[~reached], number[~reached]):
            ax.annotate("", (x, y), xytext=(0, 15), textcoords="offset points", arrowprops={"arrowstyle": "<-", "color": CAPACITY, "lw": 0.9, "shrinkB": 3, "shrinkA": 0})
        positive = pressure[pressure > 0]
        wide = len(positive) == len(pressure) and positive.max() > 20 * positive.min()
        if wide:
            ax.set_xscale("log")
            ax.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        low, high = (positive.min() / 3, positive.max() * 12) if wide else (pressure.min() - 0.12 * max(np.ptp(pressure), 1e-3), pressure.max() + 0.45 * max(np.ptp(pressure), 1e-3))
        ax.set(xlim=(low, high), ylim=(0, 1.25 * max(number.max(), 1)), xlabel="Stack pressure (MPa)", ylabel=f"Cycles to {100 * to:g} % retention")
        ax.yaxis.get_major_locator().set_params(integer=True)
        _beside(ax, pressure, number, table["cell"])
        if not reached.all():
            ax.text(0.985, 0.985, "arrow: not yet reached", transform=ax.transAxes, ha="right", va="top", fontsize=7, color=style.QUIET)
        style.settle(fig)
    return fig


def _beside(ax, x, y, names):
    """Names right of points, moved up where they would touch one below them."""
    ax.figure.draw_without_rendering()
    spots = []
    for i in np.argsort(y):
        at = ax.transData.transform((x[i], y[i]))
        height = at[1]
        for other in spots:
            if abs(other[0] - at[0]) < 0.35 * ax.bbox.width and abs(other[1] - height) < 11 * ax.figure.dpi / 72:
                height = other[1] + 11 * ax.figure.dpi / 72
        spots.append((at[0], height))
        ax.annotate(names[i], (x[i], y[i]), xytext=(7, (height - at[1]) * 72 / ax.figure.dpi), textcoords="offset points", fontsize=7, va="center", annotation_clip=False)


def temperatures(analysis):
    """a: a profile at each temperature; b: capacity against temperature, bars of one standard deviation."""
    table, measure, of = analysis.tables["temperatures"], analysis.curves["unit"], analysis.curves["of"]
    profiles = analysis.curves["profiles"]
    with style.look():
        fig = style.figure(style.DOUBLE, 62 * style.MM)
        left, right = fig.subplots(1, 2)
        shade = style.colour_map("plasma", 0.0, 0.8, 0.0)
        warm = np.array([temperature for temperature, _ in profiles])
        labels, ends = [], []
        for temperature, halves in profiles:
            colour = shade((temperature - warm.min()) / max(np.ptp(warm), 1e-9))
            for way, half in halves.items():
                left.plot(*_thin(half.capacity, half.voltage), color=colour, lw=1.0)
                ends.append(half.capacity[-1])
                if way == of:
                    labels.append((f"{temperature:.3g} °C", colour))
        left.set(xlabel=f"Capacity ({unit(measure)})", ylabel="Voltage (V)", xlim=(0, 1.04 * max(ends)))
        x = 1.0
        for text, colour in reversed(labels):
            left.text(x, 1.03, text, transform=left.transAxes, color=colour, ha="right", va="bottom", fontsize=7)
            x -= 0.03 + 0.027 * len(text)
        style.title(left, "a")
        at, capacity, spread = (np.array(table[name], float) for name in ("temperature [degC]", f"mean capacity [{measure}]", f"spread [{measure}]"))
        right.errorbar(at, capacity, np.nan_to_num(spread), fmt="o", color=CAPACITY, ms=4.5, lw=0.9, capsize=2)
        pad = 0.1 * max(np.ptp(at), 10)
        right.set(xlabel="Temperature (°C)", ylabel=f"{of.capitalize()} capacity ({unit(measure)})", xlim=(at.min() - pad, at.max() + pad), ylim=(0, 1.15 * (capacity + np.nan_to_num(spread)).max()))
        style.title(right, "b")
        style.settle(fig)
    return fig


def dqdv(analysis):
    """dQ/dV against voltage, discharge downwards."""
    curves, measure = analysis.curves["curves"], analysis.curves["unit"]
    numbers = list(dict.fromkeys(curve["cycle"] for curve in curves))
    with style.look():
        fig = style.figure(style.SINGLE, 66 * style.MM)
        ax = fig.subplots()
        colours = dict(zip(numbers, _shades(len(numbers))))
        for curve in curves:
            ax.plot(curve["voltage"], curve["slope"], color=colours[curve["cycle"]], lw=0.9)
        ax.axhline(0, color=style.FAINT, lw=0.8, zorder=0)
        ax.set(xlabel="Voltage (V)", ylabel=f"dQ/dV ({unit(measure)} V$^{{-1}}$)")
        ax.margins(x=0.02)
        _named_cycles(ax, numbers)
        for word, side, anchor in (("charge", 3, "bottom"), ("discharge", -3, "top")):
            ax.annotate(word, (1, 0), xycoords=("axes fraction", "data"), xytext=(-2, side), textcoords="offset points", ha="right", va=anchor, fontsize=7, color=style.QUIET)
        style.settle(fig)
    return fig


def plating(analysis):
    """a: voltage against charge of the first cycles; b: the first dip against its plateau; c: efficiency against cycle."""
    curves, table, area = analysis.curves["curves"], analysis.tables["plating"], analysis.curves["area"]
    scale, measure = (1 / area, "mAh/cm2") if area else (1.0, "mAh")
    several = len(table["cycle"]) > 1
    with style.look():
        fig = style.figure(style.DOUBLE, 62 * style.MM)
        axes = fig.subplots(1, 3 if several else 2, width_ratios=(1.1, 1.1, 0.9) if several else (1, 1))
        first = curves[0]
        ax = axes[0]
        ax.plot(*_thin(scale * first["capacity"], first["voltage"]), color=WAYS["discharge"], lw=1.1)
        if first["stripped"] is not None:
            ax.plot(*_thin(scale * first["stripped"][0], first["stripped"][1]), color=WAYS["charge"], lw=1.1)
        ax.axhline(0, color=style.FAINT, lw=0.8, zorder=0)
        begin = scale * first["capacity"][max(first["begin"] - 1, 0)]
        ax.set(xlabel=f"Charge passed ({unit(measure)})", ylabel="Voltage (V)", xlim=(0, None))
        if begin > 0.02 * scale * first["capacity"][-1]:
            ax.axvline(begin, color=style.QUIET, lw=0.7, ls=":")
            room = begin > 0.25 * ax.get_xlim()[1]  # for a word left of the line
            ax.text(begin, 0.98, " plating" if room else " plating (left of it: alloying)", transform=ax.get_xaxis_transform(), va="top", fontsize=7, color=style.QUIET)
            if room:
                ax.text(begin, 0.98, "alloying ", transform=ax.get_xaxis_transform(), va="top", ha="right", fontsize=7, color=style.QUIET)
        style.title(ax, "a", f"Cycle {first['cycle']}")
        _dip(axes[1], next((curve for curve in curves if curve["found"] is not None), None))
        if several:
            ax = axes[2]
            efficiency = np.asarray(table["efficiency [%]"], float)
            known = np.isfinite(efficiency)
            ax.plot(table["cycle"][known], efficiency[known], **_marks(len(efficiency)), color=style.INK)
            _cycle_axis(ax, table["cycle"])
            low = efficiency[known].min(initial=100)
            ax.set(ylabel="Plating efficiency (%)", ylim=(0 if low < 50 else 50 if low < 80 else 80, max(102, 1.01 * efficiency[known].max(initial=100))))
            style.title(ax, "c")
        style.settle(fig)
    return fig


def _dip(ax, curve):
    style.title(ax, "b", "Nucleation")
    if curve is None:
        ax.set_axis_off()
        ax.text(0.5, 0.5, "no dip is seen", transform=ax.transAxes, ha="center", va="center", color=style.QUIET)
        return
    found = curve["found"]
    start = curve["time"][curve["begin"]]
    end = found.dip_at + 1.6 * max(found.plateau_at[0] - found.dip_at, 0.5 * (found.dip_at - start))
    seconds = end - start > 0 and end - start < 600
    per = 1.0 if seconds else 60.0
    inside = (curve["time"] >= start) & (curve["time"] <= end)
    time, voltage = (curve["time"][inside] - start) / per, 1e3 * curve["voltage"][inside]
    ax.plot(*_thin(time, voltage), ".", color=style.tint(WAYS["discharge"], 0.35), ms=2, rasterized=True)
    dip, plateau = 1e3 * found.dip, 1e3 * found.plateau
    at = (found.dip_at - start) / per
    ax.axhline(plateau, color=style.INK, lw=0.8, ls="--")
    ax.plot([at], [dip], "o", color=style.INK, ms=3.5, zorder=5)
    ax.annotate("", (at, plateau), xytext=(at, dip), arrowprops={"arrowstyle": "<->", "color": style.INK, "lw": 0.8, "shrinkA": 0, "shrinkB": 0})
    depth = plateau - dip
    ax.text(0.98, dip + 0.25 * depth, f"{1e3 * found.overpotential:.2f} ± {1e3 * found.error:.2f} mV", transform=ax.get_yaxis_transform(), ha="right", fontsize=7, va="center", zorder=6)
    ax.text(time[-1], plateau + 0.05 * depth, "plateau", fontsize=7, ha="right", va="bottom")
    ax.set(xlabel="Time since plating began (s)" if seconds else "Time since plating began (min)", ylabel="Voltage (mV)", ylim=(dip - 0.15 * depth, plateau + 0.35 * depth), xlim=(0, time[-1]))


def against(analysis):
    """A measured cell (open markers) and a run (lines) against cycle: capacity or utilisation, contact, porosity, and
    thickness or pressure."""
    table, made = analysis.tables["against the run"], analysis.curves["measured"]
    number = np.asarray(table["cycle"], float)
    panels = [panel for panel in (_first_panel(table, made), _contacts(table), _states(table, "porosity", "%", "Porosity (%)"), *_sizes(table)) if panel[1]]
    with style.look():
        columns = 2
        rows = -(-len(panels) // columns)
        fig = style.figure(style.DOUBLE, (12 + 50 * rows) * style.MM)
        axes = np.atleast_1d(fig.subplots(rows, columns)).ravel()
        shortest = min(number[np.isfinite(values)][-1] for _, series in panels for _, values, _, _ in series)
        for ax, letter, (heading, series) in zip(axes, "abcdef", panels):
            for text, values, colour, measured in series:
                known = np.isfinite(values)
                if measured:
                    few = known.sum() <= MANY
                    ax.plot(number[known], values[known], **style.open_marker(colour) | {"markersize": 4.2 if few else 2.4, "markeredgewidth": 1.0 if few else 0.7, "clip_on": True})
                else:
                    ax.plot(number[known], values[known], color=colour, lw=1.3, marker="." if known.sum() < 4 else None)
            ax.margins(y=0.12)
            low, high = ax.get_ylim()
            ax.set_ylim(0 if low < 0.5 * high and low > -0.05 * abs(high) else low, high)
            _shared_axis(ax, number, shortest)
            ax.set_ylabel(heading)
            style.title(ax, letter)
            _name(ax, number, series)
        for ax in axes[len(panels) :]:
            ax.set_axis_off()
        fig.get_layout_engine().set(rect=(0, 0, 1, 1 - 0.09 / rows))
        fig.text(0.995, 0.985, "open markers: measured; lines: simulated", ha="right", va="top", fontsize=7, color=style.QUIET)
        style.settle(fig)
    return fig


def _shared_axis(ax, number, shortest):
    """Cycles; logarithmic where the cell or the run went much further than the other, so that both are seen."""
    _cycle_axis(ax, number)
    if number[0] > 0 and number[-1] > LONGER * shortest:
        ax.set_xscale("log")
        ax.set_xlim(0.8 * number[0], 1.2 * number[-1])
        ax.xaxis.set_major_formatter(lambda value, _: f"{value:g}")


def _name(ax, number, series):
    """Names at the ends of the series; those that end together are moved apart together."""
    mixed = len({measured for *_, measured in series}) > 1  # names beside the lines would stand on markers
    ends = {}
    for text, values, colour, measured in series:
        last = np.flatnonzero(np.isfinite(values))[-1]
        ends.setdefault(number[-1] if mixed else number[last], []).append((f"run, {text}" if mixed and not measured else text, values[last], colour))
    for cycle, labels in ends.items():
        share = (ax.transScale + ax.transLimits).transform((cycle, ax.get_ylim()[0]))[0]
        style.label_lines(ax, labels, at=1.025 if share > 0.9 else share + 0.025)


def _first_panel(table, made):
    if "measured utilisation [%]" in table:
        return "Utilisation (%)", [("active\nmaterial", table["measured utilisation [%]"], CAPACITY, True)]
    name = f"measured capacity [{made.electrode.unit}]"
    return f"{made.of.capitalize()} capacity ({unit(made.electrode.unit)})", [("cell", table[name], CAPACITY, True)]


def _contacts(table):
    names = [name for name in table if name.startswith("run contact ratio")]
    series = []
    for name, colour in zip(names, style.RUNS[1:] + style.RUNS):
        pair = re.match(r"run contact ratio (.*), lithiated", name)[1]
        a, b = pair.split("-", 1)
        series.append((f"{a}–{b}", table[name], colour, False))
    return "Contact ratio, lithiated (%)", series


def _states(table, quantity, measure, heading):
    colours = {"lithiated": style.RUNS[0], "delithiated": style.RUNS[1]}
    series = [(state, table[name], colour, False) for state, colour in colours.items() if (name := f"run {quantity}, {state} [{measure}]") in table and np.isfinite(table[name]).any()]
    for way, colour in (("discharge", style.RUNS[0]), ("charge", style.RUNS[1])):
        name = f"measured {quantity} after {way} [{measure}]"
        if name in table and np.isfinite(table[name]).any():
            series.append((f"after {way}", table[name], colour, True))
    return heading, series


def _sizes(table):
    """Thickness and pressure: those that were measured or that change in the run."""
    found = []
    for quantity, measure in (("thickness", "um"), ("pressure", "MPa")):
        panel = _states(table, quantity, measure, f"{quantity.capitalize()} ({'µm' if measure == 'um' else measure})")
        values = np.concatenate([series[1][np.isfinite(series[1])] for series in panel[1]]) if panel[1] else np.zeros(0)
        measured = any(series[3] for series in panel[1])
        if measured or (len(values) and np.ptp(values) > 1e-3 * np.abs(values).max()):
            found.append(panel)
    return found
