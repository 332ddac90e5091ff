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


def eis(analysis):
    """a: Nyquist; b, d: modulus and phase over frequency; c: Kramers-Kronig residuals. Points measured, lines fitted."""
    drawn = analysis.curves
    spectra, checks, chosen, circuit = drawn["spectra"], drawn["checks"], drawn["chosen"], drawn["circuit"]
    colours = [MEASURED] if len(spectra) == 1 else [style.RUNS[i % len(style.RUNS)] for i in range(len(spectra))]
    with style.look():
        fig = style.figure(style.DOUBLE, 92 * style.MM)
        grid = fig.add_gridspec(2, 2, height_ratios=(1.2, 1))
        nyquist, modulus, residual, phase = (fig.add_subplot(part) for part in grid)
        unit, scale = _ohms(max(np.abs(s.impedance).max() for s in spectra))
        for i, (spectrum, check, colour) in enumerate(zip(spectra, checks, colours)):
            z = spectrum.impedance / scale
            dots = dict(ls="none", marker="o", ms=2.6, mfc="white", mec=colour, mew=0.8, zorder=2)
            nyquist.plot(z.real, -z.imag, **dots)
            modulus.plot(spectrum.frequency, np.abs(z), **dots)
            phase.plot(spectrum.frequency, np.degrees(np.angle(z)), **dots)
            if chosen:
                f = np.geomspace(spectrum.frequency[-1], spectrum.frequency[0], 400)
                model = circuit.impedance(f, chosen[i].values) / scale
                line = dict(color=FITTED if len(spectra) == 1 else colour, lw=1.1, zorder=3)
                nyquist.plot(model.real, -model.imag, **line)
                modulus.plot(f, np.abs(model), **line)
                phase.plot(f, np.degrees(np.angle(model)), **line)
            r = 100 * check.residuals
            if len(spectra) == 1:
                residual.plot(spectrum.frequency, r.real, "-o", color=MEASURED, ms=2, lw=0.6)
                residual.plot(spectrum.frequency, r.imag, "-s", color=style.RUNS[4], ms=2, lw=0.6)
            else:
                residual.plot(spectrum.frequency, np.abs(r), "-o", color=colour, ms=1.8, lw=0.6)
        nyquist.set(xlabel=f"$Z'$ ({unit})", ylabel=f"$-Z''$ ({unit})")
        style.title(nyquist, "a", circuit.text if circuit is not None else "Nyquist plot")
        style.title(modulus, "b", f"$|Z|$ ({unit})")
        style.title(phase, "d", "Phase (degrees)")
        style.title(residual, "c", "Kramers-Kronig residual (% of $|Z|$)")
        modulus.set_yscale("log")
        _log_ticks(modulus)
        residual.axhline(0, color=style.QUIET, lw=0.6, zorder=0)
        for ax in (residual, phase):
            ax.set_xlabel("Frequency (Hz)")
        for ax in (modulus, phase, residual):
            ax.set_xscale("log")
            ax.xaxis.set_minor_locator(_no_ticks())
        modulus.tick_params(labelbottom=False)
        phase.yaxis.set_major_locator(_steps())
        if len(spectra) == 1:
            residual.text(1.0, 1.03, "real", color=MEASURED, transform=residual.transAxes, ha="right", va="bottom", fontsize=7)
            residual.text(0.93, 1.03, "imaginary,", color=style.RUNS[4], transform=residual.transAxes, ha="right", va="bottom", fontsize=7)
            if chosen:
                modulus.text(0.85, 1.03, "points measured,", transform=modulus.transAxes, ha="right", va="bottom", fontsize=7)
                modulus.text(1.0, 1.03, "line fitted", transform=modulus.transAxes, ha="right", va="bottom", fontsize=7, color=FITTED)
        elif len(spectra) <= len(style.RUNS):
            for i, (label, colour) in enumerate(zip(drawn["labels"], colours)):
                nyquist.text(0.02, 0.98 - 0.08 * i, label, color=colour, transform=nyquist.transAxes, va="top", fontsize=6.5)
        everything = np.concatenate([spectrum.impedance for spectrum in spectra]) / scale
        _one_scale(nyquist, everything.real, -everything.imag)  # before the layout, for the room of the labels
        style.settle(fig)
        _one_scale(nyquist, everything.real, -everything.imag)
    return fig


