"""`rheode lab loops | saxs | sensor | pressure`."""

from pathlib import Path
from typing import Annotated, Optional

import typer

from . import CsvOption, Files, FigureOption, JsonOption, check_outputs, finish, lab, quantity

ColumnOption = Annotated[Optional[list[str]], typer.Option("--column", metavar="QUANTITY=COLUMN", help="Which column holds a quantity, by its name or number, with its unit where the file has none: \"stress=2 [MPa]\". Repeatable.")]
LithiatesOption = Annotated[str, typer.Option("--lithiates", metavar="discharge|charge", help="What lithiates the electrode that counts: discharge for a cathode or a half cell.")]


@lab.command()
def loops(
    files: Files,
    area: Annotated[Optional[str], typer.Option("--area", metavar="AREA", help="Initial cross-section of the specimen, where the file holds forces: \"8 mm^2\".")] = None,
    length: Annotated[Optional[str], typer.Option("--length", metavar="LENGTH", help="Initial length of the specimen, where the file holds displacements: \"16 mm\".")] = None,
    column: ColumnOption = None,
    healed: Annotated[Optional[list[Path]], typer.Option("--healed", metavar="FILE", help="A test of a cut and healed specimen; prints healing efficiencies. Repeatable.")] = None,
    compression: Annotated[bool, typer.Option("--compression", help="Positive numbers are compression.")] = False,
    true: Annotated[bool, typer.Option("--true", help="Turn nominal stress and strain into true ones, at constant volume.")] = False,
    tare: Annotated[bool, typer.Option("--tare", help="Take the first stress as zero.")] = False,
    flip: Annotated[bool, typer.Option("--flip", help="Turn the stress round, where it is counted against the strain.")] = False,
    branches: Annotated[Optional[int], typer.Option("--branches", metavar="N", min=1, max=4, help="Fit the viscoelastic law: a network beside so many branches of spring and dashpot; prints its parameters, what the tests leave open, and a material for a run.")] = None,
    json: JsonOption = None,
    csv: CsvOption = None,
    figure: FigureOption = None,
):
    """Tension and compression: energy lost per loop, loss coefficient, residual strain, strength, break, healing; the viscoelastic law."""
    check_outputs(json, csv, figure, inputs=[*files, *(healed or [])])
    from ...lab import mechanical
    from ...lab.recordings import read_test
    from ...lab.table import parse_columns

    sizes = {"area": quantity("--area", area, "mm^2"), "length": quantity("--length", length, "mm")}
    columns = parse_columns(column)

    def read(paths):
        tests = [read_test(path, **sizes, columns=columns, compression=compression, tare=tare, flip=flip) for path in paths or ()]
        return [test.true() for test in tests] if true else tests

    choices = {"specimen": {name: f"{size:g} {'mm^2' if name == 'area' else 'mm'}" for name, size in sizes.items() if size is not None}}
    choices |= {"zero of the stress": "the first sample" if tare else "as in the file", "compression": "negative" + (" (positive in the file)" if compression else "")}
    tests = read(files)
    analysis = mechanical.loops(tests, read(healed), choices)
    if branches is not None:
        from ...lab import viscoelastic

        viscoelastic.add(analysis, tests, branches)
    finish(analysis, json, csv, figure, _figure("loops"))


@lab.command()
def saxs(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A scattering profile: q and intensity.")],
    lowest: Annotated[Optional[str], typer.Option("--lowest", metavar="Q", help="Smallest q that is fitted, such as \"0.05 1/nm\".")] = None,
    highest: Annotated[Optional[str], typer.Option("--highest", metavar="Q", help="Largest q that is fitted.")] = None,
    column: ColumnOption = None,
    json: JsonOption = None,
    csv: CsvOption = None,
    figure: FigureOption = None,
):
    """Small-angle scattering: the peak and the domain size 2 pi / q."""
    check_outputs(json, csv, figure, inputs=[file])
    from ...lab.recordings import read_scattering
    from ...lab.saxs import domain_size
    from ...lab.table import parse_columns

    low, high = quantity("--lowest", lowest, "1/nm"), quantity("--highest", highest, "1/nm")
    finish(domain_size(*read_scattering(file, parse_columns(column)), low, high), json, csv, figure, _figure("saxs"))


