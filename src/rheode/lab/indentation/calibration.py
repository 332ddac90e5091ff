"""Tip and frame from indents in a material of known modulus (fused silica): the way back through Oliver and Pharr.

The measured compliance is that of contact and frame, 1/S = c/sqrt(P) + C_f, where the tip is sharp compared with the
depth. With C_f taken out, the area follows from the stiffness and the known modulus, A = pi (S/(2 beta E_r))^2, and
the coefficients of the area function from a linear fit of A against the contact depth.
"""

from dataclasses import dataclass

import numpy as np

from ..analysis import Analysis, LabError, Value
from .hardness import evaluated
from .oliver_pharr import NM, TERMS, Constants, Tip, fit_unloading, powers
from .preparing import Prepared
from .segments import cycles

DEEP = 1.0  # um; the frame is fitted to what is deeper, or to the deeper half where nothing is
LOADED = 1.0  # mN; likewise
ABOVE = 1e-3  # mN; the load of the first contact is set to this, so that no load is zero


@dataclass(frozen=True)
class Contacts:
    """Depth [um], load [mN] and stiffness [mN/um] of contacts in one material, arrays of shape (n,).

    `rise`: the load [mN] counted from the first contact of each indent, which an offset of its zero does not touch.
    """

    depth: np.ndarray
    load: np.ndarray
    stiffness: np.ndarray
    rise: np.ndarray

    def where(self, kept):
        return Contacts(self.depth[kept], self.load[kept], self.stiffness[kept], self.rise[kept])

    def without(self, compliance):
        """The same with a `compliance` of the frame [um/mN] taken out."""
        return Contacts(self.depth - compliance * self.load, self.load, 1.0 / (1.0 / self.stiffness - compliance), self.rise)


def contacts(prepared: Prepared) -> Contacts:
    """Every contact of known stiffness: all points of the loadings (CSM), or the start of each unloading."""
    found = []
    for indent in prepared.indents:
        if indent.stiffness is not None:
            part = evaluated(indent)
            depth, load, stiffness = indent.depth[part], indent.load[part], indent.stiffness[part]
            found.append(np.stack([depth, load, stiffness, load - load.min(initial=np.inf) + ABOVE]))
            continue
        for part in cycles(indent.time, indent.load, indent.depth):
            fit = fit_unloading(indent.depth[part.held : part.end + 1], indent.load[part.held : part.end + 1], prepared.conventions.window)
            if fit is not None:
                load = indent.load[part.held]
                found.append(np.array([[indent.depth[part.held]], [load], [fit.stiffness], [load]]))
    made = Contacts(*np.concatenate(found, axis=1)) if found else Contacts(*np.empty((4, 0)))
    return made.where((made.depth > 0.0) & (made.load > 0.0) & (made.stiffness > 0.0))


def frame_compliance(contacts: Contacts, depth: float = DEEP, load: float = LOADED) -> tuple[float, float, np.ndarray]:
    """(compliance of the frame that is still in the data, its standard error [um/mN], which contacts were fitted).

    depth [um] and load [mN]: the fit is to contacts beyond both, or beyond half the largest depth where there are
    fewer than ten. Raises LabError.
    """
    kept = (contacts.depth > depth) & (contacts.rise > load)
    if kept.sum() < 10:
        kept = contacts.depth > 0.5 * contacts.depth.max(initial=0.0)
    if kept.sum() < 4:
        raise LabError("too few contacts of known stiffness to calibrate with; four at least are needed, at different loads")
    x, y = 1.0 / np.sqrt(contacts.rise[kept]), 1.0 / contacts.stiffness[kept]
    if not np.ptp(x) > 1e-3 * x.mean():
        raise LabError("all contacts have one load: the compliance of the frame can't be told from that of the contact; give --frame-compliance and indents at different loads")
    (_, compliance), covariance = np.polyfit(x, y, 1, cov=True)
    return float(compliance), float(np.sqrt(covariance[1, 1])), kept


