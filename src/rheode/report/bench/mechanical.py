"""Charts of mechanical tests, scattering, pressure sensors and stack pressure."""

import numpy as np

from ...lab.mechanical import ROUGH
from .. import style

LINE, REST = style.RUNS[0], style.QUIET
FIT = style.RUNS[1]
OTHERS = [colour for colour in style.RUNS if colour != FIT]
LAW = {"color": style.INK, "lw": 0.7, "ls": (0, (3, 2)), "zorder": 5}  # a fitted law, over what was recorded
LONG = 4000  # points of a drawn curve
UNSURE = 0.1  # of the loss coefficient: a loop known less well is not drawn
GPA_TO_MPA = 1000.0


# --- loops -----------------------------------------------------------------------------------------


def loops(analysis):
    """a: stress against strain, first loop dark, later ones pale, breaks crossed; b: energy lost per loop; c: loss
    coefficient, without loops of too few samples. Bars: one standard uncertainty. Tests without loops: a alone. Dashed: a fitted law."""
    outcomes, healed, law = analysis.curves["outcomes"], analysis.curves["healed"], analysis.curves.get("law", {})
    cyclic = [outcome for outcome in outcomes if outcome.loops]
    with style.look():
        if not cyclic:
            fig = style.figure(style.SINGLE, 64 * style.MM)
            _pulls(fig.subplots(), outcomes, healed, law)
        else:
            fig = style.figure(style.DOUBLE, 62 * style.MM)
            axes = fig.subplots(1, 3, width_ratios=(1.5, 1, 1))
            style.title(axes[0], "a", f"{len(cyclic[0].loops)} loops" + (f", {_stem(cyclic[0])}" if len(cyclic) > 1 else ""))
            _hysteresis(axes[0], cyclic[0], law.get(cyclic[0].test.name))
            _per_loop(axes[1], cyclic, "b", "Energy lost per loop", "Dissipated energy (MJ/m³)", lambda loop: (loop.dissipated, loop.u_dissipated))
            _per_loop(axes[2], cyclic, "c", "Share of the work put in", "Loss coefficient", lambda loop: (loop.loss, loop.u_loss), top=1)
        style.settle(fig)
    return fig


def _stem(outcome):
    return outcome.test.name.rsplit(".", 1)[0]


