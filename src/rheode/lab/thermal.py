"""How a conductivity follows temperature: Arrhenius and Vogel-Tammann-Fulcher, with what the data leave open.

    Arrhenius  sigma = A T^-m exp(-Ea/(k T)),        m = 0, or 1 where sigma T is meant
    VTF        sigma = A T^-m exp(-B/(T - T0)),      m = 1/2 (Pan et al., Nat. Commun. 15 (2024), Eq. 1), or 0; Ea = k B

Both are fitted to ln sigma, whose errors are taken as equal. For a given T0 the VTF law is a straight line in 1/(T - T0), so
the sum of squares as a function of T0 is exact, and so are profile likelihood intervals: a value belongs to the 95 % interval
where the best fit with it leaves at most (1 + F/(n - 3)) times the least sum of squares, F the quantile of F(1, n - 3).
T0 is sought between 0 K, where VTF is Arrhenius, and the lowest temperature measured.
"""

from dataclasses import dataclass

import numpy as np

BOLTZMANN = 8.617333262e-5  # eV/K, CODATA 2018
LEVEL = 0.95
NEAR = 1e-3  # T0 stays below the lowest temperature by this share of it
GRID = 1500
WIDE = 100.0  # K: a T0 known no better than that is not identified
FEWEST = 5  # temperatures of a VTF fit
FOLLOWING, COARSE, LONG = 0.5, 0.1, 8  # residuals of ln sigma that correlate so much, are so large and so many are no scatter


@dataclass(frozen=True)
class Arrhenius:
    """ln A (A in S/cm K^m), Ea [eV], their covariance (2, 2), r.m.s. residual of ln sigma; intervals at 95 %."""

    log_a: float
    energy: float
    covariance: np.ndarray
    rms: float
    squares: float
    log_a_interval: tuple[float, float]
    energy_interval: tuple[float, float]
    power: float

    def sigma(self, temperature):
        return np.exp(self.log_a - self.energy / (BOLTZMANN * temperature)) * temperature**-self.power


@dataclass(frozen=True)
class Vtf:
    """ln A (A in S/cm K^m), B [K], T0 [K], covariance (3, 3) in that order (nan for T0 at a bound), profile intervals.

    `identified`: whether 95 % exclude Arrhenius (T0 = 0) and keep T0 within 100 K, and the data scatter about VTF; `doubt`
    says why not.
    `profile`: T0 (g,) K, and the rise of n ln(sum of squares) above its least (g,).
    """

    log_a: float
    b: float
    t0: float
    covariance: np.ndarray
    rms: float
    squares: float
    log_a_interval: tuple[float, float]
    b_interval: tuple[float, float]
    t0_interval: tuple[float, float]
    power: float
    identified: bool
    doubt: str
    profile: tuple[np.ndarray, np.ndarray]

    @property
    def energy(self):
        """k B [eV]."""
        return BOLTZMANN * self.b

    def sigma(self, temperature):
        return np.exp(self.log_a - self.b / (temperature - self.t0)) * temperature**-self.power


def fit_arrhenius(temperature, conductivity, power: float = 0.0) -> Arrhenius:
    """temperature (n,) K, conductivity (n,) S/cm, n >= 2 and not all at one temperature; no intervals (nan) from two."""
    from scipy.stats import t as student

    T, y = np.asarray(temperature, float), np.log(conductivity) + power * np.log(temperature)
    X = np.stack([np.ones_like(T), -1 / (BOLTZMANN * T)], axis=1)
    solution, *_ = np.linalg.lstsq(X, y, rcond=None)
    residual = y - X @ solution
    free = len(T) - 2
    squares = float(residual @ residual)
    covariance = np.linalg.inv(X.T @ X) * (squares / free if free > 0 else np.nan)
    reach = student.ppf(0.5 + LEVEL / 2, free) * np.sqrt(np.diag(covariance)) if free > 0 else np.full(2, np.nan)
    intervals = [(float(s - r), float(s + r)) for s, r in zip(solution, reach)]
    return Arrhenius(*map(float, solution), covariance, float(np.sqrt(squares / len(T))), squares, *intervals, power)


