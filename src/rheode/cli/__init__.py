"""The command line: parses, calls, prints. Exit codes: 0 done, 2 the study is wrong, 3 the run stopped early."""

import logging
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Optional

import typer

from .. import __version__

app = typer.Typer(
    help="What creep, contact, pores and stack pressure do to a solid-state battery electrode, cycle after cycle.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

StudyArgument = Annotated[str, typer.Argument(metavar="STUDY", help="A study file, or the name of a bundled study (see `rheode examples`).")]
FolderArgument = Annotated[Path, typer.Argument(metavar="DIR", help="The folder of a run.")]
Overrides = Annotated[Optional[list[str]], typer.Option("--set", metavar="KEY=VALUE", help="Override an entry of the study: dotted key path, YAML value. Repeatable.")]
RunOption = Annotated[Optional[Path], typer.Option("--run", metavar="DIR", help="Place the phases of a run on the map, by their stress and temperature.")]
TableOption = Annotated[Optional[Path], typer.Option("--csv", metavar="FILE", help="Write the table as CSV.")]
FigureOption = Annotated[Optional[Path], typer.Option("--figure", metavar="FILE", help="Write the chart as PDF and PNG.")]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="Print the solver's trace.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Print nothing but the path of the report.")]

# Errors whose message is written for the user, by the module that defines them: a module that was never
# imported can't have raised one. The number is the exit code.
_TOLD = {
    ("rheode.reading", "StudyError"): 2,
    ("rheode.microstructure", "PackingError"): 2,
    ("rheode.microstructure", "MeshError"): 2,
    ("rheode.result", "WriteError"): 3,  # before the error it derives from
    ("rheode.result", "RecordError"): 2,
    ("rheode.result", "ResultError"): 2,
    ("rheode.cycling", "RunStopped"): 3,
    ("rheode.lab", "LabError"): 2,
}

# Packages of the optional part `lab`, by the name they are imported under.
_LAB = {"polars", "lmfit", "uncertainties", "skimage", "tifffile", "fastnda", "access_parser", "openpyxl", "xlrd", "pandas"}


def main(arguments: list[str] | None = None):
    """Run the command line with `arguments` (by default the process's). Raises SystemExit."""
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        app(arguments)
    except Exception as error:
        if isinstance(error, ModuleNotFoundError) and error.name in _LAB:
            _say(f"this analysis needs the package {error.name}: install it with `pip install 'rheode[lab]'`")
            raise SystemExit(2) from None
        code = exit_code(error)
        if code is None:
            if {"-v", "--verbose"} & set(arguments):
                raise
            _say(f"rheode failed where it should not: {type(error).__name__}: {' '.join(str(error).split())}")
            _say("This is a fault of rheode, not of your study; -v shows where it happened.")
            raise SystemExit(1) from None
        _say(str(error))
        raise SystemExit(code) from None


def exit_code(error: Exception) -> int | None:
    """The exit code for an error that explains itself; None for any other."""
    for (module, name), code in _TOLD.items():
        kind = getattr(sys.modules.get(module), name, None)
        if kind is not None and isinstance(error, kind):
            return code
    return None


def _say(text: str):
    """To the person, apart from what a program may read."""
    print(text, file=sys.stderr)


def _version(wanted: bool):
    if wanted:
        print(f"rheode {__version__}")
        raise typer.Exit


@app.callback()
def _options(version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False):
    pass


@app.command()
def run(
    study: StudyArgument,
    output: Annotated[Optional[Path], typer.Option("-o", "--output", metavar="DIR", help="Folder for the result.  [default: runs/<name of the study>]", show_default=False)] = None,
    overrides: Overrides = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", "--force", help="Replace a run that the folder holds.")] = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
):
    """Simulate a study and write its report; the last line is the report's path."""
    from ..study import Study

    loaded = Study.load(study, overrides or ())
    directory = output or Path("runs") / loaded.name

    def simulate(callback):
        from ..cycling import Simulation
        from ..result import Record

        Record.check(directory, overwrite)
        simulation = Simulation(loaded)
        if not quiet:
            _warn(loaded, simulation.mesh)
            _say(f"{simulation.outline()} in {directory}")
        simulation.run(directory, callback=callback, overwrite=overwrite)

    _carry_out(simulate, directory, verbose, quiet)


@app.command()
def resume(directory: FolderArgument, verbose: Verbose = False, quiet: Quiet = False):
    """Continue a run that was interrupted, from its last increment."""

    def go_on(callback):
        from .. import cycling

        cycling.resume(directory, callback=callback)

    _carry_out(go_on, directory, verbose, quiet)


