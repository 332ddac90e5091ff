"""`rheode lab indent | jump | hold`: nanoindentation."""

from os.path import relpath
from pathlib import Path
from typing import Annotated, Optional

import typer

from . import CsvOption, Files, FigureOption, JsonOption, check_outputs, finish, lab, quantity


def _option(flag, metavar, text, kind=str, default=""):
    shown = f"{text}.  [default: {default}]" if default else f"{text}."
    return Annotated[Optional[kind], typer.Option(flag, metavar=metavar, help=shown, show_default=False)]


FILE = "as the file tells, else "
TipOption = _option("--tip", "C0,C1,...", "Area function of the tip, for depths in nm", default=FILE + "an ideal Berkovich")
BetaOption = _option("--beta", "NUMBER", "Factor of the pyramid in the reduced modulus", float, FILE + "1.034")
EpsilonOption = _option("--epsilon", "NUMBER", "Factor of the contact depth", float, FILE + "0.75")
PoissonOption = _option("--poisson", "NUMBER", "Poisson's ratio of the sample", float, FILE + "0.25")
IndenterModulusOption = _option("--indenter-modulus", "MODULUS", "Young's modulus of the indenter", default="1141 GPa")
IndenterPoissonOption = _option("--indenter-poisson", "NUMBER", "Poisson's ratio of the indenter", float, "0.07")
FrameOption = _option("--frame-compliance", "COMPLIANCE", "Compliance of the frame to take out beyond what the instrument did, such as \"0.05 nm/mN\"")
DriftOption = Annotated[str, typer.Option("--drift", metavar="RATE", help="Thermal drift: auto (from the hold at small load), none, or a rate such as \"0.05 nm/s\". What the instrument corrected is left alone.")]
UnloadingOption = _option("--unloading", "FROM,TO", "Shares of the load at its start between which an unloading is fitted", default=FILE + "0.95,0.5")
KeepOption = Annotated[bool, typer.Option("--keep-outliers", help="Let every indent count.")]
ColumnOption = Annotated[Optional[list[str]], typer.Option("--column", metavar="QUANTITY=COLUMN", help="Which column of a text table holds time, depth, load, stiffness or test: \"depth=h [nm]\". Repeatable.")]

CreepRateOption = Annotated[str, typer.Option("--creep-rate", metavar="RATE", help="Coefficient A of the creep law, at which s_ref is given.")]
TaborOption = Annotated[float, typer.Option("--tabor", metavar="NUMBER", help="Hardness over flow stress; assumed.")]
TaborRangeOption = _option("--tabor-range", "LOW,HIGH", "Range in which that factor is varied", default="10 % to either side")
FactorOption = Annotated[float, typer.Option("--rate-factor", metavar="NUMBER", help="Equivalent strain rate over hdot/h; assumed. 0.09 was measured on amorphous Se.")]
TemperatureOption = Annotated[str, typer.Option("--temperature", metavar="TEMPERATURE", help="Temperature of the indents.")]
MaterialOption = _option("--material", "FILE", "Write the material as a file that a study can name", Path)
ExtendsOption = _option("--extends", "MATERIAL", "Material of the library, or file, that the new one extends: what was not measured comes from it")
EndOption = Annotated[str, typer.Option("--end", metavar="END", help="End member that was measured: unlithiated, lithiated (the other one stays as in --extends) or both.")]


