"""Hardness and modulus after Oliver and Pharr (Xiong et al. 2024, Eqs 1-3).

    contact depth  h_c = h - epsilon P/S            hardness        H = P/A(h_c)
    area           A = sum of C_i h_c^(2/2^i)       reduced modulus E_r = sqrt(pi) S/(2 beta sqrt(A))
    modulus        1/E_r = (1 - nu^2)/E + (1 - nu_i^2)/E_i
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares

NM = 1000.0  # in a um

TERMS = 9  # of the area function at most: C0..C8


@dataclass(frozen=True)
class Tip:
    """Area function of a tip: `coefficients` C0..C8 as everybody writes them, for depth and area in nm and nm^2."""

    coefficients: tuple[float, ...] = (24.5,)

    def area(self, contact_depth):
        """Projected area of contact [um^2] at `contact_depth` [um], any shape; nan where the depth is not positive."""
        depth = np.where(np.asarray(contact_depth) > 0.0, contact_depth, np.nan) * NM
        return powers(depth, len(self.coefficients)) @ np.array(self.coefficients) / NM**2

    def slope(self, contact_depth):
        """dA/dh_c [um] at `contact_depth` [um]; nan where the depth is not positive."""
        depth = np.where(np.asarray(contact_depth) > 0.0, contact_depth, np.nan) * NM
        n = len(self.coefficients)
        exponents = 2.0 / 2.0 ** np.arange(n)
        return (powers(depth, n) / depth[..., None]) @ (exponents * np.array(self.coefficients)) / NM

    def written(self) -> str:
        """As `--tip` takes it."""
        return ", ".join(f"{c:.7g}" for c in self.coefficients)


def powers(depth, terms: int) -> np.ndarray:
    """The functions that an area function adds up: depth^2, depth, depth^(1/2), ...; shape (..., terms)."""
    return np.stack([np.asarray(depth) ** (2.0 / 2**i) for i in range(terms)], axis=-1)


@dataclass(frozen=True)
class Constants:
    """What goes into hardness and modulus beside the tip; the defaults are those of Xiong et al. 2024 (Methods).

    beta: of the pyramid; epsilon: of the contact depth; poisson: of the sample; indenter_modulus [GPa] and
    indenter_poisson: of diamond.
    """

    beta: float = 1.034
    epsilon: float = 0.75
    poisson: float = 0.25
    indenter_modulus: float = 1141.0
    indenter_poisson: float = 0.07

    def modulus(self, reduced):
        """Young's modulus of the sample [GPa] from the reduced modulus [GPa], any shape."""
        return (1.0 - self.poisson**2) / (1.0 / reduced - (1.0 - self.indenter_poisson**2) / self.indenter_modulus)

    def reduced(self, modulus):
        """Reduced modulus [GPa] from Young's modulus of the sample [GPa], any shape."""
        return 1.0 / ((1.0 - self.poisson**2) / modulus + (1.0 - self.indenter_poisson**2) / self.indenter_modulus)


def evaluate(depth, load, stiffness, tip: Tip, constants: Constants) -> dict[str, np.ndarray]:
    """Contact depth [um], area [um^2], hardness, reduced modulus and modulus [GPa] from arrays of one shape.

    depth [um], load [mN], contact stiffness [mN/um]. nan where the contact depth is not positive.
    """
    depth, load, stiffness = (np.asarray(values, float) for values in (depth, load, stiffness))
    usable = (depth > 0.0) & (load > 0.0) & (stiffness > 0.0)
    stiffness = np.where(usable, stiffness, np.nan)
    contact_depth = depth - constants.epsilon * load / stiffness
    area = tip.area(contact_depth)
    area = np.where(area > 0.0, area, np.nan)
    reduced = np.sqrt(np.pi) * stiffness / (2.0 * constants.beta * np.sqrt(area))
    return {
        "contact depth": np.where(np.isfinite(area), contact_depth, np.nan), "area": area, "hardness": load / area,
        "reduced modulus": reduced, "modulus": constants.modulus(reduced),
    }  # fmt: skip


