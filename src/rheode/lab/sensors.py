"""A force-sensing resistor: its calibration, and the pressure in a cell from its resistance with a prediction interval.

Resistance and load are compared as logarithms, since the scatter of such sensors is a share of the reading: y = ln R,
x = ln p, y = f(x) + error. A reading y0 gives the interval of all x with |y0 - f(x)| <= t s sqrt(1 + g' C g), the inverse
prediction interval; for a straight line it is Fieller's and covers exactly. (Load: a pressure in kPa or a force in N.)
"""

from dataclasses import dataclass, field

import numpy as np

from .analysis import Analysis, LabError, Value
from .signals import turning_points

MODELS = {
    "power": "R = a p^b",
    "conductance": "1/R = k (p + c)",
    "curved": "ln R quadratic in ln p",
}
PARSIMONY = 4.0  # AICc by which a model must be better than one before it
TREND = 6.63  # twice the log-likelihood that a trend of the scatter must gain: chance gives it once in 100
ENOUGH = 8  # points from which a trend of the scatter is looked for
BEYOND = np.log(10)  # how far past the calibrated range a load is looked for
GRID = 4001


@dataclass(frozen=True)
class Fit:
    """One model fitted to one set of points.

    `variance` is the squared scatter of ln R at the centre, which grows as (p/centre)^(2 trend); `covariance` that of
    theta for a scatter of one.
    """

    model: str
    centre: float  # mean of ln p
    trend: float
    theta: np.ndarray
    covariance: np.ndarray
    variance: float
    dof: int
    aicc: float

    def __call__(self, x):
        return _curve(self.model, x - self.centre, self.theta)

    def leverage(self, x):
        """g' C g at x: the share of the variance of one point (at the centre) that the curve has."""
        slopes = _slopes(self.model, x - self.centre, self.theta)
        return np.einsum("...i,ij,...j->...", slopes, self.covariance, slopes)


@dataclass(frozen=True)
class Calibration:
    """A calibrated sensor; `fits` holds a fit a run, `pooled` one of all points, `tried` those of the other models too."""

    pooled: Fit
    fits: list[Fit]
    load: np.ndarray
    resistance: np.ndarray
    run: np.ndarray
    tried: dict[str, Fit] = field(default_factory=dict)

    @property
    def model(self):
        return self.pooled.model

    def curve(self, load):
        """Resistance at a load, the mean of the runs' curves (of their logarithms)."""
        return np.exp(self._mean(np.log(load)))

    def _mean(self, x):
        return np.mean([fit(x) for fit in self.fits], axis=0)

    def _reach(self, x, level):
        """Half-width in ln R of the prediction interval of one reading of a new run at ln p = x."""
        from scipy.stats import t

        scatter = np.exp(2 * self.pooled.trend * (x - self.pooled.centre))
        runs = len(self.fits)
        if runs == 1:
            only = self.fits[0]
            return t.ppf((1 + level) / 2, only.dof) * np.sqrt(only.variance * (scatter + only.leverage(x)))
        # Curves of runs scatter by the runs' own differences and by their points' errors; a reading of a new run has the
        # runs' differences, its own error and the error of the mean.
        within_dof = sum(fit.dof for fit in self.fits)
        within = sum(fit.variance * fit.dof for fit in self.fits) / within_dof
        between = np.var([fit(x) for fit in self.fits], axis=0, ddof=1) * (1 + 1 / runs)
        own = within * np.maximum(scatter - np.mean([fit.leverage(x) for fit in self.fits], axis=0), 0)
        dof = (between + own) ** 2 / (between**2 / (runs - 1) + own**2 / within_dof)  # Welch and Satterthwaite
        return t.ppf((1 + level) / 2, dof) * np.sqrt(between + own)

    def band(self, load, level=0.95):
        """(lowest, highest) resistance of one reading at a load."""
        x = np.log(load)
        return np.exp(self._mean(x) - self._reach(x, level)), np.exp(self._mean(x) + self._reach(x, level))

    def load_at(self, resistance, level=0.95):
        """(load, lowest, highest) for resistances [ohm] (m,), each (m,); nan where the calibration gives no answer or no bound.

        Loads are looked for from a tenth of the smallest to ten times the largest calibrated one.
        """
        x = np.linspace(np.log(self.load.min()) - BEYOND, np.log(self.load.max()) + BEYOND, GRID)
        with np.errstate(invalid="ignore", divide="ignore"):
            middle, reach = self._mean(x), self._reach(x, level)
        y0 = np.log(np.atleast_1d(resistance).astype(float))
        # A load is in the interval while y0 lies between middle - reach and middle + reach: each bounds it on one side.
        best, one, other = (np.exp(_inverse(x, y, self.pooled.centre, y0)) for y in (middle, middle - reach, middle + reach))
        falling = self.pooled(self.pooled.centre + 0.01) < self.pooled(self.pooled.centre)
        return (best, one, other) if falling else (best, other, one)


