"""Diffusion into a sphere and into a film under a constant flux: how the composition of the surface follows.

With a current I that begins at t = 0, the surface of a body of characteristic length l (radius of a sphere, thickness of a
film that is fed from one side) runs ahead of the mean, both counted in charge of the whole body:

    q_surface(t) = I l^2/D G(D t/l^2),    q_mean(t) = I t

Sphere: G = th + 1/15 - 2/3 sum_n exp(-z_n^2 th)/z_n^2, z = tan z; film: G = th + 1/3 - 2/pi^2 sum_n exp(-n^2 pi^2 th)/n^2
(Crank, The Mathematics of Diffusion, 2nd ed., Eqs 6.45 and 4.55). Both begin with the square-root law of Weppner and Huggins,
q_surface = I (V/A) 2 sqrt(t/(pi D)), V/A = l/3 and l.
"""

from functools import lru_cache

import numpy as np

SHAPES = ("sphere", "film")
FACE = {"sphere": 3.0, "film": 1.0}  # area x length / volume
_SMALL, _LARGE = 1e-3, 3.0  # below: the series at short times; above: all exponentials are gone


def surface_lead(theta, shape="sphere"):
    """G(theta): what the surface has taken up after the time theta = D t/l^2, in units of I l^2/D; exact to 1e-8.

    theta: any shape, >= 0. `shape` is one of SHAPES.
    """
    theta = np.asarray(theta, dtype=float)
    root = np.sqrt(np.maximum(theta, 0.0))
    if shape == "sphere":
        early = (2 * root / np.sqrt(np.pi) + theta + 4 / (3 * np.sqrt(np.pi)) * root**3 + theta**2 / 2 + 8 / (15 * np.sqrt(np.pi)) * root**5) / 3
        late = theta + 1 / 15
    else:
        early = 2 * root / np.sqrt(np.pi)
        late = theta + 1 / 3
    knots, spline = _between(shape)
    middle = spline(np.log(np.clip(theta, knots[0], knots[-1])))
    return np.where(theta < _SMALL, early, np.where(theta > _LARGE, late, theta + middle))


@lru_cache(maxsize=2)
def _between(shape):
    """G - theta as a spline over log theta, where neither limit holds."""
    from scipy.interpolate import CubicSpline

    knots = np.geomspace(0.5 * _SMALL, 2 * _LARGE, 1500)
    n = np.arange(1, 200)
    if shape == "sphere":
        roots = (n + 0.5) * np.pi
        for _ in range(20):  # z = tan z, n-th branch
            roots = (n + 0.5) * np.pi - np.arctan(1 / roots)
        values = 1 / 15 - 2 / 3 * (np.exp(-np.outer(knots, roots**2)) / roots**2).sum(axis=1)
    else:
        values = 1 / 3 - 2 / np.pi**2 * (np.exp(-np.outer(knots, (n * np.pi) ** 2)) / n**2).sum(axis=1)
    return knots, CubicSpline(np.log(knots), values)


def left_over(theta_pulse, theta_rest, shape="sphere"):
    """Share of a pulse's charge by which the surface still differs from the mean after a rest; times in units of l^2/D."""
    lead = surface_lead(theta_pulse + theta_rest, shape) - surface_lead(theta_rest, shape) - theta_pulse
    return abs(float(lead)) / theta_pulse