def contact_depth(depth, load, reduced: float, tip: Tip, constants: Constants) -> np.ndarray:
    """Contact depth [um] where the stiffness was not measured but the reduced modulus [GPa] is known.

    Solves h_c = h - epsilon P/S with S = 2 beta E_r sqrt(A(h_c)/pi), point by point; nan where there is no solution.
    """
    depth, load = np.asarray(depth, float), np.asarray(load, float)
    usable = (depth > 0.0) & (load > 0.0)
    depth, load = np.where(usable, depth, np.nan), np.where(usable, load, np.nan)
    sink = constants.epsilon * load * np.sqrt(np.pi) / (2.0 * constants.beta * reduced)  # times 1/sqrt(A)
    found = depth - sink / np.sqrt(tip.area(depth))
    for _ in range(50):  # Newton from above the root, where the function is concave: it never overshoots below it
        area = tip.area(found)
        step = (found + sink / np.sqrt(area) - depth) / (1.0 - 0.5 * sink * tip.slope(found) / area**1.5)
        found = found - step
        if not np.nanmax(np.abs(step), initial=0.0) > 1e-10:
            break
    wrong = ~(np.abs(found + sink / np.sqrt(tip.area(found)) - depth) < 1e-6)
    return np.where(wrong, np.nan, found)


@dataclass(frozen=True)
class Unloading:
    """The power law P = P0 (1 + S (h - h0)/(k P0))^k fitted to an unloading.

    stiffness: S [mN/um] at its first point, at the depth h0 [um] and the load P0 [mN] (of the fit); error: the
    standard error of S; exponent: k; scatter: of the load about the fit, relative to that of the first point;
    points: number of points fitted; top: depth [um] of the first of them.
    """

    stiffness: float
    error: float
    exponent: float
    scatter: float
    points: int
    load: float
    depth: float
    top: float

    def at(self, where: str) -> float:
        """Stiffness [mN/um] at the "start of unloading" or at the "top of the fit"."""
        if where == "start of unloading":
            return self.stiffness
        return self.stiffness * (float(self.curve(self.top)) / self.load) ** (1.0 - 1.0 / self.exponent)

    def curve(self, depth):
        """Load [mN] at `depth` [um] on the fitted curve."""
        inner = 1.0 + self.stiffness * (np.asarray(depth) - self.depth) / (self.exponent * self.load)
        return self.load * np.maximum(inner, 0.0) ** self.exponent


def fit_unloading(depth, load, window=(0.95, 0.5)) -> Unloading | None:
    """The power law of Oliver and Pharr through an unloading that begins at the first point.

    depth [um] and load [mN], shape (n,); fitted where the load is within `window` of that at the first point.
    S is a parameter of the fit itself, at the depth of the first point. None with fewer than five points there.
    """
    h0, P0 = depth[0], load[0]
    falling = np.flatnonzero(load < min(window) * P0)
    stop = falling[0] if falling.size else len(load)
    inside = np.flatnonzero(load[:stop] <= max(window) * P0 * (1.0 + 1e-9))
    if inside.size < 5:
        return None
    h, P = (depth[inside] - h0), load[inside] / P0
    slope, offset = np.polyfit(h, P, 1)
    if not slope > 0.0:
        return None

    def residual(q):
        top, stiffness, exponent = q
        return top * np.maximum(1.0 + stiffness * h / (exponent * top), 1e-9) ** exponent - P

    steep = 1.3 * slope
    fit = least_squares(
        residual, [max(offset, 0.9), steep, 1.4], bounds=([0.5, 0.05 * slope, 1.0], [1.5, 20.0 * slope, 6.0]), x_scale=[1.0, slope, 1.0]
    )
    top, stiffness, exponent = fit.x
    freedom = max(inside.size - 3, 1)
    scatter = np.sqrt(2.0 * fit.cost / freedom)
    try:
        error = scatter * np.sqrt(np.linalg.inv(fit.jac.T @ fit.jac)[1, 1])
    except np.linalg.LinAlgError:
        error = np.nan
    return Unloading(stiffness * P0, error * P0, exponent, scatter, int(inside.size), top * P0, h0, depth[inside[0]])
