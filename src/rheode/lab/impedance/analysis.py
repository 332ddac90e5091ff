"""Spectra judged by Kramers and Kronig and fitted with an equivalent circuit."""

import numpy as np

from ..analysis import Analysis, LabError, Value
from . import kramers_kronig
from .circuit import Circuit
from .fit import ALIKE, APART, LOOSE, STARTS, WEIGHTS, fit
from .spectrum import Spectrum

INDUCTIVE = 0.02  # an imaginary part above this share of |Z| is no noise about 0


def analyse(spectra: list[Spectrum], circuit: Circuit | None = None, weight: str = "modulus", starts: int = STARTS, seed: int = 1, minimum: int = 1) -> Analysis:
    """Kramers-Kronig residuals of spectra and, with a circuit, its parameters.

    minimum: which of the minima is reported as the answer, 1 the best. Raises LabError.
    """
    if weight not in WEIGHTS:
        raise LabError(f"weight: got {weight!r}, expected one of {', '.join(WEIGHTS)}")
    if circuit is not None:
        for spectrum in spectra:
            if 2 * len(spectrum) <= len(circuit.names):
                raise LabError(f"{spectrum.path}: {len(spectrum)} points can't carry the {len(circuit.names)} parameters of {circuit.text}")
    labels = _labels(spectra)
    checks = [kramers_kronig.test(spectrum.frequency, spectrum.impedance) for spectrum in spectra]
    fits = [fit(spectrum, circuit, weight, starts, seed) for spectrum in spectra] if circuit is not None else []
    chosen = [found[min(minimum, len(found)) - 1] for found in fits]

    values, notes, tables = {}, [], {}
    if len(spectra) == 1:
        values["Kramers-Kronig residual, r.m.s."] = Value(100 * checks[0].rms, "%")
        for best in chosen:
            values["misfit, r.m.s."] = Value(100 * best.misfit, "%")
            values |= {name: Value(float(value), unit, _finite(u)) for name, unit, value, u in zip(circuit.names, circuit.units, best.values, best.uncertainties)}
    if circuit is not None:
        tables["parameters"] = _parameters(labels, circuit, chosen)
        tables["minima"] = _minima(labels, circuit, fits)
        if len(spectra) == 1:
            tables["correlations"] = {"parameter": list(circuit.names)} | {name: chosen[0].correlations[:, i] for i, name in enumerate(circuit.names)}
    tables["Kramers-Kronig test"] = {
        "spectrum": labels,
        "points": [len(spectrum) for spectrum in spectra],
        "lowest [Hz]": [float(spectrum.frequency[-1]) for spectrum in spectra],
        "highest [Hz]": [float(spectrum.frequency[0]) for spectrum in spectra],
        "RC elements": [check.elements for check in checks],
        "mu": [check.mu for check in checks],
        "residual, r.m.s. [%]": [100 * check.rms for check in checks],
        "largest [%]": [100 * check.largest for check in checks],
        "correlation": [check.correlation for check in checks],
        "verdict": [check.verdict for check in checks],
    }
    for label, spectrum, check in zip(labels, spectra, checks):
        notes += [f"{label}: {note}" for note in spectrum.notes]
        if not check.passed:
            notes.append(f"{label}: Kramers-Kronig violated by {100 * check.rms:.2g} % r.m.s. ({_worst(spectrum, check)}): the cell drifted, was not linear, or the wiring shows; a circuit can't mend that")
    for label, spectrum, found, best in zip(labels, spectra, fits, chosen):
        inductive = int(np.count_nonzero(spectrum.impedance.imag > INDUCTIVE * np.abs(spectrum.impedance)))
        if inductive and "L" not in circuit.quantities:
            notes.append(f"{label}: {inductive} points have a positive imaginary part, and {circuit.text} no inductance: add L1- to the circuit, or leave them out with --capacitive")
        notes += [f"{label}: {said}" for said in _doubts(circuit, found, best, minimum)]
    choices = {"format of the file": ", ".join(dict.fromkeys(spectrum.format for spectrum in spectra)),
               "Kramers-Kronig test": f"linear: R, L, C and at least {kramers_kronig.FEWEST} RC elements in series, as many as Akaike's criterion prefers, weighted by 1/|Z|; passed up to {100 * kramers_kronig.TOLERATED:g} % r.m.s., or where neighbouring residuals correlate by less than {kramers_kronig.FOLLOWING:g}"}  # fmt: skip
    if circuit is not None:
        choices |= {
            "circuit": circuit.text,
            "weights": {"modulus": "residuals divided by |Z|", "unit": "residuals as they are"}[weight],
            "starts": starts,
            "seed": seed,
            "minimum reported": minimum,
            "uncertainties": "standard, from the covariance scaled by the misfit",
            "fits alike": f"r.m.s. misfit within a factor {ALIKE:g}, a parameter apart by more than {APART:g} and 3 u",
            "like parts": "numbered from fast to slow",
        }
    curves = {"spectra": spectra, "labels": labels, "checks": checks, "circuit": circuit, "chosen": chosen}
    return Analysis("eis", values, tables, choices, notes, curves=curves)


def _labels(spectra):
    """A short name of each spectrum: the file's, and the sweep's where a file has several."""
    from pathlib import Path

    names = [Path(spectrum.path).name for spectrum in spectra]
    return [name if names.count(name) == 1 else f"{name}, {spectrum.name}" for name, spectrum in zip(names, spectra)]


def _finite(value):
    return float(value) if np.isfinite(value) else None


def _parameters(labels, circuit, chosen):
    rows = [(label, name, float(value), float(u), unit, 100 * float(u / value)) for label, best in zip(labels, chosen)
            for name, unit, value, u in zip(circuit.names, circuit.units, best.values, best.uncertainties)]  # fmt: skip
    return dict(zip(("spectrum", "parameter", "value", "uncertainty", "unit", "relative uncertainty [%]"), map(list, zip(*rows))))


def _minima(labels, circuit, fits):
    rows = [(label, rank + 1, found.starts, 100 * found.misfit, *map(float, found.values)) for label, minima in zip(labels, fits) for rank, found in enumerate(minima)]
    heads = ("spectrum", "minimum", "starts", "misfit [%]", *(f"{name} [{unit}]" for name, unit in zip(circuit.names, circuit.units)))
    return dict(zip(heads, map(list, zip(*rows))))


def _doubts(circuit, found, best, minimum):
    """What a reader must know of a fit."""
    if minimum > len(found):
        yield f"only {len(found)} minima were found; minimum {len(found)} is reported"
    for rank, other in enumerate(found, start=1):
        if other is not best and other.squares <= ALIKE**2 * best.squares and other.told_from(best):
            parts = ", ".join(f"{name} {value:.3g}" for name, value in zip(circuit.names, other.values))
            yield f"another minimum (no. {rank}) fits alike, {100 * other.misfit:.3g} % against {100 * best.misfit:.3g} %: {parts}; the spectrum alone does not decide, --minimum {rank} reports it"
    loose = [name for name, value, u in zip(circuit.names, best.values, best.uncertainties) if not u / value < LOOSE]
    if loose:
        yield f"not determined by this spectrum: {', '.join(loose)}"


def _worst(spectrum, check):
    away = np.maximum(np.abs(check.residuals.real), np.abs(check.residuals.imag))
    worst = int(np.argmax(away))
    return f"largest {100 * away[worst]:.2g} % at {spectrum.frequency[worst]:.3g} Hz"
