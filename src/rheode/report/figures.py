"""Charts of a run: what contact, stress, pores, thickness and pressure do, cycle by cycle and within a cycle."""

from itertools import zip_longest

import numpy as np

from . import style
from .run import DELITHIATED, LITHIATED

# Computed values are lines: full lithiation strong, end of delithiation pale. Published ones are open markers.
PALE = 0.45


def _against_cycles(ax, run, column, half, color, scale=1.0, label=None, labels=None, **line):
    """One line over the cycles; the clamped state as a dot at cycle 0."""
    cycles, values = run.series(column, half)
    if not len(cycles):
        return
    mark = {"marker": "o", "markersize": 2.6} if len(cycles) < 4 else {}
    ax.plot(cycles, scale * values, color=color, **mark, **line)
    if labels is not None:
        labels.append((label, scale * values[-1], color))


def _start_dot(ax, value, colour):
    ax.plot([0], [value], marker="o", markersize=3.2, color=colour, clip_on=False, zorder=5)


def _published(ax, run, column, colour, scale=1.0, shape="o", half=LITHIATED):
    """Open markers at the published cycles that the run has reached; returns their heights."""
    found = [(p.cycle, scale * p.value) for p in run.published if p.column == column and p.half == half and p.cycle <= run.last]
    if found:
        ax.plot(*zip(*found), **style.open_marker(colour, shape))
    return [v for _, v in found]


def _lithiation_axis(ax, run):
    ax.set_xlabel("Lithiation $x$")
    ax.set_xlim(0, max(1.0, run.study.cycling.lithiation))
    ax.set_xticks([0, 0.2, 0.4, 0.6, 0.8, 1.0])


def _loop(ax, run, column, cycle, color, scale=1.0, offset=0.0, **line):
    """A quantity against lithiation through one cycle, an arrowhead on each branch."""
    rows = run.within(cycle)
    x, y = run.history["lithiation []"][rows], scale * (run.history[column][rows] - offset)
    ax.plot(x, y, color=color, **line)
    for half, spot in ((LITHIATED, 0.7), (DELITHIATED, 0.5)):
        branch = np.flatnonzero(run.history["half []"][rows] == half)
        if len(branch) < 4 or np.ptp(y) < 1e-3 * np.abs(y).max():
            continue
        i = branch[np.abs(x[branch] - spot).argmin()]
        if 0 < i < len(x) - 1 and x[i] != x[i - 1]:
            ax.annotate("", (x[i], y[i]), (x[i - 1], y[i - 1]), zorder=5,
                        arrowprops=dict(arrowstyle="-|>,head_width=0.24,head_length=0.5", color=color, linewidth=0,
                                        mutation_scale=10, shrinkA=0, shrinkB=0))
    return x, y


def pair_look(run, a, b):
    """A pair has the colour of the phase whose surface is counted; dashed when it touches another phase."""
    return dict(color=run.colours[a], linestyle="-" if a == b else "--")


