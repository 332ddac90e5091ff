"""The constants and conventions behind the results that an instrument stored beside its data.

Whoever wants to reproduce or to change them must know them, and the files rarely say: they follow from the
instrument's own columns of contact depth, area and modulus.
"""

from dataclasses import dataclass

import numpy as np

from .oliver_pharr import NM, TERMS, Constants, Tip, fit_unloading, powers
from .records import Indent
from .segments import cycles

EXACT = 1e-6  # relative: columns that were stored unrounded agree at least so well
ROUNDED = 0.05  # relative gain by a further term that rounding alone does not bring


@dataclass(frozen=True)
class Conventions:
    """Where on a cycle the load and the stiffness are taken, and the part of the unloading that is fitted.

    load_at: "start of unloading" or "end of loading"; stiffness_at: "start of unloading" or "top of the fit";
    window: shares of the load at the start of unloading.
    """

    load_at: str = "start of unloading"
    stiffness_at: str = "start of unloading"
    window: tuple[float, float] = (0.95, 0.5)


LOAD_AT = ("start of unloading", "end of loading")
STIFFNESS_AT = ("start of unloading", "top of the fit")


def tip_of(indents: list[Indent]) -> Tip | None:
    """The area function behind the stored contact depths and areas: exactly where they are unrounded, else the best fit."""
    pairs = [(columns["contact depth"], columns["area"]) for indent in indents for columns in (indent.columns, indent.cycles) if {"contact depth", "area"} <= columns.keys()]
    if not pairs:
        return None
    depth, area = (np.concatenate(values) * scale for values, scale in zip(zip(*pairs), (NM, NM**2)))
    kept = np.isfinite(depth) & np.isfinite(area) & (depth > 0.0) & (area > 0.0)
    depth, area = depth[kept], area[kept]
    best, last = None, np.inf
    for terms in range(1, min(TERMS, len(depth) // 3) + 1):
        scaled = powers(depth, terms) / area[:, None]
        size = np.linalg.norm(scaled, axis=0)
        coefficients = np.linalg.lstsq(scaled / size, np.ones(len(depth)), rcond=None)[0] / size
        off = scaled @ coefficients - 1.0
        if np.abs(off).max() < EXACT:
            return Tip(tuple(coefficients.tolist()))
        spread = np.sqrt(np.mean(off**2))
        if spread < (1.0 - ROUNDED) * last:
            best, last = Tip(tuple(coefficients.tolist())), spread
    return best


def constants_of(indents: list[Indent], given: Constants) -> tuple[Constants, dict[str, str]]:
    """(`given` with beta, epsilon and Poisson's ratio as the instrument used them, where each new one comes from)."""
    found, origin = {}, {}
    beta, epsilon = [], []
    for indent in indents:
        reduced, area, contact = (indent.columns.get(name) for name in ("reduced modulus", "area", "contact depth"))
        with np.errstate(divide="ignore", invalid="ignore"):
            if indent.stiffness is not None and reduced is not None and area is not None:
                beta.append(np.sqrt(np.pi) * indent.stiffness / (2.0 * reduced * np.sqrt(area)))
            if indent.stiffness is not None and contact is not None:
                epsilon.append((indent.depth - contact) * indent.stiffness / indent.load)
        cycle = indent.cycles
        if {"reduced modulus", "area", "stiffness", "contact depth", "depth", "load"} <= cycle.keys():
            beta.append(np.sqrt(np.pi) * cycle["stiffness"] / (2.0 * cycle["reduced modulus"] * np.sqrt(cycle["area"])))
    for name, ratios in (("beta", beta), ("epsilon", epsilon)):
        ratios = np.concatenate(ratios) if ratios else np.array([])
        ratios = ratios[np.isfinite(ratios)]
        if ratios.size > 10:
            found[name] = round(float(np.median(ratios)), 3)
            origin[name] = "follows from the instrument's own columns"
    poisson = {indent.poisson for indent in indents if indent.poisson is not None}
    if len(poisson) == 1:
        found["poisson"] = poisson.pop()
        origin["poisson"] = "as the file states it"
    return Constants(**(vars(given) | found)), origin


def conventions_of(indents: list[Indent], given: Conventions) -> tuple[Conventions, bool]:
    """(`given`, changed to what reproduces the instrument's results a cycle best, whether there were any)."""
    windows = [indent.unloading for indent in indents if indent.unloading is not None]
    window = tuple(np.median(windows, axis=0).tolist()) if windows else given.window
    loads, stiffnesses = {name: [] for name in LOAD_AT}, {name: [] for name in STIFFNESS_AT}
    for indent in indents:
        own = indent.cycles
        parts = cycles(indent.time, indent.load, indent.depth)
        if not {"area", "reduced modulus", "hardness"} <= own.keys() or len(parts) != len(own["area"]):
            continue
        load = own["hardness"] * own["area"]  # more digits than the load that is stored
        stiffness = 2.0 * own["reduced modulus"] * np.sqrt(own["area"] / np.pi)
        for i, part in enumerate(parts):
            for name in LOAD_AT:
                loads[name].append(indent.load[part.loaded if name == "end of loading" else part.held] / load[i] - 1.0)
            fit = fit_unloading(indent.depth[part.held : part.end + 1], indent.load[part.held : part.end + 1], indent.unloading or window)
            if fit is not None:
                for name in STIFFNESS_AT:
                    stiffnesses[name].append(fit.at(name) / stiffness[i] - 1.0)
    if not loads[LOAD_AT[0]]:
        return Conventions(given.load_at, given.stiffness_at, window), bool(windows)

    def best(offs):
        return min(offs, key=lambda name: np.nanmedian(np.abs(offs[name])) if offs[name] else np.inf)

    return Conventions(best(loads), best(stiffnesses), window), True
