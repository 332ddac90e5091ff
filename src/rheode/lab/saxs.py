"""Domain size from the peak of a small-angle scattering profile: d = 2 pi / q (Pan et al. 2024, Eq. 2)."""

import numpy as np

from .analysis import Analysis, LabError, Value

SHAPES = ("lorentzian", "gaussian")
SEEN = 3.0  # standard uncertainties by which a peak's height must exceed zero


def domain_size(q, intensity, lowest=None, highest=None, choices=None) -> Analysis:
    """The peak of a profile and the domain size: an `Analysis` of kind "saxs".

    q (n,) in 1/nm, intensity (n,) in any unit; lowest, highest: part of q [1/nm] that is fitted, all where None. Peak
    (Lorentzian or Gaussian, by the smaller AIC) on a power law and a constant, fitted to the logarithm of the intensity.
    Raises LabError where no peak stands out.
    """
    q, intensity = np.asarray(q, float), np.asarray(intensity, float)
    here = np.isfinite(q) & np.isfinite(intensity) & (q > 0) & (intensity > 0)
    here &= (q >= (lowest or 0)) & (q <= (highest or np.inf))
    if here.sum() < 12:
        raise LabError(f"{here.sum()} points with q and intensity above zero in the range, at least 12 are needed")
    q, intensity = q[here], intensity[here]
    order = np.argsort(q)
    q, intensity = q[order], intensity[order]
    fits = {shape: fit for shape in SHAPES if (fit := _fit(shape, q, intensity)) is not None}
    if not fits:
        raise LabError("no peak stands out of the scattering between the ends of the profile; narrow it with --lowest and --highest")
    shape, fit = min(fits.items(), key=lambda item: item[1].aic)
    centre, width = fit.params["centre"], fit.params["width"]
    size = 2 * np.pi / centre.value
    values = {
        "peak q": Value(centre.value, "1/nm", centre.stderr),
        "domain size": Value(size, "nm", size * centre.stderr / centre.value),
        "width of the peak (FWHM)": Value(width.value, "1/nm", width.stderr),
        "domain size at half height, largest": Value(2 * np.pi / max(centre.value - width.value / 2, q[0]), "nm"),
        "domain size at half height, smallest": Value(2 * np.pi / (centre.value + width.value / 2), "nm"),
    }
    names = {"q [1/nm]": q, "intensity": intensity, "fit": _profile(shape, q, **fit.params.valuesdict()), "background": _profile(shape, q, **(fit.params.valuesdict() | {"height": 0.0}))}
    return Analysis("saxs", values, {"profile": names}, (choices or {}) | {
        "domain size": "2 pi / q of the peak (Pan et al. 2024, Eq. 2)",
        "peak": f"{shape}, the smaller AIC of {' and '.join(SHAPES)}",
        "background": "power law and a constant",
        "weights": "equal on the logarithm of the intensity",
        "range of q": f"{q[0]:.4g} to {q[-1]:.4g} 1/nm",
    }, curves={"shape": shape})


def _profile(shape, q, centre, width, height, slope, level, constant):
    offset = (q - centre) / (width / 2)
    peak = np.exp(-np.log(2) * offset**2) if shape == "gaussian" else 1 / (1 + offset**2)
    return height * peak + level * (q / centre) ** -slope + constant


def _fit(shape, q, intensity):
    """lmfit's best result of several starts, None where the peak is not sure."""
    import lmfit

    log = np.log(intensity)
    fits = []
    # A peak on a steep background has no maximum of its own: places along q are tried.
    for share in (0.2, 0.4, 0.6, 0.8):
        start = q[0] ** (1 - share) * q[-1] ** share
        here = float(np.exp(np.interp(start, q, log)))
        for slope in (1.5, 4.0):
            parameters = lmfit.Parameters()
            parameters.add("centre", start, min=q[0], max=q[-1])
            parameters.add("width", start / 2, min=np.diff(q).min(), max=2 * np.ptp(q))
            parameters.add("height", here / 2, min=0)
            parameters.add("slope", slope, min=0, max=6)
            parameters.add("level", here / 2, min=0)
            parameters.add("constant", intensity.min() / 2, min=0)
            fits.append(lmfit.minimize(lambda p: np.log(_profile(shape, q, **p.valuesdict())) - log, parameters, max_nfev=2000))
    fit = min(fits, key=lambda fit: fit.chisqr)
    centre, height = fit.params["centre"], fit.params["height"]
    if not centre.stderr or not height.stderr or height.value < SEEN * height.stderr or not q[0] < centre.value < q[-1]:
        return None
    return fit
