"""Third-medium contact: the pores are filled with a medium too soft to matter until it is crushed.

No search, fixed sparsity, no overlap: particles that meet squeeze the medium between
them, whose stiffness grows without bound as its volume goes to zero.  A second-gradient
term keeps crushed elements from folding: k_r/2 int (HuHu - 1/2 LuLu), Hu the second
gradient of the displacement and Lu its Laplacian (Faltus, Horák, Doškář, Rokoš,
Comput. Mech. (2024), doi 10.1007/s00466-024-02516-9), non-negative in two dimensions.
"""

from __future__ import annotations

import numpy as np

from rheode.mechanics.elements import gradients_t6, second_gradients_t6
from rheode.mechanics.laws import neo_hookean
from rheode.mechanics.potential import Evaluation, Stateless
from rheode.mechanics.solid import Solid


class SecondGradient(Stateless):
    """The regularisation of the medium, quadratic in the displacement: k_r [GPa um^2]."""

    def __init__(self, nodes, cells, unknowns, k_r):
        m = len(cells)
        self.dofs = unknowns.displacement[cells].reshape(m, 12)
        hess = second_gradients_t6(nodes, cells)
        weights = k_r * gradients_t6(nodes, cells)[1]
        laplace = np.einsum("mkaii->mka", hess)
        scalar = np.einsum("mkaij,mkbij,mk->mab", hess, hess, weights) - 0.5 * np.einsum("mka,mkb,mk->mab", laplace, laplace, weights)
        self._matrix = np.zeros((m, 12, 12))
        self._matrix[:, 0::2, 0::2] = self._matrix[:, 1::2, 1::2] = scalar
        i, j = np.tril_indices(12)
        self._packed = np.ascontiguousarray(self._matrix[:, i, j])

    def evaluate(self, x, order):
        u = x[self.dofs]
        gradient = np.matmul(self._matrix, u[:, :, None])[:, :, 0]
        energy = 0.5 * float((u * gradient).sum())
        return Evaluation(energy, gradient, self._packed if order == 2 else None)


def third_medium(nodes, cells, unknowns, K, G, stiffness_ratio, length):
    """The medium's two potentials: [neo-Hookean solid named "medium", second gradients].

    K, G: moduli [GPa] that the stiffness ratio refers to (the framework's); length [um]:
    scale of the regularisation, k_r = stiffness_ratio K length^2.
    """
    moduli = {"mu": stiffness_ratio * G, "lambda": stiffness_ratio * (K - 2 * G / 3)}
    medium = Solid("medium", neo_hookean.LAW, nodes, cells, unknowns, moduli)
    return [medium, SecondGradient(nodes, cells, unknowns, stiffness_ratio * K * length**2)]