def contact(run):
    """Contact ratio of each ordered pair: over the cycles at both ends, normalised, and within a cycle."""
    with style.look():
        fig = style.figure(height=112 * style.MM)
        full, back, share, within = axes = fig.subplots(2, 2).ravel()
        top = 0.0
        for ax, half in ((full, LITHIATED), (back, DELITHIATED)):
            labels = []
            for a, b in run.pairs:
                column, look, name = f"contact {a}-{b} []", pair_look(run, a, b), f"{run.labels[a]}–{run.labels[b]}"
                low, high = (f"contact {a}-{b} {gap} []" for gap in ("gap/2", "gap*2"))
                if low in run.cycles and high in run.cycles:
                    cycles, lower = run.series(low, half)
                    upper = run.series(high, half)[1]
                    ax.fill_between(cycles, 100 * lower, 100 * upper, color=run.colours[a], alpha=0.15, linewidth=0)
                    top = max(top, 100 * upper.max(initial=0))
                _against_cycles(ax, run, column, half, scale=100, label=name, labels=labels, **look)
                _start_dot(ax, 100 * run.clamped(column), run.colours[a])
                published = _published(ax, run, column, run.colours[a], 100, "o" if a == b else "s", half)
                if published:
                    labels.append((f"published {name}", published[-1], run.colours[a]))
                top = max([top, *published, 100 * np.nanmax(run.history[column], initial=0)])
            ax.labels_wanted = labels
        for a, b in run.pairs:
            column, look = f"contact {a}-{b} []", pair_look(run, a, b)
            largest = np.nanmax(run.history[column], initial=0)
            if largest > 0:
                _against_cycles(share, run, column, LITHIATED, scale=100 / largest, **look)
            values = [p.value for p in run.published if p.column == column]
            if len(values) > 1:
                _published(share, run, column, run.colours[a], 100 / max(values), "o" if a == b else "s")
        labels = []
        for a, b in run.pairs:
            if a in run.active:
                for cycle in run.shown_cycles:
                    colour = run.colours[a] if cycle == run.shown_cycles[-1] else style.tint(run.colours[a], PALE)
                    look = pair_look(run, a, b) | {"color": colour}
                    x, y = _loop(within, run, f"contact {a}-{b} []", cycle, scale=100, **look)
                    if cycle == run.shown_cycles[-1]:
                        labels.append((f"{run.labels[a]}–{run.labels[b]}", y[np.argmax(x)], colour))
        within.labels_wanted = labels
        for ax in (full, back, share):
            style.cycle_axis(ax, run.last)
        for ax in (full, back):
            ax.set_ylim(0, min(100.0, 1.08 * top) if top > 0 else 1.0)
            ax.set_ylabel("Contact ratio (%)")
        share.set_ylim(min(50.0, share.get_ylim()[0]), 102)
        share.set_ylabel("Share of its largest (%)")
        within.set_ylim(0, None)
        within.set_ylabel("Contact ratio (%)")
        _lithiation_axis(within, run)
        _finish(axes, ("At full lithiation", "At the end of delithiation", "At full lithiation, normalised",
                       "Within the first (pale) and the last cycle" if run.last > 1 else "Within the cycle"))
    return fig


def _finish(axes, titles=(), size=6.5):
    """Panel letters, headings, and the labels of the lines, once all limits are final."""
    for name, ax, text in zip_longest("abcdefghijkl"[: len(axes)], axes, titles, fillvalue=""):
        style.title(ax, name, text)
        style.label_lines(ax, getattr(ax, "labels_wanted", []), size)


def stress(run):
    """Mean von Mises stress of each phase: over the cycles above, within the first and last cycle below."""
    from rheode.cycling import free_disc

    with style.look():
        phases = run.phases
        fig = style.figure(style.DOUBLE, 108 * style.MM)
        axes = fig.subplots(2, len(phases), squeeze=False)
        free = {phase: free_disc(run.study, phase) for phase in run.active}
        free = {phase: curve for phase, curve in free.items() if curve[1].any()}  # stress-free unless held out of plane
        for j, phase in enumerate(phases):
            colour, pale = run.colours[phase], style.tint(run.colours[phase], PALE)
            above, below = axes[:, j]
            column = f"von Mises {phase} mean [GPa]"
            labels, top = [], 0.0
            cycles, p5 = run.series(f"von Mises {phase} p5 [GPa]", LITHIATED)
            p95 = run.series(f"von Mises {phase} p95 [GPa]", LITHIATED)[1]
            above.fill_between(cycles, p5, p95, color=colour, alpha=0.16, linewidth=0)
            if len(cycles) == 1:  # a band over one cycle has no width
                above.errorbar(cycles, (p5 + p95) / 2, (p95 - p5) / 2, color=colour, linewidth=0.9, capsize=2)
            _against_cycles(above, run, column, DELITHIATED, pale, 1, "delithiated", labels)
            _against_cycles(above, run, column, LITHIATED, colour, 1, "lithiated", labels)
            published = _published(above, run, column, colour)
            if published:
                labels.append(("published", published[-1], colour))
            if phase in free:
                end = free[phase][1][-1]
                above.axhline(end, color=style.INK, linewidth=0.8, linestyle=(0, (1, 1.4)))
                labels.append(("free disc", end, style.INK))
                top = end
            top = max([top, *published, p95.max(initial=0), *run.series(column, DELITHIATED)[1]])
            above.set_ylim(0, 1.12 * top or 1)
            style.cycle_axis(above, run.last)
            above.labels_wanted = labels

            labels = []
            if phase in free:
                below.plot(*free[phase], color=style.INK, linewidth=0.8, linestyle=(0, (1, 1.4)))
                labels.append(("free disc", free[phase][1][-1], style.INK))
            for cycle in run.shown_cycles:
                first = cycle == run.shown_cycles[-1]
                x, y = _loop(below, run, column, cycle, colour if first else pale)
                labels.append((f"cycle {cycle}", y[np.argmax(x)], colour if first else pale))
            below.set_ylim(0, None)
            _lithiation_axis(below, run)
            below.labels_wanted = labels
        for ax in axes[:, 0]:
            ax.set_ylabel("Mean von Mises stress (GPa)")
        _finish(axes.ravel(), [run.labels[phase] for phase in phases] * 2)
    return fig