def _one_scale(ax, x, y):
    """Limits that show both axes to one scale, fill the panel and keep the origin of x in view; after the layout is made."""
    box = ax.get_window_extent()
    left, right, low, high = min(x.min(), 0), x.max(), min(y.min(), 0), y.max()
    span = 1.08 * max(right - left, (high - low) * box.width / box.height)
    tall = span * box.height / box.width
    ax.set_xlim(left - 0.03 * span, left + 0.97 * span)
    ax.set_ylim(low - 0.05 * tall, low + 0.95 * tall)
    ax.axhline(0, color=style.QUIET, lw=0.6, zorder=0)
    ax.locator_params(nbins=6)


def _ohms(size):
    """(unit, ohms in it) for resistances of that size."""
    for unit, scale in (("MΩ", 1e6), ("kΩ", 1e3), ("Ω", 1.0), ("mΩ", 1e-3)):
        if size >= scale:
            return unit, scale
    return "µΩ", 1e-6


def _no_ticks():
    from matplotlib.ticker import NullLocator

    return NullLocator()


def _steps():
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(nbins=5, steps=[1, 1.5, 3, 4.5, 9, 10])


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


def transference(analysis):
    """a: the transient with its beginning and its steady end; b: the spectra before and after with their fits."""
    drawn = analysis.curves
    with style.look():
        fig = style.figure(style.DOUBLE, 62 * style.MM)
        left, right = fig.subplots(1, 2)
        minutes, current = drawn["time"] / 60, drawn["current"]
        top = max(current.max(), drawn["first"], drawn["ohm"])
        unit, scale = next(((u, s) for u, s in (("A", 1.0), ("mA", 1e-3), ("\u00b5A", 1e-6), ("nA", 1e-9)) if top >= s), ("pA", 1e-12))
        left.plot(*_thinned(minutes, current / scale), ".", color=MEASURED, ms=2, rasterized=True)
        t, fitted = drawn["model"]
        left.plot(t / 60, fitted / scale, color=FITTED)
        left.set(xlabel="Time (min)", ylabel=f"Current ({unit})", xlim=(0, minutes[-1]), ylim=(0, 1.12 * top / scale))
        left.axhline(drawn["steady"] / scale, color=style.INK, lw=0.6, ls="--")
        left.plot([0], [drawn["first"] / scale], "o", color=FITTED, ms=4, clip_on=False, zorder=5)
        left.plot([0], [drawn["ohm"] / scale], "D", mfc="none", mec=style.INK, ms=5.5, clip_on=False, zorder=6)
        step = analysis.choices["dV [V]"]
        style.title(left, "a", f"{1e3 * step:.3g} mV, $t_+$ = {_with_u(analysis.values['transference number'])}")
        apart = abs(drawn["ohm"] / drawn["first"] - 1) > 0.06
        left.annotate("$I_0$" if apart else "$I_0$, and by Ohm's law (open)", (0, drawn["first"] / scale), xytext=(9, 0), textcoords="offset points", color=FITTED, fontsize=7.5, va="center")
        if apart:
            left.annotate("$I_0$ by Ohm's law", (0, drawn["ohm"] / scale), xytext=(9, 0), textcoords="offset points", fontsize=7.5, va="center")
        left.text(0.99, drawn["steady"] / scale - 0.025 * 1.12 * top / scale, "$I_s$", transform=left.get_yaxis_transform(), ha="right", va="top", fontsize=7.5)
        unit, scale = _ohms(max(np.abs(s.impedance).max() for s in drawn["spectra"]))
        everything = []
        for spectrum, found, colour, name in zip(drawn["spectra"], drawn["fits"], (style.RUNS[0], style.RUNS[6]), ("before", "after")):
            z = spectrum.impedance / scale
            right.plot(z.real, -z.imag, ls="none", marker="o", ms=2.6, mfc="white", mec=colour, mew=0.8)
            f = np.geomspace(spectrum.frequency[-1], spectrum.frequency[0], 300)
            model = drawn["circuit"].impedance(f, found.values) / scale
            right.plot(model.real, -model.imag, color=colour, lw=1.0)
            everything.append(z)
            right.text(0.02 if name == "before" else 0.2, 0.98, name, color=colour, transform=right.transAxes, va="top", fontsize=7.5)
        right.set(xlabel=f"$Z'$ ({unit})", ylabel=f"$-Z''$ ({unit})")
        style.title(right, "b", drawn["circuit"].text)
        everything = np.concatenate(everything)
        _one_scale(right, everything.real, -everything.imag)
        style.settle(fig)
        _one_scale(right, everything.real, -everything.imag)
    return fig