def _inverse(x, y, centre, y0):
    """The x at which y (given on a grid) is y0, on the stretch around `centre` where y goes one way; nan beyond it."""
    middle = int(np.searchsorted(x, centre))
    steps = np.diff(y)
    wrong = np.flatnonzero(~(np.sign(steps) == np.sign(steps[middle])) | ~np.isfinite(steps))
    first = wrong[wrong < middle].max(initial=-1) + 1
    last = wrong[wrong > middle].min(initial=len(steps))
    x, y = x[first : last + 1], y[first : last + 1]
    order = np.argsort(y)
    return np.interp(y0, y[order], x[order], left=np.nan, right=np.nan)


# --- models ----------------------------------------------------------------------------------------


def _curve(model, z, theta):
    if model == "power":
        return theta[0] + theta[1] * z
    if model == "curved":
        return theta[0] + theta[1] * z + theta[2] * z**2
    return theta[0] - np.log(np.exp(z) + theta[1])


def _slopes(model, z, theta):
    """Derivatives of the curve with respect to the parameters, (..., parameters)."""
    one = np.ones_like(z)
    if model == "power":
        return np.stack([one, z], axis=-1)
    if model == "curved":
        return np.stack([one, z, z**2], axis=-1)
    return np.stack([one, -1 / (np.exp(z) + theta[1])], axis=-1)


def _fit(model, x, y, trend, centre):
    """A weighted least-squares fit of ln R; the weights follow the scatter's trend."""
    from scipy.optimize import least_squares

    z = x - centre
    weights = np.exp(-trend * z)
    if model == "conductance":
        floor = -np.exp(z.min()) * (1 - 1e-6)
        solved = least_squares(
            lambda theta: weights * (_curve(model, z, theta) - y), [y.mean() + np.mean(np.log(np.exp(z) + 1e-3)), 1e-3],
            jac=lambda theta: weights[:, None] * _slopes(model, z, theta), bounds=([-np.inf, floor], [np.inf, np.inf]), x_scale="jac",
        )
        theta = solved.x
    else:
        theta, *_ = np.linalg.lstsq(weights[:, None] * _slopes(model, z, np.zeros(3)), weights * y, rcond=None)
    slopes = weights[:, None] * _slopes(model, z, theta)
    rest = weights * (y - _curve(model, z, theta))
    dof = len(x) - len(theta)
    squares = max(float(rest @ rest), 1e-24)
    count = len(theta) + 1 + (trend != 0)  # the scatter is a parameter too
    aicc = len(x) * np.log(squares / len(x)) + 2 * count + (2 * count * (count + 1) / (len(x) - count - 1) if len(x) > count + 1 else np.inf)
    return Fit(model, centre, trend, theta, np.linalg.pinv(slopes.T @ slopes), squares / dof, dof, float(aicc))


def _fit_with_trend(model, x, y, centre):
    """A fit whose weights follow the trend of its own scatter."""
    fit = _fit(model, x, y, 0.0, centre)
    for _ in range(3):
        # The fit has drawn the curve to its points, most where they are few: what is left of each one's scatter.
        left = 1 - np.exp(-2 * fit.trend * (x - centre)) * fit.leverage(x)
        trend = _scatter_trend(x, (y - fit(x)) / np.sqrt(np.maximum(left, 1e-3)))
        if trend == fit.trend:
            break
        fit = _fit(model, x, y, trend, centre)
    return fit


def _scatter_trend(x, rest):
    """Exponent with which the scatter grows with the load, 0 where no trend is sure."""
    from scipy.optimize import minimize_scalar

    z = x - x.mean()

    def doubt(trend):  # -2 log-likelihood
        return len(x) * np.log(np.sum((rest * np.exp(-trend * z)) ** 2))

    if len(x) < ENOUGH or not rest.any():
        return 0.0
    found = minimize_scalar(doubt, bounds=(-3, 3), method="bounded")
    return float(found.x) if doubt(0.0) - found.fun > TREND else 0.0