def _carry_out(work, directory, verbose, quiet):
    """`work(callback)` with progress shown, then the report."""
    started = False

    def watch(progress):
        nonlocal started
        started = True
        show(progress)

    with _trace(verbose), _progress(sys.stdout.isatty() and not quiet and not verbose) as show:
        try:
            work(watch)
        except KeyboardInterrupt:
            stored = (directory / "record" / "000000.npz").is_file()
            _say(f"Interrupted: every increment so far is stored, and `rheode resume {directory}` continues." if stored
                 else "Interrupted before the first increment: nothing is stored yet, start it again.")  # fmt: skip
            raise typer.Exit(3) from None
        except Exception as error:
            if started and exit_code(error) is not None:  # a disk that fills up on the way is not the study's fault
                _say(str(error))
                raise typer.Exit(3) from None
            raise
    _write_report(directory)


def _write_report(directory):
    from .. import report

    try:
        print(report.write(directory))
    except OSError as error:
        _say(f"cannot write the report: {error.strerror or error}; the run is stored, and `rheode report {directory}` writes it again")
        raise typer.Exit(3) from None


@contextmanager
def _trace(verbose):
    logger = logging.getLogger("rheode")
    if not verbose:
        yield
        return
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(relativeCreated)9.0f ms  %(name)s  %(message)s"))
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


@contextmanager
def _progress(shown):
    """Yields the function to call with the state of a run; it draws only if `shown`."""
    if not shown:
        yield lambda progress: None
        return
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TextColumn("time left"), TimeRemainingColumn())
    with Progress(*columns, speed_estimate_period=300) as bar:
        task = bar.add_task("preparing", total=1.0)

        def show(progress):
            where = "clamping" if progress.half == "clamp" else f"cycle {progress.cycle}/{progress.cycles} {progress.half}"
            text = f"{where}  x = {progress.lithiation:.3f}  increment {progress.increment}  {progress.iterations} iterations"
            bar.update(task, completed=progress.fraction, description=text)

        yield show


@app.command()
def report(directory: FolderArgument):
    """Write the report of a run (again); the last line is its path."""
    _write_report(directory)


@app.command()
def compare(
    directories: Annotated[list[Path], typer.Argument(metavar="DIR DIR...", help="The folders of the runs.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="Folder for the page.")] = Path("comparison"),
):
    """Put runs side by side: their headline numbers as a table, their curves as a page."""
    if len(directories) < 2:
        _say(f"compare: got {len(directories)} folder; two runs at least are compared")
        raise typer.Exit(2)
    from .. import report

    try:
        print(report.compare(directories, output))
    except OSError as error:
        _say(f"cannot write to {output}: {error.strerror or error}; name another folder with -o")
        raise typer.Exit(2) from None


@app.command()
def validate(
    study: StudyArgument,
    overrides: Overrides = None,
    complete: Annotated[bool, typer.Option("--complete", help="Print the study with every default written out instead of a summary.")] = False,
):
    """Check a study without running it: all its faults, or what it says and what is doubtful."""
    from ..study import Study

    loaded = Study.load(study, overrides or ())
    print(loaded.dump() if complete else loaded.summary())
    _warn(loaded)


def _warn(study, mesh=None):
    for text in study.warnings(mesh):
        _say(f"warning: {text}")


@app.command()
def materials(
    name: Annotated[Optional[str], typer.Argument(metavar="[NAME]", help="A material of the library (its formula will do) or a file; without it all are listed.")] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="The whole library as a page for people (docs/materials.md).")] = False,
):
    """List the materials and what is known of each, or show one: every value with its source and conditions."""
    from .. import materials as library

    if markdown:
        from ..reference import materials_page

        print(materials_page(), end="")
    else:
        print(library.overview() if name is None else library.load(name).text())


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

    kelvin, tau = _quantity("--temperature", temperature, "temperature"), _quantity("--stress", stress, "pressure")
    rows = screening.screen(names or (), kelvin)
    states = _states(run_directory)
    _print_screening(rows, kelvin)
    for state in states:
        print(f"{state.phase} in the run ({state.material.name}): {state.stress * 1000:.3g} MPa von Mises on average, {state.lowest * 1000:.3g} to {state.highest * 1000:.3g} MPa over its cycles")
    if table is not None:
        screening.write_csv(table, [row.record() for row in rows])
        print(table)
    if figure is not None:
        from ..report import atlas

        _save_figure(atlas.screening(rows, kelvin, tau, states), figure)


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
        table.add_row(row.name, _number(row.homologous, ".2f"), row.behaviour, row.basis, *(_number(*number) for number in numbers))
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 100)
    console.print(table)
    missing = [row.name for row in rows if row.homologous is None]
    if missing:
        _say(f"No melting temperature is known of {', '.join(missing)}.")


def _number(value, form):
    return "-" if value is None else format(value, form)


