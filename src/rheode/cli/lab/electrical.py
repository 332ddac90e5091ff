"""`rheode lab gitt | eis | conductivity | transference`."""

from pathlib import Path
from typing import Annotated, Optional

import typer

from . import CsvOption, Files, FigureOption, JsonOption, check_outputs, finish, lab, quantity

CircuitOption = Annotated[Optional[str], typer.Option("--circuit", metavar="CIRCUIT", help="Equivalent circuit, such as \"R0-p(R1,C1)-p(R2-Wo1,C2)\": elements R, C, L, CPE, W, Wo, Ws; - in series, p(a,b) parallel.")]
WeightOption = Annotated[str, typer.Option("--weight", metavar="WEIGHT", help="modulus: residuals divided by |Z|; unit: as they are.")]
ThicknessOption = Annotated[Optional[str], typer.Option("--thickness", metavar="LENGTH", help="Thickness of the sample, such as \"0.51 mm\" or \"0.51 +- 0.01 mm\".")]
AreaOption = Annotated[Optional[str], typer.Option("--area", metavar="AREA", help="Area of an electrode, such as \"1.13 cm^2\", +- allowed.")]
DiameterOption = Annotated[Optional[str], typer.Option("--diameter", metavar="LENGTH", help="Diameter of round electrodes instead of the area, +- allowed.")]
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
    rest_below: Annotated[Optional[str], typer.Option("--rest-below", metavar="CURRENT", help="Current below which the cell rests; half a per cent of the largest otherwise.")] = None,
    column: ColumnOption = None,
    json: JsonOption = None,
    csv: CsvOption = None,
    figure: FigureOption = None,
):
    """Titration (GITT): pulses found, accepted or refused with the reason, diffusivities."""
    check_outputs(json, csv, figure, inputs=[file])
    from ...lab import LabError
    from ...lab import gitt as titration
    from ...lab.cyclers import ColumnMap, read
    from ...lab.table import parse_columns

    length = _length(radius, diameter, area, volume, mass, molar_volume, molar_mass, shape)
    recording = read(file, ColumnMap(parse_columns(column)))
    given = dict(length=length, shape=shape, window=_window(window), rest_below=quantity("--rest-below", rest_below, "A"))
    try:
        analysis = titration.analyse(recording["time [s]"], recording["voltage [V]"], recording["current [A]"], **given)
    except LabError as error:
        raise LabError(f"{file}: {error}") from None
    analysis.choices["format of the file"] = recording.format
    analysis.notes += recording.notes
    finish(analysis, json, csv, figure, _figure("gitt"))


@lab.command()
def eis(
    files: Files,
    circuit: CircuitOption = None,
    weight: WeightOption = "modulus",
    minimum: Annotated[int, typer.Option("--minimum", metavar="N", min=1, help="Report the Nth best minimum of the fit.")] = 1,
    starts: Annotated[int, typer.Option("--starts", metavar="N", min=1, help="Random starts of the fit.")] = 60,
    seed: Annotated[int, typer.Option("--seed", metavar="N", min=0, help="Seed of the starts.")] = 1,
    low: Annotated[Optional[str], typer.Option("--from", metavar="FREQUENCY", help="Lowest frequency used.")] = None,
    high: Annotated[Optional[str], typer.Option("--to", metavar="FREQUENCY", help="Highest frequency used.")] = None,
    capacitive: Annotated[bool, typer.Option("--capacitive", help="Leave out points whose imaginary part is positive.")] = False,
    column: ColumnOption = None,
    json: JsonOption = None,
    csv: CsvOption = None,
    figure: FigureOption = None,
):
    """Impedance: Kramers-Kronig test and equivalent circuit."""
    check_outputs(json, csv, figure, inputs=files)
    from ...lab.impedance.analysis import analyse
    from ...lab.impedance.circuit import parse

    parsed = parse(circuit) if circuit is not None else None
    bounds = quantity("--from", low, "Hz"), quantity("--to", high, "Hz")
    spectra = [spectrum.between(*bounds, capacitive=capacitive) for spectrum in _spectra(files, column)]
    analysis = analyse(spectra, parsed, weight=weight, starts=starts, seed=seed, minimum=minimum)
    analysis.choices |= {"frequencies": f"{low or 'lowest'} to {high or 'highest'}" + (", without points whose imaginary part is positive" if capacitive else "")}
    finish(analysis, json, csv, figure, _figure("eis"))


