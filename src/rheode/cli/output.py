"""What every command that writes files shares: the options, the check before any work, the figure."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Optional

import typer


class OutputError(Exception):
    """A file that was asked for can't be written; the message says why."""


def check_outputs(*paths: Path | None, inputs: Iterable[Path] = ()):
    """Refuse before any work a file that can't be written later, or that would replace one of `inputs` or another output.

    Raises OutputError.
    """
    taken = {path.resolve(): "is read here; give the output another name" for path in inputs}
    for path in paths:
        if path is None:
            continue
        if path.is_dir():
            raise OutputError(f"{path}: a folder; name a file in it")
        if not path.resolve().parent.is_dir():
            raise OutputError(f"{path}: the folder {path.parent} does not exist; make it first")
        for written in _written(path):
            if written.resolve() in taken:
                raise OutputError(f"{written}: {taken[written.resolve()]}")
        taken |= {written.resolve(): "named for two outputs; give each its own" for written in _written(path)}


def _written(path: Path) -> tuple[Path, ...]:
    """A figure is written as both PDF and PNG."""
    return (path.with_suffix(".pdf"), path.with_suffix(".png")) if path.suffix in (".pdf", ".png") else (path,)


def save_figure(fig, path: Path):
    """Write a figure as PDF and PNG and print both paths. Raises OutputError."""
    from ..report import style

    try:
        with style.look():
            saved = style.save(fig, path)
    except OSError as error:
        raise OutputError(f"{path}: can't be written ({error.strerror or error})") from None
    for each in saved:
        print(each)


def _drawable(path: Path | None) -> Path | None:
    """The name of a figure with an ending that `Path.with_suffix` may replace."""
    if path is None or path.suffix in (".pdf", ".png") or path.is_dir():  # a folder is told by check_outputs
        return path
    if path.suffix:
        raise OutputError(f"--figure: got {str(path)!r}; a name that ends in .pdf or .png (both are written)")
    return path.with_name(path.name + ".png")


TableOption = Annotated[Optional[Path], typer.Option("--csv", metavar="FILE", help="Write the table as CSV.")]
FigureOption = Annotated[Optional[Path], typer.Option("--figure", metavar="FILE", help="Write the chart as PDF and PNG.", callback=_drawable)]
