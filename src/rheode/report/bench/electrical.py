"""Charts of electrical measurements: titration, impedance, conductivity, transference."""

import numpy as np

from .. import style

MEASURED, FITTED, REFUSED = style.RUNS[0], style.RUNS[1], style.QUIET
LONG = 3000  # points of a drawn curve


def gitt(analysis):
    """a: the titration with the rests' ends; b: one pulse over sqrt(t) with the fitted response and the straight line;
    c: diffusivity against the charge passed, bars of one standard uncertainty."""
    drawn = analysis.curves
    pulses = drawn["pulses"]
    accepted = np.array([not p.reasons for p in pulses])
    with style.look():
        fig = style.figure(style.DOUBLE, 100 * style.MM)
        grid = fig.add_gridspec(2, 2, width_ratios=(1, 1.25))
        _titration(fig.add_subplot(grid[0, :]), drawn, pulses, accepted)
        _pulse(fig.add_subplot(grid[1, 0]), drawn)
        _diffusivities(fig.add_subplot(grid[1, 1]), drawn, pulses, accepted)
        style.settle(fig)
    return fig


def _titration(ax, drawn, pulses, accepted):
    hours, voltage = drawn["time"] / 3600, drawn["voltage"]
    ax.plot(*_thinned(hours, voltage), color=MEASURED, lw=0.6)
    ends = np.array([[hours[p.last - 1], p.after] for p in pulses if p.last > p.stop]).reshape(-1, 2)
    ax.plot(*ends.T, ".", color=style.INK, ms=2.5, zorder=4)
    style.title(ax, "a", f"{len(pulses)} pulses, {int(accepted.sum())} accepted")
    ax.set(xlabel="Time (h)", ylabel="Voltage (V)", xlim=(hours[0], hours[-1]))
    if len(ends):
        middle = ends[len(ends) // 2]
        up = np.interp(0.5, (0, 1), ax.get_ylim()) > middle[1]
        ax.annotate("ends of rests: E(q)", middle, xytext=(10, 14 if up else -14), textcoords="offset points", fontsize=7, va="center",
                    arrowprops={"arrowstyle": "-", "color": style.INK, "lw": 0.5, "shrinkB": 3})
    for p, good in zip(pulses, accepted):
        if not good:
            ax.axvspan(p.begin / 3600, hours[p.last - 1], color=style.FAINT, lw=0, zorder=0)
    if not accepted.all():
        ax.text(0.995, 1.02, "shaded: refused", transform=ax.transAxes, ha="right", va="bottom", fontsize=7, color=REFUSED)


def _thinned(x, y):
    """A curve with the lowest and highest value of each of many short stretches, so that no spike is lost."""
    if len(x) <= 2 * LONG:
        return x, y
    starts = np.linspace(0, len(x), LONG + 1).astype(int)[:-1]
    chosen = np.unique(np.concatenate([[a + np.argmin(y[a:b]), a + np.argmax(y[a:b])] for a, b in zip(starts, [*starts[1:], len(x)])] + [[0, len(x) - 1]]))
    return x[chosen], y[chosen]


def _pulse(ax, drawn):
    if "example" not in drawn:
        ax.set_axis_off()
        ax.text(0.5, 0.5, "no pulse could be fitted", transform=ax.transAxes, ha="center", va="center", color=REFUSED)
        return
    number, pulse, curve = drawn["example"]
    zero = 1e3 * pulse.before
    ax.plot(*_thinned(curve["root"], 1e3 * curve["E"] - zero), ".", color=MEASURED, ms=2, zorder=2, rasterized=True)
    ax.plot(curve["fit root"], 1e3 * curve["fit"] - zero, color=FITTED, zorder=3)
    if curve["line"] is not None:
        _, intercept, slope, _ = curve["line"]
        x = np.sqrt([pulse.straight[0], pulse.straight[1]])
        reach = np.array([0.0, min(1.25 * x[1], curve["root"][-1])])
        ax.plot(reach, 1e3 * (intercept + slope * reach) - zero, "--", color=style.INK, lw=0.8, zorder=4)
    style.title(ax, "b", f"Pulse {number}")
    ax.set(xlabel=r"$t^{1/2}$ (s$^{1/2}$)", ylabel="Voltage from rest (mV)", xlim=(0, None))
    down = pulse.step < 0
    ax.text(1.0, 1.02, f"response of a {drawn['shape']}: {_sci(drawn['scale'] * pulse.rate)} {_unit(drawn['unit'])}",
            transform=ax.transAxes, color=FITTED, ha="right", va="bottom", fontsize=7)
    if curve["line"] is not None and not pulse.reasons:
        ax.text(0.03, 0.05 if down else 0.95, f"straight in $t^{{1/2}}$,\n{pulse.straight[0]:.3g} to {pulse.straight[1]:.3g} s", transform=ax.transAxes,
                va="bottom" if down else "top", fontsize=7)


def _diffusivities(ax, drawn, pulses, accepted):
    style.title(ax, "c", "Diffusivity of the accepted pulses" if drawn["unit"] != "1/s" else "Diffusivity over length squared")
    label = f"$D$ ({_unit(drawn['unit'])})" if drawn["unit"] != "1/s" else r"$D/l^2$ (s$^{-1}$)"
    ax.set(xlabel="Charge passed (mAh)", ylabel=label)
    if not accepted.any():
        ax.text(0.5, 0.5, "no pulse was accepted", transform=ax.transAxes, ha="center", va="center", color=REFUSED)
        ax.set(xticks=[], yticks=[])
        return
    good = [p for p, a in zip(pulses, accepted) if a]
    q, rate = drawn["q"][accepted], drawn["scale"] * np.array([p.rate for p in good])
    u = np.array([p.log_u for p in good])
    ax.errorbar(q, rate, yerr=(rate * (1 - np.exp(-u)), rate * (np.exp(u) - 1)), fmt="o", ms=2.6, color=FITTED, elinewidth=0.6, capsize=0)
    ax.set_yscale("log")
    low, high = (rate * np.exp(-u)).min(), (rate * np.exp(u)).max()
    if high / low < 8:  # less than a decade: room to both sides, and ticks that are read
        middle = np.sqrt(low * high)
        ax.set_ylim(min(low / 1.1, middle / 3.5), max(high * 1.1, middle * 3.5))
    _log_ticks(ax)


def _log_ticks(ax, axis="y"):
    """Numbers at 1, 2 and 5 of each decade where there are few decades."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    low, high = ax.get_ylim() if axis == "y" else ax.get_xlim()
    which = ax.yaxis if axis == "y" else ax.xaxis
    if high / low < 200:
        which.set_major_locator(LogLocator(subs=(1, 2, 5)))
        which.set_major_formatter(FuncFormatter(lambda value, _: _sci(value)))
    which.set_minor_formatter(NullFormatter())


def _sci(value):
    """2.1e-11 as a printer sets it."""
    if value == 0 or not np.isfinite(value):
        return f"{value:g}"
    power = int(np.floor(np.log10(abs(value)) + 1e-9))
    if -2 <= power <= 3:
        return f"{value:.3g}"
    front = f"{value / 10.0**power:.2g}"
    return rf"{front}$\times 10^{{{power}}}$"


def _unit(text):
    """A unit as a printer sets it."""
    return {"cm^2/s": r"cm$^2$ s$^{-1}$", "1/s": r"s$^{-1}$"}.get(text, text)
