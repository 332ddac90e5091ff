"""Any table of frequency and impedance: CSV of one's own, CH Instruments, Autolab, with or without a header."""

from dataclasses import replace

import numpy as np

from ..table import Table, needed, pick
from .spectrum import Spectrum, make

FORMAT = "table"
FREQUENCY = (r"f|freq\.?|frequency", r"freq.*")
REAL = (r"z'|zre(al)?|z real|re ?\(?z\)?|real", r"z'.*|zre.*|real.*|re.*")
IMAGINARY = (r"z''|z\"|zim(ag)?|z imag(inary)?|im ?\(?z\)?|imag(inary)?", r"z''.*|zim.*|imag.*|im.*")
MINUS = (r"[-−] ?(z''|z\"|zim(ag)?|z imag|im ?\(?z\)?|imag)", r"[-−] ?(z''|z\"|zim|im).*")
MODULUS = (r"\|z\||z|zmod|modulus|z mod",)
PHASE = (r"phase|zphz|theta|phi|phase ?\(?z\)?", r"phase.*")
MINUS_PHASE = (r"[-−] ?(phase|theta|phi).*",)


def is_spectrum(table: Table, columns=None) -> bool:
    """Whether a table has a column of frequency, or no header and three columns."""
    if all(name == str(i + 1) for i, name in enumerate(table.names)):
        return len(table.names) == 3 and not columns
    return pick(table, "frequency", None, FREQUENCY, columns) is not None


def read(table: Table, columns=None) -> list[Spectrum]:
    """The spectrum in a table. Without a header the columns are frequency, Z' and Z''. Raises LabError."""
    notes = []
    if all(name == str(i + 1) for i, name in enumerate(table.names)) and len(table.names) >= 3 and not columns:
        frequency, real, imaginary = (np.asarray(table.columns[i], float) for i in range(3))
        notes.append("the file has no header: its columns are taken for frequency [Hz], Z' and Z'' [ohm]")
        if np.mean(imaginary > 0) > 0.5:
            imaginary = -imaginary
            notes.append("most of the third column is positive: it is taken for -Z''")
        return [make(table.path, "sweep", FORMAT, frequency, real + 1j * imaginary, notes)]
    hertz, ohms, degrees = (_with(table, unit) for unit in ("Hz", "ohm", "deg"))
    frequency = pick(hertz, "frequency", "Hz", FREQUENCY, columns)
    if frequency is None:
        raise needed(table, "frequency")
    real, imaginary = pick(ohms, "real", "ohm", REAL, columns), pick(ohms, "imaginary", "ohm", IMAGINARY, columns)
    if imaginary is None:
        minus = pick(ohms, "minus imaginary", "ohm", MINUS, columns)
        imaginary = None if minus is None else -minus
    if real is not None and imaginary is not None:
        return [make(table.path, "sweep", FORMAT, frequency, real + 1j * imaginary)]
    modulus, phase = pick(ohms, "modulus", "ohm", MODULUS, columns), pick(degrees, "phase", "deg", PHASE, columns)
    if phase is None:
        minus = pick(degrees, "minus phase", "deg", MINUS_PHASE, columns)
        phase = None if minus is None else -minus
    if modulus is None or phase is None:
        raise needed(table, "real" if real is None else "imaginary")
    return [make(table.path, "sweep", FORMAT, frequency, modulus * np.exp(1j * np.radians(phase)))]


def _with(table, unit):
    """The table with `unit` where the header has none: those of spectra are hardly ever others."""
    return replace(table, units=[written or unit for written in table.units])
