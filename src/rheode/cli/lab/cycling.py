"""Cycler files: per cycle, rates, retention, life against pressure, temperature, dQ/dV, plating."""

import re
from pathlib import Path
from typing import Annotated, Optional

import typer

from . import CsvOption, FigureOption, Files, JsonOption, check_outputs, finish, lab, quantity

FileArgument = Annotated[list[Path], typer.Argument(metavar="FILE...", help="A cycler's file; several are parts of one test, in order.")]
Column = Annotated[Optional[list[str]], typer.Option("--column", metavar="QUANTITY=COLUMN", help="Name a column that is not recognised, with its unit: \"voltage=Ewe [V]\". Repeatable.")]
Columns = Annotated[Optional[Path], typer.Option("--columns", metavar="FILE", help="A column map that was saved.")]
SaveColumns = Annotated[Optional[Path], typer.Option("--save-columns", metavar="FILE", help="Save the --column options as a map for other files.")]
DischargePositive = Annotated[bool, typer.Option("--discharge-positive", help="The file's current is positive on discharge.")]
Capacity = Annotated[Optional[str], typer.Option("--capacity", metavar="file|integrated", help="Whose capacity counts: the cycler's or the integrated current.  [default: file, where it has one]", show_default=False)]
Begin = Annotated[Optional[str], typer.Option("--begin", metavar="charge|discharge", help="Count the cycles anew, each beginning so.  [default: as in the file]", show_default=False)]
Of = Annotated[Optional[str], typer.Option("--of", metavar="charge|discharge", help="The capacity that is compared from cycle to cycle.  [default: discharge; charge with --cell anode]", show_default=False)]
Cell = Annotated[Optional[str], typer.Option("--cell", metavar="full|cathode|anode", help="A full cell, or a half cell with such a working electrode: what the coulombic efficiency is. Without it both ratios are given.")]
Reference = Annotated[Optional[int], typer.Option("--reference", metavar="CYCLE", help="The cycle that retention refers to.  [default: the first whole one]", show_default=False)]
Mass = Annotated[Optional[str], typer.Option("--mass", metavar="MASS", help="Mass for capacities per gram, such as \"2.4 mg\".")]
Area = Annotated[Optional[str], typer.Option("--area", metavar="AREA", help="Area of the electrode, such as \"0.785 cm^2\".")]
Thickness = Annotated[Optional[str], typer.Option("--thickness", metavar="H", help="Thickness of the electrode, for capacities per volume.")]
Loading = Annotated[Optional[str], typer.Option("--loading", metavar="LOADING", help="Mass per area, such as \"3 mg/cm^2\", in place of the mass.")]
OneC = Annotated[Optional[str], typer.Option("--one-c", metavar="CURRENT", help="The current of 1 C: \"0.96 mA/cm^2\", \"2.1 mA\", \"175 mA/g\".")]
Active = Annotated[Optional[str], typer.Option("--active", metavar="\"SHARE CAPACITY\"", help="Weight fraction and theoretical capacity of the active material, for the utilisation: \"40 % 675 mAh/g\".")]
Framework = Annotated[Optional[str], typer.Option("--framework", metavar="\"SHARE CAPACITY\"", help="The same of what else stores charge: \"60 % 80 mAh/g\".")]
Labels = Annotated[Optional[list[str]], typer.Option("--label", metavar="NAME", help="Name of a file in table and figure, one a file.")]


