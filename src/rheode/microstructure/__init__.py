"""Where the particles are: random packings, their meshes, and meshes of the user's own; all end in one `Mesh`.

>>> packing = pack({"se": 0.356, "mse": 0.397}, particles=28, box=10.0, seed=1)
>>> mesh = mesh_packing(packing, mesh_size=0.7, contact_size=0.3)
"""

from .channel import channel
from .deposition import deposit
from .foreign import fill_pores, read_mesh
from .infiltration import infiltrate
from .mesh import PORE, Mesh, MeshError, Surface
from .meshing import mesh_packing
from .packing import Packing, PackingError, pack
from .parting import facing, part
from .welding import weld

__all__ = ["PORE", "Mesh", "MeshError", "Packing", "PackingError", "Surface", "channel", "deposit", "facing", "fill_pores", "infiltrate", "mesh_packing", "pack", "part", "read_mesh", "weld"]
