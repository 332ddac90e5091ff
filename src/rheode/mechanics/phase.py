"""Potentials in parallel on the same cells: one solid phase."""

from __future__ import annotations

import numpy as np


class Phase:
    """A solid phase as the sum of potentials that share its deformation.

    Springs and dashpots side by side in a rheological model: energies, stresses and dissipation add,
    inelastic strains belong to each part alone.
    name: of the phase. parts: `Solid`s on the same cells in the same order, and potentials with the
    same `cauchy`, `slip`, `creep_strain`, `stored`, `dissipated`, `chemical`; the first is a `Solid`.
    """

    def __init__(self, name: str, parts):
        self.name, self.parts = name, list(parts)
        self.weights = self.parts[0].weights

    def deformation(self, x):
        """Deformation gradient at the points, (m, 3, 3, 3)."""
        return self.parts[0].deformation(x)

    def cauchy(self, x):
        """Cauchy stress at the points of a committed state, (m, 3, 4): xx, yy, zz, xy in GPa."""
        return sum(part.cauchy(x) for part in self.parts)

    @property
    def slip(self):
        """Accumulated equivalent inelastic strain at the points, (m, 3), of the part that has flowed most there."""
        return self._most(np.stack([part.slip for part in self.parts])).reshape(self.weights.shape)

    def creep_strain(self):
        """Logarithmic inelastic strain at the points, (m, 3, 4): xx, yy, zz, xy, of the part that has flowed most there."""
        strains = np.stack([part.creep_strain() for part in self.parts])
        return self._most(strains.reshape(len(self.parts), -1, 4)).reshape(strains.shape[1:])

    def _most(self, values):
        """Values (parts, 3 m, ...) of that part at each point, (3 m, ...)."""
        if len(values) == 1:
            return values[0]
        slips = np.stack([part.slip for part in self.parts])
        return values[slips.argmax(axis=0), np.arange(slips.shape[1])]

    @property
    def stored(self):
        """Elastic energy, GPa um2, of the committed state."""
        return sum(part.stored for part in self.parts)

    @property
    def dissipated(self):
        """Energy dissipated since the start, GPa um2."""
        return sum(part.dissipated for part in self.parts)

    @property
    def chemical(self):
        """Work of growth and of changing moduli since the start, GPa um2."""
        return sum(part.chemical for part in self.parts)