@lab.command()
def indent(
    files: Files,
    depth: _option("--depth", "FROM..TO", "Depths to average over (CSM), such as \"200 nm..900 nm\"", default=FILE + "the deeper half") = None,
    calibrate: Annotated[bool, typer.Option("--calibrate", help="The sample is the reference: find tip and frame instead.")] = False,
    reference_modulus: Annotated[str, typer.Option("--reference-modulus", metavar="MODULUS", help="Young's modulus of the reference, fused silica.")] = "72 GPa",
    terms: Annotated[int, typer.Option("--terms", metavar="N", help="Coefficients of the area function to find, 1 to 9.")] = 3,
    load_at: _option("--load-at", "WHERE", "Load of a cycle's hardness: \"start of unloading\" or \"end of loading\"", default=FILE + "start of unloading") = None,
    stiffness_at: _option("--stiffness-at", "WHERE", "Stiffness of an unloading: at the \"start of unloading\" or the \"top of the fit\"", default=FILE + "start of unloading") = None,
    unloading: UnloadingOption = None,
    tip: TipOption = None,
    beta: BetaOption = None,
    epsilon: EpsilonOption = None,
    poisson: PoissonOption = None,
    indenter_modulus: IndenterModulusOption = None,
    indenter_poisson: IndenterPoissonOption = None,
    frame_compliance: FrameOption = None,
    drift: DriftOption = "auto",
    keep_outliers: KeepOption = False,
    column: ColumnOption = None,
    temperature: TemperatureOption = "25 degC",
    material: MaterialOption = None,
    extends: ExtendsOption = None,
    end: EndOption = "both",
    json: JsonOption = None,
    csv: CsvOption = None,
    figure: FigureOption = None,
):
    """Hardness and modulus after Oliver and Pharr, continuous (CSM) or from unloadings; tip and frame from a reference."""
    check_outputs(json, csv, figure, material, inputs=files)
    from ...lab import LabError
    from ...lab.indentation import calibration, hardness

    prepared = _prepared(
        files, column, tip, beta, epsilon, poisson, indenter_modulus, indenter_poisson, frame_compliance, drift,
        unloading, _one_of("--load-at", load_at), _one_of("--stiffness-at", stiffness_at),
    )  # fmt: skip
    if calibrate:
        if material is not None:
            raise LabError("--material: a calibration finds the tip, not a material; leave one of --calibrate and --material out")
        analysis = calibration.calibrate(prepared, quantity("--reference-modulus", reference_modulus, "GPa"), terms)
        return finish(analysis, json, csv, figure, _chart("calibration"))
    analysis = hardness.hardness(prepared, _range("--depth", depth, "um"), keep_outliers)
    assumed = _assumed(temperature=temperature)
    _add_material(analysis, prepared, assumed, files, "indentation", extends, end, material)
    return _finish(analysis, json, csv, figure, material, _chart("hardness"))


@lab.command()
def jump(
    files: Files,
    convention: Annotated[str, typer.Option("--convention", metavar="RATE", help="Strain rate that m refers to: hdot/h or Pdot/P.")] = "hdot/h",
    begin: Annotated[float, typer.Option("--begin", metavar="SHARE", help="Share of the largest depth before which no jump is looked for.")] = 0.1,
    smallest: Annotated[float, typer.Option("--jump", metavar="RATIO", help="Ratio of rates that counts as a jump.")] = 1.3,
    settle: Annotated[float, typer.Option("--settle", metavar="SHARE", help="Share of each part's depth that is left out after its jump.")] = 0.4,
    contact_depth: Annotated[str, typer.Option("--contact-depth", metavar="FROM", help="One modulus for the whole indent, or the stiffness point by point: modulus or stiffness.")] = "modulus",
    creep_rate: CreepRateOption = "1000 1/s",
    tabor: TaborOption = 3.0,
    tabor_range: TaborRangeOption = None,
    rate_factor: FactorOption = 1.0,
    temperature: TemperatureOption = "25 degC",
    material: MaterialOption = None,
    extends: ExtendsOption = None,
    end: EndOption = "both",
    tip: TipOption = None,
    beta: BetaOption = None,
    epsilon: EpsilonOption = None,
    poisson: PoissonOption = None,
    indenter_modulus: IndenterModulusOption = None,
    indenter_poisson: IndenterPoissonOption = None,
    frame_compliance: FrameOption = None,
    drift: DriftOption = "auto",
    unloading: UnloadingOption = None,
    keep_outliers: KeepOption = False,
    column: ColumnOption = None,
    json: JsonOption = None,
    csv: CsvOption = None,
    figure: FigureOption = None,
):
    """Strain-rate jumps: hardness at each rate, m, the creep exponent and the creep law as a material."""
    check_outputs(json, csv, figure, material, inputs=files)
    from ...lab.indentation import jump as jumps

    assumed = _assumed(creep_rate, tabor, tabor_range, rate_factor, temperature, _one_of("--convention", convention))
    prepared = _prepared(files, column, tip, beta, epsilon, poisson, indenter_modulus, indenter_poisson, frame_compliance, drift, unloading)
    analysis = jumps.jump(prepared, assumed, begin, smallest, settle, _one_of("--contact-depth", contact_depth), keep_outliers)
    rates = [rate for rate, why in zip(analysis.tables["parts"][f"{convention} [1/s]"], analysis.tables["parts"]["left out because"]) if not why and rate == rate]
    how = f"strain-rate jumps, {convention} {min(rates):.2g} to {max(rates):.2g} 1/s"
    _add_material(analysis, prepared, assumed, files, how, extends, end, material)
    _finish(analysis, json, csv, figure, material, _chart("jump"))


