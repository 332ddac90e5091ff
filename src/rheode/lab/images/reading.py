"""Image files: TIFF, PNG and JPEG to arrays of grey values, with the scale that the microscope wrote into them."""

import logging
import warnings
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ...units import UnitError, measure
from ..analysis import LabError

FEW_COLOURS = 32  # a colour picture with no more colours than this shows labels
LUMINANCE = (0.299, 0.587, 0.114)  # ITU-R BT.601


@dataclass(frozen=True, eq=False)
class Image:
    """One image: values (ny, nx), or (nz, ny, nx) for a stack; row 0 is the top.

    spacing: um from pixel to pixel along each axis, None where nothing says it; scale: where it was found; notes: what was
    changed in reading, a sentence each.
    """

    values: np.ndarray
    name: str
    spacing: tuple[float, ...] | None = None
    scale: str = ""
    notes: tuple[str, ...] = ()

    def scaled(self, spacing):
        """The image with a given scale: um a pixel, or (um a slice, um a pixel) for a stack."""
        spacing = tuple(np.atleast_1d(spacing).tolist())
        if len(spacing) > 2 or (len(spacing) == 2 and self.values.ndim == 2) or not all(s > 0 for s in spacing):
            raise LabError(f"{self.name}: the scale is one length above 0 a pixel, or two for a stack (a slice, a pixel)")
        full = (spacing[0], *[spacing[-1]] * (self.values.ndim - 1))
        return replace(self, spacing=full, scale="given")

    def cropped(self, x, y, width, height):
        """The part of the image (of every slice) that begins x pixels from the left and y from the top."""
        ny, nx = self.values.shape[-2:]
        if not (0 <= x and 0 <= y and 8 <= width and 8 <= height and x + width <= nx and y + height <= ny):
            raise LabError(f"{self.name}: the part {x},{y},{width},{height} does not lie inside the {nx} x {ny} pixels (or is smaller than 8 x 8); give x,y,width,height")
        return replace(self, values=self.values[..., y : y + height, x : x + width])

    @property
    def pixel(self):
        """um a pixel where all axes have the same; LabError otherwise."""
        if self.spacing is None:
            raise LabError(f'{self.name}: the file does not say its scale; give it, as in --scale "50 nm" (a pixel)')
        if np.ptp(self.spacing) > 1e-3 * max(self.spacing):
            raise LabError(f"{self.name}: the pixels are not square ({', '.join(f'{s:.4g}' for s in self.spacing)} um)")
        return float(self.spacing[-1])


def read_images(path, pages=None):
    """The images of a file, one a frame: a list of `Image`.

    pages: "volume" or "frames", what the pages of a TIFF are where it does not say; a volume by default. Raises LabError.
    """
    path = Path(path)
    try:
        with open(path, "rb") as file:
            head = file.read(16)
            size = file.seek(0, 2)
    except OSError as error:
        raise LabError(f"{path}: can't be read ({error.strerror or error})") from None
    if not head:
        raise LabError(f"{path}: the file is empty")
    if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return _read_tiff(path, size, pages)
    if head[:8] == b"\x89PNG\r\n\x1a\n" or head[:3] == b"\xff\xd8\xff":
        return [_read_picture(path, lossy=head[0] == 0xFF)]
    raise LabError(f"{path}: neither TIFF, PNG nor JPEG (it begins with {head[:4].hex(' ')}); export the image as TIFF or PNG")


