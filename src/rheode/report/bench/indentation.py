"""Charts of nanoindentation: hardness and modulus, tip and frame, strain-rate jumps, holds."""

import numpy as np

from .. import style

LINE, PALE, FIT, MARK = style.RUNS[0], style.QUIET, style.RUNS[1], style.INK
HEIGHT = 62 * style.MM
LONG = 1500  # points of a drawn curve
GPA, NM = "GPa", "nm"


def hardness(analysis):
    """a: load against depth; b: hardness and c: modulus against depth, the indents that are left out dashed.

    With an oscillation every point of the loading, averaged over the shaded depths; else a point a cycle.
    """
    with style.look():
        fig = style.figure(style.DOUBLE, HEIGHT)
        a, b, c = fig.subplots(1, 3)
        _loads(a, analysis.curves["load over depth"], analysis.curves["left out"])
        style.title(a, "a", "Load and depth")
        continuous = "points" in analysis.tables
        table = analysis.tables["points" if continuous else "cycles"]
        for ax, letter, name, symbol in ((b, "b", "hardness", "H"), (c, "c", "modulus", "E")):
            _against_depth(ax, table, f"{name} [GPa]", analysis.curves["left out"], continuous)
            style.title(ax, letter, f"{name.capitalize()}: {_said(analysis.values[name])}")
            ax.set(xlabel="Depth (nm)", ylabel=f"{name.capitalize()} ${symbol}$ (GPa)", xlim=(0, None))
            _level(ax, analysis, name, continuous)
        style.settle(fig)
    return fig


