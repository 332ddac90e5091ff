"""Titrations of known truth: a diffusing particle or film solved by finite volumes, apart from the code under test."""

import numpy as np
from scipy.linalg import lu_factor, lu_solve


def equilibrium(x):
    """A made-up equilibrium voltage, sloping and curved [V]."""
    return 4.3 - 0.9 * x - 0.25 * np.tanh(3 * (x - 0.5)) - 0.02 / (1.02 - x) + 0.02 * np.sin(9 * x)


def titration(D, length, duration, rest, pulses=6, share=0.01, every=1.0, start=0.2, shape="sphere", noise=0.0, seed=0, voltage=equilibrium, resistance=2.0, cells=240, sign=-1):
    """(time s, voltage V, current A) of pulses and rests; D [um^2/s], length [um], `share` of the capacity per pulse.

    Charge positive; sign -1 fills the host (discharge). A record closes its interval; the pulse's last is at its end.
    """
    faces = length * (np.arange(cells + 1) / cells) ** 0.5  # finer towards the surface
    centres = (faces[1:] + faces[:-1]) / 2
    area, volume = (4 * np.pi * faces**2, 4 / 3 * np.pi * np.diff(faces**3)) if shape == "sphere" else (np.ones(cells + 1), np.diff(faces))
    flow = D * area[1:-1] / np.diff(centres)
    matrix = np.zeros((cells, cells))
    for i, k in enumerate(flow):
        matrix[i : i + 2, i : i + 2] += k * np.array([[-1, 1], [1, -1]])
    matrix /= volume[:, None]
    capacity, filled = 3600.0, np.full(cells, float(start))  # A s
    size = share * capacity / duration
    influx = size / capacity * volume.sum() / area[-1]  # um/s of composition at full current

    def steps(dt):
        return lu_factor(np.eye(cells) - dt * matrix)

    fine, coarse = every / 5, rest / 200
    solvers = {dt: steps(dt) for dt in (fine, coarse)}
    rng = np.random.default_rng(seed)
    clock, rows = 0.0, [(t, voltage(start), 0.0) for t in np.arange(-600.0, 1.0, 60.0)]

    def advance(dt, on):
        nonlocal filled, clock
        source = np.zeros(cells)
        source[-1] = -sign * on * influx * area[-1] / volume[-1]
        filled = lu_solve(solvers[dt], filled + dt * source)
        clock += dt
        return filled[-1] - sign * on * influx * (length - centres[-1]) / D

    for _ in range(pulses):
        for k in range(round(duration / fine)):
            surface = advance(fine, 1)
            if (k + 1) % 5 == 0:
                rows.append((clock, voltage(surface) + sign * size * resistance, sign * size))
        for _ in range(200):
            surface = advance(coarse, 0)
            rows.append((clock, voltage(surface), 0.0))
    time, E, I = np.array(rows).T
    return time, E + noise * rng.standard_normal(len(E)), I
