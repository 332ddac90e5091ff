"""Conductivity: from resistance and geometry with its replicates, under pressure, and over temperature.

    two electrodes     sigma = L/(R S)                                    (Pan et al., Nat. Commun. 15 (2024), Eq. 3)
    four probes        sigma = 1/(R G),  G = pi t / ln[sinh(t/s)/sinh(t/2s)] x disc,  probes in line, s apart, on a pellet of
                       thickness t; disc = ln 2/(ln 2 + ln[((d/s)^2 + 3)/((d/s)^2 - 3)]) for a pellet of diameter d probed
                       at its centre (Smits, Bell Syst. Tech. J. 37 (1958) 711; Albers and Berkowitz, J. Electrochem. Soc.
                       132 (1985) 2453). A thin wide sheet has G = pi t/ln 2 = 4.532 t.
"""

from dataclasses import dataclass, field

import numpy as np

from .analysis import Analysis, LabError, Value
from .thermal import BOLTZMANN, COARSE, FEWEST, FOLLOWING, LEVEL, LONG, WIDE, fit_arrhenius, fit_vtf

SLIP = 0.05  # a row whose mass per area differs by this share from the median is told
SAME = 0.05  # K within which temperatures are one
ROOM = 298.15  # K
ARRHENIUS_POWERS = {"sigma": 0.0, "sigma T": 1.0}


@dataclass(frozen=True)
class Measurements:
    """Rows (n,) of conductivities: conductivity S/cm; temperature K, pressure MPa, thickness mm, density g/cm^3 (nan where not
    known); `series`: which sample or material a row belongs to; `relative`: standard uncertainty of each conductivity from its
    own measurement, a share of it (nan where not known); `details`: a table of the reader's; its `choices` and `notes`."""

    conductivity: np.ndarray
    temperature: np.ndarray
    pressure: np.ndarray
    thickness: np.ndarray
    density: np.ndarray
    series: np.ndarray
    relative: np.ndarray
    choices: dict = field(default_factory=dict)
    notes: list = field(default_factory=list)
    details: dict = field(default_factory=dict)


def from_geometry(resistance, thickness, area):
    """S/cm from ohm, cm, cm^2."""
    return thickness / (resistance * area)


def four_probe(resistance, thickness, spacing, diameter=np.inf):
    """S/cm of a pellet from R = V/I ohm of four probes in line, thickness, probe spacing and diameter in cm.

    Raises LabError where the pellet has no room for the probes.
    """
    if np.any(np.asarray(diameter) <= 3 * spacing):
        raise LabError("four probes in line need a pellet wider than three times their spacing")
    thick = thickness / spacing
    # sinh overflows for thick pellets; the logarithm of the ratio does not.
    ratio = thick / 2 + np.log1p(-np.exp(-2 * thick)) - np.log1p(-np.exp(-thick))
    narrow = 3 * (spacing / np.asarray(diameter, float)) ** 2
    disc = np.log(2) / (np.log(2) + np.log1p(narrow) - np.log1p(-narrow))
    return 1 / (resistance * np.pi * thickness / ratio * disc)


def together(parts: list[Measurements]) -> Measurements:
    """Several tables as one; series that have the same name become one."""
    arrays = [np.concatenate([getattr(part, name) for part in parts]) for name in ("conductivity", "temperature", "pressure", "thickness", "density", "series", "relative")]
    return Measurements(*arrays, parts[0].choices, list(dict.fromkeys(note for part in parts for note in part.notes)))


