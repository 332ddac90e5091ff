"""The six-node triangle with straight sides: shape functions and quadrature."""

import numpy as np

# Three interior points integrate quadratic functions exactly; each carries a third of the area.
POINTS = np.array([[1 / 6, 1 / 6], [2 / 3, 1 / 6], [1 / 6, 2 / 3]])


def shape_t6(xi):
    """Values (k, 6) and reference gradients (k, 6, 2) of the T6 functions at points `xi` (k, 2).

    Nodes: the corners, then the middles of 12, 23, 31.
    """
    r, s = np.asarray(xi, float).T
    t = 1 - r - s
    values = np.stack([t * (2 * t - 1), r * (2 * r - 1), s * (2 * s - 1), 4 * r * t, 4 * r * s, 4 * s * t], 1)
    zero = np.zeros_like(r)
    d_r = np.stack([1 - 4 * t, 4 * r - 1, zero, 4 * (t - r), 4 * s, -4 * s], 1)
    d_s = np.stack([1 - 4 * t, zero, 4 * s - 1, -4 * r, 4 * r, 4 * (t - s)], 1)
    return values, np.stack([d_r, d_s], 2)


def gradients_t6(nodes, cells):
    """Gradients (m, 3, 6, 2) [1/um] of the shape functions at the quadrature points, and weights (m, 3) [um^2].

    Raises ValueError, naming the first element, where a Jacobian is not positive.
    """
    _, reference = shape_t6(POINTS)
    jacobian = np.einsum("mai,kaj->mkij", nodes[cells], reference)
    det = np.linalg.det(jacobian)
    if (bad := (det <= 0).any(axis=1)).any():
        first = int(np.argmax(bad))
        raise ValueError(f"element {first} is inverted or flat (Jacobian {det[first].min():.3g} um2); mend the mesh")
    gradients = np.einsum("kaj,mkji->mkai", reference, np.linalg.inv(jacobian))
    return gradients, det / 6


def second_gradients_t6(nodes, cells):
    """Second gradients (m, 6, 2, 2) [1/um^2] of the shape functions; constant in a straight-sided T6."""
    x = nodes[cells[:, :3]]
    jacobian = np.stack([x[:, 1] - x[:, 0], x[:, 2] - x[:, 0]], 2)
    inverse = np.linalg.inv(jacobian)
    reference = np.zeros((6, 2, 2))
    reference[0] = 4.0
    reference[1, 0, 0] = reference[2, 1, 1] = 4.0
    reference[3] = [[-8.0, -4.0], [-4.0, 0.0]]
    reference[4] = [[0.0, 4.0], [4.0, 0.0]]
    reference[5] = [[0.0, -4.0], [-4.0, -8.0]]
    return np.einsum("mji,ajk,mkl->mail", inverse, reference, inverse)
