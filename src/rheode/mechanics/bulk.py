"""Volumetric energy of nearly incompressible cells, its pressure condensed over pairs of cells.

Where K >> G, or creep takes the shear away, a six-node triangle that keeps its volume at each of its three points is
left with hardly any freedom: it locks, and its pressure alternates from point to point. Here two triangles that share a
side share one pressure, linear in x and y: the volume ratio J/Jl is projected on 1, x, y in the L2 sense of the grown
volume, and the projection J^ bears K/2 (ln J^)^2. The pressure, K ln(J^)/J^ projected likewise, is Cauchy's.

The middle node of the shared side is the bubble that the two slopes of the pressure need, the middle nodes of the outer
sides hold its constant, as in the nine-node quadrilateral with a linear pressure: by the macro-element condition
(Stenberg, Math. Comput. 42 (1984) 9) the pair is stable on any mesh and keeps the order of the element, three in
displacement and two in stress. One constant for each triangle is stable too but loses an order (docs/verification.md).
As the projection is a function of the displacements, this is a potential like any other, without multipliers.

Newton's method on it stalls where mixed methods, which solve for the pressure too, do not: a step that turns cells keeps
their volume to first order only, and K times the second order is a pressure that makes the geometric stiffness wrong. So
that pressure is carried along the iteration, changing by what each linear step promises, as a mixed method's would;
energy and gradient are unchanged, and so is the Hessian once the promise is kept.
"""

from __future__ import annotations

import heapq

import numpy as np
from numba import njit

from rheode.mechanics.elements import POINTS, gradients_t6, shape_t6
from rheode.mechanics.potential import Evaluation, Stateless
from rheode.mechanics.solid import volume_changes


