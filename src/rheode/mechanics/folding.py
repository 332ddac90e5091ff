"""What keeps six-node triangles from folding where a soft phase is squeezed to a film.

A law is asked at three points inside a T6. Where a soft phase is squeezed out between stiff bodies its cells can
fold beside those points, at no cost, and the bodies then pass through each other. So the same cells carry, in parallel,
a neo-Hookean solid a hundred times softer on the four straight triangles between corners and mid nodes: as one of these
shuts its energy goes to infinity. It is to a filled pore what the third medium is to an empty one.
"""

from __future__ import annotations

import numpy as np

from rheode.mechanics.laws import neo_hookean
from rheode.mechanics.solid import Solid

# Stiffness relative to the phase; where nothing is squeezed this is what it adds to the stress.
SHARE = 0.01
# Lame's lambda by mu: soft enough not to lock where the phase itself keeps its volume.
VOLUMETRIC = 10.0

_PARTS = (([0, 3, 5], [3, 1, 4], [5, 4, 2]), ([3, 4, 5],))
_REFERENCE = np.array([[-1.0, -1.0], [1.0, 0.0], [0.0, 1.0]])


class StraightParts(Solid):
    """The neo-Hookean solid on up to three of the straight triangles that make up a T6, one in place of each point."""

    def __init__(self, name, nodes, cells, unknowns, parameters, parts):
        super().__init__(name, neo_hookean.LAW, nodes, cells, unknowns, parameters)
        self.gradients, self.weights = np.zeros_like(self.gradients), np.zeros_like(self.weights)
        corners = np.asarray(nodes)[self.cells]
        for k in range(3):
            part = parts[k % len(parts)]
            a, b, c = (corners[:, i] for i in part)
            jacobian = np.stack([b - a, c - a], axis=2)
            self.gradients[:, k, part] = np.einsum("aj,mji->mai", _REFERENCE, np.linalg.inv(jacobian))
            self.weights[:, k] = np.linalg.det(jacobian) * len(parts) / 6  # the one in the middle stands for three points


def folding_guard(name, nodes, cells, unknowns, G):
    """The two potentials on cells (m, 6) of a phase of shear modulus G [GPa]: on the outer triangles, and on the middle one."""
    moduli = {"mu": SHARE * G, "lambda": SHARE * VOLUMETRIC * G}
    return [StraightParts(f"{name} {where}", nodes, cells, unknowns, moduli, parts) for where, parts in zip(("rim", "middle"), _PARTS)]