@lab.command()
def cycles(
    files: FileArgument,
    cell: Cell = None,
    mass: Mass = None,
    loading: Loading = None,
    area: Area = None,
    thickness: Thickness = None,
    one_c: OneC = None,
    active: Active = None,
    framework: Framework = None,
    reference: Reference = None,
    of: Of = None,
    capacity: Capacity = None,
    begin: Begin = None,
    drawn: Annotated[Optional[str], typer.Option("--cycle", metavar="N,N,...", help="Cycles whose profiles are drawn.")] = None,
    run: Annotated[Optional[Path], typer.Option("--run", metavar="DIR", help="Put a run beside the measured cell.")] = None,
    sensor: Annotated[Optional[Path], typer.Option("--sensor", metavar="FILE", help="With --run: log of the cell's thickness or pressure on the cycler's clock.")] = None,
    bdf: Annotated[Optional[Path], typer.Option("--bdf", metavar="FILE", help="Write the records as Battery Data Format (CSV; parquet by its ending).")] = None,
    column: Column = None,
    columns: Columns = None,
    save_columns: SaveColumns = None,
    discharge_positive: DischargePositive = False,
    json: JsonOption = None,
    csv: CsvOption = None,
    figure: FigureOption = None,
):
    """Capacity, efficiency, voltage, energy, retention and utilisation of every cycle; with --run beside a simulation."""
    check_outputs(json, csv, figure, bdf, save_columns, inputs=files)
    from ...lab import LabError
    from ...lab import cycling as analyses

    _choice("--cell", cell, ("full", "cathode", "anode"))
    if sensor is not None and run is None:
        raise LabError("--sensor: goes with --run")
    result = None
    if run is not None:
        from ...result import Result

        result = Result(run)
    recording = _joined(files, _map(column, columns, discharge_positive, save_columns))
    if bdf is not None:
        from ...lab.cyclers.bdf import write

        write(recording, bdf)
        print(bdf)
    electrode = _electrode(mass, loading, area, thickness, one_c, active, framework)
    made = _by_cycle(recording, electrode, capacity, begin, of, cell)
    wanted = _numbers("--cycle", drawn)
    if result is None:
        analysis = analyses.per_cycle(made, cell, reference)
        analysis.curves["wanted"] = wanted
        finish(analysis, json, csv, figure, lambda a: _draw("cycles", a))
    else:
        from ...lab.against import against
        from ...lab.against import sensor as read_sensor

        analysis = against(made, result, None if sensor is None else read_sensor(sensor))
        finish(analysis, json, csv, figure, lambda a: _draw("against", a))


@lab.command()
def rates(
    files: FileArgument,
    mass: Mass = None,
    loading: Loading = None,
    area: Area = None,
    one_c: OneC = None,
    of: Of = None,
    capacity: Capacity = None,
    begin: Begin = None,
    column: Column = None,
    columns: Columns = None,
    discharge_positive: DischargePositive = False,
    json: JsonOption = None,
    csv: CsvOption = None,
    figure: FigureOption = None,
):
    """Rate capability: the capacity at each current, and when a current comes back."""
    check_outputs(json, csv, figure, inputs=files)
    from ...lab import cycling as analyses

    recording = _joined(files, _map(column, columns, discharge_positive))
    made = _by_cycle(recording, _electrode(mass, loading, area, one_c=one_c), capacity, begin, of)
    finish(analyses.rate_capability(made), json, csv, figure, lambda a: _draw("rates", a))


@lab.command()
def retention(
    files: Files,
    label: Labels = None,
    mass: Annotated[Optional[list[str]], typer.Option("--mass", metavar="MASS", help="Mass of each file's electrode, one for all or one a file.")] = None,
    area: Annotated[Optional[list[str]], typer.Option("--area", metavar="AREA", help="Area of each file's electrode, one for all or one a file.")] = None,
    reference: Reference = None,
    of: Of = None,
    capacity: Capacity = None,
    begin: Begin = None,
    column: Column = None,
    columns: Columns = None,
    discharge_positive: DischargePositive = False,
    json: JsonOption = None,
    csv: CsvOption = None,
    figure: FigureOption = None,
):
    """Capacity and its retention against cycle, of several cells."""
    check_outputs(json, csv, figure, inputs=files)
    from ...lab import cycling as analyses

    labels = _labels(label, files)
    cells = _cells(files, mass, area, _map(column, columns, discharge_positive), capacity, begin, of)
    finish(analyses.compare(cells, labels, reference), json, csv, figure, lambda a: _draw("retention", a))


