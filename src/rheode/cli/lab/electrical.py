"""`rheode lab gitt | eis | conductivity | transference`."""

from pathlib import Path
from typing import Annotated, Optional

import typer

from . import CsvOption, Files, FigureOption, JsonOption, check_outputs, finish, lab, quantity

ColumnOption = Annotated[Optional[list[str]], typer.Option("--column", metavar="QUANTITY=COLUMN", help="Which column holds a quantity, with its unit where the file has none: \"voltage=Ewe [V]\". Repeatable.")]


@lab.command()
def gitt(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A cycler's file with the titration; the format is recognised from the content.")],
    radius: Annotated[Optional[str], typer.Option("--radius", metavar="LENGTH", help="Radius of the particles (half of a D50), such as \"1.8 um\".")] = None,
    diameter: Annotated[Optional[str], typer.Option("--diameter", metavar="LENGTH", help="Diameter of the particles instead.")] = None,
    area: Annotated[Optional[str], typer.Option("--area", metavar="AREA", help="Surface of the active material, of all particles together (volume/area form).")] = None,
    volume: Annotated[Optional[str], typer.Option("--volume", metavar="VOLUME", help="Volume of the active material (volume/area form).")] = None,
    mass: Annotated[Optional[str], typer.Option("--mass", metavar="MASS", help="Mass of the active material, with --molar-volume and --molar-mass instead of --volume.")] = None,
    molar_volume: Annotated[Optional[str], typer.Option("--molar-volume", metavar="VOLUME/AMOUNT", help="Such as \"20.3 cm^3/mol\".")] = None,
    molar_mass: Annotated[Optional[str], typer.Option("--molar-mass", metavar="MASS/AMOUNT", help="Such as \"96.6 g/mol\".")] = None,
    shape: Annotated[str, typer.Option("--shape", metavar="SHAPE", help="sphere, or film: a dense layer filled through one face.")] = "sphere",
    window: Annotated[Optional[str], typer.Option("--window", metavar="FROM..TO", help="Part of each pulse that is fitted, such as \"5 s..60 s\"; chosen pulse by pulse otherwise.")] = None,
    rest_below: Annotated[Optional[str], typer.Option("--rest-below", metavar="CURRENT", help="Current below which the cell rests; 1 % of the largest otherwise.")] = None,
    column: ColumnOption = None,
    json: JsonOption = None,
    csv: CsvOption = None,
    figure: FigureOption = None,
):
    """Titration (GITT): pulses found, accepted or refused with the reason, diffusivities."""
    check_outputs(json, csv, figure)
    from ...lab import gitt as titration
    from ...lab.cyclers import ColumnMap, read
    from ...lab.table import parse_columns

    length = _length(radius, diameter, area, volume, mass, molar_volume, molar_mass, shape)
    recording = read(file, ColumnMap(parse_columns(column)))
    analysis = titration.analyse(
        recording["time [s]"], recording["voltage [V]"], recording["current [A]"], length=length, shape=shape,
        window=_window(window), rest_below=quantity("--rest-below", rest_below, "A"),
    )
    analysis.choices["format of the file"] = recording.format
    analysis.notes += recording.notes
    finish(analysis, json, csv, figure, _figure("gitt"))


def _figure(name):
    """The chart of a kind, imported when it is drawn."""

    def draw(analysis):
        from ...report.bench import electrical

        return getattr(electrical, name)(analysis)

    return draw


def _length(radius, diameter, area, volume, mass, molar_volume, molar_mass, shape):
    """l [um] from one of the forms in which it can be given; None where none was."""
    from ...lab import LabError
    from ...lab.gitt import length_of

    parts = {"--volume": volume, "--mass": mass, "--molar-volume": molar_volume, "--molar-mass": molar_mass}
    forms = [name for name, given in (("--radius", radius), ("--diameter", diameter), ("--area", area)) if given is not None]
    if len(forms) > 1:
        raise LabError(f"{' and '.join(forms)}: give one of them; --radius and --diameter are the particles', --area goes with their volume")
    if forms != ["--area"] and any(parts.values()):
        raise LabError(f"{next(name for name, given in parts.items() if given)}: the volume/area form needs --area, the surface of the active material, too")
    if radius is not None:
        length = quantity("--radius", radius, "um")
    elif diameter is not None:
        length = quantity("--diameter", diameter, "um") / 2
    elif area is not None:
        if volume is None and None in (mass, molar_volume, molar_mass):
            raise LabError("--area: the volume/area form needs --volume, or --mass, --molar-volume and --molar-mass, too")
        if volume is not None:
            filled = quantity("--volume", volume, "um^3")
        else:
            filled = quantity("--mass", mass, "g") * quantity("--molar-volume", molar_volume, "um^3/mol") / quantity("--molar-mass", molar_mass, "g/mol")
        length = length_of(filled, quantity("--area", area, "um^2"), shape)
    else:
        return None
    if length <= 0:
        raise LabError(f"{forms[0]}: got {length:g} um, expected more than 0")
    return length


def _window(text):
    """(from, to) in s of a text such as "5 s..60 s"."""
    if text is None:
        return None
    from ...lab import LabError

    parts = text.split("..")
    if len(parts) != 2:
        raise LabError(f"--window: got {text!r}; write it as \"5 s..60 s\"")
    low, high = (quantity("--window", part.strip(), "s") for part in parts)
    if not 0 <= low < high:
        raise LabError(f"--window: got {text!r}; the first time must be the smaller one, and not below 0")
    return low, high