@lab.command()
def conductivity(
    files: Files,
    thickness: ThicknessOption = None,
    area: AreaOption = None,
    diameter: DiameterOption = None,
    temperature: Annotated[Optional[list[str]], typer.Option("--temperature", metavar="TEMPERATURE", help="Temperature of a spectrum, once for each in their order.")] = None,
    circuit: CircuitOption = None,
    element: Annotated[str, typer.Option("--element", metavar="NAME", help="The circuit's bulk resistance.")] = "R1",
    probes: Annotated[Optional[str], typer.Option("--probe-spacing", metavar="LENGTH", help="Resistances are V/I of four probes in line, so far apart.")] = None,
    density: Annotated[Optional[str], typer.Option("--theoretical-density", metavar="DENSITY", help="Density without pores: adds the porosity under pressure.")] = None,
    series: Annotated[Optional[list[str]], typer.Option("--series", metavar="COLUMN", help="Column that tells series apart. Repeatable; found otherwise.")] = None,
    log: Annotated[Optional[str], typer.Option("--log", metavar="BASE", help="The conductivities are logarithms of S/cm: 10 or e.")] = None,
    arrhenius: Annotated[str, typer.Option("--arrhenius", metavar="FORM", help="What follows Arrhenius: sigma, or \"sigma T\".")] = "sigma",
    prefactor: Annotated[str, typer.Option("--vtf-prefactor", metavar="FORM", help="VTF's: \"A T^-1/2\" or A.")] = "A T^-1/2",
    column: ColumnOption = None,
    json: JsonOption = None,
    csv: CsvOption = None,
    figure: FigureOption = None,
):
    """Conductivity: from spectra or tables; replicates, pressure, Arrhenius and VTF."""
    check_outputs(json, csv, figure, inputs=files)
    from ...lab import LabError, conductivity_spectra, conductivity_tables
    from ...lab import conductivity as analyses
    from ...lab.impedance import holds
    from ...lab.table import parse_columns

    powers = {"A T^-1/2": 0.5, "A": 0.0}
    if prefactor not in powers:
        raise LabError(f"--vtf-prefactor: got {prefactor!r}, expected one of {', '.join(map(repr, powers))}")
    columns = parse_columns(column)
    L, S, d, relative = _geometry(thickness, area, diameter)
    kinds = [holds(file, columns) for file in files]
    if all(kinds):
        if L is None or S is None:
            raise LabError("spectra need --thickness and --area or --diameter")
        spectra = _spectra(files, column)
        if temperature and len(temperature) != len(spectra):
            raise LabError(f"--temperature: got {len(temperature)} for {len(spectra)} spectra; give one for each, or none")
        kelvin = [quantity("--temperature", text, "K") for text in temperature] if temperature else None
        rows = conductivity_spectra.measure(spectra, L, S, relative, kelvin, circuit, element)
    elif any(kinds):
        raise LabError("some files hold spectra and some tables; give them apart")
    else:
        given = dict(series=series, log=log, thickness=L, area=S, diameter=d, spacing=quantity("--probe-spacing", probes, "cm"), relative=relative)
        rows = analyses.together([conductivity_tables.read(file, columns, **given) for file in files])
    analysis = analyses.analyse(rows, arrhenius=arrhenius, vtf_power=powers[prefactor], theoretical_density=quantity("--theoretical-density", density, "g/cm^3"))
    finish(analysis, json, csv, figure, _figure("conductivity"))