@lab.command()
def sensor(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Calibrations: load and resistance, a file a run (or a column run).")],
    resistance: Annotated[Optional[list[str]], typer.Option("--resistance", metavar="R", help="A reading in the cell, such as \"0.288 Mohm\". Repeatable.")] = None,
    readings: Annotated[Optional[Path], typer.Option("--readings", metavar="FILE", help="A record of readings in the cell; --csv then writes its pressures.")] = None,
    area: Annotated[Optional[str], typer.Option("--area", metavar="AREA", help="Area of the sensor, where the files hold forces or weights: \"154 mm^2\".")] = None,
    model: Annotated[str, typer.Option("--model", metavar="MODEL", help="auto, power (R = a p^b), conductance (1/R = k (p + c)) or curved (ln R quadratic in ln p).")] = "auto",
    level: Annotated[float, typer.Option("--level", metavar="SHARE", help="Confidence level of the intervals.")] = 0.95,
    column: ColumnOption = None,
    json: JsonOption = None,
    csv: CsvOption = None,
    figure: FigureOption = None,
):
    """A force-sensing resistor: calibration, residuals, and from resistance to pressure with its prediction interval."""
    check_outputs(json, csv, figure, inputs=[*files, *([readings] if readings else [])])
    from ...lab import LabError, sensors
    from ...lab.recordings import read_calibration, read_readings
    from ...lab.table import parse_columns

    if not 0 < level < 1:
        raise LabError(f"--level: got {level:g}, expected a share between 0 and 1, such as 0.95")
    if resistance and readings:
        raise LabError("--resistance and --readings: give one of them")
    columns, mm2 = parse_columns(column), quantity("--area", area, "mm^2")
    load, ohm, run, unit = read_calibration(files, mm2, columns)
    read, times = read_readings(readings, columns) if readings else ([quantity("--resistance", text, "ohm") for text in resistance] if resistance else None, None)
    choices = {} if mm2 is None else {"area of the sensor": f"{mm2:g} mm^2"}
    analysis = sensors.sensor(load, ohm, run, unit=unit, model=model, level=level, readings=read, times=times, labels=resistance, choices=choices)
    finish(analysis, json, csv, figure, _figure("sensor"))


@lab.command()
def pressure(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="The pressure against time, and the cycler's file where it is another.")],
    run: Annotated[Optional[Path], typer.Option("--run", metavar="DIR", help="A simulated run, to be evaluated and drawn beside.")] = None,
    area: Annotated[Optional[str], typer.Option("--area", metavar="AREA", help="Area of the cell, where the file holds a force: \"79 mm^2\".")] = None,
    capacity: Annotated[Optional[str], typer.Option("--capacity", metavar="CHARGE", help="Charge from lithiation 0 to 1, to draw over lithiation: \"26.5 mAh\".")] = None,
    lithiates: LithiatesOption = "discharge",
    column: ColumnOption = None,
    json: JsonOption = None,
    csv: CsvOption = None,
    figure: FigureOption = None,
):
    """Operando stack pressure against time and charge: amplitude and drift per cycle, beside a simulated run."""
    check_outputs(json, csv, figure, inputs=files)
    from ...lab import LabError
    from ...lab import pressure as stack
    from ...lab.recordings import read_pressure
    from ...lab.table import parse_columns

    if lithiates not in ("discharge", "charge"):
        raise LabError(f"--lithiates: got {lithiates!r}, expected discharge or charge")
    history, how, notes = read_pressure(files, quantity("--area", area, "mm^2"), quantity("--capacity", capacity, "mA*h"), lithiates, parse_columns(column))
    simulated = None
    if run is not None:
        from ...result import Result

        simulated = Result(run).history
    analysis = stack.pressure(history, simulated, {"half cycles": how})
    analysis.notes += notes
    finish(analysis, json, csv, figure, _figure("pressure"))


def _figure(name):
    """The chart of a kind, imported when it is drawn."""

    def draw(analysis):
        from ...report.bench import mechanical

        return getattr(mechanical, name)(analysis)

    return draw