class _Complaints(logging.Handler):
    """What tifffile says about a file instead of raising."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.said = []

    def emit(self, record):
        self.said.append(record.getMessage())


@contextmanager
def _quietly(path, kind):
    """What libraries raise and log about a damaged file, as one line."""
    logger, complaints = logging.getLogger("tifffile"), _Complaints()
    passed_on, logger.propagate = logger.propagate, False
    logger.addHandler(complaints)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except LabError:
        raise
    # A damaged file ends in a dozen kinds of errors: of the format, of numpy, zlib, struct, and MemoryError.
    except Exception as error:
        raise LabError(f"{path}: a damaged {kind} ({' '.join(str(error).split())[:120] or type(error).__name__})") from None
    finally:
        logger.propagate = passed_on
        logger.removeHandler(complaints)
    if any("offset" in said or "corrupt" in said for said in complaints.said):
        raise LabError(f"{path}: a {kind} that is cut short or damaged; copy it again")


def _read_tiff(path, size, pages):
    import tifffile

    with _quietly(path, "TIFF"), tifffile.TiffFile(path) as file:
        if not file.pages:
            raise LabError(f"{path}: a TIFF without an image")
        series = max(file.series, key=lambda s: s.size)
        for page in series.pages:
            if page is not None and max((a + b for a, b in zip(page.dataoffsets, page.databytecounts)), default=0) > size:
                raise LabError(f"{path}: a TIFF that is cut short; copy it again")
        values, axes = series.asarray(), series.axes
        spacing, scale, notes = _tiff_scale(file)
        palette = file.pages[0].colormap if file.pages[0].photometric == 3 else None
    if palette is not None and not (palette[0] == palette[1]).all():
        notes += (f"{path.name}: a palette of colours; the numbers of its entries are taken as the values.",)
    for wanted, keep in (("S", _flat_colours), ("C", None)):
        if wanted in axes:
            at = axes.index(wanted)
            if values.shape[at] > 1 and keep is None:
                raise LabError(f"{path}: {values.shape[at]} channels; save the one to be analysed as a file of its own")
            values, axes = np.moveaxis(values, at, -1), axes.replace(wanted, "")
            values, more = keep(values, path.name) if keep and values.shape[-1] > 1 else (values[..., 0], ())
            notes += more
    # What is left beside Y and X is depth or time; pages that don't say are what the caller says.
    order = [k for k, a in enumerate(axes) if a not in "YX"]
    values = np.moveaxis(values, [axes.index("Y"), axes.index("X")], [-2, -1])
    kinds = ["T" if axes[k] == "T" or (pages == "frames" and axes[k] != "Z") else "Z" for k in order]
    single = [values.shape[k] == 1 for k in range(len(order))]
    values = values.reshape([n for n, one in zip(values.shape, single + [False, False]) if not one])
    kinds = [kind for kind, one in zip(kinds, single) if not one]
    if pages == "volume":
        kinds = ["Z"] * len(kinds)
    if kinds not in ([], ["Z"], ["T"], ["T", "Z"], ["Z", "T"]):
        raise LabError(f"{path}: its pages have the axes {axes}; an image, a stack, frames, or frames of stacks are read")
    if kinds == ["Z", "T"]:
        values, kinds = np.swapaxes(values, 0, 1), ["T", "Z"]
    if "Z" in kinds and axes[order[-1]] not in "ZT":
        notes += (f"{path.name}: its {values.shape[-3]} pages are taken as the slices of a volume.",)
    frames = list(values) if kinds[:1] == ["T"] else [values]
    if spacing is not None:
        spacing = spacing[-frames[0].ndim :]
    return [
        Image(_numbers(frame, path), path.name if len(frames) == 1 else f"{path.name} [{k}]", spacing, scale, notes if k == 0 else ())
        for k, frame in enumerate(frames)
    ]


def _read_picture(path, lossy):
    import PIL.Image

    with _quietly(path, "JPEG" if lossy else "PNG"), PIL.Image.open(path) as picture:
        picture.load()
        notes = (f"{path.name}: JPEG blurs grey values and edges; a TIFF or PNG of the same image is better.",) if lossy else ()
        if picture.mode == "P":
            colours = np.reshape(picture.getpalette() or [0, 0, 0], (-1, 3))
            if (colours == colours[:, :1]).all():
                picture = picture.convert("L")
            else:
                notes += (f"{path.name}: a palette of colours; the numbers of its entries are taken as the values.",)
        elif picture.mode not in ("1", "L", "I", "F", "RGB") and not picture.mode.startswith("I;16"):
            picture = picture.convert("L" if picture.mode == "LA" else "RGB")
        values = np.asarray(picture)
    if values.ndim == 3:
        values, more = _flat_colours(values, path.name)
        notes += more
    return Image(_numbers(values, path), path.name, notes=notes)


def _flat_colours(values, name):
    """Grey values of (..., samples): an alpha channel is dropped; few colours are labels, ordered by luminance."""
    values = values[..., : 1 if values.shape[-1] == 2 else 3]
    if (values == values[..., :1]).all():
        return values[..., 0], ()
    colours, index = np.unique(values[::7, ::7].reshape(-1, values.shape[-1]), axis=0), None
    if len(colours) <= FEW_COLOURS:
        colours, index = np.unique(values.reshape(-1, values.shape[-1]), axis=0, return_inverse=True)
    if index is not None and len(colours) <= FEW_COLOURS:
        rank = np.argsort(colours @ LUMINANCE, kind="stable")
        number = np.argsort(rank)
        told = ", ".join(f"{k} #{''.join(f'{c:02x}' for c in colours[i].tolist())}" for k, i in enumerate(rank))
        return number[index.ravel()].reshape(values.shape[:-1]).astype(np.uint8), (f"{name}: its colours are taken as labels: {told}.",)
    return values @ np.array(LUMINANCE), (f"{name}: a colour image, turned into luminance.",)


def _numbers(values, path):
    if values.dtype == bool:
        values = values.astype(np.uint8)
    if values.dtype.kind not in "iuf":
        raise LabError(f"{path}: its pixels are of type {values.dtype}; numbers are needed")
    if min(values.shape) < 2 or min(values.shape[-2:]) < 8:
        raise LabError(f"{path}: it has {' x '.join(map(str, values.shape))} pixels; 8 x 8 at least")
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise LabError(f"{path}: {int((~np.isfinite(values)).sum())} pixels are no finite numbers; fill or crop them")
    return values


# --- scale


def _tiff_scale(file):
    """(um along z, y, x) or None, where it was found, notes."""
    if file.sem_metadata:
        for key in ("ap_image_pixel_size", "ap_pixel_size"):
            entry = file.sem_metadata.get(key)
            if entry is not None and len(entry) == 3 and _um(entry[1], entry[2]):
                return (_um(entry[1], entry[2]),) * 3, f"Zeiss metadata, {entry[0]}", _tilt(file.sem_metadata)
    if file.fei_metadata:
        scan = file.fei_metadata.get("Scan", {})
        width, height = _um(scan.get("PixelWidth"), "m"), _um(scan.get("PixelHeight", scan.get("PixelWidth")), "m")
        if width and height:
            return (width, height, width), "FEI metadata, Scan.PixelWidth", ()
    if file.ome_metadata:
        found = _ome_scale(file.ome_metadata)
        if found:
            return found, "OME metadata, PhysicalSize", ()
    tags = file.pages[0].tags
    if file.imagej_metadata and file.imagej_metadata.get("unit"):
        unit = str(file.imagej_metadata["unit"]).replace("\\u00B5", "µ").replace("micron", "um")
        along = [_um(tags[name].value[1] / tags[name].value[0], unit) if name in tags and tags[name].value[0] else None for name in ("YResolution", "XResolution")]
        depth = _um(file.imagej_metadata.get("spacing"), unit)
        if all(along):
            return (depth or along[0], *along), "ImageJ metadata", ()
    # Programs write 72 or 300 dots an inch into any picture: the size of the print, not of the object.
    return None, "", ()


def _um(value, unit):
    """A length as um, None where it is none above 0."""
    try:
        length = measure(f"{float(value)!r} {unit}", "um")
    except (UnitError, TypeError, ValueError):
        return None
    return length if length > 0 else None


def _tilt(metadata):
    angle, corrected = metadata.get("ap_stage_at_t"), metadata.get("dp_tilt_correction")
    if angle is not None and abs(float(angle[1])) > 5 and corrected is not None and corrected[1] in (False, "Off"):
        return (f"The stage was tilted by {float(angle[1]):g} degrees without tilt correction: lengths across the tilt axis appear shorter by its cosine; they are not corrected here.",)
    return ()


def _ome_scale(text):
    from xml.etree import ElementTree

    try:
        pixels = next(e for e in ElementTree.fromstring(text).iter() if e.tag.endswith("Pixels"))
    except (ElementTree.ParseError, StopIteration):
        return None
    found = [_um(pixels.get(f"PhysicalSize{axis}"), pixels.get(f"PhysicalSize{axis}Unit", "µm")) for axis in "ZYX"]
    return (found[0] or found[1], *found[1:]) if all(found[1:]) else None
