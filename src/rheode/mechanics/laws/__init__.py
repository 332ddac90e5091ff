"""Constitutive laws at a point, one file each.

A law sees three principal stretches (of the elastic trial state, growth and creep
taken out) and returns the energy per grown volume, its derivatives by the
stretches, and how far the inelastic flow relaxes each stretch.  It knows nothing of
elements, dimensions or meshes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Law:
    """name: as printed. parameters: names of the columns of the parameter table (m, k),
    one row an element.

    respond(stretch (n, 3), table (m, k), dt, order) -> (w (n,), p (n, 3), h (n, 6)):
        incremental energy [GPa], dw/ds_i, d2w/ds_i ds_j in the order 11 22 33 12 13 23.
        The n points belong to the m elements in order, n / m points each.
    relax(stretch, table, dt) -> (ratio (n, 3), stored (n,), slip (n,), dissipated (n,)):
        factor by which the flow changes each stretch, elastic energy [GPa], equivalent
        inelastic strain, dissipated energy [GPa] of the increment.
    """

    name: str
    parameters: tuple[str, ...]
    respond: Callable
    relax: Callable
