"""Several runs side by side: what differs in their settings, their headline numbers, curves and stress fields."""

import csv
from dataclasses import dataclass
from html import escape
from io import StringIO
from pathlib import Path

import numpy as np

from . import fields, numbers, style, words
from .page import Book, document
from .run import DELITHIATED, LITHIATED, Run

ROLES = {"active": "active phase", "framework": "framework", "electrolyte": "electrolyte"}

# Label of the axis, column with roles for phases, factor to the unit of the axis, whether the end of delithiation is drawn too.
PANELS = (
    ("Contact ratio,\nactive–active (%)", "contact {active phase}-{active phase} []", 100, False),
    ("Contact ratio,\nactive–framework (%)", "contact {active phase}-{framework} []", 100, False),
    ("Mean von Mises stress,\nactive phase (GPa)", "von Mises {active phase} mean [GPa]", 1, False),
    ("Mean von Mises stress,\nframework (GPa)", "von Mises {framework} mean [GPa]", 1, False),
    ("Mean von Mises stress,\nelectrolyte (GPa)", "von Mises {electrolyte} mean [GPa]", 1, False),
    ("Lost contact,\nactive–electrolyte (%)", "lost contact {active phase}-{electrolyte} []", 100, True),
    ("Porosity (%)", "porosity []", 100, True),
    ("Thickness change (%)", "thickness change []", 100, True),
    ("Pressure on the\ntop wall (MPa)", "wall pressure [GPa]", 1e3, False),
)


NIL = 1e-6  # a share or a stress [GPa] below is none


@dataclass(frozen=True)
class Comparison:
    """`names` of the runs; `rows`: dicts with quantity, state, cycle, unit and one value a run (by its name); `page`: the HTML file."""

    names: list[str]
    rows: list[dict]
    page: Path

    def table(self):
        """The rows as a rich table."""
        from rich.table import Table

        table = Table(box=None, header_style="bold", pad_edge=False)
        for heading in ("", "state", "cycle", *self.names):
            table.add_column(heading, justify="left" if heading in ("", "state") else "right")
        for row in self.rows:
            values = [numbers.shown(row[n], row["unit"]) + (f" {row['unit']}" if row["unit"] and np.isfinite(row[n]) else "") for n in self.names]
            table.add_row(row["quantity"], row["state"], str(row["cycle"]), *values)
        return table

    def __str__(self):
        """The table as text; the last line is the path of the page."""
        from rich.console import Console

        out = StringIO()
        Console(file=out, width=60 + 16 * len(self.names)).print(self.table())
        return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + f"\n{self.page}"


def compare(directories, out=None):
    """Compare the runs in `directories`; write compare.html, compare.csv and figures/ to the folder `out`.

    `out` is ./comparison by default.  Numbers stand in cycle 1 and in the last cycle that every run has ended.
    Returns a `Comparison`.  Raises rheode.result.ResultError where a folder is no run.
    """
    from rheode.result import Result

    runs = [Run(Result(d)) for d in directories]
    names = _names(runs, directories)
    out = Path(out or "comparison")
    out.mkdir(parents=True, exist_ok=True)
    last = min(run.last for run in runs)
    rows = _rows(runs, names, last)
    (out / "compare.csv").write_text(_csv(rows, names), encoding="utf-8")
    page = out / "compare.html"
    page.write_text(_page(runs, names, rows, last, Book(out / "figures")), encoding="utf-8")
    return Comparison(names, rows, page)


def _names(runs, directories):
    """The studies' names, or the folders' where those are not enough to tell the runs apart."""
    for candidates in ([r.study.name for r in runs], [Path(d).resolve().name for d in directories], [str(d) for d in directories]):
        if len(set(candidates)) == len(candidates):
            return candidates
    return [f"run {i}" for i in range(1, len(runs) + 1)]


def roles(run):
    """Phases by what they do, so that runs of different materials can stand in one row: phase -> "active phase"."""
    out, count = {}, {}
    for n in run.phases:
        role = ROLES.get(run.study.phases[n].role, run.study.phases[n].role)
        count[role] = count.get(role, 0) + 1
        out[n] = role if count[role] == 1 else f"{role} {count[role]}"
    return out