def _loads(ax, drawn, left_out):
    for name, depth, load in drawn:
        step = max(1, len(depth) // LONG)
        ax.plot(depth[::step], load[::step], color=PALE if name in left_out else LINE, ls="--" if name in left_out else "-", lw=0.7, alpha=0.8)
    ax.set(xlabel="Depth (nm)", ylabel="Load (mN)", xlim=(0, None), ylim=(0, None))
    if left_out:
        ax.text(0.04, 0.95, "dashed: left out", transform=ax.transAxes, va="top", fontsize=7, color=PALE)


def _against_depth(ax, table, column, left_out, continuous):
    names, depth, values = np.asarray(table["indent"], object), np.asarray(table["depth [nm]"], float), np.asarray(table[column], float)
    for name in dict.fromkeys(names):
        own = (names == name) & np.isfinite(values)
        look = dict(color=PALE, ls="--") if name in left_out else dict(color=LINE, ls="-")
        ax.plot(depth[own], values[own], lw=0.7, alpha=0.8, marker=None if continuous else "o", ms=2.2, **look)
    kept = np.isfinite(values) & ~np.isin(names, list(left_out))
    if continuous and kept.any():  # the first contacts are noise, they must not set the scale
        kept &= depth > 0.1 * np.nanmax(depth)
    top = np.nanmax(values[kept]) if kept.any() else 1.0
    ax.set_ylim(0, 1.35 * top)


def _level(ax, analysis, name, continuous):
    """The mean, over the depths it was taken from."""
    value = analysis.values[name]
    if not np.isfinite(value.value):
        return
    ends = analysis.curves["windows"][0] if continuous else None
    if ends is not None:
        ax.axvspan(1000 * ends[0], 1000 * ends[1], color=style.FAINT, lw=0, zorder=0)
        ax.plot([1000 * ends[0], 1000 * ends[1]], [value.value] * 2, color=FIT, lw=1.6, zorder=5)
        ax.text(1000 * ends[1], ax.get_ylim()[1] * 0.985, " averaged here", ha="left", va="top", fontsize=7, color=style.QUIET)
    else:
        ax.axhline(value.value, color=FIT, lw=1.0, zorder=1)
        ax.text(0.97, 0.97, "line: mean at the largest load", transform=ax.transAxes, ha="right", va="top", fontsize=7, color=FIT)


def _said(value, unit=GPA):
    if value.uncertainty is None:
        return f"{value.value:.3g} {unit}".strip()
    digits = max(0, 1 - int(np.floor(np.log10(value.uncertainty)))) if value.uncertainty > 0 else 2
    return f"{value.value:.{digits}f} ± {value.uncertainty:.{digits}f} {unit}".strip()


def calibration(analysis):
    """a: compliance against 1/sqrt(load) with the line whose intercept is the frame's; b: how the area function misses
    the measured areas, against the contact depth."""
    drawn = analysis.curves
    with style.look():
        fig = style.figure(style.DOUBLE, HEIGHT)
        a, b = fig.subplots(1, 2)
        x, y, fitted = 1.0 / np.sqrt(drawn["load"]), 1000.0 / drawn["stiffness"], drawn["fitted"]
        reach = 2.5 * x[fitted].max()
        near = x < reach
        step = max(1, int(near.sum()) // (3 * LONG))
        for part, colour in ((near & ~fitted, style.FAINT), (near & fitted, LINE)):
            a.plot(x[part][::step], y[part][::step], ".", ms=2, color=colour, rasterized=True)
        slope, offset = np.polyfit(x[fitted], y[fitted], 1)
        line = np.array([0.0, reach])
        a.plot(line, offset + slope * line, color=FIT)
        style.title(a, "a", "Frame")
        a.set(xlabel=r"$P^{-1/2}$ (mN$^{-1/2}$)", ylabel="Compliance 1/$S$ (nm/mN)", xlim=(0, reach), ylim=(0, 1.25 * (offset + slope * reach)))
        frame = analysis.values["frame compliance still in the data"]
        a.text(0.04, 0.95, f"frame still in the data:\n{_said(frame, 'nm/mN')}", transform=a.transAxes, va="top", fontsize=7, color=FIT)
        depth, area = drawn["contact depth [nm]"], drawn["area [nm^2]"]
        off = 100.0 * (drawn["tip"].area(depth / 1000.0) * 1e6 / area - 1.0)
        step = max(1, len(depth) // (4 * LONG))
        b.plot(depth[::step], off[::step], ".", ms=1.5, color=style.tint(LINE, 0.55), rasterized=True)
        table = analysis.tables["area by depth"]
        middle = np.sqrt(np.array(table["contact depth from [nm]"]) * np.array(table["to [nm]"]))
        b.plot(middle, table["area off, median [%]"], "o-", color=FIT, ms=3.5, lw=1.0)
        b.axhline(0.0, color=MARK, lw=0.6)
        style.title(b, "b", f"Area function of {len(drawn['tip'].coefficients)} terms")
        b.set(xscale="log", xlabel="Contact depth (nm)", ylabel="Area function against area (%)", ylim=(-15, 30), xlim=(max(15.0, depth.min()), 1.1 * depth.max()))
        b.text(0.96, 0.95, "contacts", transform=b.transAxes, ha="right", va="top", fontsize=7, color=LINE)
        b.text(0.96, 0.87, "their median", transform=b.transAxes, ha="right", va="top", fontsize=7, color=FIT)
        style.settle(fig)
    return fig


def jump(analysis):
    """a: load against depth; b: hardness against depth with the counted parts in colour; c: hardness against the strain
    rate with the line of slope m and its 95 % band, each indent moved to the mean level."""
    table, drawn, line = analysis.tables["parts"], analysis.curves["indents"], analysis.curves["line"]
    left_out = {name for name, why in zip(table["indent"], table["left out because"]) if why}
    convention = analysis.curves["convention"]
    with style.look():
        fig = style.figure(style.DOUBLE, HEIGHT)
        a, b, c = fig.subplots(1, 3, width_ratios=(1, 1, 1.1))
        _loads(a, [(each["indent"], each["depth"] * 1000.0, each["load"]) for each in drawn], left_out)
        style.title(a, "a", "Load and depth")
        shown = next(each for each in drawn if each["indent"] not in left_out)
        _one_jump_test(b, shown, table, convention)
        _sensitivity(c, table, line, left_out, convention)
        style.title(c, "c", f"$m$ = {_with_interval(line.m.value, line.m.interval())}")
        style.settle(fig)
    return fig


def _one_jump_test(ax, shown, table, convention):
    depth, values = shown["depth"] * 1000.0, shown["hardness"]
    ax.plot(depth, values, ".", ms=1.5, color=style.FAINT, zorder=1)
    own = [i for i, name in enumerate(table["indent"]) if name == shown["indent"]]
    seen = []
    for i in own:
        low, high, H, rate = (table[name][i] for name in ("from [nm]", "to [nm]", "hardness [GPa]", f"{convention} [1/s]"))
        inside = (depth >= low) & (depth <= high)
        ax.plot(depth[inside], values[inside], ".", ms=2.2, color=LINE, zorder=2)
        ax.plot([low, high], [H, H], color=FIT, lw=1.4, zorder=3)
        seen.append((0.5 * (low + high), H, rate))
    begin = min(table["from [nm]"][i] for i in own)
    near = values[(depth > 0.7 * begin) & np.isfinite(values)]
    span = max(np.ptp(near), 0.1 * near.max())
    ax.set_ylim(max(0.0, near.min() - 0.45 * span), near.max() + 0.12 * span)
    ax.set_xlim(0.7 * begin, 1.03 * depth.max())
    for x, H, rate in seen:  # upright at the foot, where no curve is
        ax.text(x, 0.03, f"{rate:.2g}", transform=ax.get_xaxis_transform(), rotation=90, ha="center", va="bottom", fontsize=7, color=FIT)
    style.title(ax, "b", f"Indent {shown['indent']}; {_symbol(convention)} in s$^{{-1}}$")
    ax.set(xlabel="Depth (nm)", ylabel="Hardness $H$ (GPa)")


def _sensitivity(ax, table, line, left_out, convention):
    rate, values = np.asarray(table[f"{convention} [1/s]"], float), np.asarray(table["hardness [GPa]"], float)
    names = np.asarray(table["indent"], object)
    known = np.isfinite(rate) & np.isfinite(values) & (rate > 0.0)
    for name in dict.fromkeys(names):
        own = known & (names == name)
        if name in left_out or not own.any():
            continue
        level = np.mean(np.log(values[own]) - line.m.value * (np.log(rate[own]) - line.centre)) - line.hardness.value
        ax.plot(rate[own], values[own] * np.exp(-level), "o", ms=3.2, mfc="none", mec=LINE, mew=0.7, zorder=3)
    _line(ax, line, rate[known & ~np.isin(names, list(left_out))])
    ax.set(xlabel=f"Strain rate {_symbol(convention)} (s$^{{-1}}$)", ylabel="Hardness $H$ (GPa)")


def _line(ax, line, rates):
    """The line of a Sensitivity over the measured rates with its 95 % band, on logarithmic axes."""
    x = np.geomspace(rates.min() / 1.5, rates.max() * 1.5, 60)
    middle = np.array([line.at(rate).value for rate in x])
    ends = np.array([line.at(rate).interval() for rate in x]).T
    ax.fill_between(x, *np.exp(ends), color=style.tint(FIT, 0.75), lw=0, zorder=1)
    ax.plot(x, np.exp(middle), color=FIT, zorder=2)
    ax.set(xscale="log", yscale="log", xlim=(x[0], x[-1]))
    for axis in (ax.xaxis, ax.yaxis):
        _plain_ticks(axis)


def _plain_ticks(axis):
    """A few plain numbers on a logarithmic axis: 1, 2, 5 of every decade, or even steps within less than one."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

    low, high = sorted(axis.get_view_interval())
    if high / low < 6:
        ticks = [tick for tick in MaxNLocator(5, steps=(1, 2, 5, 10)).tick_values(low, high) if low <= tick <= high]
    else:
        per_decade = (1, 2, 5) if high / low < 200 else (1,)
        ticks = [p * 10.0**d for d in range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high)))) for p in per_decade if low <= p * 10.0**d <= high]
    axis.set_major_locator(FixedLocator(ticks))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.3g}"))


def _symbol(convention):
    return r"$\dot{h}/h$" if convention == "hdot/h" else r"$\dot{P}/P$"


def hold(analysis):
    """a: depth against time in the holds with the fitted power law; b: hardness against strain rate, from pieces of the
    curves (dots) and from the fit with its 95 % band; c: how far the indents come back after unloading."""
    holds, line = analysis.curves["holds"], analysis.curves["line"]
    left_out = {name for name, why in zip(analysis.tables["holds"]["indent"], analysis.tables["holds"]["left out because"]) if why}
    with style.look():
        fig = style.figure(style.DOUBLE, HEIGHT)
        a, b, c = fig.subplots(1, 3, width_ratios=(1, 1.1, 1))
        for name, each in holds.items():
            step = max(1, len(each.time) // 400)
            rise = 1000.0 * (each.depth - each.fitted[0])
            a.plot(each.time[::step], rise[::step], ".", ms=1.6, color=style.tint(LINE, 0.4), rasterized=True)
            if name not in left_out:
                a.plot(each.time, 1000.0 * (each.fitted - each.fitted[0]), color=FIT, lw=0.9)
        style.title(a, "a", "Creep under constant load")
        a.set(xlabel="Time in the hold (s)", ylabel="Depth gained (nm)", xlim=(0, None), ylim=(0, None))
        _rates(b, holds, line, left_out)
        style.title(b, "b", f"$n$ = {_exponent(line)}")
        _recovery(c, analysis.tables["recovery"])
        style.title(c, "c", "After unloading")
        style.settle(fig)
    return fig


def _exponent(line):
    low, high = line.m.interval()
    return _with_interval(1.0 / line.m.value, (1.0 / high, 1.0 / low)) if low > 0.0 else f"{1 / line.m.value:.3g}, above {1 / high:.3g}"


def _with_interval(value, interval):
    """A value with its 95 % interval, as many digits as tell its ends apart."""
    low, high = interval
    digits = max(0, -int(np.floor(np.log10(max(0.3 * (high - low), 1e-12)))))
    return f"{value:.{digits}f}, 95 %: {low:.{digits}f} to {high:.{digits}f}"


def _rates(ax, holds, line, left_out):
    shown = []
    for name, each in holds.items():
        if name in left_out:
            continue
        good = each.rate > 0.0
        level = each.line.hardness.value + line.m.value * (line.centre - each.line.centre) - line.hardness.value
        ax.plot(each.rate[good], each.hardness[good] * np.exp(-level), "o", ms=2.8, mfc="none", mec=LINE, mew=0.6, zorder=3)
        shown.append(each.rate[good])
    _line(ax, line, np.concatenate(shown))
    ax.set(xlabel=f"Strain rate {_symbol('hdot/h')} (s$^{{-1}}$)", ylabel="Hardness $H$ (GPa)")


def _recovery(ax, table):
    if not table:
        ax.set_axis_off()
        ax.text(0.5, 0.5, "no unloading in the data", transform=ax.transAxes, ha="center", va="center", color=style.QUIET)
        return
    stays, back = np.array(table["delta-h2 [nm]"]), np.array(table["delta-h1 [nm]"])
    x = np.arange(len(stays))
    ax.bar(x, stays, 0.7, color=style.tint(LINE, 0.35))
    ax.bar(x, back, 0.7, bottom=stays, color=style.tint(FIT, 0.35))
    top = (stays + back).max()
    ax.set(xlabel="Indent", ylabel="Depth (nm)", ylim=(0, 1.22 * top))
    if len(x) <= 12:
        ax.set_xticks(x, table["indent"])
    ax.text(0.03, 0.97, r"comes back, $\Delta h_1$", transform=ax.transAxes, va="top", fontsize=7, color=FIT)
    ax.text(0.03, 0.90, r"stays, $\Delta h_2$", transform=ax.transAxes, va="top", fontsize=7, color=LINE)