def _thinned(*columns):
    step = max(1, len(columns[0]) // LONG)
    return [column[::step] for column in columns]


def _percent(test, a, b):
    return _thinned(100 * test.strain[a:b], test.stress[a:b])


def _label_axes(ax, outcome):
    kind = "True" if outcome.test.measure.startswith("true") else "Nominal"
    ax.set(xlabel=f"{kind} strain (%)", ylabel=f"{kind} stress (MPa)")


def _hysteresis(ax, outcome, law=None):
    found = outcome.loops
    for loop in found[1:-1]:  # there to be seen, not to be read
        ax.plot(*_percent(outcome.test, loop.first, loop.last + 1), color=style.tint(REST, 0.45), lw=0.6, zorder=2)
    ax.plot(*_percent(outcome.test, found[0].first, found[0].last + 1), color=LINE, lw=1.6, zorder=3)
    words = [("loop 1", LINE)]
    if len(found) > 1:
        ax.plot(*_percent(outcome.test, found[-1].first, found[-1].last + 1), color=FIT, lw=0.8, zorder=4)
        words.append((f"loop {len(found)}", FIT))
    if len(found) > 2:
        words.append(("between", REST))
    if outcome.end - found[-1].last > 1:
        ax.plot(*_percent(outcome.test, found[-1].last, outcome.end), color=REST, lw=0.6, zorder=1)
    if law is not None:
        ax.plot(100 * law[0], law[1], **LAW)
        words.append(("fitted law", LAW["color"]))
    if outcome.broke:
        _cross(ax, outcome, style.INK)
    low, high = ax.get_ylim()
    up = outcome.sense > 0
    ax.set_ylim(low - (0.12 if up else 0.02) * (high - low), high + (0.12 if up else 0.3) * (high - low))
    _name_curves(ax, outcome, words)
    if np.isfinite(found[0].residual):
        at = (100 * found[0].residual, 0)
        ax.plot(*at, **style.open_marker(LINE, "v" if up else "^"))
        # to the inside: a residual strain near the axis would put a centred word across it
        ax.annotate("residual strain", at, (-3 if up else 3, -7 if up else 7), textcoords="offset points", color=LINE, fontsize=6.5, ha="left" if up else "right", va="top" if up else "bottom", annotation_clip=False)
    _label_axes(ax, outcome)


def _name_curves(ax, outcome, words):
    """The words above each other in that corner, top left or bottom right, where fewer samples lie."""
    x, y = ax.transAxes.inverted().transform(ax.transData.transform(np.column_stack(_percent(outcome.test, 0, outcome.end)))).T
    height = 0.075 * len(words) + 0.03
    right = np.sum((x > 0.66) & (y < height)) < np.sum((x < 0.34) & (y > 1 - height))
    for spot, (word, colour) in enumerate(words):
        ax.text(0.97 if right else 0.03, (height if right else 0.97) - 0.075 * spot, word, transform=ax.transAxes, color=colour, ha="right" if right else "left", va="top", fontsize=7)


def _cross(ax, outcome, colour):
    ax.plot(100 * outcome.longest, outcome.test.stress[outcome.end - 1], "x", color=colour, ms=5, mew=1.3, zorder=6, clip_on=False)


def _per_loop(ax, outcomes, letter, heading, name, of, top=None):
    style.title(ax, letter, heading)
    most = max(len(outcome.loops) for outcome in outcomes)
    labels = []
    hidden = 0
    for outcome, colour in zip(outcomes, style.RUNS):
        clear = [(number, *of(loop)) for number, loop in enumerate(outcome.loops, 1) if loop.last - loop.first >= ROUGH and loop.u_loss < UNSURE]
        hidden += len(outcome.loops) - len(clear)
        if clear:
            number, value, u = zip(*clear)
            ax.errorbar(number, value, yerr=u, color=colour, lw=0.8, marker="o", ms=3.2 if most <= 20 else 2, elinewidth=0.8, capsize=0)
            labels.append((_stem(outcome), value[-1], colour))
    if hidden:
        ax.text(0.03, 0.97, f"{hidden} loops of few\nsamples not shown", transform=ax.transAxes, va="top", color=REST, fontsize=6.5)
    low, high = ax.get_ylim()
    ax.set(xlabel="Loop", ylabel=name, xlim=(0.4, most + 0.6), ylim=(min(0, low), 1.08 * high) if top is None else (0, top))
    from matplotlib.ticker import MaxNLocator

    ax.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True, min_n_ticks=1))
    if len(outcomes) > 1:
        style.label_lines(ax, labels, size=6.5)


def _pulls(ax, outcomes, healed, law):
    labels = []
    for group, colour, word in ((outcomes, LINE, "as made"), (healed, FIT, "healed")):
        for outcome in group:
            strain, stress = _percent(outcome.test, 0, outcome.end)
            ax.plot(strain, stress, color=colour, lw=1.1)
            if outcome.test.name in law and group is outcomes:
                ax.plot(100 * law[outcome.test.name][0], law[outcome.test.name][1], **LAW)
            if outcome.broke:
                _cross(ax, outcome, colour)
        if group:
            far = max(group, key=lambda outcome: abs(outcome.longest))
            labels.append((far, word if healed else "", colour))
    if law:
        ax.text(0.03, 0.97, "dashed: fitted law", transform=ax.transAxes, color=LAW["color"], va="top", fontsize=7)
    _label_axes(ax, outcomes[0])
    low, high = ax.get_ylim()
    ax.set_ylim(min(low, 0), high + 0.14 * (high - low))
    for far, word, colour in labels:
        at = (100 * far.longest, far.test.stress[far.end - 1])
        text = ", ".join(filter(None, [word, f"breaks at {float(f'{100 * far.longest:.3g}'):g} %" if far.broke else "did not break"]))
        right = at[0] > np.mean(ax.get_xlim())
        ax.annotate(text, at, (-5 if right else 7, 6 if right else 0), textcoords="offset points", color=colour, fontsize=7, ha="right" if right else "left", va="bottom" if right else "center")