def pairs(cells):
    """Groups (g, 3) of T6 cells that share a side: two each, three where one was left over; -1 fills up.

    A cell without a neighbour, or all of whose neighbours are in threes, is alone.
    """
    m = len(cells)
    order = np.argsort(cells[:, 3:].ravel(), kind="stable")
    side = cells[:, 3:].ravel()[order]
    shared = np.flatnonzero(side[1:] == side[:-1])
    neighbours = [[] for _ in range(m)]
    for a, b in zip(order[shared] // 3, order[shared + 1] // 3):
        neighbours[a].append(int(b))
        neighbours[b].append(int(a))
    # Cells with the fewest free neighbours first: they are the ones that could be left over.
    free = np.array([len(each) for each in neighbours])
    group, groups = np.full(m, -1), []
    queue = [(int(free[k]), k) for k in range(m)]
    heapq.heapify(queue)

    def take(k):
        for j in neighbours[k]:
            free[j] -= 1
            if group[j] < 0:
                heapq.heappush(queue, (int(free[j]), j))

    while queue:
        count, k = heapq.heappop(queue)
        if group[k] >= 0 or count != free[k] or count == 0:
            continue
        j = min((j for j in neighbours[k] if group[j] < 0), key=lambda j: (free[j], j))
        group[k] = group[j] = len(groups)
        groups.append([k, j])
        take(k)
        take(j)
    for k in np.flatnonzero(group < 0):
        room = [group[j] for j in neighbours[k] if group[j] >= 0 and len(groups[group[j]]) == 2]
        if room:
            group[k] = room[0]
            groups[room[0]].append(k)
        else:
            group[k] = len(groups)
            groups.append([k])
    return np.array([each + [-1] * (3 - len(each)) for each in groups], dtype=np.int64).reshape(-1, 3)


@njit(cache=True)
def _volumes(x, dofs, gradients):
    """J at the points, (m, 3)."""
    m = dofs.shape[0]
    out = np.empty((m, 3))
    for i in range(m):
        for k in range(3):
            a, b, c, d = 1.0, 0.0, 0.0, 1.0
            for n in range(6):
                ux, uy = x[dofs[i, 2 * n]], x[dofs[i, 2 * n + 1]]
                gx, gy = gradients[i, k, n]
                a += ux * gx
                b += ux * gy
                c += uy * gx
                d += uy * gy
            out[i, k] = (a * d - b * c) * (1.0 + x[dofs[i, 12]])
    return out


@njit(cache=True)
def _entries(x, dofs, groups, places, size, gradients, weights, basis, stress, turning, stiffness, with_hessian):
    """Entries of gradient and Hessian of the groups.

    places (m, 13): where each dof of a cell stands among the `size` ones of its group; stress (m, 3) the projected
    derivative by J; turning (m, 3) that of the geometric stiffness; stiffness (g, 3, 3) of the three coefficients.
    """
    g = groups.shape[0]
    packed = size * (size + 1) // 2
    gradient = np.zeros((g, size))
    hessian = np.zeros((g if with_hessian else 0, packed))
    change = np.empty(13)
    for i in range(g):
        rows = np.zeros((3, size))
        for cell in groups[i]:
            if cell < 0:
                continue
            place = places[cell]
            z = 1.0 + x[dofs[cell, 12]]
            for k in range(3):
                a, b, c, d = 1.0, 0.0, 0.0, 1.0
                for n in range(6):
                    ux, uy = x[dofs[cell, 2 * n]], x[dofs[cell, 2 * n + 1]]
                    gx, gy = gradients[cell, k, n]
                    a += ux * gx
                    b += ux * gy
                    c += uy * gx
                    d += uy * gy
                for n in range(6):
                    gx, gy = gradients[cell, k, n]
                    change[2 * n] = d * gx - c * gy
                    change[2 * n + 1] = a * gy - b * gx
                w, s = weights[cell, k], weights[cell, k] * stress[cell, k]
                for n in range(12):
                    gradient[i, place[n]] += s * z * change[n]
                gradient[i, place[12]] += s * (a * d - b * c)
                if not with_hessian:
                    continue
                s = w * turning[cell, k]
                for r in range(3):
                    scale = w * basis[cell, k, r]
                    for n in range(12):
                        rows[r, place[n]] += scale * z * change[n]
                    rows[r, place[12]] += scale * (a * d - b * c)
                # J is bilinear in the two components and linear in the stretch out of plane.
                for n in range(6):
                    gx, gy = gradients[cell, k, n]
                    p = place[2 * n]
                    for o in range(6):
                        q = place[2 * o + 1]
                        low, high = min(p, q), max(p, q)
                        hessian[i, high * (high + 1) // 2 + low] += (
                            s * z * (gx * gradients[cell, k, o, 1] - gy * gradients[cell, k, o, 0])
                        )
                for n in range(12):
                    low, high = min(place[n], place[12]), max(place[n], place[12])
                    hessian[i, high * (high + 1) // 2 + low] += s * change[n]
        if not with_hessian:
            continue
        product = stiffness[i] @ rows
        e = 0
        for p in range(size):
            for q in range(p + 1):
                hessian[i, e] += rows[0, p] * product[0, q] + rows[1, p] * product[1, q] + rows[2, p] * product[2, q]
                e += 1
    return gradient, hessian


class Bulk(Stateless):
    """Energy Jl K/2 (ln J^)^2 of a phase's volume, J^ the projection of J/Jl on the linear functions of each group.

    It stands beside a `Solid` of the same cells with K = 0, which bounds the steps. nodes: (n, 2) um. cells: (m, 6).
    K: GPa, scalar or (m,). name: key of its fields in `begin`, {"growth": (m,), "K": (m,)}; other keys are not its own.
    groups: (g, k) cells that share a pressure, -1 where there is none; by default `pairs`.
    A group of one cell has a constant pressure.
    """

    def __init__(self, name: str, nodes, cells, unknowns, K, groups=None):
        self.name = name
        self.cells = np.asarray(cells)
        m = len(self.cells)
        self.gradients, self.weights = gradients_t6(nodes, self.cells)
        self._cell_dofs = np.empty((m, 13), dtype=np.int64)
        self._cell_dofs[:, :12] = unknowns.displacement[self.cells].reshape(m, 12)
        self._cell_dofs[:, 12] = unknowns.blocks["stretch zz"][0]
        self.groups = pairs(self.cells) if groups is None else np.asarray(groups)
        self._group = np.empty(m, dtype=np.int64)
        index, column = np.nonzero(self.groups >= 0)
        self._group[self.groups[index, column]] = index
        self._stencils(unknowns)
        self.basis = self._linear(np.asarray(nodes, float))
        self.growth, self.K = np.ones(m), np.broadcast_to(np.asarray(K, float), (m,)).copy()
        self.slip = np.zeros(3 * m)  # volume does not flow
        self.dissipated = self.chemical = self.stored = 0.0
        self._x, self._start = unknowns.start(), None
        # Mean stress (m, 3) of the committed state, as carried along the iteration (None: that of the state), and the
        # step under way with the stress at its start and end.
        self._settled, self._carried, self._line = np.zeros((m, 3)), None, None

    def _stencils(self, unknowns):
        """Dofs of the groups, padded with their first, and where each cell's stand among them."""
        found = [np.unique(self.cells[group[group >= 0]]) for group in self.groups]
        size = 2 * max((len(nodes) for nodes in found), default=0) + 1
        self.dofs = np.empty((len(found), size), dtype=np.int64)
        self._places = np.empty((len(self.cells), 13), dtype=np.int64)
        self._places[:, 12] = size - 1
        for i, (group, nodes) in enumerate(zip(self.groups, found)):
            used = 2 * len(nodes)
            self.dofs[i, :used] = unknowns.displacement[nodes].ravel()
            self.dofs[i, used:] = self.dofs[i, 0]
            for cell in group[group >= 0]:
                place = 2 * np.searchsorted(nodes, self.cells[cell])
                self._places[cell, :12:2], self._places[cell, 1:12:2] = place, place + 1
        self.dofs[:, -1] = unknowns.blocks["stretch zz"][0]

    def _linear(self, nodes):
        """1, x, y at the points of each cell (m, 3, 3), from the middle of its group, by the group's size; 1, 0, 0 where it is alone."""
        points = np.einsum("ka,mai->mki", shape_t6(POINTS)[0], nodes[self.cells])
        area = self._sum(self.weights.sum(axis=1))
        middle = self._sum(np.einsum("mk,mki->mi", self.weights, points)) / area[:, None]
        alone = (self.groups >= 0).sum(axis=1) == 1
        scale = np.where(alone, 0.0, 1 / np.sqrt(area))
        basis = np.ones((len(self.cells), 3, 3))
        basis[..., 1:] = (points - middle[self._group, None]) * scale[self._group, None, None]
        return basis

    def _sum(self, values):
        """Sum of (m, ...) over the cells of each group."""
        out = np.zeros((len(self.groups), *values.shape[1:]))
        for column in self.groups.T:
            there = column >= 0
            out[there] += values[column[there]]
        return out

    def begin(self, dt, fields):
        if self._start is None:  # an increment that is cut back begins anew from the same committed state
            self._start = self.growth, self.K
        given = fields.get(self.name, {})
        for key in ("growth", "K"):
            if key in given:
                setattr(self, key, np.broadcast_to(np.asarray(given[key], float), self.K.shape).copy())
        self._carried, self._line = self._settled, None

    def _projection(self, growth):
        """Weights (m, 3) of the grown volume, and the inverse Gram matrices (g, 3, 3) of the basis under them."""
        mass = self.weights * growth[:, None]
        gram = self._sum(np.einsum("mk,mkr,mks->mrs", mass, self.basis, self.basis))
        gram[:, [1, 2], [1, 2]] += gram[:, 1, 1, None] == 0.0  # a cell alone has no slopes
        return mass, np.linalg.inv(gram)

    def _project(self, values, mass, inverse):
        coefficients = np.einsum("grs,gs->gr", inverse, self._sum(np.einsum("mk,mk,mkr->mr", mass, values, self.basis)))
        return np.einsum("mkr,mr->mk", self.basis, coefficients[self._group])

    def _ratio(self, x, growth):
        """Projected volume ratio (m, 3), the weights and matrices of the projection."""
        mass, inverse = self._projection(growth)
        volumes = _volumes(x, self._cell_dofs, self.gradients) / growth[:, None]
        return self._project(volumes, mass, inverse), mass, inverse

    def _energy(self, x, growth, K):
        ratio, mass, _ = self._ratio(x, growth)
        return float((0.5 * mass * K[:, None] * np.log(ratio) ** 2).sum()) if ratio.min(initial=1.0) > 0.0 else np.inf

    def evaluate(self, x, order):
        ratio, mass, inverse = self._ratio(x, self.growth)
        if ratio.min(initial=1.0) <= 0.0:
            return Evaluation(np.inf)
        logarithm, K = np.log(ratio), self.K[:, None]
        energy = float((0.5 * mass * K * logarithm**2).sum())
        if order == 0:
            return Evaluation(energy)
        stress = self._project(K * logarithm / ratio, mass, inverse)
        if order == 2:
            self._carried = self._promised(x, stress)
        curvature = mass * K * (1.0 - logarithm) / ratio**2
        stiffness = inverse @ self._sum(np.einsum("mk,mkr,mks->mrs", curvature, self.basis, self.basis)) @ inverse
        gradient, hessian = _entries(
            x, self._cell_dofs, self.groups, self._places, self.dofs.shape[1], self.gradients, self.weights, self.basis,
            stress, stress if self._carried is None else self._carried, stiffness, order == 2,
        )  # fmt: skip
        return Evaluation(energy, gradient, hessian if order == 2 else None)

    def max_step(self, x, dx):
        """1; what comes is the line search along dx, on which the stress changes as its linearisation says."""
        ratio, mass, inverse = self._ratio(x, self.growth)
        logarithm, K = np.log(ratio), self.K[:, None]
        change = self._project(volume_changes(x, dx, self._cell_dofs, self.gradients) / self.growth[:, None], mass, inverse)
        end = self._project(K * (logarithm / ratio + (1.0 - logarithm) / ratio**2 * change), mass, inverse)
        start = self._project(K * logarithm / ratio, mass, inverse) if self._carried is None else self._carried
        self._line = x.copy(), dx.copy(), start, end
        return 1.0

    def _promised(self, x, stress):
        """The carried stress at x: on the step under way what its linearisation says, elsewhere the committed one."""
        if self._line is None:
            return self._carried
        begun, dx, start, end = self._line
        k = np.abs(dx).argmax()
        if dx[k] == 0.0:
            return stress
        share = (x[k] - begun[k]) / dx[k]
        on_it = np.abs(x - begun - share * dx).max() < 1e-9 * abs(dx[k])
        return start + share * (end - start) if on_it else self._settled

    def commit(self, x):
        before, now = self._start or (self.growth, self.K), (self.growth, self.K)
        chemical = self._energy(self._x, *now) - self._energy(self._x, *before)
        self.stored = self._energy(x, *now)
        self._x, self._start = x.copy(), None
        self.chemical += 0.5 * (chemical + self.stored - self._energy(x, *before))
        self._settle()

    def _settle(self):
        self._settled, self._carried, self._line = self._stress(self._x), None, None

    def _stress(self, x):
        """Mean Cauchy stress at the points, (m, 3)."""
        ratio, mass, inverse = self._ratio(x, self.growth)
        return self._project(self.K[:, None] * np.log(ratio) / ratio, mass, inverse)

    def cauchy(self, x):
        """Cauchy stress at the points, (m, 3, 4): xx, yy, zz, xy in GPa; the same in all directions."""
        return self._stress(x)[..., None] * np.array([1.0, 1.0, 1.0, 0.0])

    def creep_strain(self):
        """None, (m, 3, 4)."""
        return np.zeros((len(self.cells), 3, 4))

    def state(self):
        energies = np.array([self.stored, self.chemical])
        return {"growth": self.growth.copy(), "K": self.K.copy(), "energies": energies, "x": self._x.copy()}

    def restore(self, state):
        self.growth, self.K = state["growth"].copy(), state["K"].copy()
        self.stored, self.chemical = (float(v) for v in state["energies"])
        self._x, self._start = state["x"].copy(), None
        self._settle()