@lab.command()
def life(
    files: Files,
    pressure: Annotated[Optional[list[str]], typer.Option("--pressure", metavar="P", help="Stack pressure, such as \"52 kPa\", one a file.  [default: the mean of the file's channel]", show_default=False)] = None,
    to: Annotated[str, typer.Option("--to", metavar="SHARE", help="Retention at which life ends.")] = "80 %",
    label: Labels = None,
    reference: Reference = None,
    of: Of = None,
    capacity: Capacity = None,
    begin: Begin = None,
    column: Column = None,
    columns: Columns = None,
    discharge_positive: DischargePositive = False,
    json: JsonOption = None,
    csv: CsvOption = None,
    figure: FigureOption = None,
):
    """Cycle life of cells against their stack pressure."""
    check_outputs(json, csv, figure, inputs=files)
    from ...lab import LabError
    from ...lab import cycling as analyses
    from ...units import UnitError, parse

    try:
        share = parse(to, "share")
    except UnitError as error:
        raise LabError(f"--to: got {to!r}; expected {error}") from None
    if not 0 < share < 1:
        raise LabError(f"--to: got {to!r}; expected a retention above 0 and below 1, such as 80 %")
    pressures = [quantity("--pressure", text, "MPa") for text in _each("--pressure", pressure, files)]
    labels = _labels(label, files)
    cells = _cells(files, None, None, _map(column, columns, discharge_positive), capacity, begin, of)
    finish(analyses.life_against_pressure(cells, labels, pressures, share, reference), json, csv, figure, lambda a: _draw("life", a))


@lab.command()
def temperatures(
    files: Files,
    temperature: Annotated[Optional[list[str]], typer.Option("--temperature", metavar="T", help="Temperature, such as \"25 degC\", one a file.  [default: the file's channel]", show_default=False)] = None,
    label: Labels = None,
    mass: Annotated[Optional[list[str]], typer.Option("--mass", metavar="MASS", help="Mass of each file's electrode, one for all or one a file.")] = None,
    area: Annotated[Optional[list[str]], typer.Option("--area", metavar="AREA", help="Area of each file's electrode, one for all or one a file.")] = None,
    of: Of = None,
    capacity: Capacity = None,
    begin: Begin = None,
    column: Column = None,
    columns: Columns = None,
    discharge_positive: DischargePositive = False,
    json: JsonOption = None,
    csv: CsvOption = None,
    figure: FigureOption = None,
):
    """Capacity against temperature, from several files or one whose temperature changes."""
    check_outputs(json, csv, figure, inputs=files)
    from ...lab import cycling as analyses
    from ...units import CELSIUS_ZERO

    given = [None if kelvin is None else kelvin - CELSIUS_ZERO for kelvin in (quantity("--temperature", text, "K") for text in _each("--temperature", temperature, files))]
    labels = _labels(label, files)
    cells = _cells(files, mass, area, _map(column, columns, discharge_positive), capacity, begin, of)
    finish(analyses.temperature_series(cells, labels, given), json, csv, figure, lambda a: _draw("temperatures", a))


@lab.command()
def dqdv(
    files: FileArgument,
    drawn: Annotated[Optional[str], typer.Option("--cycle", metavar="N,N,...", help="Cycles.  [default: the first, the last and some between]", show_default=False)] = None,
    step: Annotated[str, typer.Option("--bin", metavar="V", help="Bins of voltage in which charge is counted.")] = "5 mV",
    smoothing: Annotated[str, typer.Option("--smoothing", metavar="V", help="Standard deviation of the Gaussian that smooths; 0 mV for none.")] = "10 mV",
    mass: Mass = None,
    loading: Loading = None,
    area: Area = None,
    capacity: Capacity = None,
    begin: Begin = None,
    column: Column = None,
    columns: Columns = None,
    discharge_positive: DischargePositive = False,
    json: JsonOption = None,
    csv: CsvOption = None,
    figure: FigureOption = None,
):
    """Differential capacity dQ/dV with its smoothing stated, and its peaks."""
    check_outputs(json, csv, figure, inputs=files)
    from ...lab import LabError
    from ...lab import cycling as analyses

    volts, width = quantity("--bin", step, "V"), quantity("--smoothing", smoothing, "V")
    if not volts > 0 or width < 0:
        raise LabError(f"--bin, --smoothing: got {step!r} and {smoothing!r}; expected voltages above 0, and from 0 for the smoothing")
    recording = _joined(files, _map(column, columns, discharge_positive))
    made = _by_cycle(recording, _electrode(mass, loading, area), capacity, begin)
    finish(analyses.differential_capacity(made, _numbers("--cycle", drawn), volts, width), json, csv, figure, lambda a: _draw("dqdv", a))


