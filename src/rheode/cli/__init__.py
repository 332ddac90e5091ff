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
    ("rheode.cli.output", "OutputError"): 2,
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
            stored = (directory / "record" / "000000.bin").is_file()
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


from . import electrode  # noqa: E402,F401  here, so that its commands stand here in the help


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