def _with_u(value):
    """0.440 +- 0.006 with as many digits as the uncertainty deserves."""
    if not value.uncertainty:
        return f"{value.value:.3g}"
    digits = max(0, -int(np.floor(np.log10(value.uncertainty))) + (1 if value.uncertainty / 10 ** np.floor(np.log10(value.uncertainty)) < 2 else 0))
    return f"{value.value:.{digits}f} \u00b1 {value.uncertainty:.{digits}f}"


MANY = 8  # series that are drawn at once


def conductivity(analysis):
    """Over temperature: Arrhenius plot and what is known of T0. Under pressure: conductivity and density. Else replicates."""
    drawn = analysis.curves
    if drawn["fits"]:
        return _thermal(analysis, drawn)
    if drawn["pressed"]:
        return _pressed(analysis, drawn)
    return _replicates(analysis, drawn)


def _thermal(analysis, drawn):
    chosen = sorted(drawn["fits"].items(), key=lambda pair: -len(pair[1][0]))[:MANY]
    with style.look():
        fig = style.figure(style.DOUBLE, 72 * style.MM)
        left, right = fig.subplots(1, 2, width_ratios=(1.25, 1))
        for i, (name, (T, sigma, line, vtf)) in enumerate(chosen):
            colour = MEASURED if len(chosen) == 1 else style.RUNS[i]
            left.plot(1e3 / T, sigma, ls="none", marker="o", ms=3, mfc="white", mec=colour, mew=0.9, zorder=3)
            span = 1 / np.linspace(1 / T[0], 1 / T[-1], 200)
            if vtf is not None and not vtf.doubt:
                left.plot(1e3 / span, vtf.sigma(span), color=FITTED if len(chosen) == 1 else colour, zorder=2)
            left.plot(1e3 / span, line.sigma(span), color=style.INK if len(chosen) == 1 else colour, lw=0.8, ls="--", zorder=1)
        left.set_yscale("log")
        _log_ticks(left)
        left.set(xlabel=r"$1000/T$ (K$^{-1}$)", ylabel=r"Conductivity (S cm$^{-1}$)")
        _celsius(left)
        many = f", the {len(chosen)} longest of {len(drawn['fits'])} series" if len(drawn["fits"]) > len(chosen) else ""
        style.title(left, "a", "")
        left.set_title(f"$\\bf{{a}}$   Arrhenius plot{many}", loc="left", pad=20)
        told = [pair for pair in chosen if pair[1][3] is not None and not pair[1][3].doubt]
        left.text(0.97, 0.97, "dashed: Arrhenius" + ("\nline: VTF" if told else ""), transform=left.transAxes, ha="right", va="top", fontsize=7, color=style.INK)
        if len(chosen) == 1:
            _likelihood(right, *chosen[0][1])
        else:
            _known(right, chosen, drawn["fits"])
        style.settle(fig)
    return fig