def box(run):
    """Porosity, thickness and pressures over the cycles (above) and within the first and last cycle (below)."""
    with style.look():
        height = run.history["thickness [um]"]
        rigid = np.ptp(height) < 1e-6 * height[0]
        quantities = [("Porosity (%)", 100.0, 0.0, [("porosity []", "", style.INK)])]
        if not rigid:
            quantities.append(("Thickness change (%)", 100 / height[0], height[0], [("thickness [um]", "", style.RUNS[2])]))
        pressures = [("wall pressure [GPa]", "top", style.INK), ("side pressure [GPa]", "sides", style.RUNS[3])]
        big = max(np.nanmax(run.history[c]) for c, *_ in pressures) > 1.0
        quantities.append((f"Wall pressure ({'GPa' if big else 'MPa'})", 1.0 if big else 1000.0, 0.0, pressures))
        fig = style.figure(style.DOUBLE, 96 * style.MM)
        axes = fig.subplots(2, len(quantities), squeeze=False)
        for j, (name, scale, offset, columns) in enumerate(quantities):
            above, below = axes[:, j]
            top_labels, low_labels = [], []
            for column, word, colour in columns:
                pale = style.tint(colour, PALE)
                for half, shade, state in ((DELITHIATED, pale, "delithiated"), (LITHIATED, colour, "lithiated")):
                    cycles, values = run.series(column, half)
                    if not len(cycles):
                        continue
                    values = scale * (values - offset)
                    above.plot(cycles, values, color=shade, marker="o" if len(cycles) < 4 else None, markersize=2.6)
                    if not word or half == LITHIATED:
                        top_labels.append((word or state, values[-1], shade))
                _start_dot(above, scale * (run.clamped(column) - offset), colour)
                for cycle in run.shown_cycles:
                    shade = colour if cycle == run.shown_cycles[-1] else pale
                    x, y = _loop(below, run, column, cycle, shade, scale, offset)
                    if not word or cycle == run.shown_cycles[-1]:
                        low_labels.append((word or f"cycle {cycle}", y[np.argmax(x)], shade))
            for ax in (above, below):
                low, high = ax.get_ylim()
                if offset == 0:
                    ax.set_ylim(0, high + 0.04 * (high - low))
                else:
                    ax.axhline(0, color=style.FAINT, linewidth=0.7, zorder=0)
                ax.set_ylabel(name)
            style.cycle_axis(above, run.last)
            _lithiation_axis(below, run)
            above.labels_wanted, below.labels_wanted = top_labels, low_labels
        _finish(axes.ravel())
    return fig