@lab.command()
def transference(
    transient: Annotated[Path, typer.Argument(metavar="TRANSIENT", help="Table of time and current under the voltage step.")],
    before: Annotated[Path, typer.Argument(metavar="BEFORE", help="Spectrum before the step.")],
    after: Annotated[Path, typer.Argument(metavar="AFTER", help="Spectrum in the steady state.")],
    voltage: Annotated[str, typer.Option("--voltage", metavar="VOLTAGE", help="Step of voltage, such as \"10 mV\".")],
    circuit: Annotated[str, typer.Option("--circuit", metavar="CIRCUIT", help="Equivalent circuit of both spectra.")] = "R0-p(R1,CPE1)",
    interface: Annotated[Optional[list[str]], typer.Option("--interface", metavar="NAME", help="Resistance of the electrodes' interfaces in the circuit; R1. Repeatable: they are added.")] = None,
    electrolyte: Annotated[Optional[list[str]], typer.Option("--electrolyte", metavar="NAME", help="Resistance of the electrolyte in the circuit; R0. Repeatable.")] = None,
    first: Annotated[str, typer.Option("--first", metavar="SOURCE", help="Initial current: auto, transient, or ohm.")] = "auto",
    weight: WeightOption = "modulus",
    column: ColumnOption = None,
    json: JsonOption = None,
    csv: CsvOption = None,
    figure: FigureOption = None,
):
    """Transference number (Bruce-Vincent) of a symmetric cell, from a transient and two spectra."""
    check_outputs(json, csv, figure, inputs=[transient, before, after])
    from ...lab import transference as analyses
    from ...lab.impedance.circuit import parse
    from ...lab.table import parse_columns
    from ...lab.transients import read

    step = quantity("--voltage", voltage, "V")
    spectra = [_one(file) for file in (before, after)]
    analysis = analyses.analyse(read(transient, parse_columns(column)), *spectra, step, parse(circuit), interface or ["R1"], electrolyte or ["R0"], first=first, weight=weight)
    finish(analysis, json, csv, figure, _figure("transference"))


def _spectra(files, column):
    """The spectra in the files."""
    from ...lab.impedance import read
    from ...lab.table import parse_columns

    columns = parse_columns(column)
    return [spectrum for file in files for spectrum in read(file, columns)]


def _one(file):
    """The spectrum of a file that holds one."""
    from ...lab import LabError
    from ...lab.impedance import read

    spectra = read(file)
    if len(spectra) > 1:
        raise LabError(f"{file}: holds {len(spectra)} spectra, one is needed; export the one beside the step alone")
    return spectra[0]


def _geometry(thickness, area, diameter):
    """(thickness cm, area cm^2, diameter cm, relative standard uncertainty of thickness/area); None where not given."""
    from math import hypot, pi

    from ...lab import LabError

    if area is not None and diameter is not None:
        raise LabError("--area and --diameter: give one of them")
    (L, uL), (S, uS), (d, ud) = (_with_u(option, text, unit) for option, text, unit in (("--thickness", thickness, "cm"), ("--area", area, "cm^2"), ("--diameter", diameter, "cm")))
    if d is not None:
        S, uS = pi * d**2 / 4, pi * d * ud / 2
    return L, S, d, hypot(uL / L if L else 0.0, uS / S if S else 0.0)


def _with_u(option, text, unit):
    """(value, standard uncertainty) of a text such as "0.51 mm" or "0.51 +- 0.01 mm"; (None, 0) for None."""
    from ...lab import LabError

    if text is None:
        return None, 0.0
    parts = text.replace("\u00b1", "+-").split("+-")
    value = quantity(option, parts[0] if len(parts) == 1 else f"{parts[0].strip()} {parts[-1].strip().partition(' ')[2]}", unit)
    spread = quantity(option, parts[1].strip(), unit) if len(parts) == 2 else 0.0
    if value <= 0 or spread < 0 or len(parts) > 2:
        raise LabError(f"{option}: got {text!r}; write a positive quantity such as \"0.51 mm\" or \"0.51 +- 0.01 mm\"")
    return value, spread


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
