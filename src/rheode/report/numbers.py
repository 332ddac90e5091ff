"""The numbers a reader looks for first, as rows: computed in the first and the last cycle, and published."""

from dataclasses import dataclass

import numpy as np

from .run import DELITHIATED, LITHIATED, label

NAN = float("nan")
STATES = {LITHIATED: "full lithiation", DELITHIATED: "end of delithiation"}


@dataclass(frozen=True)
class Number:
    """One quantity of a run; nan where there is no value.

    `unit` is what is printed ("GPa", "%"); the values are in that unit.
    """

    quantity: str
    state: str
    unit: str
    first: float
    last: float
    published_first: float = NAN
    published_last: float = NAN

    def deviation(self, which="first"):
        """Computed against published: relative in per cent, or in points where the unit is per cent itself."""
        computed, published = getattr(self, which), getattr(self, f"published_{which}")
        return computed - published if self.unit == "%" else 100 * (computed / published - 1)


def headline(run, names=None, last=None):
    """The headline numbers of a `Run`, in the order of the report.

    `names`: what the phases are called (by default as their materials); `last`: the later cycle (by default the last).
    """
    names = names or {n: label(run.study, n) for n in run.phases}
    last = last or run.last

    def row(quantity, column, unit="GPa", scale=1.0, half=LITHIATED, offset=0.0):
        if column not in run.cycles:
            return
        published = {p.cycle: scale * p.value for p in run.published if p.column == column and p.half == half}
        values = [scale * (run.at(column, c, half) - offset) for c in (1, last)]
        rows.append(Number(quantity, STATES[half], unit, *values, published.get(1, NAN),
                           published.get(last, NAN) if last > 1 else NAN))

    def stress(quantity, column):
        """In MPa where it is a soft phase's."""
        soft = column in run.cycles and np.nanmax(np.abs(run.cycles[column])) < 0.01
        row(quantity, column, "MPa" if soft else "GPa", 1e3 if soft else 1.0)

    rows = []
    for n in run.phases:
        stress(f"Mean von Mises stress, {names[n]}", f"von Mises {n} mean [GPa]")
    for n in run.phases:
        stress(f"Largest von Mises stress, {names[n]}", f"von Mises {n} max [GPa]")
    for a, b in run.pairs:
        row(f"Contact ratio {names[a]}–{names[b]}", f"contact {a}-{b} []", "%", 100)
    for a in run.phases:
        row(f"Contact ratio {names[a]} with any", f"contact {a}-any []", "%", 100)
        row(f"Contact ratio {names[a]} with any, by pressure", f"contact {a}-any pressed []", "%", 100)
    for a, b in run.pairs:
        row(f"Lost contact {names[a]}–{names[b]}", f"lost contact {a}-{b} []", "%", 100)
    for half in (LITHIATED, DELITHIATED):
        row("Porosity", "porosity []", "%", 100, half)
    start = run.clamped("thickness [um]")
    if np.ptp(run.history["thickness [um]"]) > 1e-6 * start:
        for half in (LITHIATED, DELITHIATED):
            row("Thickness change since clamping", "thickness [um]", "%", 100 / start, half, start)
    if np.ptp(run.history["stretch zz []"]) > 0:
        row("Out-of-plane stretch", "stretch zz []", "")
    for column, name in (("wall pressure [GPa]", "Pressure on the top wall"), ("side pressure [GPa]", "Pressure on the side walls")):
        stress(name, column)
    return rows


def shown(value, unit=""):
    """A number as it is printed: three significant digits, a real minus sign, a dash where there is none."""
    if not np.isfinite(value):
        return "–"
    if unit == "%":
        text = f"{round(value, 1) + 0.0:.1f}"  # no minus before a zero
    elif value and abs(value) < 1e-3:
        text = f"{value:.1e}"
    else:
        text = f"{value:#.3g}".rstrip(".") if abs(value) < 1000 else f"{value:,.0f}".replace(",", " ")
    return text.replace("-", "−")


def shown_deviation(number, which):
    value = number.deviation(which)
    if not np.isfinite(value):
        return "–"
    return f"{value:+.1f} points".replace("-", "−") if number.unit == "%" else f"{value:+.0f} %".replace("-", "−")
