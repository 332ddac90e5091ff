"""Random packings of discs of given sizes in a box, dense ones too."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

SPANNING_REACH = 0.05  # in mean radii


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


def pack(fractions, particles, box, *, size_spread=0.2, seed=1, gap=0.01, size_ratio=None, spanning=None, effort=40000):
    """Pack discs at random to given area fractions, without overlap.

    fractions: {phase name: area fraction of the box}, in the order of the phases; particles: number of discs in total;
    box: (2,) um or the side of a square; size_spread: coefficient of variation of the radii (log-normal, cut at 2.5
    standard deviations); gap: um, kept between discs and to the walls; size_ratio: mean radii of the phases relative to
    each other, {name: number}, alike unless given. The discs are shared out so that the mean radii come as near to the
    ratio as whole numbers allow; radii of a phase are scaled so that its fraction is exact. spanning: name of a phase
    that has to reach from the floor to the top wall, by discs that are closer than SPANNING_REACH mean radii (what
    `weld` can turn into a load-bearing framework); packings where it does not are thrown away. effort: evaluations of
    the repulsion, over all fresh starts (new radii and positions), before giving up; ten times as many with `spanning`.

    Soft discs are pushed apart at full size (harmonic repulsion, L-BFGS); where that jams, two discs change places and
    the better arrangement is kept. The same seed gives the same packing. Returns a Packing; raises PackingError.
    """
    box = np.broadcast_to(np.asarray(box, float), 2).copy()
    names, shares, asked = check_fractions(fractions, particles, box, size_spread, gap)
    if spanning is not None and spanning not in names:
        raise PackingError(f"{asked}: there is no phase {spanning} that could span the box")
    ratio = np.array([(size_ratio or {}).get(name, 1.0) for name in names])
    counts = share_out(particles, shares / ratio**2)
    phase = np.repeat(np.arange(len(names)), counts)

    left = effort if spanning is None else 10 * effort
    reached, packed, attempt = 0.0, 0, 0
    while left > 0:
        rng = np.random.default_rng([seed, attempt])
        attempt += 1
        radii = draw_radii(rng, phase, ratio, shares * box.prod(), size_spread)
        centres, scale, evaluations = _settle(rng, radii, box, gap, left)
        left -= evaluations
        if scale == 1.0:
            packed += 1
            packing = Packing(centres, radii, phase.astype(np.int32), box, names, float(gap))
            if spanning is None or spans(packing, names.index(spanning), SPANNING_REACH * radii.mean()):
                return packing
        reached = max(reached, scale**2 * shares.sum())
        # Far from fitting, more starts only cost time.
        if attempt == 5 and reached < 0.9 * shares.sum():
            break
    if packed:
        raise PackingError(f"{asked}: none of {packed} packings had {spanning} reaching from the floor to the top wall; raise its fraction, lower the number of particles, or take a loose skeleton")
    raise PackingError(f"{asked} and a gap of {gap:g} um can't be packed: {reached:.3f} in total was reached in {attempt} tries; lower the fractions or the gap, or change size_spread ({size_spread:g}), the seed or the number of particles")


def check_fractions(fractions, particles, box, size_spread, gap):
    """(names, area fractions, what is asked in words); raises PackingError for numbers that make no sense."""
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
    return names, shares, asked


def spans(packing, phase, reach):
    """Whether discs of a phase that are closer than `reach` (um) to each other and the walls connect floor and top."""
    centres, radii = packing.centres[packing.phase == phase], packing.radii[packing.phase == phase]
    close = np.linalg.norm(centres[:, None] - centres, axis=2) - radii[:, None] - radii < reach
    piece = connected_components(csr_array(close), directed=False)[1]
    floor = centres[:, 1] - radii < reach
    top = packing.box[1] - centres[:, 1] - radii < reach
    return bool(np.isin(piece[floor], piece[top]).any())


def share_out(particles, weights):
    """Whole numbers, at least 1 each, that sum to `particles` and follow the weights (largest remainders)."""
    wanted = particles * weights / weights.sum()
    counts = np.maximum(1, np.floor(wanted)).astype(int)
    while counts.sum() < particles:
        counts[np.argmax(wanted - counts)] += 1
    while counts.sum() > particles:
        counts[np.argmax(np.where(counts > 1, counts - wanted, -np.inf))] -= 1
    return counts


def draw_radii(rng, phase, ratio, areas, spread):
    width = np.sqrt(np.log1p(spread**2))
    radii = np.exp(width * np.clip(rng.standard_normal(len(phase)), -2.5, 2.5)) * ratio[phase]
    for p, area in enumerate(areas):
        mine = phase == p
        radii[mine] *= np.sqrt(area / (np.pi * (radii[mine] ** 2).sum()))
    return radii


def _settle(rng, radii, box, gap, effort):
    """Positions of the discs, the scale of the radii (1: as asked) at which they keep the gap, and the evaluations spent."""
    slack = 1e-5 * radii.mean()
    few = len(radii) <= 60
    pairs = np.triu_indices(len(radii), 1) if few else None
    spent = 0

    def room(radii):
        # A distance `gap` to everything is no overlap of discs that are gap/2 larger, in a box that is gap/2 smaller.
        low = np.repeat(radii[:, None] + gap + slack, 2, axis=1)
        return low, box - low

    def relax(centres, radii):
        """Push discs of these radii apart; the positions and what is left of the energy."""
        nonlocal spent
        size = radii + 0.5 * gap + slack
        # Where all pairs would be too many, the near ones are looked up anew every 50 iterations.
        for _ in range(1 if few else 20):
            first, second = pairs if few else _near_pairs(centres, 2.5 * size.max())
            found = minimize(
                _repulsion, centres.ravel(), args=(first, second, size[first] + size[second], *room(radii), slack), jac=True,
                method="L-BFGS-B", options={"maxiter": 1000 if few else 50, "ftol": 1e-4, "gtol": 1e-3 / slack, "maxcor": 20},
            )  # fmt: skip
            centres = found.x.reshape(-1, 2)
            spent += found.nfev
            if found.success:
                break
        return centres, found.fun

    low, high = room(radii)
    if (high < low).any():
        return None, float(min(0.99, (0.5 * box.min() - gap) / radii.max())), 1
    centres = low + (high - low) * rng.random(high.shape)
    # Growing in steps spreads the discs evenly before they touch.
    for scale in (0.7, 0.9):
        centres, _ = relax(centres, scale * radii)
    centres, energy = relax(centres, radii)
    for _ in range(60):
        scale = _largest_scale(centres, radii, box, gap)
        if scale == 1.0:
            return centres, 1.0, spent
        if scale < 0.8 or spent > effort:
            break
        trial = centres.copy()
        a, b = rng.choice(len(radii), 2, replace=False)
        trial[[a, b]] = trial[[b, a]]
        trial, lower = relax(trial, radii)
        if lower < energy:
            centres, energy = trial, lower
    # Soft discs that jam at full size overlap more than they must: what fits is found by letting them shrink.
    for scale in np.linspace(0.98, 0.4, 30):
        trial, _ = relax(centres, scale * radii)
        if _largest_scale(trial, scale * radii, box, gap) == 1.0:
            return trial, float(scale), spent
    return centres, 0.0, spent


def _near_pairs(centres, reach):
    pairs = np.sort(cKDTree(centres).query_pairs(reach, output_type="ndarray"), axis=1)
    return pairs[np.lexsort(pairs.T[::-1])].T


def _repulsion(flat, first, second, contact, low, high, unit):
    """Half the sum of squared overlaps between discs and with walls, in units of `unit` squared, and its gradient."""
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
    return 0.5 * (overlap @ overlap + (below**2).sum() + (above**2).sum()) / unit**2, slope.ravel() / unit**2


def _largest_scale(centres, radii, box, gap):
    """The factor on all radii at which these positions just keep the gap, 1 at most."""
    distance = np.linalg.norm(centres[:, None] - centres, axis=2)
    np.fill_diagonal(distance, np.inf)
    between = ((distance - gap) / (radii[:, None] + radii)).min()
    to_wall = ((np.minimum(centres, box - centres).min(axis=1) - gap) / radii).min()
    return float(min(1.0, between, to_wall))
