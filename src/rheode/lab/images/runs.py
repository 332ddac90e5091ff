"""The stored states of a simulated run as images, for the same analysis that micrographs go through."""

import numpy as np

from ...measures import BEYOND, mean_particle_radius, rasterise
from ...result import Result
from ..analysis import LabError

PIXEL = 1 / 25  # of the mean particle radius
MOST = 150  # frames; of a longer run every second, third ... is taken
FRAME = 3  # pixels of wall around the electrode, so that a pore at a wall is not cut by the image's edge
LARGEST = 4e6  # pixels a frame


def run_frames(directory, pixel=None):
    """The frames of a run: a dict with `images` (list of (ny, nx) phase indices, -1 pore, BEYOND at and past the walls),
    `pixel` um, `x` (F,) lithiation, `cycle` (F,) position in cycles, `radius` um (mean particle radius), `names` and `roles`
    of the phases, `growth` (F,) mean growth of the active phases, `fraction` their share of the first state, `porosity` of it,
    `notes`.

    pixel: um, PIXEL of the mean particle radius by default. Row 0 is the top; all frames stand on the bottom wall.
    Raises LabError, ResultError.
    """
    result = Result(directory)
    rows, frames = result.frames.rows, result.frames
    if len(rows) < 2:
        raise LabError(f"{directory}: the run has stored {len(rows)} state; pores are followed over two or more")
    step = -(-len(rows) // MOST)
    keep = sorted({*range(0, len(rows), step), len(rows) - 1})
    mesh, study = result.mesh, result.study
    radius = mean_particle_radius(mesh)
    pixel = PIXEL * radius if pixel is None else float(pixel)
    height = max(rows[k]["thickness [um]"] for k in keep)
    if not 0 < pixel < 0.5 * radius:
        raise LabError(f"{directory}: pixels of {pixel:.3g} um; above 0 and below half the mean particle radius, {0.5 * radius:.3g} um, is allowed")
    if height * mesh.box[0] / pixel**2 > LARGEST:
        raise LabError(f"{directory}: pixels of {pixel:.3g} um make {height * mesh.box[0] / pixel**2:.1e} of them a frame; {LARGEST:.0e} is the most")
    images = []
    for k in keep:
        frame = frames[k]
        image = rasterise(result.mesh_of(frame), frame.displacement, pixel, height)
        images.append(np.pad(image, FRAME, constant_values=BEYOND))
    names = list(mesh.phase_names)
    active = [n for n in names if study.phases[n].role == "active"]
    materials = study.materials()
    x = np.array([rows[k]["lithiation []"] for k in keep])
    first = rows[keep[0]]
    share = np.array([mesh.area_fraction(name) for name in active]) * mesh.box.prod() / (first["thickness [um]"] * first["width [um]"])
    growth = sum(s * materials[name].growth(x) / materials[name].growth(study.cycling.start) for s, name in zip(share, active)) / share.sum()
    notes = () if step == 1 else (f"Of {len(rows)} stored states {len(keep)} were drawn.",)
    return {
        "images": images, "pixel": pixel, "x": x, "cycle": _cycles([rows[k] for k in keep], study.cycling), "radius": radius, "names": names,
        "roles": [study.phases[n].role for n in names], "growth": growth, "fraction": float(share.sum()), "porosity": first["porosity []"], "notes": notes,
    }  # fmt: skip


def _cycles(rows, cycling):
    """Position of each state in cycles: n - 1 to n - 1/2 while lithiating in cycle n, on to n while delithiating."""
    found, span = [], cycling.lithiation - cycling.delithiation
    for row in rows:
        number, x = row["cycle []"], row["lithiation []"]
        low = cycling.start if number <= 1 else cycling.delithiation
        if row["half []"] == "lithiation":
            found.append(number - 1 + 0.5 * (x - low) / (cycling.lithiation - low))
        elif row["half []"] == "delithiation":
            found.append(number - 0.5 * (x - cycling.delithiation) / span)
        else:
            found.append(found[-1] if found else 0.0)
    return np.array(found)
