"""The commands of an electrode before it is built or simulated: screen, map, audit, design."""

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Optional

import typer

from . import _say, app
from .output import FigureOption, TableOption, check_outputs, save_figure

RunOption = Annotated[Optional[Path], typer.Option("--run", metavar="DIR", help="Place the phases of a run on the map, by their stress and temperature.")]


@app.command()
def screen(
    names: Annotated[Optional[list[str]], typer.Argument(metavar="[MATERIAL...]", help="Materials by name or formula, or files; without any all of the library that hold lithium.")] = None,
    temperature: Annotated[str, typer.Option("--temperature", metavar="T", help="Working temperature.")] = "298 K",
    stress: Annotated[str, typer.Option("--stress", metavar="TAU", help="Shear stress at which the map places the materials.")] = "100 MPa",
    run_directory: RunOption = None,
    table: TableOption = None,
    figure: FigureOption = None,
):
    """Screen materials: do they creep at a temperature, what do they hold, how much do they swell?"""
    from ..electrode import screening

    check_outputs(table, figure)
    kelvin, tau = _quantity("--temperature", temperature, "temperature"), _quantity("--stress", stress, "pressure")
    rows = screening.screen(names or (), kelvin)
    states = _states(run_directory)
    _print_screening(rows, kelvin)
    for state in states:
        print(screening.told_state(state))
    if table is not None:
        screening.write_csv(table, [row.record() for row in rows])
        print(table)
    if figure is not None:
        from ..report import atlas

        save_figure(atlas.screening(rows, kelvin, tau, states), figure)


def _print_screening(rows, temperature):
    from rich.console import Console
    from rich.table import Table

    from ..units import show

    table = Table(box=None, pad_edge=False, header_style="bold")
    at = show(temperature, "temperature")
    for heading, justify in (("material", "left"), (f"T/Tm\n{at}", "right"), ("", "left"), ("capacity\nof", "left"), ("\nmAh/g", "right"), ("\nmAh/cm3", "right"), ("voltage\nV", "right"), ("dV\n%", "right")):
        table.add_column(heading, justify=justify, no_wrap=True)
    for row in rows:
        change = None if row.volume_change is None else 100 * row.volume_change
        numbers = [(row.capacity, ".0f"), (row.volumetric, ".0f"), (row.voltage, ".2f"), (change, ".3g")]
        table.add_row(row.name, _number(row.homologous, ".2f"), row.behaviour + "*" * bool(row.caveat), row.basis, *(_number(*number) for number in numbers))
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 100)
    console.print(table)
    missing = [row.name for row in rows if row.homologous is None]
    if missing:
        _say(f"No melting temperature is known of {', '.join(missing)}.")
    for row in rows:
        if row.caveat:
            _say(f"* {row.name}: {row.caveat}.")


def _number(value, form):
    return "-" if value is None else format(value, form)


@app.command("map")
def mechanism_map(
    material: Annotated[str, typer.Argument(metavar="MATERIAL", help="A material with a set of creep mechanisms, by name or formula, or a file with a set.")],
    grain: Annotated[Optional[str], typer.Option("--grain", metavar="D", help="Size of the grains, or of the sample, of the map.  [default: 1 um]", show_default=False)] = None,
    temperature: Annotated[str, typer.Option("--temperature", metavar="T", help="Temperature that is marked, and that of the size effect.")] = "298 K",
    by_size: Annotated[bool, typer.Option("--size-effect", help="Strength against size instead of the map.")] = False,
    rate: Annotated[Optional[str], typer.Option("--rate", metavar="RATE", help="Strain rate of the size effect.  [default: 1e-4 1/s]", show_default=False)] = None,
    run_directory: RunOption = None,
    table: TableOption = None,
    figure: FigureOption = None,
):
    """Map what deforms a material: dislocations, Nabarro-Herring or Coble creep; with --size-effect its strength against size."""
    from ..electrode import screening
    from ..materials import mechanisms
    from ..reading import StudyError

    check_outputs(table, figure)
    if by_size and grain is not None:
        raise StudyError("--grain: the size is what --size-effect varies; leave one of both out")
    if by_size and run_directory is not None:
        raise StudyError("--run: a run is placed on the map; leave --size-effect out")
    if not by_size and rate is not None:
        raise StudyError("--rate: the map shows all strain rates; --rate goes with --size-effect")
    size, kelvin, strain_rate = _quantity("--grain", grain or "1 um", "length"), _quantity("--temperature", temperature, "temperature"), _quantity("--rate", rate or "1e-4 1/s", "creep rate")
    of = mechanisms.load(material)
    states = _states(run_directory, of.material)
    with _faults_of_options("temperature", "rate"):
        if by_size:
            effect, cross = mechanisms.size_effect(of, strain_rate, kelvin), mechanisms.crossover(of, strain_rate, kelvin)
            print(mechanisms.told_size_effect(of, strain_rate, kelvin))
            records = effect.records()
        else:
            print(mechanisms.told_map(of, kelvin, size))
            coldest = min([0.3, *(0.95 * shown / of.melting_temperature.value for shown in (kelvin, *(state.temperature for state in states)))])
            chart = mechanisms.deformation_map(of, size, [coldest + step / 280 * (1 - coldest) for step in range(281)])
            records = chart.records()
    for state in states:
        print(mechanisms.told_state(of, state, size))
    print(of.text())
    if table is not None:
        screening.write_csv(table, records)
        print(table)
    if figure is not None:
        from ..report import atlas

        drawn = atlas.size_effect(of, effect, cross, mechanisms.published_strength(of)) if by_size else atlas.mechanism_map(chart, kelvin, states)
        save_figure(drawn, figure)


