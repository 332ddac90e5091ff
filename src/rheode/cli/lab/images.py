"""`rheode lab image`: phases and pores of micrographs and CT stacks, pores followed over frames, a study from a micrograph."""

from pathlib import Path
from typing import Annotated, Optional

import typer

from . import CsvOption, FigureOption, JsonOption, check_outputs, finish, lab, quantity

USUAL_RADIUS = (0.5, 2.0)  # um: mean particle radii for which the studies' own gap and medium fit; both are scaled for others


@lab.command("image")
def image(
    files: Annotated[Optional[list[Path]], typer.Argument(metavar="[FILE...]", help="An image (TIFF, PNG) or a stack; several are the frames of one sequence, in this order.", show_default=False)] = None,
    scale: Annotated[Optional[str], typer.Option(metavar="LENGTH", help='Length of a pixel, "158.7 nm"; for a stack also "slice, pixel". The file\'s own scale by default.')] = None,
    phases: Annotated[Optional[str], typer.Option(metavar="LABELS", help='Which label or class is what: "0=pore, 85=active:selenium, 170=framework:mo6se8". Labels are grey values, or classes from 0 (darkest).')] = None,
    classes: Annotated[Optional[int], typer.Option(metavar="N", help="Number of grey classes, told apart by Otsu's method.  [default: 2, or as --phases needs]", show_default=False)] = None,
    thresholds: Annotated[Optional[str], typer.Option(metavar="GREY,...", help="Grey values between the classes, instead of Otsu's.")] = None,
    blur: Annotated[Optional[float], typer.Option(metavar="PX", help="Gaussian blur before the thresholds, pixels.  [default: 1 for grey images]", show_default=False)] = None,
    crop: Annotated[Optional[str], typer.Option(metavar="X,Y,W,H", help="Part of the image in pixels, from the upper left; to leave out a data bar.")] = None,
    pages: Annotated[Optional[str], typer.Option(metavar="KIND", help='What the pages of a TIFF are, "volume" or "frames", where it does not say.  [default: volume]', show_default=False)] = None,
    smallest: Annotated[int, typer.Option(min=1, metavar="PX", help="Smaller pores are taken for noise, or as closed, pixels.")] = 12,
    throat: Annotated[Optional[str], typer.Option(metavar="LENGTH", help="Width of the passage at which two pores are one.  [default: pores that connect are one; in a run 15 % of the particles' radius]", show_default=False)] = None,
    drift: Annotated[bool, typer.Option("--drift/--no-drift", help="Correct the drift between frames.")] = True,
    x: Annotated[Optional[str], typer.Option("--x", metavar="X,...", help='Lithiation of each frame, "0, 1, 0.22": draws pure expansion beside the pores.')] = None,
    fractions: Annotated[Optional[str], typer.Option(metavar="ACTIVE,POROSITY", help="The electrode's volume fractions, for pure expansion.  [default: of the first frame]", show_default=False)] = None,
    dV: Annotated[Optional[float], typer.Option("--dV", metavar="SHARE", help="Relative volume change of the active phase at x = 1.  [default: of its material]", show_default=False)] = None,
    run: Annotated[Optional[Path], typer.Option(metavar="DIR", help="A simulated run: its states are drawn as images and their pores followed alike.")] = None,
    pixel: Annotated[Optional[str], typer.Option(metavar="LENGTH", help="Pixel of the run's images.  [default: that of the files, or 4 % of the particles' radius]", show_default=False)] = None,
    study: Annotated[Optional[Path], typer.Option(metavar="FILE", help="Write a study (and its mesh beside it) of the image's particles as they are; needs --phases.")] = None,
    page: Annotated[Optional[int], typer.Option("--slice", metavar="N", help="Slice of a stack for --study, from 0.  [default: the middle one]", show_default=False)] = None,
    neck: Annotated[float, typer.Option(metavar="SHARE", help="Connected particles are parted where the passage is narrower than this share of the narrower one.")] = 0.75,
    gap: Annotated[Optional[str], typer.Option(metavar="LENGTH", help="Gap between touching particles and to the walls.  [default: 0.01 um]", show_default=False)] = None,
    tolerance: Annotated[Optional[str], typer.Option(metavar="LENGTH", help="How far a meshed outline may leave the smoothed one.  [default: 5 % of the mean radius]", show_default=False)] = None,
    contact_size: Annotated[Optional[str], typer.Option(metavar="LENGTH", help="Sides of the outlines.  [default: 33 % of the mean radius]", show_default=False)] = None,
    mesh_size: Annotated[Optional[str], typer.Option(metavar="LENGTH", help="Elements away from outlines.  [default: 75 % of the mean radius]", show_default=False)] = None,
    pressure: Annotated[str, typer.Option(metavar="PRESSURE", help="Stack pressure in the study.")] = "100 MPa",
    json: JsonOption = None,
    csv: CsvOption = None,
    figure: FigureOption = None,
):
    """Phases, pores and what becomes of them, from images; a study from a micrograph.

    One file: fractions of the phases with their sensitivity to the thresholds, and the pores. Several files: every pore
    followed from frame to frame. With --run a simulation goes through the same analysis.
    """
    from ...lab import LabError
    from ...lab.images import analyse, parse_phases, read_images

    check_outputs(json, csv, figure, study, inputs=files or [])
    if not files and run is None:
        raise LabError("nothing to read: name image files, or a run by --run")
    if not files and study is not None:
        raise LabError("--study needs an image to take the particles from")
    named = None if phases is None else parse_phases(phases)
    materials = _materials(named, study)
    if pages not in (None, "volume", "frames"):
        raise LabError(f"--pages: got {pages!r}; volume or frames is allowed")
    images = [found for file in files or () for found in read_images(file, pages)]
    if scale is not None:
        spacing = [quantity("--scale", part.strip(), "um") for part in scale.split(",")]
        images = [found.scaled(spacing) for found in images]
    if crop is not None:
        corner = _numbers("--crop", crop, whole=True, count=4)
        images = [found.cropped(*corner) for found in images]
    bounds = None if thresholds is None else _numbers("--thresholds", thresholds)
    if named is not None and images and classes is None and bounds is None and not _labelled(images[0], named):
        classes = int(max(high for phase in named for _, high in phase.ranges)) + 1
        if classes > 5:
            raise LabError(f"{images[0].name}: it has many grey values, so it shows no labels; name its classes 0 (darkest), 1, ... in --phases, or give --thresholds")
    pixel_um = quantity("--pixel", pixel, "um")
    if pixel_um is None and run is not None and images and images[0].spacing is not None:
        pixel_um = images[0].pixel
    given = None if fractions is None else _numbers("--fractions", fractions, count=2)
    if given is not None and not all(0 < share < 1 for share in given):
        raise LabError(f"--fractions: got {fractions!r}; two shares between 0 and 1, of the active phase and of the pores")
    analysis = analyse(
        images, phases=named, classes=classes, thresholds=bounds, blur=blur, smallest=smallest, throat=quantity("--throat", throat, "um"), drift=drift,
        x=None if x is None else _numbers("--x", x), fractions=given, growth=_growth(dV, materials, named), run=run, pixel=pixel_um,
    )  # fmt: skip
    analysis.curves["labels"] = {name: _title(material) for name, material in materials.items()}
    if study is not None:
        lengths = {name: quantity(f"--{name.replace('_', '-')}", text, "um") for name, text in (("gap", gap), ("tolerance", tolerance), ("contact_size", contact_size), ("mesh_size", mesh_size))}
        quantity("--pressure", pressure, "GPa")
        _write_study(study, images[0], analysis, named, page, neck, lengths, pressure)

    def draw(analysis):
        from ...report.bench.images import chart

        return chart(analysis)

    finish(analysis, json, csv, figure, draw)