def expansion_lines(run):
    """Relative pore area if the growth went into the pores alone: functions of x, as (label, function).

    The paper's own line, 1 - x, and the one that the volume fractions of the clamped electrode give.
    """
    from rheode.measures import paper_expansion, pure_expansion

    porosity = run.clamped("porosity []")
    dV, fraction = run.active_growth
    share = fraction * run.mesh.box[1] / run.clamped("thickness [um]") * run.mesh.box[0] / run.clamped("width [um]")
    start = run.study.cycling.start
    return [("1 − $x$", lambda x: paper_expansion(x - start)),
            ("volume fractions", lambda x: np.maximum(pure_expansion(x - start, dV, share, porosity), 0.0))]


def pores(run):
    """Each pore's area relative to the clamped state: along the first cycle, at its ends, and over the cycles.

    Returns (figure, number of pores that leave the frame in the first cycle).
    """
    data = run.result.pores
    cycle_of, half_of = run.history["cycle []"][data.increments], run.history["half []"][data.increments]
    x = run.history["lithiation []"][data.increments]
    with style.look():
        fig = style.figure(style.DOUBLE, 64 * style.MM)
        ax, ends, over = fig.subplots(1, 3, width_ratios=(1.15, 1.15, 0.9))
        lines = expansion_lines(run)

        rows = np.flatnonzero(cycle_of == 1)
        rows = np.r_[rows[0] - 1, rows] if rows[0] > 0 else rows
        path = np.r_[0, np.cumsum(np.abs(np.diff(x[rows])))]
        ax.plot(path, 100 * data.areas[rows], color=style.QUIET, linewidth=0.45, alpha=0.55)
        ax.plot(path, 100 * np.median(data.areas[rows], axis=1), color=style.INK, linewidth=1.6)
        labels = [("median", 100 * np.median(data.areas[rows[-1]]), style.INK)]
        for (name, f), dash in zip(lines, ((0, (1, 1.4)), (0, (4, 1.6)))):
            y = 100 * f(x[rows])
            ax.plot(path, y, color=style.ROLES["active"][1], linewidth=0.9, linestyle=dash)
            labels.append((name, y[-1], style.ROLES["active"][1]))
        turn = path[np.argmax(x[rows])]
        ticks = [0, turn / 2, turn, path[-1]] if path[-1] > turn else [0, turn / 2, turn]
        ax.set_xticks(ticks, [f"{v:.2g}" for v in np.interp(ticks, path, x[rows])])
        ax.axvline(turn, color=style.FAINT, linewidth=0.7, zorder=0)
        ax.set_xlim(0, path[-1])
        ax.set_xlabel("Lithiation $x$, first cycle")
        ax.labels_wanted = labels

        def state(half, cycle=1):
            hit = np.flatnonzero((cycle_of == cycle) & (half_of == half))
            return None if not len(hit) else 100 * data.areas[hit[-1]]

        full, back = state(LITHIATED), state(DELITHIATED)
        if full is not None:
            order = np.argsort(full)
            number = np.arange(1, len(order) + 1)
            size = 4 + 26 * data.reference[order] / data.reference.max()
            if back is not None:
                ends.vlines(number, full[order], back[order], color=style.FAINT, linewidth=1.2, zorder=1)
                ends.scatter(number, back[order], s=size, color=style.tint(style.INK, PALE), linewidths=0, zorder=2)
                for (name, f), dash in zip(lines, ((0, (1, 1.4)), (0, (4, 1.6)))):
                    ends.axhline(100 * float(f(x[rows[-1]])), color=style.ROLES["active"][1], linewidth=0.9, linestyle=dash, zorder=0)
                ends.labels_wanted = [("end of delith.", back[order][-1], style.tint(style.INK, PALE)),
                                      ("full lith.", full[order][-1], style.INK)]
            ends.scatter(number, full[order], s=size, color=style.INK, linewidths=0, zorder=3)
            ends.set_xlim(0, len(order) + 1)
        ends.set_xlabel("Pore, sorted")

        labels = []
        for half, colour, word in ((DELITHIATED, style.tint(style.INK, PALE), "delithiated"), (LITHIATED, style.INK, "lithiated")):
            cycles = np.unique(run.series("cycle []", half)[0])
            values = [state(half, c) for c in cycles]
            pairs = [(c, v) for c, v in zip(cycles, values) if v is not None]
            if not pairs:
                continue
            cycles, values = np.array([c for c, _ in pairs]), np.array([v for _, v in pairs])
            low, middle, high = np.percentile(values, (25, 50, 75), axis=1)
            over.fill_between(cycles, low, high, color=colour, alpha=0.16, linewidth=0)
            over.plot(cycles, middle, color=colour, marker="o" if len(cycles) < 4 else None, markersize=2.6)
            labels.append((word, middle[-1], colour))
        over.labels_wanted = labels
        style.cycle_axis(over, run.last)
        largest = 100 * data.areas[rows].max(axis=0)
        top = min(1.05 * max(100.0, largest.max()), 200.0)
        for panel in (ax, ends, over):
            panel.set_ylim(0, top)
        ax.set_ylabel("Pore area, relative (%)")
        _finish((ax, ends, over))
    return fig, int((largest > top).sum())


