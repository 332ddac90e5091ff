"""`rheode lab KIND FILE...`: raw instrument files to quantities with uncertainties; a file a group of kinds."""

from pathlib import Path
from typing import Annotated, Optional

import typer

from ..output import FigureOption, check_outputs, save_figure  # noqa: F401  the kinds take them from here

lab = typer.Typer(
    help="Turn raw instrument files into material parameters and curves, with their uncertainties.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Files = Annotated[list[Path], typer.Argument(metavar="FILE...", help="Raw files of the instrument; the format is recognised from the content.")]
JsonOption = Annotated[Optional[Path], typer.Option("--json", metavar="FILE", help="Write values, tables and choices as JSON.")]
CsvOption = Annotated[Optional[Path], typer.Option("--csv", metavar="FILE", help="Write the main table as CSV.")]


def quantity(option: str, text: str | None, unit: str) -> float | None:
    """The value of an option given with a unit ("1.8 um"), in `unit` (pint's syntax); None stays None.

    Raises LabError for a plain number, an unknown unit or another dimension.
    """
    if text is None:
        return None
    from ...lab import LabError
    from ...units import UnitError, measure

    try:
        return measure(text, unit)
    except UnitError as error:
        raise LabError(f"{option}: got {text!r}; {error}") from None


def finish(analysis, json: Path | None, csv: Path | None, figure: Path | None, draw):
    """Write an analysis and print it; `draw(analysis)` makes the figure, last.

    Files come before the print: a reader that stops listening (`| head`) ends the process.
    """
    if json is not None:
        analysis.write_json(json)
    if csv is not None:
        analysis.write_csv(csv)
    show(analysis)
    for path in (json, csv):
        if path is not None:
            print(path)
    if figure is not None:
        save_figure(draw(analysis), figure)


def show(analysis):
    """Values with uncertainty, the first table (its first rows), notes, and the YAML lines for a study."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from ...lab.analysis import rows

    console = Console(highlight=False, soft_wrap=True)
    width = max((len(name) for name in analysis.values), default=0)
    for name, value in analysis.values.items():
        console.print(f"{name:<{width}}  {_said(value)}", markup=False)
    if analysis.tables:
        name, table = next(iter(analysis.tables.items()))
        records = list(rows(table))
        shown = Table(title=escape(name), title_justify="left", box=None, pad_edge=False)
        for column in table:
            shown.add_column(escape(column), justify="right" if records and isinstance(records[0][column], (int, float)) else "left")
        for record in records[:40]:
            shown.add_row(*(escape(_text(cell)) for cell in record.values()))
        Console(highlight=False, width=10_000).print(shown)  # never cut or squeezed: the terminal wraps what is too wide
        if len(records) > 40:
            console.print(f"... {len(records) - 40} more rows (--csv writes them all)", markup=False)
    for note in analysis.notes:
        console.print(f"note: {note}", markup=False)
    if analysis.material:
        console.print(analysis.material, markup=False)


def _said(value):
    unit = f" {value.unit}" if value.unit else ""
    if value.interval is not None:
        low, high = value.interval
        return f"{value.value:.4g}{unit}  [{low:.4g}, {high:.4g}] at {100 * value.level:g} %"
    return f"{value.value:.4g}{unit}" if value.uncertainty is None else f"{value.value:.4g} +- {value.uncertainty:.2g}{unit}"


def _text(cell):
    return "" if cell is None else f"{cell:.5g}" if isinstance(cell, float) else str(cell)


# Each file adds its kinds to `lab`. They import nothing heavy at their top.
from . import cycling  # noqa: E402,F401
from . import electrical  # noqa: E402,F401
from . import images  # noqa: E402,F401
from . import indentation  # noqa: E402,F401
from . import mechanical  # noqa: E402,F401
