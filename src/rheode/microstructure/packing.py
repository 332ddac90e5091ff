"""Random packings of discs of given sizes in a box, dense ones too."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize


class PackingError(ValueError):
    """The fractions asked for could not be packed; the message says what was reached and what to change."""


@dataclass(frozen=True, eq=False)
class Packing:
    """Discs in a box with its origin at (0, 0): centres (P, 2) um, radii (P,) um, phase (P,) index, box (2,) um, and
    the phases' names. `gap` (um) is the distance that discs keep from each other and from the walls, at least."""

    centres: np.ndarray
    radii: np.ndarray
    phase: np.ndarray
    box: np.ndarray
    phase_names: tuple[str, ...]
    gap: float

    def gaps(self):
        """Smallest distance between two discs, and between a disc and a wall (um)."""
        distance = np.linalg.norm(self.centres[:, None] - self.centres, axis=2) - self.radii[:, None] - self.radii
        np.fill_diagonal(distance, np.inf)
        margin = np.minimum(self.centres, self.box - self.centres) - self.radii[:, None]
        return float(distance.min()), float(margin.min())


def pack(fractions, particles, box, *, size_spread=0.2, seed=1, gap=0.01, size_ratio=None, effort=40):
    """Pack discs at random to given area fractions, without overlap.

    fractions: {phase name: area fraction of the box}, in the order of the phases; particles: number of discs in total;
    box: (2,) um or the side of a square; size_spread: coefficient of variation of the radii (log-normal, cut at 2.5
    standard deviations); gap: um, kept between discs and to the walls; size_ratio: mean radii of the phases relative to
    each other, {name: number}, alike unless given. The discs are shared out so that the mean radii come as near to the
    ratio as whole numbers allow; radii of a phase are scaled so that its fraction is exact. effort: number of fresh
    starts (new radii and positions) before giving up.

    Soft discs are pushed apart at full size (harmonic repulsion, L-BFGS); where that jams, discs of different size are
    swapped and the best arrangement kept. The same seed gives the same packing. Returns a Packing; raises PackingError.
    """
    box = np.broadcast_to(np.asarray(box, float), 2).copy()
    names = tuple(fractions)
    shares = np.array([fractions[name] for name in names], float)
    asked = f"area fractions {', '.join(f'{n} {f:g}' for n, f in zip(names, shares))} (sum {shares.sum():g}) with {particles} particles in a box of {box[0]:g} x {box[1]:g} um"
    if not (np.isfinite(shares).all() and (shares > 0).all()):
        raise PackingError(f"{asked}: each fraction must be above 0")
    if particles < len(names):
        raise PackingError(f"{asked}: at least one particle a phase is needed, {len(names)} in total")
    if not 0 <= size_spread <= 1:
        raise PackingError(f"{asked}: size_spread is {size_spread:g}; 0 to 1 is allowed")
    if not gap >= 0 or not (box > 2 * gap).all():
        raise PackingError(f"{asked}: gap is {gap:g} um; it must be at least 0 and far below the box")
    ratio = np.array([(size_ratio or {}).get(name, 1.0) for name in names])
    counts = _share_out(particles, shares / ratio**2)
    phase = np.repeat(np.arange(len(names)), counts)

    reached = 0.0
    for attempt in range(effort if shares.sum() < 0.95 else 1):
        rng = np.random.default_rng([seed, attempt])
        radii = _draw_radii(rng, phase, ratio, shares * box.prod(), size_spread)
        centres, scale = _settle(rng, radii, box, gap)
        reached = max(reached, scale**2 * shares.sum())
        if scale == 1.0:
            order = rng.permutation(particles)
            order = order[np.argsort(phase[order], kind="stable")]
            return Packing(centres[order], radii[order], phase[order].astype(np.int32), box, names, float(gap))
    raise PackingError(f"{asked} and a gap of {gap:g} um can't be packed: {reached:.3f} in total was reached in {attempt + 1} tries; lower the fractions or the gap, or change size_spread ({size_spread:g}), the seed or the number of particles")