def _numbers(option, text, whole=False, count=None):
    """Numbers separated by commas. Raises LabError."""
    from ...lab import LabError

    try:
        found = [int(part) if whole else float(part) for part in text.split(",")]
    except ValueError:
        found = []
    if not found or (count is not None and len(found) != count) or not all(abs(value) < 1e9 for value in found):
        kind = "whole numbers" if whole else "numbers"
        raise LabError(f"{option}: got {text!r}; {count or 'one or more'} {kind} separated by commas")
    return found


def _materials(named, study):
    """The library's materials of the phases, by phase name. Raises LabError."""
    from ...lab import LabError
    from ...materials import load
    from ...reading import StudyError

    if study is None and named is None:
        return {}
    if named is None:
        raise LabError('--study needs to know the phases: --phases "85=active:selenium, 170=framework:mo6se8"')
    found = {}
    for phase in named:
        if phase.role != "pore":
            try:
                found[phase.name] = load(phase.material)
            except StudyError as error:
                raise LabError(f"--phases: {'; '.join(error.faults)}") from None
    if study is not None:
        if study.suffix not in (".yaml", ".yml"):
            raise LabError(f"{study}: a study is a YAML file; call it {study.stem}.yaml")
        roles = {phase.role for phase in named} - {"pore"}
        if "active" not in roles:
            raise LabError("a study needs an active phase; name one in --phases, as in 85=active:selenium")
        if roles - {"active", "framework"}:
            raise LabError(f"--phases: the role {sorted(roles - {'active', 'framework'})[0]} is none of a study's; active and framework are")
    return found


def _title(material):
    """The first words of a material's title, as charts print it; its name if they are long."""
    words = material.title.split(",")[0].split(";")[0].split("(")[0].strip()
    return words if 0 < len(words) <= 16 else material.name


