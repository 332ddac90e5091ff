"""What is measured from a state: a mesh, a displacement, and nothing of studies or solvers.

contact     share of each phase's surface that is in contact
pores       numbered pores and what becomes of their areas
raster      a state as an image of its phases
surfaces    particle surfaces, walls, areas, porosity
statistics  means and percentiles over a phase, normalisation
"""

from .contact import Neighbours, contact_pressures, contact_ratios
from .pores import Pores, PoreState, paper_expansion, pure_expansion
from .raster import BEYOND, rasterise
from .statistics import Statistics, share_of_largest, statistics
from .surfaces import Surfaces, Walls, mean_particle_radius, porosity, solid_area, wall_positions

__all__ = [
    "BEYOND",
    "Neighbours",
    "Pores",
    "PoreState",
    "Statistics",
    "Surfaces",
    "Walls",
    "contact_pressures",
    "contact_ratios",
    "mean_particle_radius",
    "paper_expansion",
    "porosity",
    "pure_expansion",
    "rasterise",
    "share_of_largest",
    "solid_area",
    "statistics",
    "wall_positions",
]
