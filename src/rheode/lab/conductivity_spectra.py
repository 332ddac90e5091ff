"""Conductivities from impedance spectra: the bulk resistance of a cell with blocking electrodes, and its geometry."""

import numpy as np

from .analysis import LabError
from .conductivity import Measurements, from_geometry
from .impedance import Spectrum, kramers_kronig
from .impedance.circuit import parse
from .impedance.fit import LOOSE, fit

# With R1 the bulk: its arc in view or above the highest frequency, with and without the cables' inductance.
CIRCUITS = ("R1-CPE1", "L1-R1-CPE1", "p(R1,CPE1)-CPE2", "L1-p(R1,CPE1)-CPE2")
STARTS = 10


def measure(spectra: list[Spectrum], thickness: float, area: float, relative: float = 0.0, temperatures=None, circuit: str | None = None, element: str = "R1", weight: str = "modulus") -> Measurements:
    """thickness [cm], area [cm^2], relative: standard uncertainty of their ratio, a share; temperatures (n,) K or None.

    circuit: by default of CIRCUITS the one that Akaike's criterion prefers, for each spectrum; `element` of it is the
    bulk resistance. Raises LabError.
    """
    circuits = [parse(text) for text in ([circuit] if circuit else CIRCUITS)]
    for each in circuits:
        if element not in each.names:
            raise LabError(f"--element: got {element!r}, expected a parameter of {each.text}: {', '.join(each.names)}")
    names = ("file", "circuit", "resistance [ohm]", "u(resistance) [ohm]", "misfit [%]", "Kramers-Kronig r.m.s. [%]", "conductivity [S/cm]", "u(conductivity) [S/cm]")
    rows, notes = [], []
    for spectrum in spectra:
        best, minimum = min(((each, fit(spectrum, each, weight, STARTS)[0]) for each in circuits), key=lambda pair: _score(spectrum, *pair))
        place = best.names.index(element)
        R, u = float(minimum.values[place]), float(minimum.uncertainties[place])
        check = kramers_kronig.test(spectrum.frequency, spectrum.impedance)
        sigma = from_geometry(R, thickness, area)
        rows.append((spectrum.path, best.text, R, u, 100 * minimum.misfit, 100 * check.rms, sigma, sigma * float(np.hypot(u / R, relative))))
        if not u / R < LOOSE:
            notes.append(f"{spectrum.path}: {element} of {best.text} is not determined by the spectrum")
        if not check.passed:
            notes.append(f"{spectrum.path}: Kramers-Kronig violated by {100 * check.rms:.2g} % r.m.s.")
    table = dict(zip(names, map(list, zip(*rows))))
    sigma, u = np.array(table["conductivity [S/cm]"]), np.array(table["u(conductivity) [S/cm]"])
    n = len(sigma)
    choices = {"conductivity": f"thickness/({element} x area)", "thickness [cm]": thickness, "area [cm^2]": area, "relative uncertainty of thickness/area": relative,
               "circuit": circuit or f"of {', '.join(CIRCUITS)} the one that Akaike's criterion prefers", "starts": STARTS, "weights": weight}  # fmt: skip
    nan = np.full(n, np.nan)
    temperature = nan if temperatures is None else np.asarray(temperatures, float)
    return Measurements(sigma, temperature, nan, np.full(n, 10 * thickness), nan, np.full(n, "spectra"), u / sigma, choices, notes, table)


def _score(spectrum, circuit, minimum):
    """Akaike's criterion with its correction for few points."""
    n, k = 2 * len(spectrum), len(circuit.names) + 1
    return n * np.log(minimum.squares / n + 1e-24) + 2 * k * n / max(n - k - 1, 1)