# --- scattering ------------------------------------------------------------------------------------


def saxs(analysis):
    """The profile with the fitted peak over its background, on logarithmic scales."""
    profile, size, peak = analysis.tables["profile"], analysis.values["domain size"], analysis.values["peak q"]
    q, fit = profile["q [1/nm]"], profile["fit"]
    with style.look():
        fig = style.figure(style.SINGLE, 64 * style.MM)
        ax = fig.subplots()
        ax.plot(q, profile["intensity"], ".", color=LINE, ms=3)
        ax.plot(q, fit, color=FIT)
        ax.plot(q, profile["background"], color=style.INK, lw=0.8, ls="--")
        ax.set(xscale="log", yscale="log", xlabel="Scattering vector $q$ (nm$^{-1}$)", ylabel="Intensity (as measured)")
        _plain_ticks(ax.xaxis)
        _plain_ticks(ax.yaxis)
        low = 0.5 * min(profile["intensity"].min(), profile["background"].min())
        ax.set_ylim(low, None)
        top = np.interp(peak.value, q, fit)
        ax.plot([peak.value] * 2, [low, top], color=FIT, lw=0.7, ls=":")
        ax.text(0.97, 0.96, f"peak at {peak.value:.3g} nm$^{{-1}}$\n$d$ = 2π/$q$ = {_pm(size)} nm", transform=ax.transAxes, color=FIT, ha="right", va="top", fontsize=7)
        at = np.searchsorted(q, peak.value * 0.75)
        ax.annotate("background", (q[at], profile["background"][at]), (-4, -8), textcoords="offset points", ha="right", va="top", fontsize=7)
        style.settle(fig)
    return fig


# --- sensor ----------------------------------------------------------------------------------------


def sensor(analysis):
    """a: resistance against load with the curve, the band of one reading, and readings led to their loads; b: residuals."""
    drawn = analysis.curves
    made, unit, level = drawn["calibration"], drawn["unit"], drawn["level"]
    name = drawn["name"].capitalize()
    with style.look():
        fig = style.figure(style.SINGLE, 96 * style.MM)
        ax, below = fig.subplots(2, 1, height_ratios=(2.4, 1), sharex=True)
        scale, prefix = _ohms(made.resistance)
        readings = drawn["readings"]
        reach = [made.load.min(), made.load.max()]
        if readings is not None:
            ends = np.concatenate([readings[column] for column in list(readings)[1:]])
            reach = [np.nanmin([reach[0], *ends]), np.nanmax([reach[1], *ends])]
        load = np.geomspace(reach[0] / 1.15, reach[1] * 1.15, 300)
        low, high = made.band(load, level)
        ax.fill_between(load, low / scale, high / scale, color=style.tint(FIT, 0.8), lw=0)
        ax.plot(load, made.curve(load) / scale, color=FIT)
        runs = list(dict.fromkeys(made.run.tolist()))
        residual = np.log(made.resistance / made.curve(made.load))
        for number, run in enumerate(runs):
            rows = made.run == run
            colour = OTHERS[number % len(OTHERS)]
            for panel, y in ((ax, made.resistance[rows] / scale), (below, 100 * np.expm1(residual[rows]))):
                panel.plot(made.load[rows], y, **(style.open_marker(colour) | {"markersize": 3.6}))
        ax.set(xscale="log", yscale="log", ylabel=f"Resistance ({prefix}Ω)", xlim=(load[0], load[-1]))
        if readings is not None:
            _readings(ax, readings, drawn["labels"], unit, scale)
        ax.text(0.97, 0.96, f"band: one reading, {100 * level:g} %", transform=ax.transAxes, color=FIT, ha="right", va="top", fontsize=7)
        if len(runs) > 1:
            ax.text(0.97, 0.89, f"{len(runs)} runs, a colour each", transform=ax.transAxes, ha="right", va="top", fontsize=7)
        below.axhline(0, color=FIT, lw=0.8)
        half = 100 * (np.log(high) - np.log(low)) / 2
        below.fill_between(load, -half, half, color=style.tint(FIT, 0.8), lw=0, zorder=0)
        limit = 1.25 * max(np.abs(100 * residual).max(), np.median(half))
        below.set(xlabel=f"{name} ({unit})", ylabel="Residual (%)", ylim=(-limit, limit))
        _plain_ticks(below.xaxis)
        _plain_ticks(ax.yaxis)
        ax.tick_params(labelbottom=False)
        style.settle(fig)
    return fig