def _growth(dV, materials, named):
    """Growth of the active phase as a function of x: of a given dV, or of the one active material; None if neither is known."""
    from ...lab import LabError

    if dV is not None:
        if not -1 < dV < 100:
            raise LabError(f"--dV: got {dV:g}; a relative volume change such as 0.98")
        return lambda x: 1 + dV * x
    active = [materials[phase.name] for phase in named or () if phase.role == "active"]
    return active[0].growth if len(active) == 1 else None


def _labelled(image, named):
    """Whether the phases' labels are values of the image rather than classes."""
    import numpy as np

    from ...lab.images.segmentation import FEW

    found = np.unique(image.values)
    return len(found) <= FEW or (~np.any([phase.holds(found) for phase in named], axis=0)).sum() <= 1


def _write_study(path, image, analysis, named, page, neck, lengths, pressure):
    """The particles of an image (of a slice of a stack) as mesh and study; what was done goes into the analysis."""
    import numpy as np

    from ...lab import LabError, Value
    from ...lab.images import particles
    from ...microstructure import MeshError
    from ...microstructure.from_image import GAP, mesh_image
    from ...study import Study

    segmentation, owner = analysis.curves["segmentation"], analysis.curves["owner"]
    index = segmentation.index
    if not 0 < neck <= 1:
        raise LabError(f"--neck: got {neck:g}; a share above 0 and up to 1 is allowed")
    pixel = image.pixel if index.ndim == 2 else _flat(image).pixel
    where = image.name
    if index.ndim == 3:
        page = len(index) // 2 if page is None else page
        if not 0 <= page < len(index):
            raise LabError(f"--slice: got {page}; {image.name} has the slices 0 to {len(index) - 1}")
        index, where = index[page], f"slice {page} of {image.name}"
    solid = [phase for phase in named if phase.role != "pore"]
    labels, phase, cuts = particles(index, owner, solid, neck)
    radius = pixel * np.sqrt(np.bincount(labels[labels >= 0]) / np.pi)
    radius = float(radius.mean()) if len(radius) else 1.0
    usual = USUAL_RADIUS[0] <= radius <= USUAL_RADIUS[1]
    given = lengths["gap"]
    lengths = lengths | {"gap": given if given is not None else GAP if usual else float(f"{0.01 * radius:.2g}")}
    try:
        mesh, account = mesh_image(labels, phase, pixel, [p.name for p in solid], **lengths)
    except MeshError as error:
        raise LabError(f"{where}: {error}") from None
    mesh_file = path.with_suffix(".npz")
    try:
        mesh.save(mesh_file)
        path.write_text(_study_text(where, mesh_file.name, solid, pressure, None if usual else (float(f"{1.5 * radius:.2g}"), lengths["gap"])), encoding="utf-8")
    except OSError as error:
        raise LabError(f"{path}: can't be written ({error.strerror or error})") from None
    loaded = Study.load(path)
    analysis.values |= {"particles": Value(mesh.particles), **{f"meshed fraction {name}": Value(now) for name, (_, now) in account.fractions.items()}}
    analysis.notes += [*mesh.notes, f"{cuts} cuts were made where connected particles of one phase are joined by a passage narrower than {neck:g} of the narrower one."]
    analysis.notes += [f"{path}: {line}" for line in loaded.warnings(mesh)] + [f"written: {path} and {mesh_file}; simulate it by `rheode run {path}`."]
    analysis.choices |= {"meshed": where, "neck": neck, "gap um": lengths["gap"], "outline deviation um": account.deviation, "pixels reassigned": account.reassigned, "outlines moved um": account.shift, "smallest gap um": account.clearance}
    analysis.curves |= {"outlines": _outlines(mesh), "box": mesh.box, "meshed index": index}


def _flat(image):
    """One slice of a stack as an image, for its pixel."""
    from dataclasses import replace

    return replace(image, values=image.values[0], spacing=image.spacing and image.spacing[1:])


def _outlines(mesh):
    return [(int(particle), int(mesh.particle_phase[particle]), mesh.nodes[nodes]) for particle, nodes in mesh.outlines()]


def _study_text(where, mesh_file, solid, pressure, scaled):
    from json import dumps  # a JSON string is a YAML string, whatever the file's name holds

    phases = "\n".join(f"  {phase.name}: {{material: {phase.material}, role: {phase.role}}}" for phase in solid)
    # What the solver keeps in um is made for particles of about 1 um.
    mechanics = "" if scaled is None else "mechanics: {{medium: {{length: {:g} um}}, barrier: {{distance: {:g} um}}}}  # 1.5 mean particle radii, the gap\n".format(*scaled)
    return f"""\
# Particles as they are in {where}.
title: {dumps(f'Particles of {where}', ensure_ascii=False)}
temperature: 70 degC
phases:
{phases}
microstructure: {{kind: mesh, file: {mesh_file}}}
walls: {{kind: pressure, pressure: {pressure}}}
{mechanics}cycling:
  rate: 0.1 C
  cycles: 1
  lithiation: 1.0
  delithiation: 0.0
"""