def calibrate(load, resistance, run=None, model="auto") -> Calibration:
    """Fit a sensor's calibration: load (n,) > 0 in any unit, resistance (n,) > 0 in ohm, run (n,) labels of repeats.

    model: a key of MODELS, or "auto": the first of them unless a later one has an AICc smaller by more than 4.
    Raises LabError: too few points, no range, resistance that does not change with the load.
    """
    load, resistance = np.asarray(load, float), np.asarray(resistance, float)
    run = np.zeros(len(load), int) if run is None else np.asarray(run)
    if model not in (*MODELS, "auto"):
        raise LabError(f"--model: got {model!r}, expected auto, {', '.join(MODELS)}")
    if len(load) < 5:
        raise LabError(f"the calibration has {len(load)} usable points (load and resistance above zero), at least 5 are needed")
    if load.max() < 1.5 * load.min():
        raise LabError(f"the calibration spans loads of {load.min():.4g} to {load.max():.4g} only; at least a factor of 1.5 is needed")
    x, y = np.log(load), np.log(resistance)
    centre = float(x.mean())
    tried = {name: _fit_with_trend(name, x, y, centre) for name in MODELS}
    chosen = model
    if model == "auto":
        chosen = next(iter(tried))
        for name, fit in tried.items():
            if fit.aicc < tried[chosen].aicc - PARSIMONY:
                chosen = name
    pooled = tried[chosen]
    names = list(dict.fromkeys(run.tolist()))
    if len(names) > 1:
        for name in names:
            if np.sum(run == name) < len(pooled.theta) + 2:
                raise LabError(f"run {name} has {np.sum(run == name)} points, too few for a curve of its own ({len(pooled.theta) + 2}); leave it out or measure more")
        fits = [_fit(chosen, x[run == name], y[run == name], pooled.trend, centre) for name in names]
    else:
        fits = [pooled]
    made = Calibration(pooled, fits, load, resistance, run, tried)
    # Not one slope but the whole: a sensor that does not answer to the load has no calibration.
    if abs(np.corrcoef(x, y)[0, 1]) < 0.5:
        raise LabError("the resistance hardly changes with the load: check which columns are read, and the sensor")
    return made


# --- analysis --------------------------------------------------------------------------------------


def sensor(load, resistance, run=None, *, unit="kPa", model="auto", level=0.95, readings=None, times=None, labels=None, choices=None) -> Analysis:
    """Calibrate a sensor and turn readings into loads: an `Analysis` of kind "sensor".

    load (n,) in `unit`, resistance (n,) in ohm, run (n,) labels of repeats or None; readings (m,) in ohm, their times (m,)
    in s or None, labels (m,) as the user wrote them, or None for a long record. Points with a load or resistance that is
    not above zero are left out. Raises LabError.
    """
    load, resistance = np.asarray(load, float), np.asarray(resistance, float)
    usable = np.isfinite(load) & np.isfinite(resistance) & (load > 0) & (resistance > 0)
    run = np.zeros(len(load), int) if run is None else np.asarray(run)
    made = calibrate(load[usable], resistance[usable], run[usable], model)
    name = "pressure" if unit.endswith("Pa") else "force"
    values, tables, notes, material = {}, {}, [], None
    if not usable.all():
        notes.append(f"{int((~usable).sum())} points without a load or a resistance above zero were left out: an open sensor has no place on a logarithmic scale")
    if readings is not None:
        readings = np.asarray(readings, float)
        if np.any(readings[np.isfinite(readings)] <= 0):
            raise LabError("a reading of the sensor is not above zero: check its unit and column")
        best, low, high = made.load_at(readings, level)
        tables["readings"] = ({} if times is None else {"time [s]": times}) | {
            "resistance [ohm]": readings, f"{name} [{unit}]": best, f"lowest [{unit}]": low, f"highest [{unit}]": high,
        }
        if labels is not None:
            values |= {f"{name} at {label}": Value(float(p), unit, None, (float(a), float(b)), level) for label, p, a, b in zip(labels, best, low, high)}
        outside = ~((best >= made.load.min()) & (best <= made.load.max()))
        if outside.any():
            notes.append(f"{int(outside.sum())} of {len(best)} readings lie outside the calibrated {made.load.min():.4g} to {made.load.max():.4g} {unit}: there the model is not tested, and the interval does not know")
        if np.isnan(low).any() or np.isnan(high).any() or np.isnan(best).any():
            notes.append("some readings have no load, or an interval that the calibration does not bound: calibrate over a wider range or with less scatter")
        if len(best) == 1 and name == "pressure" and np.isfinite(best[0]):
            material = f"walls:\n  kind: pressure\n  pressure: {best[0]:.4g} {unit}  # from the sensor; {100 * level:g} %: {low[0]:.4g} to {high[0]:.4g} {unit}"
    x, y = np.log(made.load), np.log(made.resistance)
    rest = y - made._mean(x)
    slope = _slope(made)
    values["sensitivity d ln R / d ln p"] = Value(slope[0], "", slope[1])
    values["scatter of the calibration (resistance)"] = Value(100 * float(np.sqrt(np.mean(rest**2) * len(x) / made.pooled.dof)), "%")
    values["scatter of the calibration (load)"] = Value(100 * float(np.sqrt(np.mean(rest**2) * len(x) / made.pooled.dof) / abs(slope[0])), "%")
    lag = hysteresis(made, rest)
    if lag is not None:
        values["hysteresis (load, rising above falling)"] = Value(100 * lag[0] / abs(slope[0]), "%", 100 * lag[1] / abs(slope[0]))
    tables["calibration"] = {
        **({} if len(made.fits) == 1 else {"run": made.run}),
        f"{name} [{unit}]": made.load, "resistance [ohm]": made.resistance, "fitted resistance [ohm]": np.exp(made._mean(x)), "residual [%]": 100 * np.expm1(rest),
    }
    tables["models"] = {
        "model": list(made.tried),
        "formula": [MODELS[key] for key in made.tried],
        "AICc []": [fit.aicc for fit in made.tried.values()],
        "scatter of ln R []": [np.sqrt(np.mean((y - fit(x)) ** 2) * len(x) / fit.dof) for fit in made.tried.values()],
    }
    if labels is not None:
        for label, reading in zip(labels, readings):
            tables["models"][f"{name} at {label} [{unit}]"] = [float(_alone(made, fit).load_at(reading, level)[0][0]) for fit in made.tried.values()]
    if len(made.fits) == 1:
        notes.append("one calibration run: how far the next mounting of the sensor differs is not in the interval; calibrate again, in files of their own or with a column run")
    elif len(made.fits) < 4:
        notes.append(f"{len(made.fits)} runs: the difference between runs is known from these few only, and where it outweighs the scatter a 95 % interval covers about nine times in ten")
    if _ordered(x, rest):
        notes.append("the residuals follow each other along the load: the model bends otherwise than the sensor, or it creeps between readings")
    return Analysis("sensor", values, tables, (choices or {}) | _choices(made, model, level, unit), notes, material, {"calibration": made, "unit": unit, "name": name, "level": level, "readings": None if labels is None else tables["readings"], "labels": labels})