@contextmanager
def _faults_of_options(*names):
    """Faults of arguments under the names that these have on the command line."""
    from ..reading import StudyError

    try:
        yield
    except StudyError as error:
        raise StudyError([f"--{fault}" if fault.partition(":")[0] in names else fault for fault in error.faults]) from None


def _quantity(option, text, kind):
    """The value of an option with a unit; above zero, as all of them must be."""
    from ..reading import StudyError, told
    from ..units import UnitError, expected, parse

    try:
        value = parse(text, kind)
    except UnitError as error:
        raise StudyError(f"{option}: got {told(text)}; {error}") from None
    if value <= 0:
        raise StudyError(f"{option}: got {told(text)}; {expected(kind)}, above 0")
    return value


def _states(directory, material=None):
    """The states of a run's phases, of one material if asked for; none without a run."""
    if directory is None:
        return []
    from ..electrode.screening import states
    from ..reading import StudyError
    from ..result import Result

    found = states(Result(directory))
    if material is None:
        return found
    wanted = [state for state in found if state.material.name == material]
    if not wanted:
        raise StudyError(f"--run: {directory} has no phase of {material}; its phases are of {', '.join(state.material.name for state in found)}")
    return wanted


@app.command()
def audit(
    table: Annotated[Optional[str], typer.Argument(metavar="[TABLE]", help="A bundled table or a CSV file; without it the bundled ones are listed.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every cell that is recomputed, not only those that do not follow.")] = False,
    as_it_is: Annotated[bool, typer.Option("--print", help="Print a bundled table itself, to start one of your own from.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="The form of a table and all findings in the bundled ones as a page (docs/audit.md).")] = False,
    output: TableOption = None,
):
    """Recompute the derived columns of a published table and list the cells that do not follow."""
    from ..electrode import audit as auditing

    check_outputs(output)
    if markdown:
        print(auditing.page(), end="")
    elif table is None:
        for name in auditing.bundled():
            print(f"{name:14} {auditing.load(name).about['title']}")
    elif as_it_is:
        _print_bundled(table, auditing.bundled(), auditing.TABLES / f"{table}.csv")
    else:
        loaded = auditing.load(table)
        cells = loaded.cells if everything else loaded.findings
        _print_columns([auditing.COLUMNS, *(tuple(cell.record().values()) for cell in cells)])
        for remark in auditing.remarks(loaded):
            _say(remark)
        if output is not None:
            auditing.write_csv(output, cells)
            print(output)


def _print_columns(rows):
    """Rows of texts below each other, all but the last column as wide as their longest text."""
    widths = [max(map(len, column)) for column in zip(*rows)]
    for row in rows:
        print("  ".join([text.ljust(width) for text, width in zip(row[:-1], widths)] + [row[-1]]))


@app.command()
def design(
    names: Annotated[Optional[list[str]], typer.Argument(metavar="[DESIGN...]", help="Design files or bundled designs, several to compare them; without any the bundled ones are listed.")] = None,
    overrides: Annotated[Optional[list[str]], typer.Option("--set", metavar="KEY=VALUE", help="Override an entry of the designs: dotted key path, YAML value. Repeatable.")] = None,
    table: TableOption = None,
    sweep: Annotated[Optional[Path], typer.Option("--sweep", metavar="FILE", help="Write the sweep over composition as CSV.")] = None,
    pressing: Annotated[Optional[Path], typer.Option("--pressing", metavar="FILE", help="Write density, porosity and all else along the pressing curve as CSV.")] = None,
    figure: FigureOption = None,
    as_it_is: Annotated[bool, typer.Option("--print", help="Print a bundled design itself, to start one of your own from.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="What a design file may hold and what follows from it as a page (docs/design.md).")] = False,
):
    """Compute an electrode: density, porosity, capacity, energy, utilisation, room to swell; or compare several."""
    from ..electrode import design as designing

    check_outputs(table, sweep, pressing, figure)
    if markdown:
        from ..reference import design_page

        print(design_page(), end="")
        return
    if not names:
        for each in designing.bundled():
            print(f"{each:14} {designing.Design.load(each).title}")
        return
    if as_it_is:
        for name in names:
            _print_bundled(name, designing.bundled(), designing.DESIGNS / f"{name}.yaml")
        return
    loaded = _load_designs(list(dict.fromkeys(names)), overrides or ())
    written = [(path, write) for path, write in ((table, designing.write_csv), (sweep, designing.write_sweep), (pressing, designing.write_pressed)) if path is not None]
    for path, write in written:
        write(path, *loaded)
    for each in loaded:
        if each.title:
            print(f"{each.name}: {each.title}" if len(loaded) > 1 else each.title)
    _print_columns(designing.table(loaded))
    for each in loaded:
        if each.sweep is not None and (sweep is not None or (figure is not None and len(loaded) == 1)) and (note := designing.told_sweep(each)):
            _say(f"{each.name}: {note}" if len(loaded) > 1 else note)
    for path, _ in written:
        print(path)
    if figure is not None:
        from ..report import designs

        save_figure(designs.chart(loaded[0]) if len(loaded) == 1 else designs.compared(loaded), figure)


def _load_designs(names, overrides):
    """The designs; of several, faults say whose they are."""
    from ..electrode.design import Design
    from ..reading import StudyError

    loaded, faults = [], []
    for name in names:
        try:
            loaded.append(Design.load(name, overrides))
        except StudyError as error:
            faults += [f"{name}: {fault}" for fault in error.faults] if len(names) > 1 else error.faults
    if faults:
        raise StudyError(faults)
    return loaded


def _print_bundled(name, known, path):
    """A bundled file as it is."""
    from ..reading import StudyError, nearest, told

    if name not in known:
        raise StudyError(f"--print: got {told(name)}{nearest(name, known)}; bundled are {', '.join(known)}")
    print(path.read_text(encoding="utf-8"), end="")