def tip(contacts: Contacts, reference: float, constants: Constants, terms: int) -> tuple[Tip, np.ndarray, np.ndarray, np.ndarray]:
    """(tip, standard errors of its coefficients, contact depths [um], areas [um^2]) from contacts free of the frame.

    reference: Young's modulus of the material [GPa]; terms: number of coefficients, 1 to 9. A linear least-squares fit
    of the areas, each with the same weight. Raises LabError.
    """
    if not 1 <= terms <= TERMS:
        raise LabError(f"--terms: got {terms}; a whole number from 1 to {TERMS}")
    area = np.pi * (contacts.stiffness / (2.0 * constants.beta * constants.reduced(reference))) ** 2
    depth = contacts.depth - constants.epsilon * contacts.load / contacts.stiffness
    kept = depth > 0.0
    if kept.sum() <= terms:
        raise LabError(f"{int(kept.sum())} contacts are too few for {terms} coefficients of the area function; lower --terms or add indents")
    basis, wanted = powers(depth[kept] * NM, terms), area[kept] * NM**2
    size = np.linalg.norm(basis, axis=0)
    coefficients, _, rank, _ = np.linalg.lstsq(basis / size, wanted, rcond=None)
    off = basis / size @ coefficients - wanted
    covariance = np.linalg.pinv((basis / size).T @ (basis / size)) * (off @ off) / (kept.sum() - terms)
    return Tip(tuple((coefficients / size).tolist())), np.sqrt(np.diag(covariance)) / size, depth[kept], area[kept]


def calibrate(prepared: Prepared, reference: float = 72.0, terms: int = 3, depth: float = DEEP, load: float = LOADED) -> Analysis:
    """Frame compliance and area function from indents in a material of Young's modulus `reference` [GPa].

    terms: coefficients of the area function; depth [um], load [mN]: see `frame_compliance`. Raises LabError.
    """
    if not reference > 0.0:
        raise LabError(f"--reference-modulus: got {reference:g} GPa; a modulus above 0, for fused silica 72 GPa")
    found = contacts(prepared)
    if not found.depth.size:
        raise LabError("no contact of known stiffness to calibrate with; indents need an oscillation (CSM) or an unloading")
    compliance, error, fitted = frame_compliance(found, depth, load)
    free = found.without(compliance)
    free = free.where(np.isfinite(free.stiffness) & (free.stiffness > 0.0))
    made, errors, depths, areas = tip(free, reference, prepared.constants, terms)
    values = {f"C{i}": Value(c, _unit(i), float(e)) for i, (c, e) in enumerate(zip(made.coefficients, errors))}
    values["frame compliance still in the data"] = Value(compliance * 1000.0, "nm/mN", error * 1000.0)
    off = made.area(depths) / areas - 1.0
    table = _by_depth(depths, areas, off)
    choices = prepared.choices | {
        "tip": made.written(), "tip from": "calibrated here", "reference modulus [GPa]": reference, "terms": terms,
        "frame fitted to": f"{int(fitted.sum())} contacts deeper than {found.depth[fitted].min() * NM:.4g} nm, 1/S against 1/sqrt(P), P counted from the first contact",
        "tip fitted to": f"{len(depths)} contacts, least squares of the area, every contact with the same weight",
    }  # fmt: skip
    notes = [
        f"Use it as --tip \"{made.written()}\" --frame-compliance \"{compliance * 1000.0:.6g} nm/mN\" with the same beta ({prepared.constants.beta:g}): tip and beta belong together.",
        *_reliable(table),
    ]
    curves = {"contact depth [nm]": depths * NM, "area [nm^2]": areas * NM**2, "load": found.load, "stiffness": found.stiffness, "fitted": fitted, "compliance": compliance}
    return Analysis("indent", values, {"area by depth": table}, choices, notes, curves=curves | {"tip": made})


def _unit(i):
    power = 2.0 - 2.0 / 2**i
    return "" if i == 0 else "nm" if i == 1 else f"nm^{power:g}"


def _by_depth(depths, areas, off):
    """How the area function misses the measured areas, in steps of depth that double."""
    edges = depths.max() / 2.0 ** np.arange(12, -1, -1)
    rows = []
    for low, high in zip(edges, edges[1:]):
        inside = (depths > low) & (depths <= high)
        if inside.sum() >= 3:
            rows.append((low * NM, high * NM, int(inside.sum()), 100.0 * float(np.median(off[inside])), 100.0 * float(np.std(off[inside]))))
    names = ("contact depth from [nm]", "to [nm]", "contacts", "area off, median [%]", "scatter [%]")
    return dict(zip(names, map(list, zip(*rows)))) if rows else {name: [] for name in names}


def _reliable(table):
    """A note on the depth above which the area function is good."""
    good = None
    for low, off in zip(reversed(table["contact depth from [nm]"]), reversed(table["area off, median [%]"])):
        if abs(off) > 2.0:
            break
        good = low
    if good is None:
        return ["The area function misses the measured areas by more than 2 % even at the largest depths: add --terms."]
    return [f"The area function is within 2 % of the measured areas above a contact depth of {good:.3g} nm; do not evaluate shallower contacts with it."]