def analyse(rows: Measurements, arrhenius: str = "sigma", vtf_power: float = 0.5, theoretical_density: float | None = None) -> Analysis:
    """What the rows allow: replicate statistics, dependence on pressure, Arrhenius and VTF fits, series by series.

    arrhenius: "sigma" or "sigma T", what follows Arrhenius; vtf_power: m of VTF's T^-m. Raises LabError.
    """
    if arrhenius not in ARRHENIUS_POWERS:
        raise LabError(f"arrhenius: got {arrhenius!r}, expected one of {', '.join(ARRHENIUS_POWERS)}")
    if np.any(rows.conductivity <= 0):
        raise LabError(f"{np.count_nonzero(rows.conductivity <= 0)} conductivities are not above 0; if they are logarithms say so with --log")
    names = list(dict.fromkeys(rows.series.tolist()))
    parts = {name: np.flatnonzero(rows.series == name) for name in names}
    varied = {name: _temperatures(rows.temperature[where]) for name, where in parts.items()}
    analysis = Analysis("conductivity", choices=dict(rows.choices), notes=list(rows.notes))
    fits = {name: _fit(rows, where, ARRHENIUS_POWERS[arrhenius], vtf_power) for name, where in parts.items() if varied[name] >= 2}
    pressed = {name: where for name, where in parts.items() if len(np.unique(rows.pressure[where][np.isfinite(rows.pressure[where])])) > 1}
    if fits:
        _thermal(analysis, fits, len(names), arrhenius, vtf_power)
    if pressed:
        _pressed(analysis, rows, pressed, theoretical_density)
    _replicated(analysis, rows, parts, alone=not fits and not pressed)
    if rows.details:
        analysis.tables = {"measurements": rows.details} | analysis.tables
    if lone := len(names) - len(fits) - len(pressed):
        if fits or pressed:
            analysis.notes.append(f"{lone} of {len(names)} series have one temperature only and can't be fitted")
    analysis.curves = {"rows": rows, "fits": fits, "pressed": pressed, "parts": parts}
    return analysis


def _temperatures(values):
    values = np.sort(values[np.isfinite(values)])
    return 1 + int(np.count_nonzero(np.diff(values) > SAME)) if len(values) else 0


# --- replicates ------------------------------------------------------------------------------------


def mean_interval(values):
    """(mean, standard deviation, standard error, low, high) of replicates, the ends at 95 % by Student; nan for one."""
    from scipy.stats import t as student

    values = np.asarray(values, float)
    n, mean = len(values), float(np.mean(values))
    if n < 2:
        return mean, np.nan, np.nan, np.nan, np.nan
    deviation = float(np.std(values, ddof=1))
    error = deviation / np.sqrt(n)
    reach = float(student.ppf(0.5 + LEVEL / 2, n - 1)) * error
    return mean, deviation, error, mean - reach, mean + reach


def _replicated(analysis, rows, parts, alone):
    """A row for each set of like measurements, where there are replicates or nothing else to say."""
    groups = {}
    for name, where in parts.items():
        for i in where:
            key = name, *(float(np.round(value[i], digits)) if np.isfinite(value[i]) else None for value, digits in ((rows.temperature, 1), (rows.pressure, 4)))
            groups.setdefault(key, []).append(i)
    if not alone and all(len(found) == 1 for found in groups.values()):
        return
    made = [(*key, len(found), *mean_interval(rows.conductivity[found])) for key, found in groups.items()]
    made = [row if row[3] > 1 else (*row[:6], row[4] * float(rows.relative[groups[row[:3]][0]]), *row[7:]) for row in made]
    heads = ("series", "temperature [K]", "pressure [MPa]", "n", "conductivity [S/cm]", "standard deviation [S/cm]", "standard error [S/cm]", "low [S/cm]", "high [S/cm]")
    analysis.tables["replicates"] = dict(zip(heads, map(list, zip(*made))))
    analysis.choices["replicates"] = f"mean, standard deviation, and {100 * LEVEL:g} % interval of the mean by Student's t; of a single one the uncertainty of its own measurement"
    if alone and len(groups) == 1:
        _, _, _, n, mean, deviation, error, low, high = made[0]
        analysis.values["conductivity"] = Value(mean, "S/cm", _finite(error), (low, high) if n > 1 else None)
        analysis.values["replicates"] = Value(n)
        if n > 1:
            analysis.values["standard deviation"] = Value(deviation, "S/cm")


# --- temperature -----------------------------------------------------------------------------------


def _fit(rows, where, power, vtf_power):
    """(T, sigma, Arrhenius, Vtf or None) of a series."""
    known = where[np.isfinite(rows.temperature[where])]
    T, sigma = rows.temperature[known], rows.conductivity[known]
    if np.any(T <= 0):
        raise LabError(f"a temperature of {T.min():g} K; state the unit, such as --column \"temperature=T [degC]\"")
    order = np.argsort(T)
    T, sigma = T[order], sigma[order]
    return T, sigma, fit_arrhenius(T, sigma, power), fit_vtf(T, sigma, vtf_power) if _temperatures(T) >= FEWEST else None