def _celsius(ax):
    """Degrees Celsius along the top."""
    low, high = ax.get_xlim()
    top = ax.secondary_xaxis("top", functions=(lambda x: 1e3 / np.maximum(x, 1e-9) - 273.15, lambda c: 1e3 / np.maximum(c + 273.15, 1e-9)))
    ends = 1e3 / high - 273.15, 1e3 / low - 273.15
    step = next(s for s in (1, 2, 5, 10, 20, 50, 100, 200, 500) if (ends[1] - ends[0]) / s <= 7)
    ticks = np.arange(np.ceil(ends[0] / step), np.floor(ends[1] / step) + 1) * step
    texts = [f"{tick + 0.0:.0f}".replace("-0", "0") if abs(tick) < 0.5 else f"{tick:.0f}".replace("-", "\u2212") for tick in ticks]
    top.set_xticks(ticks, texts[:-1] + [texts[-1] + " \u00b0C"])
    top.minorticks_off()


def _likelihood(ax, T, sigma, line, vtf):
    """Twice the rise of -ln likelihood over T0, and the 95 % limit of its profile."""
    style.title(ax, "b", "Likelihood of $T_0$")
    ax.set(xlabel="$T_0$ (K)", ylabel=r"$n\,\ln$(sum of squares / least)")
    if vtf is None:
        ax.text(0.5, 0.5, "too few temperatures for VTF", transform=ax.transAxes, ha="center", va="center", color=REFUSED)
        ax.set(xticks=[], yticks=[])
        return
    from scipy.stats import f as fisher

    t0, rise = vtf.profile
    n = len(T)
    limit = n * np.log1p(fisher.ppf(0.95, 1, n - 3) / (n - 3)) if n > 3 else np.inf
    low, high = vtf.t0_interval
    height = 5 * limit
    near = rise <= height
    ax.plot(t0[near], rise[near], color=FITTED)
    ax.axhline(limit, color=style.INK, lw=0.7, ls="--")
    ax.axvspan(low, high, color=style.tint(FITTED, 0.85), lw=0)
    ax.set_ylim(0, height)
    if near.sum() > 1:
        ax.set_xlim(max(t0[near].min() - 2, 0), min(t0[near].max() + 2, T[0]))
    ax.text(0.98, limit / height + 0.015, "95 % limit", transform=ax.transAxes, ha="right", va="bottom", fontsize=7)
    ax.text(1.0, 1.03, f"{vtf.t0:.0f} K, {low:.0f} to {high:.0f} K" + ("" if not vtf.doubt else ": not identified"), transform=ax.transAxes, ha="right", va="bottom", fontsize=7, color=FITTED)


def _known(ax, chosen, fits):
    """T0 of each series with its interval, open where it is not identified."""
    style.title(ax, "b", "$T_0$ of VTF")
    numbers = {name: number for number, name in enumerate(fits, start=1)}
    for i, (name, (T, sigma, line, vtf)) in enumerate(chosen):
        y = len(chosen) - i
        if vtf is None:
            ax.text(0.02, y, "too few temperatures", color=REFUSED, fontsize=7, va="center", transform=ax.get_yaxis_transform())
            continue
        colour = style.RUNS[i]
        ax.plot(vtf.t0_interval, [y, y], color=colour, lw=1.2, solid_capstyle="butt")
        ax.plot([vtf.t0], [y], "o", color=colour, ms=4, mfc=colour if not vtf.doubt else "white")
        ax.plot([T[0]], [y], "|", color=style.INK, ms=7)
    ax.set(xlabel="$T_0$ (K)", ylim=(0.4, len(chosen) + 0.6), yticks=range(1, len(chosen) + 1))
    ax.set_yticklabels([name if len(name) <= 14 else f"no. {numbers[name]}" for name, _ in chosen][::-1])
    for label, colour in zip(ax.get_yticklabels(), style.RUNS[len(chosen) - 1 :: -1]):
        label.set_color(colour)
    ax.text(1.0, 1.03, "95 %;  open: not identified;  |  lowest $T$", transform=ax.transAxes, ha="right", va="bottom", fontsize=7)