def _rows(runs, names, last):
    """A row a quantity, state and cycle; a stress that is in MPa for one run is so for all."""
    table, units = {}, {}
    for run, name in zip(runs, names):
        for number in numbers.headline(run, roles(run), last) if last else []:
            units.setdefault(number.quantity, set()).add(number.unit)
            for cycle, value in ((1, number.first), (last, number.last)) if last > 1 else ((1, number.first),):
                table.setdefault((number.quantity, number.state, cycle), {})[name] = value, number.unit
    rows = []
    for (quantity, state, cycle), values in table.items():
        unit = "MPa" if units[quantity] == {"GPa", "MPa"} else next(iter(units[quantity]))
        row = {"quantity": quantity, "state": state, "cycle": cycle, "unit": unit}
        for name in names:
            value, given = values.get(name, (float("nan"), unit))
            row[name] = 1e3 * value if (given, unit) == ("GPa", "MPa") else value
        rows.append(row)
    return rows


def _csv(rows, names):
    out = StringIO()
    writer = csv.DictWriter(out, ["quantity", "state", "cycle", "unit", *names], lineterminator="\n")
    writer.writeheader()
    writer.writerows([{k: ("" if isinstance(v, float) and not np.isfinite(v) else v) for k, v in row.items()} for row in rows])
    return out.getvalue()


def _flat(tree, prefix=""):
    if not isinstance(tree, dict):
        return {prefix: tree}
    return {k: v for key, value in tree.items() for k, v in _flat(value, f"{prefix}.{key}" if prefix else str(key)).items()}


def differences(runs):
    """Entries of the studies that are not the same in all: [(key path, value of each run)]; materials by name only."""
    skip = {"name", "title", "versions", "materials", "publication"}
    flat = [_flat({k: v for k, v in run.study.model_dump(mode="json", by_alias=True).items() if k not in skip}) for run in runs]
    keys = list(dict.fromkeys(key for one in flat for key in one))
    found = [(key, [one.get(key) for one in flat]) for key in keys]
    return [(key, values) for key, values in found if any(v != values[0] for v in values[1:])]