def _thermal(analysis, fits, series, arrhenius, vtf_power):
    rows = []
    for number, (name, (T, sigma, line, vtf)) in enumerate(fits.items(), start=1):
        doubt = vtf.doubt if vtf else f"{_temperatures(T)} temperatures, {FEWEST} are needed at least"
        ends = vtf.t0_interval if vtf else (np.nan, np.nan)
        b_ends = tuple(BOLTZMANN * end for end in vtf.b_interval) if vtf else (np.nan, np.nan)
        a_ends = vtf.log_a_interval if vtf else (np.nan, np.nan)
        rows.append((number, name, len(T), float(T[0]), float(T[-1]), line.energy, float(np.sqrt(line.covariance[1, 1])), 100 * line.rms,
                     vtf.energy if vtf else np.nan, *b_ends, vtf.t0 if vtf else np.nan, *ends, vtf.log_a if vtf else np.nan, *a_ends,
                     100 * vtf.rms if vtf else np.nan, "no" if doubt else "yes", doubt))  # fmt: skip
    heads = ("number", "series", "n", "lowest T [K]", "highest T [K]", "Arrhenius Ea [eV]", "u(Ea) [eV]", "Arrhenius r.m.s. [%]",
             "VTF Ea [eV]", "VTF Ea low [eV]", "VTF Ea high [eV]", "T0 [K]", "T0 low [K]", "T0 high [K]", "ln A", "ln A low", "ln A high",
             "VTF r.m.s. [%]", "T0 identified", "reason")  # fmt: skip
    analysis.tables["series"] = dict(zip(heads, map(list, zip(*rows))))
    analysis.choices |= {
        "Arrhenius": {"sigma": "sigma = A exp(-Ea/kT)", "sigma T": "sigma T = A exp(-Ea/kT)"}[arrhenius],
        "VTF": f"sigma = A T^-{vtf_power:g} exp(-Ea/k(T - T0)), A in S/cm K^{vtf_power:g}, T0 from 0 K to the lowest temperature",
        "fits": "least squares of ln sigma, all points alike",
        "intervals of VTF": f"profile likelihood at {100 * LEVEL:g} %, F(1, n - 3)",
        "T0 identified": f"{FEWEST} temperatures at least, the interval excludes 0 K and the lowest temperature, and is no wider than {WIDE:g} K; residuals above {100 * COARSE:g} % r.m.s. of {LONG} points and more correlate by less than {FOLLOWING:g}",
        "Boltzmann constant [eV/K]": BOLTZMANN,
    }
    if series == 1:
        _single(analysis, *next(iter(fits.values())), vtf_power)
    else:
        told = sum(row[-2] == "yes" for row in rows)
        analysis.values["series fitted"] = Value(len(rows))
        analysis.values["series with T0 identified"] = Value(told)
        if told < len(rows):
            analysis.notes.append(f"T0 of VTF can't be told from {len(rows) - told} of {len(rows)} series: their A, Ea and T0 are no material's; the column reason says why")


def _single(analysis, T, sigma, line, vtf, vtf_power):
    """The values of one series."""
    analysis.values["activation energy (Arrhenius)"] = Value(line.energy, "eV", _finite(np.sqrt(line.covariance[1, 1])))
    analysis.values["ln A (Arrhenius)"] = Value(line.log_a, "", _finite(np.sqrt(line.covariance[0, 0])))
    if vtf is None:
        analysis.notes.append(f"VTF needs {FEWEST} temperatures at least, there are {_temperatures(T)}")
        return
    spread = np.sqrt(np.diag(vtf.covariance))
    analysis.values["Ea (VTF)"] = Value(vtf.energy, "eV", _finite(BOLTZMANN * spread[1]), tuple(BOLTZMANN * end for end in vtf.b_interval), LEVEL)
    analysis.values["T0 (VTF)"] = Value(vtf.t0, "K", _finite(spread[2]), vtf.t0_interval, LEVEL)
    analysis.values["ln A (VTF)"] = Value(vtf.log_a, "", _finite(spread[0]), vtf.log_a_interval, LEVEL)
    if T[0] <= ROOM <= T[-1]:
        analysis.values["conductivity at 25 degC (VTF)"] = Value(float(vtf.sigma(ROOM)), "S/cm")
    n = len(T)
    scores = [n * np.log(max(found.squares, 1e-300) / n) + 2 * k * n / max(n - k - 1, 1) for found, k in ((line, 3), (vtf, 4))]
    analysis.values["AICc, Arrhenius less VTF"] = Value(float(scores[0] - scores[1]))
    scale = np.array([1.0, BOLTZMANN, 1.0])
    names = ("ln A", "Ea [eV]", "T0 [K]")
    analysis.tables["covariance of VTF"] = {"": list(names)} | {name: (vtf.covariance * np.outer(scale, scale))[:, i] for i, name in enumerate(names)}
    if vtf.doubt:
        analysis.notes.append(f"T0 of VTF is not identified: {vtf.doubt}; Arrhenius, or a wider range of temperature, says more")