def _share_out(particles, weights):
    """Whole numbers, at least 1 each, that sum to `particles` and follow the weights (largest remainders)."""
    wanted = particles * weights / weights.sum()
    counts = np.maximum(1, np.floor(wanted)).astype(int)
    while counts.sum() < particles:
        counts[np.argmax(wanted - counts)] += 1
    while counts.sum() > particles:
        counts[np.argmax(np.where(counts > 1, counts - wanted, -np.inf))] -= 1
    return counts


def _draw_radii(rng, phase, ratio, areas, spread):
    width = np.sqrt(np.log1p(spread**2))
    radii = np.exp(width * np.clip(rng.standard_normal(len(phase)), -2.5, 2.5)) * ratio[phase]
    for p, area in enumerate(areas):
        mine = phase == p
        radii[mine] *= np.sqrt(area / (np.pi * (radii[mine] ** 2).sum()))
    return radii


def _settle(rng, radii, box, gap, swaps=60):
    """Positions of the discs and the scale of the radii (1: as asked) at which they keep the gap."""
    # A distance `gap` to everything is no overlap of discs that are gap/2 larger, in a box that is gap/2 smaller.
    slack = 1e-5 * radii.mean()
    size = radii + 0.5 * gap + slack
    low = size + 0.5 * gap
    high = box - low[:, None]
    low = np.broadcast_to(low[:, None], high.shape)
    if (high < low).any():
        return None, float(np.min(box / (2 * (radii.max() + gap))) * 0.99)
    first, second = np.triu_indices(len(radii), 1)

    def relax(centres, size, low, high):
        contact = size[first] + size[second]

        def energy(flat):
            x = flat.reshape(-1, 2)
            apart = x[first] - x[second]
            near = np.flatnonzero(np.einsum("ij,ij->i", apart, apart) < contact**2)
            i, j, apart = first[near], second[near], apart[near]
            distance = np.sqrt(np.einsum("ij,ij->i", apart, apart)) + 1e-300
            overlap = contact[near] - distance
            force = apart * (overlap / distance)[:, None]
            below, above = np.maximum(0, low - x), np.maximum(0, x - high)
            slope = above - below
            for axis in (0, 1):
                slope[:, axis] -= np.bincount(i, force[:, axis], len(x)) - np.bincount(j, force[:, axis], len(x))
            return 0.5 * (overlap @ overlap + (below**2).sum() + (above**2).sum()), slope.ravel()

        found = minimize(energy, centres.ravel(), jac=True, method="L-BFGS-B", options={"maxiter": 1000, "ftol": 0, "gtol": 1e-3 * slack, "maxcor": 20})
        return found.x.reshape(-1, 2), found.fun

    centres = low + (high - low) * rng.random(high.shape)
    # Growing in steps spreads the discs evenly before they touch.
    for scale in (0.7, 0.9):
        centres, _ = relax(centres, scale * size, low, high)
    centres, energy = relax(centres, size, low, high)
    for _ in range(swaps):
        if _fits(centres, radii, box, gap):
            return centres, 1.0
        trial = centres.copy()
        a, b = rng.choice(len(radii), 2, replace=False)
        trial[[a, b]] = trial[[b, a]]
        trial, lower = relax(trial, size, low, high)
        if lower < energy:
            centres, energy = trial, lower
    return centres, _largest_scale(centres, radii, box, gap)


def _fits(centres, radii, box, gap):
    return _largest_scale(centres, radii, box, gap) >= 1.0


def _largest_scale(centres, radii, box, gap):
    """The factor on all radii at which these positions just keep the gap, 1 at most."""
    distance = np.linalg.norm(centres[:, None] - centres, axis=2)
    np.fill_diagonal(distance, np.inf)
    between = ((distance - gap) / (radii[:, None] + radii)).min()
    to_wall = ((np.minimum(centres, box - centres).min(axis=1) - gap) / radii).min()
    return float(min(1.0, between, to_wall))