@lab.command()
def plating(
    files: FileArgument,
    area: Area = None,
    alloying: Annotated[Optional[str], typer.Option("--alloying", metavar="Q", help="Charge that the first lithiation alloys, such as \"0.68 mAh/cm^2\" or \"0.53 mAh\".  [default: what passes above --zero]", show_default=False)] = None,
    until: Annotated[Optional[str], typer.Option("--until", metavar="V", help="Only what is stripped up to this voltage counts.  [default: all]", show_default=False)] = None,
    zero: Annotated[str, typer.Option("--zero", metavar="V", help="Voltage below which lithium is plated.")] = "0 V",
    plates: Annotated[str, typer.Option("--plates", metavar="discharge|charge", help="The current that plates; with charge the voltage is turned round.")] = "discharge",
    capacity: Capacity = None,
    begin: Begin = None,
    column: Column = None,
    columns: Columns = None,
    discharge_positive: DischargePositive = False,
    json: JsonOption = None,
    csv: CsvOption = None,
    figure: FigureOption = None,
):
    """Plating and stripping: nucleation overpotential, and efficiency without the alloying capacity."""
    check_outputs(json, csv, figure, inputs=files)
    from ...lab import LabError
    from ...lab.plating import plating as analyse

    _choice("--plates", plates, ("discharge", "charge"))
    surface = quantity("--area", area, "cm^2")
    alloyed = None
    if alloying is not None:
        alloyed = _any_of("--alloying", alloying, {"mA*h": 1.0, "mA*h/cm^2": surface}, "--area")
    limits = {"zero": quantity("--zero", zero, "V"), "until": quantity("--until", until, "V")}
    if limits["until"] is not None and not limits["until"] > limits["zero"]:
        raise LabError(f"--until: got {until!r}, expected a voltage above {zero}")
    recording = _joined(files, _map(column, columns, discharge_positive))
    # Plating comes before stripping, whatever the file numbers.
    made = _by_cycle(recording, _electrode(), capacity, begin or plates)
    finish(analyse(made, surface, alloyed, plates=plates, **limits), json, csv, figure, lambda a: _draw("plating", a))


# --- options to what the analyses take --------------------------------------------------------------


def _draw(name, analysis):
    from ...report.bench import cycling

    return getattr(cycling, name)(analysis)


def _choice(option, given, allowed):
    from ...lab import LabError

    if given is not None and given not in allowed:
        raise LabError(f"{option}: got {given!r}, expected {', '.join(allowed[:-1])} or {allowed[-1]}")


def _map(column, columns, discharge_positive, save=None):
    """The column map of the options; saved where that is asked for."""
    from ...lab.cyclers import ColumnMap, generic
    from ...lab.table import parse_columns

    saved = generic.load_map(columns) if columns is not None else ColumnMap()
    given = ColumnMap(saved.columns | parse_columns(column), discharge_positive or saved.discharge_positive)
    if save is not None:
        generic.save_map(given, save)
        print(save)
    return given


def _joined(files, columns):
    from ...lab import cyclers

    parts = [cyclers.read(path, columns) for path in files]
    return parts[0] if len(parts) == 1 else cyclers.join(parts)


def _by_cycle(recording, electrode, capacity=None, begin=None, of=None, cell=None):
    from ...lab.cycling import cycles

    _choice("--capacity", capacity, ("file", "integrated"))
    _choice("--begin", begin, ("charge", "discharge"))
    _choice("--of", of, ("charge", "discharge"))
    return cycles(recording, electrode, capacity, begin, of, cell)