def _finite(value):
    return float(value) if np.isfinite(value) else None


# --- pressure --------------------------------------------------------------------------------------


def _pressed(analysis, rows, parts, theoretical):
    """Conductivity and density against pressure: exponents of power laws, and rows in which mass per area is not kept."""
    table = {"series": [], "pressure [MPa]": [], "thickness [mm]": [], "density [g/cm^3]": [], "porosity [%]": [], "mass per area [mg/cm^2]": [], "conductivity [S/cm]": []}
    slopes = []
    for name, where in parts.items():
        where = where[np.argsort(rows.pressure[where], kind="stable")]
        p, L, rho, sigma = (values[where] for values in (rows.pressure, rows.thickness, rows.density, rows.conductivity))
        area = 100 * rho * L  # g/cm^3 mm -> mg/cm^2
        porosity = 100 * (1 - rho / theoretical) if theoretical else np.full(len(p), np.nan)
        for column, cells in zip(table.values(), ([name] * len(p), p, L, rho, porosity, area, sigma)):
            column.extend(cells.tolist() if hasattr(cells, "tolist") else cells)
        slopes.append((name, len(p), *_slope(p, sigma), *_slope(p, rho), *_slope(rho, sigma)))
        middle = np.nanmedian(area) if np.isfinite(area).any() else np.nan
        for i in np.flatnonzero(np.abs(area / middle - 1) > SLIP):
            analysis.notes.append(f"{name}, {p[i]:g} MPa: thickness {L[i]:g} mm and density {rho[i]:g} g/cm^3 make {area[i]:.0f} mg/cm^2, the other rows {middle:.0f}: "
                                  f"the mass does not change, so one is wrong; {middle / rho[i] / 100:.2f} mm or {middle / L[i] / 100:.2f} g/cm^3 would fit")  # fmt: skip
    if not rows.thickness.size or not np.isfinite(rows.thickness).any():
        table.pop("thickness [mm]"), table.pop("mass per area [mg/cm^2]")
    if not theoretical:
        table.pop("porosity [%]")
    heads = ("series", "n", "d ln sigma/d ln p", "u", "d ln density/d ln p", "u ", "d ln sigma/d ln density", "u  ")
    analysis.tables = {"under pressure": table, "power laws": dict(zip(heads, map(list, zip(*slopes))))} | analysis.tables
    if len(parts) == 1:
        _, _, m, u, k, v, s, w = slopes[0]
        analysis.values |= {name: Value(value, "", _finite(error)) for name, value, error in (("exponent of conductivity in pressure", m, u), ("exponent of density in pressure", k, v), ("exponent of conductivity in density", s, w)) if np.isfinite(value)}
    analysis.choices["power laws"] = "straight lines through ln sigma, ln density and ln p, all points alike"
    analysis.choices["mass per area"] = f"density x thickness; rows more than {100 * SLIP:g} % from the median are told"
    if theoretical:
        analysis.choices["theoretical density [g/cm^3]"] = theoretical


def _slope(x, y):
    """(slope, standard uncertainty) of ln y over ln x; nan where it can't be told."""
    kept = np.isfinite(x) & np.isfinite(y) & (x > 0) & (y > 0)
    if kept.sum() < 3 or np.ptp(np.log(x[kept])) == 0:
        return np.nan, np.nan
    u, v = np.log(x[kept]), np.log(y[kept])
    du, dv = u - u.mean(), v - v.mean()
    slope = float(du @ dv / (du @ du))
    return slope, float(np.sqrt(((dv - slope * du) ** 2).sum() / (len(u) - 2) / (du @ du)))