@lab.command()
def hold(
    files: Files,
    settle: Annotated[float, typer.Option("--settle", metavar="SHARE", help="Share of each hold that is left out at its beginning.")] = 0.1,
    creep_rate: CreepRateOption = "1000 1/s",
    tabor: TaborOption = 3.0,
    tabor_range: TaborRangeOption = None,
    rate_factor: FactorOption = 1.0,
    temperature: TemperatureOption = "25 degC",
    material: MaterialOption = None,
    extends: ExtendsOption = None,
    end: EndOption = "both",
    tip: TipOption = None,
    beta: BetaOption = None,
    epsilon: EpsilonOption = None,
    poisson: PoissonOption = None,
    indenter_modulus: IndenterModulusOption = None,
    indenter_poisson: IndenterPoissonOption = None,
    frame_compliance: FrameOption = None,
    drift: DriftOption = "auto",
    unloading: UnloadingOption = None,
    keep_outliers: KeepOption = False,
    column: ColumnOption = None,
    json: JsonOption = None,
    csv: CsvOption = None,
    figure: FigureOption = None,
):
    """Holds at constant load: creep, its exponent, the creep law as a material, recovery after unloading."""
    check_outputs(json, csv, figure, material, inputs=files)
    from ...lab.indentation import hold as holds

    assumed = _assumed(creep_rate, tabor, tabor_range, rate_factor, temperature)
    prepared = _prepared(files, column, tip, beta, epsilon, poisson, indenter_modulus, indenter_poisson, frame_compliance, drift, unloading)
    analysis = holds.hold(prepared, assumed, settle, keep_outliers)
    longest = max(each.time[-1] for each in analysis.curves["holds"].values())
    loads = analysis.tables["holds"]["load [mN]"]
    span = f"{min(loads):.3g} to {max(loads):.3g}" if max(loads) > 1.02 * min(loads) else f"{loads[0]:.3g}"
    _add_material(analysis, prepared, assumed, files, f"holds of {longest:.3g} s at {span} mN", extends, end, material)
    _finish(analysis, json, csv, figure, material, _chart("hold"))


# What an option may say, by its flag.
_WORDS = {
    "--load-at": ("start of unloading", "end of loading"), "--stiffness-at": ("start of unloading", "top of the fit"),
    "--convention": ("hdot/h", "Pdot/P"), "--contact-depth": ("modulus", "stiffness"), "--end": ("unlithiated", "lithiated", "both"),
}  # fmt: skip


def _one_of(flag, text):
    from ...lab import LabError

    if text is not None and text not in _WORDS[flag]:
        raise LabError(f"{flag}: got {text!r}; one of {', '.join(_WORDS[flag])}")
    return text


def _numbers(flag, text, count=None):
    """The numbers in a text such as "0.95,0.5"; None stays None. Raises LabError."""
    from ...lab import LabError

    if text is None:
        return None
    try:
        found = tuple(float(part) for part in text.split(","))
    except ValueError:
        found = ()
    if not found or (count is not None and len(found) != count):
        raise LabError(f"{flag}: got {text!r}; {'numbers' if count is None else f'{count} numbers'} separated by commas")
    return found