@app.command("map")
def mechanism_map(
    material: Annotated[str, typer.Argument(metavar="MATERIAL", help="A material with a set of creep mechanisms, by name or formula, or a file with a set.")],
    grain: Annotated[str, typer.Option("--grain", metavar="D", help="Size of the grains, or of the sample.")] = "1 um",
    temperature: Annotated[str, typer.Option("--temperature", metavar="T", help="Temperature that is marked, and that of the size effect.")] = "298 K",
    by_size: Annotated[bool, typer.Option("--size-effect", help="Strength against size instead of the map.")] = False,
    rate: Annotated[str, typer.Option("--rate", metavar="RATE", help="Strain rate of the size effect.")] = "1e-4 1/s",
    run_directory: RunOption = None,
    table: TableOption = None,
    figure: FigureOption = None,
):
    """Map what deforms a material: dislocations, Nabarro-Herring or Coble creep; with --size-effect its strength against size."""
    from ..electrode import mechanisms, screening

    size, kelvin, strain_rate = _quantity("--grain", grain, "length"), _quantity("--temperature", temperature, "temperature"), _quantity("--rate", rate, "creep rate")
    of = mechanisms.load(material)
    states = _states(run_directory, of.material)
    if by_size:
        effect, cross = mechanisms.size_effect(of, strain_rate, kelvin), mechanisms.crossover(of, strain_rate, kelvin)
        print(mechanisms.told_size_effect(of, strain_rate, kelvin))
        records = effect.records()
    else:
        print(mechanisms.told_map(of, kelvin, size))
        coldest = min([0.3, *(0.95 * state.temperature / of.melting_temperature.value for state in states)])
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
        _save_figure(drawn, figure)


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


def _save_figure(fig, path):
    from ..reading import StudyError
    from ..report import atlas

    try:
        for saved in atlas.save(fig, path):
            print(saved)
    except OSError as error:
        raise StudyError(f"{path}: can't be written ({error.strerror or error})") from None


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

    if markdown:
        print(auditing.page(), end="")
    elif table is None:
        for name in auditing.bundled():
            print(f"{name:14} {auditing.load(name).about['title']}")
    elif as_it_is and table in auditing.bundled():
        print((auditing.TABLES / f"{table}.csv").read_text(encoding="utf-8"), end="")
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
    name: Annotated[Optional[str], typer.Argument(metavar="[DESIGN]", help="A design file or a bundled design; without it the bundled ones are listed.")] = None,
    overrides: Annotated[Optional[list[str]], typer.Option("--set", metavar="KEY=VALUE", help="Override an entry of the design: dotted key path, YAML value. Repeatable.")] = None,
    table: TableOption = None,
    sweep: Annotated[Optional[Path], typer.Option("--sweep", metavar="FILE", help="Write the sweep over composition as CSV.")] = None,
    figure: FigureOption = None,
    as_it_is: Annotated[bool, typer.Option("--print", help="Print a bundled design itself, to start one of your own from.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="What a design file may hold and what follows from it as a page (docs/design.md).")] = False,
):
    """Compute an electrode: density, porosity, capacity, energy, utilisation, room to swell."""
    from ..electrode import design as designing

    if markdown:
        from ..reference import design_page

        print(design_page(), end="")
        return
    if name is None:
        for each in designing.bundled():
            print(f"{each:14} {designing.Design.load(each).title}")
        return
    if as_it_is and name in designing.bundled():
        print((designing.DESIGNS / f"{name}.yaml").read_text(encoding="utf-8"), end="")
        return
    loaded = designing.Design.load(name, overrides or ())
    results = loaded.quantities()
    if loaded.title:
        print(loaded.title)
    _print_columns([("quantity", "value", "+-", "unit", ""), *((each.name, designing.told_value(each), designing.told_uncertainty(each), each.unit, each.source) for each in results)])
    if table is not None:
        designing.write_csv(table, results)
        print(table)
    if sweep is not None:
        designing.write_sweep(sweep, loaded)
        print(sweep)
    if figure is not None:
        from ..report import designs

        _save_figure(designs.chart(loaded), figure)


@app.command()
def examples(name: Annotated[Optional[str], typer.Argument(metavar="[NAME]", help="A bundled study to print, to start one of your own from.")] = None):
    """List the bundled studies, or print one."""
    from ..study import EXAMPLES, Study, StudyError, example_names

    if name is None:
        for each in example_names():
            print(f"{each:16} {Study.load(each).title}")
    elif name in example_names():
        print((EXAMPLES / f"{name}.yaml").read_text(encoding="utf-8"), end="")
    else:
        raise StudyError(f"{name!r}: no bundled study of this name; bundled are {', '.join(example_names())}")


@app.command()
def schema(markdown: Annotated[bool, typer.Option("--markdown", help="As a page for people (docs/study.md).")] = False):
    """Print the JSON schema of study files, for editors."""
    import json

    from ..reference import json_schema, study_page

    print(study_page() if markdown else json.dumps(json_schema(), indent=2, ensure_ascii=False), end="" if markdown else "\n")


from .lab import lab  # noqa: E402  after the commands above, so that it stands last in the help

app.add_typer(lab, name="lab")