def curves(runs, names):
    """Overlaid curves against cycles, or against lithiation where there is one cycle only, a colour a run; the last panel is
    the key.  Returns a figure."""
    colours = [style.RUNS[i % len(style.RUNS)] for i in range(len(runs))]
    reached = max(run.last for run in runs)
    firsts = [{role: n for n, role in reversed(roles(run).items())} for run in runs]
    panels = [panel for panel in PANELS if _says_something(panel[1], runs, firsts)]
    columns = -(-(len(panels) + 1) // 2)
    with style.look():
        fig = style.figure(style.DOUBLE, 92 * style.MM)
        axes = fig.subplots(2, columns).ravel()
        for letter, ax, (name, template, scale, both) in zip("abcdefghi", axes, panels):
            published = {}
            for run, first, colour in zip(runs, firsts, colours):
                column = _column(template, run, first)
                if column is None:
                    continue
                for half, dash in ((LITHIATED, "-"), (DELITHIATED, "--"))[: 1 + both]:
                    across, values = run.series(column, half) if reached > 1 else _way(run, template, column, half)
                    ax.plot(across, scale * values, dash, color=colour, linewidth=1.2 if dash == "-" else 0.9,
                            marker="o" if len(across) < 4 else None, markersize=2.6)
                for p in run.published:
                    if p.column == column and p.half == LITHIATED and p.cycle <= reached:
                        at = p.cycle if reached > 1 else run.study.cycling.lithiation
                        published.setdefault((at, scale * p.value), set()).add(colour)
            _widen_what_is_covered(ax.lines)
            for (cycle, value), by in published.items():
                ax.plot([cycle], [value], **style.open_marker(by.pop() if len(by) == 1 else style.INK))
            drawn = [line.get_ydata() for line in ax.lines]
            low, high = min(map(np.nanmin, drawn)), max(map(np.nanmax, drawn))
            least = min(map(np.nanmax, drawn)) if reached == 1 else low  # on the way every stress begins near zero
            if template.startswith("von Mises") and 0 < least < high / fields.DECADES:
                ax.set_yscale("log")
            elif template.startswith(("contact", "lost", "von Mises", "porosity", "wall")):
                ax.set_ylim(0, max(1.08 * ax.get_ylim()[1] / 1.05, 1.0 if scale == 100 and high < 1e-6 else 1e-6))
            if reached > 1:
                style.cycle_axis(ax, reached)
            else:
                ax.set_xlim(0, 1.03 * max(run.study.cycling.lithiation for run in runs))
                ax.set_xlabel("Lithiation $x$")
            ax.set_ylabel(name)
            style.title(ax, letter)
        for ax in axes[len(panels):]:
            ax.axis("off")
        key = axes[len(panels)]
        for name, colour in zip(names, colours):
            key.plot([], [], color=colour, label=name)
        ends = ("full lithiation", "end of delithiation") if reached > 1 else ("lithiation", "delithiation")
        key.plot([], [], color=style.QUIET, label=ends[0])
        key.plot([], [], "--", color=style.QUIET, linewidth=0.9, label=ends[1])
        if any(run.published for run in runs):
            key.plot([], [], label="published", **(style.open_marker(style.INK) | {"clip_on": True}))
        key.legend(loc="center left", bbox_to_anchor=(-0.15, 0.5), borderaxespad=0, handlelength=1.8, labelspacing=0.7)
    return fig


def _widen_what_is_covered(lines):
    """Make a full line wide enough to show behind a later one that runs over it nearly all along."""
    full = [line for line in lines if line.get_linestyle() == "-"]
    for k, line in enumerate(full):
        x, y = np.array(sorted(zip(line.get_xdata(), line.get_ydata()))).T
        for later in full[k + 1:]:
            u, v = np.array(sorted(zip(later.get_xdata(), later.get_ydata()))).T
            if np.abs(np.interp(x, u, v) - y).mean() < 0.01 * np.abs(y).max():
                line.set_linewidth(line.get_linewidth() + 1.8)
                line.set_markersize(line.get_markersize() + 2)


def _says_something(template, runs, firsts):
    """Whether a panel has a curve that is neither nil all along nor what the studies prescribe."""
    if template == "wall pressure [GPa]" and all(run.study.walls.kind == "pressure" for run in runs):
        return False
    columns = [(run, _column(template, run, first)) for run, first in zip(runs, firsts)]
    return any(column and np.nanmax(np.abs(run.cycles[column]), initial=0.0) > NIL for run, column in columns)


def _way(run, template, column, half):
    """Lithiation and a column on the way of a half cycle of cycle 1; `template` tells what it is relative to."""
    kinds = np.asarray(run.history["half []"])
    rows = np.flatnonzero((run.history["cycle []"] <= 1) & ((kinds == half) | ((kinds == "clamp") & (half == LITHIATED))))
    if half == DELITHIATED and len(rows):
        rows = np.r_[rows[0] - 1, rows]  # from where lithiation ended
    if template == "thickness change []":
        values = run.history["thickness [um]"] / run.clamped("thickness [um]") - 1
    else:
        values = run.history[column]
    return run.history["lithiation []"][rows].astype(float), np.asarray(values)[rows].astype(float)


def _column(template, run, first):
    """The column of a run that a template with roles means, None where it has none; `first`: role -> its first phase."""
    if any("{" + role + "}" in template and role not in first for role in ROLES.values()):
        return None
    column = template.format_map(first)
    return column if column in run.cycles else None


def distributions(panels):
    """How much of each phase bears how much: share of the deformed area above a von Mises stress, a panel a role.

    Returns (figure, {role: {name of the run: 95th percentile, GPa}}).
    """
    colours = [style.RUNS[i % len(style.RUNS)] for i in range(len(panels))]
    kinds = [role for role in ROLES.values() if any(role in roles(p.run).values() for p in panels)]
    top = {kind: {} for kind in kinds}
    with style.look():
        fig = style.figure(style.DOUBLE if len(kinds) > 1 else style.SINGLE * 1.3, 66 * style.MM)
        for letter, ax, kind in zip("abc", np.atleast_1d(fig.subplots(1, len(kinds))), kinds):
            for panel, colour in zip(panels, colours):
                phases = [panel.run.phases.index(n) for n, role in roles(panel.run).items() if role == kind]
                if not phases:
                    continue
                values, below = fields.distribution(panel, lambda f: f.von_mises, phases)
                top[kind][panel.title] = high = fields.percentile(panel, lambda f: f.von_mises, 0.95, phases)
                ax.plot(values, 100 * (1 - below), color=colour, drawstyle="steps-post", label=panel.title)
                ax.plot([high], [5], "o", color=colour, markersize=3.4)
            values = np.concatenate([line.get_xdata() for line in ax.lines])
            lowest = min(np.quantile(line.get_xdata(), 0.02) for line in ax.lines)
            if lowest > 0 and values.max() > 10 * lowest:
                ax.set_xscale("log")
                ax.set_xlim(lowest, 1.2 * values.max())
            elif lowest < 0.5 * values.max():
                ax.set_xlim(0)
            ax.axhline(5, color=style.FAINT, linewidth=0.7, zorder=0)
            ax.set_ylim(0, 101)
            ax.set_xlabel("von Mises stress (GPa)")
            ax.set_ylabel("Area above it (%)")
            style.title(ax, letter, kind)
        fig.legend(*ax.get_legend_handles_labels(), loc="outside lower center", ncols=min(len(panels), 5))
    return fig, top


def dense(run):
    """Thickness [um] of the solids as made, without a pore: the same for runs of one loading, however they were clamped."""
    mesh = run.mesh
    return float(mesh.areas[mesh.solid].sum() / mesh.box[0])


def pressures(runs, names):
    """Thickness and, where there are pores, porosity at full lithiation of cycle 1 against the stack pressure.

    Returns a figure, or None where fewer than two pressures are compared or the runs are not of the same materials.
    """
    loads = [getattr(run.study.walls, "pressure", np.nan) for run in runs]
    materials = [{name: phase.material for name, phase in run.study.phases.items()} for run in runs]
    if not np.isfinite(loads).all() or len(set(loads)) < 2 or any(each != materials[0] for each in materials):
        return None
    shown = [("Thickness, lithiated,\nby that of the solids alone", [run.at("thickness [um]", 1) / dense(run) for run in runs]),
             ("Porosity, lithiated (%)", [100 * run.at("porosity []", 1) for run in runs])]  # fmt: skip
    shown = [each for each in shown if max(each[1]) > NIL]
    with style.look():
        fig = style.figure(style.DOUBLE * 0.75 if len(shown) > 1 else style.SINGLE, 60 * style.MM)
        axes = np.atleast_1d(fig.subplots(1, len(shown)))
        for letter, ax, (label, values) in zip("ab", axes, shown):
            for i, (value, name, load) in enumerate(zip(values, names, loads)):
                ax.plot([1e3 * load], [value], "o", color=style.RUNS[i % len(style.RUNS)], label=name)
            ax.set_xscale("log")
            ax.margins(0.15)
            ax.set_ylim(0, 1.08 * max(line.get_ydata()[0] for line in ax.lines))
            ax.set_xticks(ticks := sorted({1e3 * load for load in loads}), [f"{tick:g}" for tick in ticks])
            ax.minorticks_off()
            ax.set_xlabel("Stack pressure (MPa)")
            ax.set_ylabel(label)
            style.title(ax, letter)
        fig.legend(*ax.get_legend_handles_labels(), loc="outside lower center", ncols=min(len(runs), 4))
    return fig


def _page(runs, names, rows, last, book):
    parts = [f'<header>\n<p class="kicker">rheode comparison</p>\n<h1>{escape(words.listed(names))}</h1>\n</header>']
    warned = [f"{escape(name)}: {w}" for run, name in zip(runs, names) for w in (words.warnings(run)[:1] if not run.result.complete else words.beyond(run))]
    if warned:
        parts.append('<aside class="warnings" aria-label="Warnings"><ul>' + "".join(f"<li>{w}</li>" for w in warned) + "</ul></aside>")

    heads = "".join(f'<th scope="col" class="n">{escape(n)}</th>' for n in names)
    differing = differences(runs)
    body = "\n".join(f'<tr><th scope="row"><code>{escape(key)}</code></th>' + "".join(f'<td class="n">{_setting(v)}</td>' for v in values) + "</tr>"
                     for key, values in differing)
    table = f'<div class="scroll"><table class="numbers plain"><thead><tr><th scope="col">Setting</th>{heads}</tr></thead><tbody>\n{body}\n</tbody></table></div>'
    parts.append('<section id="s-settings">\n<h2>What differs</h2>\n' + (table if differing else "<p>The studies are the same.</p>") + "\n</section>")

    if last:
        lines = []
        for row in rows:
            cells = "".join(f'<td class="n v">{numbers.shown(row[n], row["unit"])}'
                            f'<span class="u">{"&nbsp;" + row["unit"] if row["unit"] and np.isfinite(row[n]) else ""}</span></td>' for n in names)
            lines.append(f'<tr><th scope="row">{escape(row["quantity"])}</th><td>{row["state"]}, cycle {row["cycle"]}</td>{cells}</tr>')
        parts.append(f'<section id="s-numbers">\n<h2>Headline numbers</h2>\n<div class="scroll"><table class="numbers">'
                     f'<thead><tr><th scope="col">Quantity</th><th scope="col">State</th>{heads}</tr></thead><tbody>\n' + "\n".join(lines)
                     + '\n</tbody></table></div>\n<p class="note">As simulated; nothing is fitted. Also in compare.csv.</p>\n</section>')
        once = max(run.last for run in runs) == 1
        caption = ("Each run has its colour. " + ("Cycle 1 from the clamped state on. Solid lines: lithiation; dashed: delithiation." if once else
                                                  "Solid lines: full lithiation; dashed: end of delithiation.")
                   + " Thickness is relative to the clamped state of each run."
                   + (" Open markers: published values, in the colour of the run that they belong to, or black where they belong to several." if any(r.published for r in runs) else ""))
        parts.append('<section id="s-curves">\n<h2>{}</h2>\n'.format("On the way" if once else "Against cycles")
                     + book.figure("curves", curves(runs, names), "The runs over the cycle" if once else "The runs over the cycles", caption,
                                   f"Contact ratios, mean stresses, porosity, thickness and wall pressure of all runs against {'lithiation' if once else 'cycles'}.") + "\n</section>")
        by_pressure = pressures(runs, names)
        if by_pressure is not None:
            parts.append('<section id="s-pressure">\n<h2>Against pressure</h2>\n'
                         + book.figure("pressures", by_pressure, "Thickness and porosity against the stack pressure",
                                       "At full lithiation of cycle 1. Thickness is divided by that which the solids would have as made and without any pore, "
                                       "which does not depend on how far a run was pressed before cycling.",
                                       "Relative thickness and porosity at full lithiation of each run against its stack pressure.") + "\n</section>")
        panels = []
        for run, name in zip(runs, names):
            frame = run.frame(last, LITHIATED)
            if frame is not None:
                panels.append(fields.Panel(name, run, fields.Canvas(run.mesh, run.phases), frame))
        if panels:
            fig, end, peak = fields.von_mises(panels)
            caption = (f"Von Mises stress at full lithiation of cycle {last}, all panels on one length scale and one colour scale. "
                       + words.clip_sentence(end, peak, "&nbsp;GPa"))
            parts.append('<section id="s-fields">\n<h2>Stress at full lithiation</h2>\n'
                         + book.figure("fields", fig, "Stress in the particles", caption, "Maps of the von Mises stress of each run.", True)
                         + _electrolytes(panels, last, book) + _distributions(panels, last, book) + "\n</section>")
    else:
        parts.append("<p>There is a run in which no lithiation has ended yet, so there is nothing to compare.</p>")
    return document("Comparison: " + ", ".join(names), "<main>\n" + "\n".join(parts) + "\n</main>")


def _electrolytes(panels, last, book):
    """The figure of the electrolytes, where every run has one, of the same number."""
    indices = [[p.run.phases.index(n) for n, role in roles(p.run).items() if role == "electrolyte"] for p in panels]
    if not indices[0] or any(each != indices[0] for each in indices):
        return ""
    fig, end, peak = fields.electrolyte(panels)
    caption = (f"Von Mises stress in the electrolyte at full lithiation of cycle {last}, all panels on one length scale and one colour scale, "
               f"in decades where they differ by more than {fields.DECADES:g}; particles are left pale. " + words.clip_sentence(end, peak, "&nbsp;GPa"))
    return "\n" + book.figure("electrolytes", fig, "Stress in the electrolyte", caption, "Maps of the von Mises stress in the electrolyte of each run.", True)


def _distributions(panels, last, book):
    fig, top = distributions(panels)
    said = "; ".join(f"{role}: " + ", ".join(f"{escape(name)} {numbers.shown(value)}&nbsp;GPa" for name, value in values.items()) for role, values in top.items())
    caption = (f"Share of the deformed area of a phase in which the von Mises stress is higher than the value on the axis, at full lithiation of cycle {last}. "
               f"Dots: 95th percentiles ({said}).")
    return "\n" + book.figure("distributions", fig, "How the stress is distributed", caption, "Area above a von Mises stress, for each phase and run.")


def _setting(value):
    if isinstance(value, list):
        value = " × ".join(map(str, value))
    return "–" if value is None else escape(str(value))