def _range(flag, text, unit):
    """The two ends of a text such as "200 nm..900 nm"; None stays None. Raises LabError."""
    from ...lab import LabError

    if text is None:
        return None
    low, _, high = text.partition("..")
    ends = quantity(flag, low.strip(), unit), quantity(flag, high.strip(), unit)
    if not ends[1] > ends[0] >= 0.0:
        raise LabError(f"{flag}: got {text!r}; the smaller depth first")
    return ends


def _prepared(files, column, tip, beta, epsilon, poisson, indenter_modulus, indenter_poisson, frame_compliance, drift, unloading, load_at=None, stiffness_at=None):
    """The indents of the files, made ready as the options say."""
    from ...lab.indentation.preparing import Wanted, prepare
    from ...lab.indentation.reading import read_all

    wanted = Wanted(
        tip=_numbers("--tip", tip), beta=beta, epsilon=epsilon, poisson=poisson,
        indenter_modulus=quantity("--indenter-modulus", indenter_modulus, "GPa"), indenter_poisson=indenter_poisson,
        load_at=load_at, stiffness_at=stiffness_at, window=_numbers("--unloading", unloading, 2),
        drift=drift if drift in ("auto", "none") else quantity("--drift", drift, "um/s"),
        frame=quantity("--frame-compliance", frame_compliance, "um/mN") or 0.0,
    )  # fmt: skip
    return prepare(read_all(files, column or ()), wanted)


def _assumed(creep_rate="1000 1/s", tabor=3.0, tabor_range=None, rate_factor=1.0, temperature="25 degC", convention="hdot/h"):
    from ...lab.indentation.law import Assumptions

    spread = _numbers("--tabor-range", tabor_range, 2) or (0.9 * tabor, 1.1 * tabor)
    assumed = Assumptions(quantity("--creep-rate", creep_rate, "1/s"), tabor, spread, rate_factor, convention, quantity("--temperature", temperature, "K"))
    assumed.check()
    return assumed


def _add_material(analysis, prepared, assumed, files, how, extends, end, wanted):
    """The lines of a material file, put into the analysis and checked as a study would check them.

    Raises LabError for what can't be a material, unless no file is `wanted`: then a note says so.
    """
    from ...lab import LabError
    from ...lab.indentation import law

    base = _base(extends)
    _one_of("--end", end)
    folder = wanted.parent if wanted is not None else Path()
    if extends is not None and extends.endswith((".yaml", ".yml")):  # a path in a file counts from its folder
        extends = Path(relpath(extends, folder)).as_posix()
    source = "indentation: " + ", ".join(path.name for path in files)
    table = next(iter(analysis.tables.values()))
    counted = len({name for name, why in zip(table["indent"], table["left out because"]) if not why})
    how = f"{how}, {counted} indent{'s' if counted > 1 else ''}"
    values = analysis.values
    rate = next((f"at {value.value:.3g} 1/s{name[name.rindex(' '):]}" for name, value in values.items() if name.startswith("strain rate") and value.value == value.value), "")
    try:
        analysis.material = law.material(
            analysis.curves.get("law"), assumed, source, how, values.get("modulus"), prepared.constants.poisson, values["hardness"], base, extends, end, folder, rate
        )
    except LabError as error:
        if wanted is not None or end != "both":
            raise
        analysis.notes.append(f"No material: {error}.")


def _base(extends):
    from ... import materials
    from ...lab import LabError
    from ...reading import StudyError

    if extends is None:
        return None
    try:
        return materials.load(extends)
    except StudyError as error:
        raise LabError(f"--extends: {error}") from None


def _finish(analysis, json, csv, figure, material, draw):
    if material is not None:  # before anything is printed, see `finish`
        from ...lab import LabError

        try:
            material.write_text(analysis.material, encoding="utf-8")
        except OSError as error:
            raise LabError(f"{material}: can't be written ({error.strerror or error})") from None
    finish(analysis, json, csv, figure, draw)
    if material is not None:
        print(material)


def _chart(name):
    """The chart of a kind, imported when it is drawn."""

    def draw(analysis):
        from ...report.bench import indentation

        return getattr(indentation, name)(analysis)

    return draw