ENERGIES = (("creep dissipation [GPa um2]", "creep", style.ROLES["active"][0]),
            ("chemical work [GPa um2]", "chemical work", style.ROLES["electrolyte"][0]),
            ("wall work [GPa um2]", "wall work", style.RUNS[2]),
            ("elastic energy [GPa um2]", "elastic", style.ROLES["framework"][0]),
            ("medium energy [GPa um2]", "medium", style.QUIET),
            ("drag dissipation [GPa um2]", "drag", style.RUNS[3]),
            ("friction dissipation [GPa um2]", "friction", style.RUNS[6]))

STORED = ("elastic energy [GPa um2]", "medium energy [GPa um2]")  # no cycle leaves much of it behind


def energies(run):
    """Energy per volume of the clamped electrode, MJ/m3: turned over in each cycle, and through the first one."""
    scale = 1000 / (run.clamped("thickness [um]") * run.clamped("width [um]"))  # GPa um2 / um2 = 1000 MJ/m3
    with style.look():
        fig = style.figure(style.DOUBLE * 0.78, 58 * style.MM)
        left, right = fig.subplots(1, 2)
        labels = []
        for column, name, colour in ENERGIES:
            if column not in run.history or column in STORED:
                continue
            cycles, values = run.series(column, DELITHIATED)
            if not len(cycles):
                continue
            change = scale * np.diff(np.r_[run.clamped(column), values])
            left.plot(cycles, change, color=colour, marker="o" if len(cycles) < 4 else None, markersize=2.6)
            labels.append((name, change[-1], colour))
        left.axhline(0, color=style.FAINT, linewidth=0.7, zorder=0)
        left.set_ylabel("Per cycle (MJ m$^{-3}$)")
        style.cycle_axis(left, run.last)
        left.labels_wanted = labels

        rows = run.within(1)
        x = run.history["lithiation []"][rows]
        path = np.r_[0, np.cumsum(np.abs(np.diff(x)))]
        labels = []
        for column, name, colour in ENERGIES:
            if column not in run.history:  # no medium
                continue
            y = scale * (run.history[column][rows] - run.clamped(column))
            right.plot(path, y, color=colour)
            labels.append((name, y[-1], colour))
        turn = path[np.argmax(x)]
        right.axvline(turn, color=style.FAINT, linewidth=0.7, zorder=0)
        right.axhline(0, color=style.FAINT, linewidth=0.7, zorder=0)
        ticks = [0, turn / 2, turn, path[-1]] if path[-1] > turn else [0, turn / 2, turn]
        right.set_xticks(ticks, [f"{v:.2g}" for v in np.interp(ticks, path, x)])
        right.set_xlim(0, path[-1])
        right.set_xlabel("Lithiation $x$, first cycle")
        right.set_ylabel("Since clamping (MJ m$^{-3}$)")
        right.labels_wanted = labels
        _finish((left, right))
    return fig