def _slope(made):
    fit = made.pooled
    if fit.model == "conductance":
        at = _slopes(fit.model, np.array(0.0), fit.theta)[1]
        return float(at), float(abs(at) ** 2 * np.sqrt(fit.variance * fit.covariance[1, 1]))
    return float(fit.theta[1]), float(np.sqrt(fit.variance * fit.covariance[1, 1]))


def _alone(made, fit):
    return Calibration(fit, [fit], made.load, made.resistance, made.run)


def hysteresis(made: Calibration, rest):
    """(difference of ln R between falling and rising load, standard uncertainty), None where the load went one way only."""
    falling = np.zeros(len(rest), bool)
    for name in dict.fromkeys(made.run.tolist()):
        rows = np.flatnonzero(made.run == name)
        x = np.log(made.load[rows])
        turns = turning_points(x)
        for first, last in zip(turns, turns[1:]):
            falling[rows[first + 1 : last + 1]] = x[last] < x[first]
    if min(falling.sum(), (~falling).sum()) < 3:
        return None
    up, down = rest[~falling], rest[falling]
    return float(up.mean() - down.mean()), float(np.sqrt(up.var(ddof=1) / len(up) + down.var(ddof=1) / len(down)))


def _ordered(x, rest):
    """Whether residuals next to each other in load are alike beyond chance (one in a hundred)."""
    along = rest[np.argsort(x, kind="stable")]
    if len(along) < 10:
        return False
    alike = np.sum(along[1:] * along[:-1]) / np.sum(along**2)
    return bool(alike * np.sqrt(len(along)) > 2.33)


def _choices(made, asked, level, unit):
    fit = made.pooled
    return {
        "model": f"{fit.model}: {MODELS[fit.model]}" + (f", by the smallest AICc (a later model of {', '.join(MODELS)} must gain {PARSIMONY:g})" if asked == "auto" else ", as asked"),
        "parameters": {name: float(value) for name, value in _parameters(fit).items()},
        "scale": "ln R against ln load: the scatter is a share of the resistance",
        "scatter against load": "constant" if fit.trend == 0 else f"grows as load^{fit.trend:.3g} (a trend is taken where twice the log-likelihood gains {TREND:g})",
        "interval": f"inverse prediction of one reading at {100 * level:g} %; with several runs for a reading of a new run (between-run scatter, Welch-Satterthwaite)",
        "not in the interval": "creep of the sensor between loading and reading, temperature, a lopsided load",
        "runs": len(made.fits),
        "calibrated range": f"{made.load.min():.4g} to {made.load.max():.4g} {unit}",
    }


def _parameters(fit):
    """The parameters of the model's formula, resistance in ohm and load in the calibration's unit."""
    a, b, *c = fit.theta
    if fit.model == "power":
        return {"a": np.exp(a - b * fit.centre), "b": b}
    if fit.model == "conductance":
        return {"k": np.exp(-a - fit.centre), "c": b * np.exp(fit.centre)}
    return {"ln R at load 1": a - b * fit.centre + c[0] * fit.centre**2, "first": b - 2 * c[0] * fit.centre, "second": c[0]}
