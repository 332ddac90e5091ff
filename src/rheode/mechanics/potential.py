"""The contract every piece of physics obeys, and the unknowns it is written in.

A potential lives on *stencils*: small groups of unknowns (the dofs of one
element, the displacement of one wall).  It returns its energy, and gradient and
Hessian entries stencil by stencil; `system.py` sums them into one sparse system.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np


@dataclass
class Evaluation:
    """What a potential says about a configuration.

    energy: float, GPa um^2 per um of depth; inf where the configuration is not admissible.
    gradient: (m, d) entries on the m stencils of d unknowns, or None (order 0).
    hessian: (m, d (d + 1) / 2) lower triangles, row by row, or None (order < 2).
    unbent: the same without terms that are known to bend down; None where there are none.
    """

    energy: float
    gradient: np.ndarray | None = None
    hessian: np.ndarray | None = None
    unbent: np.ndarray | None = None


class Potential(Protocol):
    """One piece of physics: a solid phase, the medium in the pores, a loaded wall."""

    dofs: np.ndarray  # (m, d) int: the unknowns of each stencil; may change, with `signature`, in evaluate of order 1 or 2
    signature: object  # changes when the sparsity does

    def begin(self, dt: float, fields: dict) -> None:
        """A new increment of length `dt` [s]: growth, parameters, loads at its end. History stays."""

    def evaluate(self, x: np.ndarray, order: int) -> Evaluation:
        """Energy (order 0), and gradient (1), and Hessian (2) at the extended vector `x`."""

    def max_step(self, x: np.ndarray, dx: np.ndarray) -> float:
        """The largest admissible fraction of the step `dx` (collision, inversion)."""

    def restrain(self, x: np.ndarray, dx: np.ndarray) -> bool:
        """Optional: stiffen the Hessian at x where the step dx, made with it, goes further than it is good for.

        True if it did; energy and gradient are what they were, and the next evaluation elsewhere forgets it.
        """

    def remesh(self, x: np.ndarray, velocity: np.ndarray | None) -> bool:
        """Optional: mesh anew, between increments, what carries no history; in `x`, and in the velocity of the unknowns where there is one,
        nodes that are this potential's alone are put in place. True if it did."""

    def update(self, x: np.ndarray) -> None:
        """Refresh between iterations what is not a function of `x` alone (collision sets, lagged friction)."""

    def commit(self, x: np.ndarray) -> None:
        """The increment is accepted: history advances."""

    def state(self) -> dict:
        """Everything `restore` needs, as arrays."""

    def restore(self, state: dict) -> None: ...


class Stateless:
    """The parts of the contract that a potential without history leaves empty."""

    signature = 0

    def begin(self, dt, fields):
        pass

    def max_step(self, x, dx):
        return 1.0

    def update(self, x):
        pass

    def commit(self, x):
        pass

    def state(self):
        return {}

    def restore(self, state):
        pass


@dataclass
class Unknowns:
    """Named blocks of the extended vector: what is solved for first, then what is prescribed.

    A displacement component of a node is an index into that vector; several nodes may
    share one (all nodes of a wall move with it).  The gradient at a prescribed entry
    is the reaction there.

    displacement: (n, 2) int, index of each node's components.
    free: number of entries that are solved for (they come first).
    blocks: name -> indices of the scalars ("stretch zz", "wall top", ...) and of the nodes.
    """

    displacement: np.ndarray
    free: int
    size: int
    blocks: dict[str, np.ndarray] = field(default_factory=dict)

    def start(self) -> np.ndarray:
        """The extended vector of the undeformed state, (size,)."""
        return np.zeros(self.size)

    def nodes(self, x: np.ndarray) -> np.ndarray:
        """Nodal displacements (n, 2) in um."""
        return x[self.displacement]


def unknowns(n_nodes: int, tied=(), free_scalars=(), fixed_scalars=()) -> Unknowns:
    """Number the unknowns of a mesh.

    tied: pairs (mask or indices of nodes, component, name): these displacement
        components all equal the scalar `name`.
    free_scalars, fixed_scalars: names of the scalars that are solved for and of those
        that are prescribed.
    Raises KeyError when a tie names a scalar that is in neither.
    """
    owner = np.full((n_nodes, 2), -1)
    names = [*free_scalars, *fixed_scalars]
    for nodes, component, name in tied:
        if name not in names:
            raise KeyError(f"tied to {name!r}, which is no scalar of this model")
        owner[nodes, component] = names.index(name)
    own = owner < 0
    n_own = int(own.sum())
    index = np.empty((n_nodes, 2), dtype=np.int64)
    index[own] = np.arange(n_own)
    index[~own] = n_own + owner[~own]
    free = n_own + len(free_scalars)
    blocks = {"nodes": np.arange(n_own)}
    blocks |= {name: np.array([n_own + k]) for k, name in enumerate(names)}
    return Unknowns(index, free, n_own + len(names), blocks)
