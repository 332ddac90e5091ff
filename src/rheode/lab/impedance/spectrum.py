"""What every reader of impedance files returns."""

from dataclasses import dataclass

import numpy as np

from ..analysis import LabError

FEWEST = 5  # points of a spectrum


@dataclass(frozen=True)
class Spectrum:
    """One sweep: frequency (n,) Hz, falling; impedance (n,) ohm, complex, capacitive where the imaginary part is negative."""

    path: str
    name: str
    format: str
    frequency: np.ndarray
    impedance: np.ndarray
    notes: tuple[str, ...] = ()

    def __len__(self):
        return len(self.frequency)

    @property
    def omega(self):
        return 2 * np.pi * self.frequency

    def between(self, low=None, high=None, capacitive=False):
        """The part from the frequency `low` to `high` [Hz]; capacitive: without points whose imaginary part is positive.
        Raises LabError where fewer than five points remain."""
        kept = (self.frequency >= (low or 0)) & (self.frequency <= (high or np.inf)) & ~(capacitive & (self.impedance.imag > 0))
        return make(self.path, self.name, self.format, self.frequency[kept], self.impedance[kept], self.notes)


def make(path, name, format, frequency, impedance, notes=()) -> Spectrum:
    """A Spectrum of the points that are whole, by falling frequency. Raises LabError where fewer than five are."""
    frequency, impedance = np.asarray(frequency, float), np.asarray(impedance, complex)
    whole = np.isfinite(frequency) & np.isfinite(impedance) & (frequency > 0) & (impedance != 0)
    if whole.sum() < FEWEST:
        raise LabError(f"{path}: {whole.sum()} points of frequency and impedance, {FEWEST} are needed at least")
    frequency, impedance = frequency[whole], impedance[whole]
    order = np.argsort(-frequency, kind="stable")
    return Spectrum(str(path), name, format, frequency[order], impedance[order], tuple(notes))