def _cells(files, mass, area, columns, capacity, begin, of):
    """Each file by cycle."""
    from ...lab import cyclers

    masses, areas = _each("--mass", mass, files), _each("--area", area, files)
    return [_by_cycle(cyclers.read(path, columns), _electrode(m, None, a), capacity, begin, of) for path, m, a in zip(files, masses, areas)]


def _each(option, given, files):
    """An option's values, one a file; one for all is repeated, none is None."""
    from ...lab import LabError

    if not given:
        return [None] * len(files)
    if len(given) == 1:
        return list(given) * len(files)
    if len(given) != len(files):
        raise LabError(f"{option}: got {len(given)} for {len(files)} files; give one, or one a file in their order")
    return list(given)


def _labels(given, files):
    from ...lab import LabError

    if given and len(given) != len(files):
        raise LabError(f"--label: got {len(given)} for {len(files)} files; give one a file in their order")
    return list(given) if given else [path.name.split(".")[0] for path in files]


def _electrode(mass=None, loading=None, area=None, thickness=None, one_c=None, active=None, framework=None):
    from ...lab import LabError
    from ...lab.cycling import Electrode

    surface = quantity("--area", area, "cm^2")
    weight = quantity("--mass", mass, "mg")
    if loading is not None:
        if weight is not None or surface is None:
            raise LabError("--loading: goes with --area, in place of --mass")
        weight = quantity("--loading", loading, "mg/cm^2") * surface
    height = quantity("--thickness", thickness, "um")
    for option, text, value in (("--mass", mass or loading, weight), ("--area", area, surface), ("--thickness", thickness, height)):
        if value is not None and not value > 0:
            raise LabError(f"{option}: got {text!r}, expected more than 0")
    if height is not None and surface is None:
        raise LabError("--thickness: a volume needs --area too")
    current = None
    if one_c is not None:
        current = _any_of("--one-c", one_c, {"mA": 1.0, "mA/cm^2": surface, "mA/g": None if weight is None else weight / 1e3}, "--area or --mass")
        if not current > 0:
            raise LabError(f"--one-c: got {one_c!r}, expected a current above 0")
    if framework is not None and active is None:
        raise LabError("--framework: goes with --active")
    if active is not None and weight is None:
        raise LabError("--active: the utilisation needs the electrode's mass; give --mass, or --loading with --area")
    shares = {"active": _share("--active", active)} | ({"framework": _share("--framework", framework)} if framework else {})
    return Electrode(weight, surface, height, one_c=current, **shares)


def _any_of(option, text, units, needs):
    """A quantity in the first unit whose dimension it has, times what makes it absolute."""
    from ...lab import LabError
    from ...units import UnitError, measure

    for unit, times in units.items():
        try:
            value = measure(text, unit)
        except UnitError:
            continue
        if times is None:
            raise LabError(f"{option}: got {text!r}; that needs {needs} too")
        return value * times
    raise LabError(f"{option}: got {text!r}, expected a number with a unit such as {', '.join(unit.replace('*', '') for unit in units)}")


def _share(option, text):
    """(weight fraction, capacity [mAh/g]) of "40 % 675 mAh/g"."""
    from ...lab import LabError
    from ...units import UnitError, parse

    if text is None:
        return None
    match = re.fullmatch(r"\s*(\d*\.?\d+\s*%?)\s+(\S.*?)\s*", text)
    try:
        share, capacity = parse(match[1], "share"), parse(match[2], "specific capacity")
    except (UnitError, TypeError):
        raise LabError(f"{option}: got {text!r}, expected a weight fraction and a capacity such as \"40 % 675 mAh/g\"") from None
    if not (0 < share <= 1 and capacity > 0):
        raise LabError(f"{option}: got {text!r}, expected a weight fraction up to 1 and a capacity above 0")
    return share, capacity


def _numbers(option, text):
    from ...lab import LabError

    if text is None:
        return None
    if not re.fullmatch(r"\s*\d+(\s*,\s*\d+)*\s*", text):
        raise LabError(f"{option}: got {text!r}, expected numbers of cycles such as 1,2,10")
    return [int(number) for number in text.split(",")]