def fit_vtf(temperature, conductivity, power: float = 0.5) -> Vtf:
    """temperature (n,) K, conductivity (n,) S/cm; at least 5 different temperatures."""
    from scipy.optimize import minimize_scalar
    from scipy.stats import f as fisher

    T, y = np.asarray(temperature, float), np.log(conductivity) + power * np.log(temperature)
    n, top = len(T), T.min() * (1 - NEAR)
    # Close to the lowest temperature the sum of squares turns quickly: steps fall with the distance to it.
    grid = np.unique(np.concatenate([np.linspace(0, top, GRID), T.min() - np.geomspace(T.min() - top, T.min(), GRID // 3)]).clip(0, top))
    squares = _lines(T, y, grid)[0]
    best = int(np.argmin(squares))
    around = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
    found = minimize_scalar(lambda t0: _lines(T, y, np.array([t0]))[0][0], bounds=around, method="bounded", options={"xatol": 1e-9 * T.min()})
    t0, least = (float(found.x), float(found.fun)) if found.fun < squares[best] else (float(grid[best]), float(squares[best]))
    limit = least * (1 + fisher.ppf(LEVEL, 1, n - 3) / (n - 3)) if n > 3 else np.inf

    inside = np.flatnonzero(squares <= limit)
    low = _crossing(T, y, limit, t0, grid[inside[0]], grid[inside[0] - 1]) if len(inside) and inside[0] > 0 else (0.0 if len(inside) else t0)
    high = _crossing(T, y, limit, t0, grid[inside[-1]], grid[inside[-1] + 1]) if len(inside) and inside[-1] + 1 < len(grid) else (top if len(inside) else t0)
    # For each T0 that is allowed the line's own coefficients may move until the limit is reached: the ends are the profiles'.
    fine = np.concatenate([np.linspace(low, high, GRID), [t0]])
    own, log_a, b, v_a, v_b = _lines(T, y, fine)
    left = np.sqrt(np.maximum(limit - own, 0.0)) if np.isfinite(limit) else np.full(len(fine), np.inf)
    log_a_interval = float((log_a - left * np.sqrt(v_a)).min()), float((log_a + left * np.sqrt(v_a)).max())
    b_interval = float((b - left * np.sqrt(v_b)).min()), float((b + left * np.sqrt(v_b)).max())

    a0, b0 = float(log_a[-1]), float(b[-1])
    covariance = _covariance(T, t0, b0, least, 0.0 < t0 < top)
    residual = (y - a0 + b0 / (T - t0))[np.argsort(T, kind="stable")]
    doubt = _doubt(len(np.unique(T)), low, high, top, T) or _pattern(residual)
    with np.errstate(divide="ignore"):
        profile = grid, n * np.log(np.maximum(squares, 1e-300) / max(least, 1e-300))
    return Vtf(a0, b0, t0, covariance, float(np.sqrt(least / n)), least, log_a_interval, b_interval, (float(low), float(high)), power, not doubt, doubt, profile)


def _lines(T, y, t0):
    """Straight lines of y over -1/(T - t0) for each t0 (g,): sums of squares, intercepts, slopes, and the inverse normal
    matrix's diagonal of both, (g,) each."""
    x = -1 / (T - t0[:, None])
    mean, middle = x.mean(axis=1), y.mean()
    dx, dy = x - mean[:, None], y - middle
    sxx = (dx**2).sum(axis=1)
    b = (dx * dy).sum(axis=1) / sxx
    a = middle - b * mean
    squares = ((dy - b[:, None] * dx) ** 2).sum(axis=1)
    return squares, a, b, 1 / len(T) + mean**2 / sxx, 1 / sxx


def _crossing(T, y, limit, t0, inner, outer):
    """T0 between `inner`, allowed, and `outer`, not allowed, at which the sum of squares reaches the limit."""
    from scipy.optimize import brentq

    return brentq(lambda x: _lines(T, y, np.array([x]))[0][0] - limit, inner, outer)


def _covariance(T, t0, b, least, free):
    X = np.stack([np.ones_like(T), -1 / (T - t0), -b / (T - t0) ** 2], axis=1)
    out = np.full((3, 3), np.nan)
    count = 3 if free and b != 0 else 2
    if len(T) > count:
        out[:count, :count] = np.linalg.pinv(X[:, :count].T @ X[:, :count]) * least / (len(T) - count)
    return out


def _pattern(residual):
    """Why residuals in the order of temperature are no scatter; "" where they may be."""
    rms = float(np.sqrt(np.mean(residual**2)))
    if len(residual) < LONG or rms < COARSE:
        return ""
    following = float((residual[1:] * residual[:-1]).sum() / (residual**2).sum())
    if following < FOLLOWING:
        return ""
    return f"the data do not follow VTF: residuals of {100 * rms:.0f} % go together (correlation {following:.1f}), as where a phase melts"


def _doubt(temperatures, low, high, top, T):
    if temperatures < FEWEST:
        return f"{temperatures} temperatures, {FEWEST} are needed at least"
    if low <= 0:
        return f"T0 = 0 K, Arrhenius, fits within the 95 % limit: {T.min():.0f} to {T.max():.0f} K can't tell T0"
    if high >= top:
        return f"T0 up to the lowest temperature measured fits within the 95 % limit: {T.min():.0f} to {T.max():.0f} K can't tell T0"
    if high - low > WIDE:
        return f"T0 is known to {high - low:.0f} K only"
    return ""