def _short(name, most=14):
    return name if len(name) <= most else name[: most - 1] + "\u2026"


def _pressed(analysis, drawn):
    rows = drawn["rows"]
    dense = np.isfinite(rows.density).any()
    with style.look():
        fig = style.figure(style.DOUBLE if dense else style.SINGLE, 62 * style.MM)
        axes = np.atleast_1d(fig.subplots(1, 2 if dense else 1))
        laws = analysis.tables["power laws"]
        labels = [[], []]
        for i, (name, where) in enumerate(drawn["pressed"].items()):
            colour = style.RUNS[i % len(style.RUNS)]
            where = where[np.argsort(rows.pressure[where])]
            p = rows.pressure[where]
            for k, (ax, values, slope) in enumerate(zip(axes, (rows.conductivity[where], rows.density[where]), ("d ln sigma/d ln p", "d ln density/d ln p"))):
                ax.plot(p, values, ls="none", marker="o", ms=3.4, mfc="white", mec=colour, mew=0.9)
                m = laws[slope][list(drawn["pressed"]).index(name)]
                if np.isfinite(m):
                    middle = np.exp(np.mean(np.log(values) - m * np.log(p)))
                    ax.plot(p, middle * p**m, color=colour, lw=1.0)
                    labels[k].append((f"{_short(name)}\n$\\propto p^{{{m:.2f}}}$", values[-1], colour))
        for ax, letter, label, text in zip(axes, "ab", ("Conductivity (S cm$^{-1}$)", "Density (g cm$^{-3}$)"), ("Conductivity under pressure", "Density under pressure")):
            style.title(ax, letter if dense else "a", text)
            ax.set(xlabel="Pressure (MPa)", ylabel=label, xscale="log", yscale="log")
            for axis in ("x", "y"):
                _log_ticks(ax, axis)
        for ax, named in zip(axes, labels):
            low, high = np.log(ax.get_ylim())
            for text, value, colour in named:
                ax.text(1.02, (np.log(value) - low) / (high - low), text, transform=ax.transAxes, color=colour, fontsize=7, va="center")
        style.settle(fig)
    return fig


def _replicates(analysis, drawn):
    rows = drawn["rows"]
    table = analysis.tables["replicates"]
    with style.look():
        fig = style.figure(style.SINGLE, 58 * style.MM)
        ax = fig.subplots()
        names = list(drawn["parts"])
        top = rows.conductivity.max()
        power = int(np.floor(np.log10(top))) if not 1e-2 <= top < 1e3 else 0
        scale = 10.0**power
        for i, (name, where) in enumerate(drawn["parts"].items()):
            x = i + 0.3 * (np.arange(len(where)) - (len(where) - 1) / 2) / max(len(where) - 1, 1)
            ax.plot(x, rows.conductivity[where] / scale, ls="none", marker="o", ms=3.4, mfc="white", mec=MEASURED, mew=0.9, zorder=3)
        for name, mean, low, high in zip(table["series"], table["conductivity [S/cm]"], table["low [S/cm]"], table["high [S/cm]"]):
            i = names.index(name)
            if np.isfinite(low):
                ax.fill_between([i - 0.3, i + 0.3], low / scale, high / scale, color=style.tint(FITTED, 0.8), lw=0, zorder=1)
            ax.plot([i - 0.3, i + 0.3], [mean / scale] * 2, color=FITTED, zorder=2)
        ax.set_xticks(range(len(names)), [_short(name, 18) for name in names])
        ax.set_xlim(-0.6, len(names) - 0.4)
        factor = f"$10^{{{power}}}$ " if power else ""
        ax.set_ylabel(f"Conductivity ({factor}S cm$^{{-1}}$)")
        style.title(ax, "", "")
        ax.set_title("points measured; line mean, band its 95 % interval", loc="left", fontsize=7)
        style.settle(fig)
    return fig
