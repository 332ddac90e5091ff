"""The six-node triangle: shape functions and quadrature."""

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


def jacobians_t6(places):
    """Determinants (m, 3) of the Jacobian of cells whose nodes are at `places` (m, 6, 2), at the quadrature points [um2]."""
    return np.linalg.det(np.einsum("mai,kaj->mkij", places, shape_t6(POINTS)[1]))


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


# Six interior points integrate products of two of the functions exactly in cells with straight sides (Dunavant 1985, degree 4).
_A, _B = 0.445948490915965, 0.091576213509771
POINTS_DEGREE_4 = np.array([[_A, _A], [_A, 1 - 2 * _A], [1 - 2 * _A, _A], [_B, _B], [_B, 1 - 2 * _B], [1 - 2 * _B, _B]])
WEIGHTS_DEGREE_4 = np.repeat([0.223381589678011, 0.109951743655322], 3) / 2


def masses_t6(nodes, cells):
    """Integrals (m, 6, 6) [um^2] of products of the shape functions over each cell: its consistent mass per density."""
    values, reference = shape_t6(POINTS_DEGREE_4)
    det = np.linalg.det(np.einsum("mai,kaj->mkij", nodes[cells], reference))
    return np.einsum("ka,kb,mk->mab", values, values, det * WEIGHTS_DEGREE_4)


# Second derivatives of the T6 functions by r and s, the same everywhere.
SECOND = np.zeros((6, 2, 2))
SECOND[0] = 4.0
SECOND[1, 0, 0] = SECOND[2, 1, 1] = 4.0
SECOND[3] = [[-8.0, -4.0], [-4.0, 0.0]]
SECOND[4] = [[0.0, 4.0], [4.0, 0.0]]
SECOND[5] = [[0.0, -4.0], [-4.0, -8.0]]


def second_gradients_t6(nodes, cells):
    """Second gradients (m, 3, 6, 2, 2) [1/um^2] of the shape functions at the quadrature points.

    In a cell with straight sides they are the same at all three.
    """
    _, reference = shape_t6(POINTS)
    x = nodes[cells]
    inverse = np.linalg.inv(np.einsum("mai,kaj->mkij", x, reference))
    gradients = np.einsum("kaj,mkji->mkai", reference, inverse)
    bend = np.einsum("mai,ajl->mijl", x, SECOND)  # of the sides: zero where they are straight
    return np.einsum("mkji,mkajl,mkln->mkain", inverse, SECOND - np.einsum("mkai,mijl->mkajl", gradients, bend), inverse)
