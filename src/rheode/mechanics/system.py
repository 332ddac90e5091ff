"""Potentials summed into one energy, gradient and sparse Hessian.

The map from stencil entries to the sparse matrix is computed once per sparsity; each
entry of the matrix then gathers its contributions in a fixed order, so that the sum
does not depend on threads.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numba import njit

_POOL = ThreadPoolExecutor(2, "rheode")


@njit(cache=True, nogil=True)
def _gather(starts, sources, entries):
    out = np.empty(len(starts) - 1)
    for k in range(len(out)):
        total = 0.0
        for j in range(starts[k], starts[k + 1]):
            total += entries[sources[j]]
        out[k] = total
    return out


def _gather_map(target, n):
    """For each of `n` targets the positions in `target` (negative: dropped) that add to it."""
    order = np.argsort(target, kind="stable").astype(np.int32)  # half the memory; the entries are fewer than 2^31
    counts = np.bincount(target[target >= 0], minlength=n)
    return np.concatenate([[0], np.cumsum(counts)]), order[len(order) - counts.sum() :]


class System:
    """The unknowns of a model and the potentials on them.

    Hessians are upper triangles in CSR over the free unknowns (`sparsity`).
    force_scale: the largest force that any stencil exerted at the last evaluation;
    energy_scale: the sum of the potentials' energies without their signs (the sum itself may
    pass through zero under a pressure).
    """

    def __init__(self, unknowns, potentials):
        self.unknowns, self.potentials = unknowns, list(potentials)
        self._signature = self._hessians = None
        self.force_scale = self.energy_scale = 0.0

    def _analyse(self):
        signature = tuple(p.signature for p in self.potentials)
        if signature == self._signature:
            return
        free = self.unknowns.free
        self._gradient_map = _gather_map(np.concatenate([p.dofs.ravel() for p in self.potentials]).astype(np.int32), self.unknowns.size)
        # A key for the place of every entry in the upper triangle, -1 where an unknown is prescribed. This is where a
        # large system takes most memory, so nothing is kept longer than needed.
        keys, doubled, before = [np.arange(free) * (free + 1)], [], 0  # the diagonal is always there
        for potential in self.potentials:
            i, j = (index.astype(np.int32) for index in np.tril_indices(potential.dofs.shape[1]))
            a, b = potential.dofs[:, i], potential.dofs[:, j]
            key = np.where(np.maximum(a, b) < free, np.minimum(a, b) * free + np.maximum(a, b), -1).ravel()
            # An off-diagonal entry of the packed triangle stands for (i, j) and (j, i): where both
            # dofs are one unknown (a wall) it counts twice.
            doubled.append(before + np.flatnonzero(((a == b) & (i != j)).ravel() & (key >= 0)))
            before += key.size
            keys.append(key)
        key = np.concatenate(keys)
        del keys
        self._doubled = np.concatenate(doubled)
        unique = np.unique(key)
        unique = unique[unique >= 0]
        target = np.searchsorted(unique, key[free:]).astype(np.int32)
        target[key[free:] < 0] = -1
        del key
        self._hessian_map = _gather_map(target, len(unique))
        self.indices = (unique % free).astype(np.int32)
        self.indptr = np.searchsorted(unique // free, np.arange(free + 1)).astype(np.int32)
        self._signature = signature

    @property
    def sparsity(self):
        """(signature, indptr, indices) of the Hessian's upper triangle."""
        self._analyse()
        return self._signature, self.indptr, self.indices

    def energy(self, x):
        """Energy, inf where the configuration is not admissible."""
        return sum(_POOL.map(lambda potential: potential.evaluate(x, 0).energy, self.potentials))

    def evaluate(self, x, order):
        """(energy, gradient (size,) or None, values of the Hessian or None).

        Gradient entries of prescribed unknowns are reactions.  Where the energy is
        infinite the rest is None.
        """
        # One potential is one thread's work, so that no result depends on their number.
        parts = list(_POOL.map(lambda potential: potential.evaluate(x, order), self.potentials))
        if not all(np.isfinite(part.energy) for part in parts):
            return np.inf, None, None
        self._analyse()  # now: contact may have found its pairs anew
        energy = sum(part.energy for part in parts)
        self.energy_scale = sum(abs(part.energy) for part in parts)
        entries = np.concatenate([part.gradient.ravel() for part in parts])
        self.force_scale = float(np.abs(entries).max(initial=0.0))
        gradient = _gather(*self._gradient_map, entries)
        if order < 2:
            return energy, gradient, None
        self._hessians = [part.hessian for part in parts]
        return energy, gradient, self._sum(self._hessians)

    def _sum(self, entries):
        entries = np.concatenate([e.ravel() for e in entries])
        entries[self._doubled] *= 2.0
        return _gather(*self._hessian_map, entries)

    def gradients(self, x):
        """Gradient (size,) of each potential alone: who pushes where."""
        entries = [potential.evaluate(x, 1).gradient for potential in self.potentials]  # first: contact may find its pairs anew
        return [np.bincount(p.dofs.ravel(), g.ravel(), self.unknowns.size) for p, g in zip(self.potentials, entries, strict=True)]

    def begin(self, dt, fields):
        for potential in self.potentials:
            potential.begin(dt, fields)

    def update(self, x):
        for potential in self.potentials:
            potential.update(x)

    def max_step(self, x, dx):
        return min((p.max_step(x, dx) for p in self.potentials), default=1.0)

    def restrain(self, x, dx):
        """Values of a Hessian at x, where it was evaluated last, that bends a step dx which went too far; None: no potential has one."""
        restrained = [hasattr(p, "restrain") and p.restrain(x, dx) for p in self.potentials]
        if not any(restrained):
            return None
        for k, potential in enumerate(self.potentials):
            if restrained[k]:
                self._hessians[k] = potential.evaluate(x, 2).hessian
        return self._sum(self._hessians)

    def commit(self, x):
        for potential in self.potentials:
            potential.commit(x)

    def state(self):
        return {str(k): potential.state() for k, potential in enumerate(self.potentials)}

    def restore(self, state):
        for k, potential in enumerate(self.potentials):
            potential.restore(state.get(str(k), {}))
