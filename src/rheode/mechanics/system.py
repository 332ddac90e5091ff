"""Potentials summed into one energy, gradient and sparse Hessian.

Where each stencil entry goes in the sparse matrix is computed once per sparsity; entries
are then added in a fixed order, so that the sum does not depend on threads.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numba import njit

_POOL = ThreadPoolExecutor(2, "rheode")

# Names of the options of glibc's mallopt.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3


@njit(cache=True, nogil=True)
def _add(out, targets, entries):
    for k in range(len(entries)):
        out[targets[k]] += entries[k]


@njit(cache=True)
def _keys(dofs, free):
    """Key row * free + column of each entry's place in the upper triangle, -1 where an unknown is prescribed, in the order of
    the packed lower triangles of the stencils (m, d)."""
    m, d = dofs.shape
    keys = np.empty(m * (d * (d + 1) // 2), np.int64)
    k = 0
    for e in range(m):
        for i in range(d):
            for j in range(i + 1):
                row, column = min(dofs[e, i], dofs[e, j]), max(dofs[e, i], dofs[e, j])
                keys[k] = row * free + column if column < free else -1
                k += 1
    return keys


@njit(cache=True)
def _places(dofs, indptr, indices):
    """Where in the sparsity each entry of `_keys` is: -1 where it is not, beyond the end where an unknown is prescribed."""
    m, d = dofs.shape
    free = len(indptr) - 1
    places = np.empty(m * (d * (d + 1) // 2), np.int32)
    k = 0
    for e in range(m):
        for i in range(d):
            for j in range(i + 1):
                row, column = min(dofs[e, i], dofs[e, j]), max(dofs[e, i], dofs[e, j])
                if column >= free:
                    places[k] = len(indices)
                else:
                    low, high = indptr[row], indptr[row + 1]
                    while low < high:
                        middle = (low + high) // 2
                        if indices[middle] < column:
                            low = middle + 1
                        else:
                            high = middle
                    places[k] = low if low < indptr[row + 1] and indices[low] == column else -1
                k += 1
    return places


@njit(cache=True)
def _doubled(dofs):
    """Which entries of the packed triangles lie off the diagonal, but stand for one unknown twice (a wall): as (i, j) and (j, i)."""
    m, d = dofs.shape
    found = [k for k in range(0)]
    k = 0
    for e in range(m):
        for i in range(d):
            for j in range(i + 1):
                if i != j and dofs[e, i] == dofs[e, j]:
                    found.append(k)
                k += 1
    return np.array(found, np.int64)


def _rows(keys, free):
    """(indptr, indices) of sorted keys."""
    return np.searchsorted(keys, np.arange(free + 1) * free).astype(np.int32), (keys % free).astype(np.int32)


@functools.cache
def _return_large_blocks():
    """Let the C library return large arrays to the system when they are freed (glibc).

    By default it learns from the first large one to keep up to 64 MB of holes: 0.6 kB an unknown at 70 000 of them. Arrays of
    small systems stay below the threshold and are reused without asking the system for pages.
    """
    with contextlib.suppress(OSError, AttributeError, TypeError):
        library = ctypes.CDLL(None)
        library.mallopt(M_MMAP_THRESHOLD, 2_000_000)
        library.mallopt(M_TRIM_THRESHOLD, 16_000_000)


class System:
    """The unknowns of a model and the potentials on them.

    Hessians are upper triangles in CSR over the free unknowns (`sparsity`).
    force_scale: the largest force that any stencil exerted at the last evaluation;
    energy_scale: the sum of the potentials' energies without their signs (the sum itself may
    pass through zero under a pressure).
    """

    def __init__(self, unknowns, potentials):
        self.unknowns, self.potentials = unknowns, list(potentials)
        self._hessians = None
        _return_large_blocks()
        # The sparsity there is at first, of which a resumed run starts as well as one that was not interrupted.
        free = unknowns.free
        found = [np.arange(free) * (free + 1)]  # the diagonal is always there
        found += [np.unique(_keys(potential.dofs, free)) for potential in self.potentials]  # one after the other: large systems take most memory here
        keys = np.unique(np.concatenate(found))
        self._keys = keys[keys >= 0]
        self._rows = _rows(self._keys, free)
        self._signature = tuple(p.signature for p in self.potentials)
        self._moving, self._still = set(), {}  # potentials whose sparsity has changed; of the others, where their entries go
        self.indptr = None
        self.force_scale = self.energy_scale = 0.0

    def _analyse(self):
        signature = tuple(p.signature for p in self.potentials)
        if signature == self._signature and self.indptr is not None:
            return
        free, dofs = self.unknowns.free, [potential.dofs for potential in self.potentials]
        moving = self._moving | {k for k, (now, before) in enumerate(zip(signature, self._signature)) if now != before}
        if moving != self._moving or not self._still:
            self._moving = moving
            self._still = {k: (_places(each, *self._rows), _doubled(each)) for k, each in enumerate(dofs) if k not in moving}
        # What contact that finds its pairs anew, or has its cells turned, adds to the sparsity there was at first is merged into it.
        new = [_keys(dofs[k], free)[_places(dofs[k], *self._rows) < 0] for k in moving]
        new = np.unique(np.concatenate([np.empty(0, np.int64), *new]))
        before = np.searchsorted(self._keys, new)
        self.indptr, self.indices = _rows(np.insert(self._keys, before, new), free) if len(new) else self._rows
        shift = np.searchsorted(before, np.arange(len(self._keys) + 1), side="right").astype(np.int32)
        # Of each potential: where its entries go, which count twice, and where these go. What belongs to no free unknown goes beyond the end.
        self._targets = []
        for k in range(len(dofs)):
            target, doubled = (_places(dofs[k], self.indptr, self.indices), _doubled(dofs[k])) if k in moving else self._still[k]
            if k not in moving and len(new):
                target = target + shift[target]
            self._targets.append((target, doubled, target[doubled]))
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
        self.force_scale = max((float(np.abs(part.gradient).max(initial=0.0)) for part in parts), default=0.0)
        gradient = np.zeros(self.unknowns.size)
        for potential, part in zip(self.potentials, parts):
            _add(gradient, potential.dofs.ravel(), part.gradient.ravel())
        if order < 2:
            return energy, gradient, None
        self._hessians = [part.hessian for part in parts]
        self._unbent = [part.unbent for part in parts]
        return energy, gradient, self._sum(self._hessians)

    def _sum(self, hessians):
        """Values of the sparse Hessian from the entries of each potential's."""
        values = np.zeros(len(self.indices) + 1)
        for (target, doubled, again), entries in zip(self._targets, hessians):
            _add(values, target, entries.ravel())
            _add(values, again, entries.ravel()[doubled])
        return values[:-1]

    def unbent(self):
        """Values of the Hessian where it was evaluated last, without what potentials know to bend down; None: none knows any."""
        if all(entries is None for entries in self._unbent):
            return None
        return self._sum([entries if unbent is None else unbent for entries, unbent in zip(self._hessians, self._unbent)])

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
        list(_POOL.map(lambda potential: potential.commit(x), self.potentials))

    def remesh(self, x, velocity=None):
        """(x, velocity) of a committed state after what carries no history has been meshed anew; the same arrays where nothing was."""
        meshed, moving = x.copy(), None if velocity is None else velocity.copy()
        changed = [potential.remesh(meshed, moving) for potential in self.potentials if hasattr(potential, "remesh")]
        return (meshed, moving) if any(changed) else (x, velocity)

    def state(self):
        return {str(k): potential.state() for k, potential in enumerate(self.potentials)}

    def restore(self, state):
        for k, potential in enumerate(self.potentials):
            potential.restore(state.get(str(k), {}))