def _ohms(resistance):
    middle = np.median(resistance)
    return next((size, prefix) for size, prefix in ((1e6, "M"), (1e3, "k"), (1.0, "")) if middle >= 0.2 * size or size == 1.0)


def _plain_ticks(axis):
    """Numbers rather than powers on a logarithmic axis of few decades."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    low, high = axis.get_view_interval()
    if high / low < 3e3:
        axis.set_major_locator(LogLocator(subs=(1, 2, 5) if high / low < 300 else (1,)))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_formatter(NullFormatter())


def _readings(ax, readings, labels, unit, scale):
    resistance, *loads = readings.values()
    floor = ax.get_ylim()[0]
    left, right = ax.get_xlim()
    ax.set_ylim(floor, None)
    for ohm, label, best, low, high in zip(resistance, labels, *loads):
        if not np.isfinite(best):
            continue
        ax.plot([left, best, best], [ohm / scale, ohm / scale, floor], color=style.INK, lw=0.8, ls="--", zorder=4)
        if np.isfinite(low) and np.isfinite(high):
            ax.plot([low, high], [floor, floor], color=style.INK, lw=3, solid_capstyle="butt", zorder=7, clip_on=False)
        # Under the falling curve there is room, least at the right.
        side = -1 if np.log(best / left) > 0.6 * np.log(right / left) else 1
        ax.annotate(f"{label}:\n{best:.3g} {unit}", (best, floor), (4 * side, 6), textcoords="offset points", fontsize=7, va="bottom", ha="left" if side > 0 else "right")


# --- stack pressure --------------------------------------------------------------------------------


def pressure(analysis):
    """a: pressure against time (against cycles beside a run); b: against charge or lithiation, first and last cycle, where
    the charge is known; c: at the ends of the half cycles. Measured in ink, a simulated run in orange."""
    measured, simulated = analysis.curves["history"], analysis.curves["simulated"]
    table, other = analysis.tables["cycles"], analysis.tables.get("simulated cycles")
    across = next((name for name in ("lithiation []", "charge [mAh]") if name in measured), None)
    with style.look():
        fig = style.figure(style.DOUBLE, 100 * style.MM)
        grid = fig.add_gridspec(2, 2, height_ratios=(1, 1.15), width_ratios=(1, 1.1))
        _course(fig.add_subplot(grid[0, :]), measured, simulated)
        if across is not None:
            _round(fig.add_subplot(grid[1, 0]), measured, simulated, across, table)
        _states(fig.add_subplot(grid[1, 1] if across else grid[1, :]), "c" if across else "b", table, other, analysis.values)
        style.settle(fig)
    return fig


def _course(ax, measured, simulated):
    style.title(ax, "a", "Stack pressure")
    sets = [(measured, style.INK, "measured")] + ([(simulated, FIT, "simulated")] if simulated is not None else [])
    for history, colour, word in sets:
        x = history["time [s]"] / 3600 if simulated is None else _cycle_place(history)
        ax.plot(*_thinned(x, GPA_TO_MPA * history["wall pressure [GPa]"]), color=colour, lw=0.9, zorder=3 if colour == FIT else 2)
    ax.set(xlabel="Time (h)" if simulated is None else "Cycle", ylabel="Pressure (MPa)")
    ax.margins(x=0.01)
    _words(ax, sets)


def _words(ax, sets):
    if len(sets) > 1:
        for (_, colour, word), back in zip(sets, (38, 0)):
            ax.annotate(word, (1.0, 1.03), (-back, 0), xycoords="axes fraction", textcoords="offset points", color=colour, ha="right", va="bottom", fontsize=7)


def _cycle_place(history):
    """Cycles passed, a number between cycles by time."""
    cycle, time = history["cycle []"], history["time [s]"]
    place = np.empty(len(cycle))
    for number in np.unique(cycle):
        rows = np.flatnonzero(cycle == number)
        duration = time[min(rows[-1] + 1, len(time) - 1)] - time[rows[0]]
        place[rows] = number - 1 + (time[rows] - time[rows[0]]) / duration if number > 0 and duration > 0 else 0.0
    return place


def _round(ax, measured, simulated, across, table):
    style.title(ax, "b", "First and last whole cycle")
    first, last = table["cycle []"][0], table["cycle []"][-1]
    labels = []
    for number, shade in (((first, 0.5), (last, 0.0)) if first != last else ((last, 0.0),)):
        labels.append(_one_round(ax, measured, across, number, style.tint(style.INK, shade)))
    if simulated is not None and across == "lithiation []":
        numbers = simulated["cycle []"]
        for number, shade in (((1, 0.5), (numbers.max(), 0.0)) if numbers.max() > 1 else ((1, 0.0),)):
            labels.append(_one_round(ax, simulated, across, number, style.tint(FIT, shade)))
    ax.set(xlabel="Lithiation" if across == "lithiation []" else "Charge taken up (mAh)", ylabel="Pressure (MPa)")
    ax.margins(x=0.03)
    style.label_lines(ax, labels)


def _one_round(ax, history, across, number, colour):
    rows = (history["cycle []"] == number) & np.isin(history["half []"], ("lithiation", "delithiation"))
    x, y = _thinned(history[across][rows], GPA_TO_MPA * history["wall pressure [GPa]"][rows])
    ax.plot(x, y, color=colour, lw=1.0)
    return f"cycle {number}", float(y[np.argmax(x)]), colour


def _states(ax, letter, table, other, values):
    style.title(ax, letter, "At the ends of the half cycles")
    cycles = np.array(table["cycle []"])
    labels, number = [], max(cycles)
    for state, shape in (("lithiated", "o"), ("delithiated", "s")):
        y = np.array(table[f"{state} [MPa]"])
        ax.errorbar(cycles, y, yerr=table[f"u({state}) [MPa]"], ecolor=style.INK, elinewidth=0.8, **style.open_marker(style.INK, shape))
        labels.append((state, y[-1], style.INK))
    if other is not None:
        theirs = np.array(other["cycle []"])
        for state in ("lithiated", "delithiated"):
            ax.plot(theirs, other[f"{state} [MPa]"], color=FIT, marker="o" if len(theirs) < 4 else None, ms=2.6)
            labels.append((f"{state}, simulated", other[f"{state} [MPa]"][-1], FIT))
        number = max(number, max(theirs))
    ax.set_ylabel("Pressure (MPa)")
    style.cycle_axis(ax, number)
    ax.set_xlim(0.5, number + 0.5)
    low, high = ax.get_ylim()
    ax.set_ylim(low, high + 0.22 * (high - low))
    amplitude, drift = values["amplitude per cycle"], values["drift per cycle"]
    ax.text(0.02, 0.97, f"amplitude {_pm(amplitude)} MPa\ndrift {_pm(drift)} MPa per cycle", transform=ax.transAxes, va="top", fontsize=7)
    style.label_lines(ax, labels)


def _pm(value):
    """A value and its uncertainty to two digits of the uncertainty."""
    if not value.uncertainty:
        return f"{value.value:.3g}".replace("-", "−")
    digits = max(0, 1 - int(np.floor(np.log10(value.uncertainty))))
    return f"{value.value:.{digits}f} ± {value.uncertainty:.{digits}f}".replace("-", "−")
