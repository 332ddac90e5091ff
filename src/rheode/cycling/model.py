"""A study's electrode as potentials: which phase follows which law, what fills the pores, what holds the walls."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.linalg import splu

from rheode import measures
from rheode.cycling import phases
from rheode.mechanics.cohesion import Cohesion
from rheode.mechanics.contact.barrier import Bodies, Planes, barrier
from rheode.mechanics.contact.friction import Friction
from rheode.mechanics.contact.third_medium import Medium, third_medium
from rheode.mechanics.elements import gradients_t6
from rheode.mechanics.folding import folding_guard
from rheode.mechanics.inertia import DENSITY, Inertia
from rheode.mechanics.linear import linear_solver
from rheode.mechanics.minimiser import Minimiser
from rheode.mechanics.observation import observe, survey
from rheode.mechanics.potential import unknowns
from rheode.mechanics.resistance import Drag, Resistance
from rheode.mechanics.solid import pressure, von_mises
from rheode.mechanics.system import System
from rheode.mechanics.walls import Fixture, StackPressure
from rheode.microstructure import facing

# GPa, by the square of the mean radius: what holds particles that touch nothing. A step of a hundredth of the radius takes
# a pressure of 1.5e-5 GPa on a particle, of whatever size, and none once it rests.
HOLD_FREE = 1e-3
# A contact sticks that slides by less than this share of the mean radius in a half cycle.
SLIP = 0.01
# GPa: what drag and viscosity are a share of where rigid walls press with what they meet.
UNDER_RIGID_WALLS = 0.1

# An interface gives as much as a layer of the softer phase of this share of an element's side.
LAYER = 0.1
# Share of its stiffness that holds what has parted all around against what an increment moves it.
HOLD = 1e-5

# The medium's viscosity times its shear modulus is held to this share of the stack pressure: what it takes on the way must not
# bear the walls.
VISCOUS = 4e-4

# Cells of the medium that are higher than this share of the mean radius turn with the particles around them: twice the gap of a contact.
TURN = 0.02

# Contact ratios are also measured with half and twice the gap, and with half and twice the pressure, that count as contact.
SENSITIVITY = (0.5, 1.0, 2.0)
GAPS = (" gap/2", "", " gap*2")
PRESSURES = (" pressed/2", " pressed", " pressed*2")


def build_mesh(study):
    """The mesh that a study names: a packing, meshed, or the user's own. Raises PackingError, MeshError."""
    from rheode import microstructure

    mesh = _particles(study, {name: phase for name, phase in study.phases.items() if phase.fills is None})
    for name, phase in study.phases.items():
        if phase.fills is not None:
            mesh = microstructure.infiltrate(mesh, name, phase.fills)
    return microstructure.part(mesh, [name.split("-") for name in study.interfaces]) if study.interfaces else mesh


def _particles(study, phases):
    """The mesh of particles and empty pores."""
    from rheode import microstructure

    micro = study.microstructure
    if micro.kind == "mesh":
        return microstructure.read_mesh(micro.file, list(phases), micro.mesh_size)
    if micro.kind == "channel":
        by_role = {phase.role: name for name, phase in phases.items()}
        return microstructure.channel(
            micro.width, micro.depth, micro.porosity, micro.gap or micro.width, micro.cells_across, list(phases),
            by_role["active"], by_role.get("framework"),
        )  # fmt: skip
    fractions = {name: phase.fraction for name, phase in phases.items()}
    framework = [name for name, phase in phases.items() if phase.role == "framework"]
    welded = micro.skeleton == "welded"
    drawn = {"size_spread": micro.size_spread, "seed": micro.seed, "gap": micro.gap}
    if micro.placement == "deposited":
        packing = microstructure.deposit(fractions, micro.particles, micro.box, **drawn)
    else:
        packing = microstructure.pack(fractions, micro.particles, micro.box, **drawn, spanning=framework[0] if welded else None)
    mesh = microstructure.mesh_packing(packing, micro.mesh_size, micro.contact_size)
    joined = {"loose": [], "welded": framework, "cohesive": list(phases)}[micro.skeleton]
    return microstructure.weld(mesh, phases=joined) if joined else mesh


class Follow:
    """Displacements of pore nodes that are no unknowns, from those of the particles and walls.

    A harmonic field on the pore cells; conductivity falls with the square of a cell's area, so that
    thin cells in slits keep their shape and wide ones give.
    """

    def __init__(self, mesh, hollow):
        cells = mesh.cells[~mesh.solid]
        gradients, weights = gradients_t6(mesh.nodes, cells)
        weights = weights / weights.sum(axis=1, keepdims=True) ** 3
        local = np.einsum("mkai,mkbi,mk->mab", gradients, gradients, weights)
        rows, columns = np.repeat(cells, 6, axis=1).ravel(), np.tile(cells, (1, 6)).ravel()
        n = len(mesh.nodes)
        matrix = coo_matrix((local.ravel(), (rows, columns)), (n, n)).tocsc()
        self._parts = []
        for sides in (("left", "right"), ("bottom", "top")):
            inside = np.setdiff1d(hollow, np.concatenate([mesh.walls[side] for side in sides]))
            rest = np.setdiff1d(np.arange(n), inside)
            self._parts.append((inside, rest, splu(matrix[inside][:, inside]), matrix[inside][:, rest]))

    def __call__(self, displacement):
        out = displacement.copy()
        for axis, (inside, rest, factor, coupling) in enumerate(self._parts):
            out[inside, axis] = -factor.solve(coupling @ displacement[rest, axis])
        return out


@dataclass
class State:
    """A committed state to be measured.

    x: the unknowns. displacement: (n, 2) um. seen: `Observation` of each potential. position, force: of the supports, (3,) each:
    of the wall on top, of the wall on the right [um] and out-of-plane stretch minus one, and the forces per depth [GPa um,
    GPa um2] that the electrode needs from outside there.
    """

    x: np.ndarray
    displacement: np.ndarray
    seen: dict
    position: np.ndarray
    force: np.ndarray

    def stress(self, phase):
        """Cauchy stress of a phase at its points, (m, 3, 4): xx, yy, zz, xy in GPa."""
        return sum(self.seen[part].stress for part in phase.parts)


class Model:
    """Mesh, materials and walls of a study, ready to be solved and measured.

    Lengths um, stresses GPa, times s. `x` is the extended vector of `unknowns`.
    """

    def __init__(self, study, mesh):
        self.study, self.mesh = study, mesh
        self.materials = study.materials()
        width, height = (float(side) for side in mesh.box)
        self.width, self.height = width, height
        walls, generalized = study.walls.kind, study.mechanics.plane == "generalized_plane_strain"
        nodes = mesh.walls
        free = [name for name, is_free in (("stretch zz", generalized), ("wall top", walls != "rigid")) if is_free]
        fixed = [name for name in ("stretch zz", "wall top", "wall right", "fixed") if name not in free]
        tied = [
            (nodes["left"], 0, "fixed"),
            (nodes["right"], 0, "wall right"),
            (nodes["bottom"], 1, "fixed"),
            (nodes["top"], 1, "wall top"),
        ]
        # Nodes inside pores follow the particles: with the barrier nothing fills the pores, and the medium's cells come to hang on others.
        hollow = np.setdiff1d(np.arange(len(mesh.nodes)), mesh.cells[mesh.solid])
        self.follow = Follow(mesh, hollow) if len(hollow) else None
        if study.mechanics.contact == "barrier":
            tied = [(hollow, 0, "fixed"), (hollow, 1, "fixed"), *tied]
        self.unknowns = unknowns(len(mesh.nodes), tied, free, fixed)
        self.phases = [
            phases.phase(name, self.materials[name], mesh.nodes, mesh.cells[mesh.phase == index], self.unknowns,
                         study.cycling.start, study.temperature, study.stepping.second_order)
            for index, name in enumerate(mesh.phase_names)
        ]  # fmt: skip
        self.contact = [*self._contact(), *self._guards()]
        self.loads = []
        if generalized or walls == "pressure":
            out_of_plane = study.mechanics.out_of_plane_pressure if generalized else 0.0
            self.loads.append(StackPressure(self.unknowns, "wall top", width, height, 0.0, out_of_plane))
        if walls == "fixture":
            self.loads.append(Fixture(self.unknowns, "wall top", width, height))
        solids = [part for phase in self.phases for part in phase.parts]
        self.interfaces = {name: self._interface(name, bond) for name, bond in study.interfaces.items()}
        self.inertia = [self._inertia()] if study.mechanics.inertia else []
        self.system = System(self.unknowns, [*solids, *self.contact, *self.interfaces.values(), *self.inertia, *self.loads])
        # Bodies that touch nothing have soft modes: a shift that fits the rest would hold them. Where a bed buckles they move far, in
        # steps that end at each collision, however short the increment.
        patient = {"smallest_shift": 1e-6, "iterations": 1000} if study.mechanics.contact == "barrier" else {}
        self.minimise = Minimiser(self.system, linear_solver(), **patient)
        self.surfaces = measures.Surfaces(mesh)
        self.gap = study.output.contact_gap.of(measures.mean_particle_radius(mesh))
        # Position of each phase's cells among all solid cells, the order of stored fields.
        order = np.cumsum(mesh.solid) - 1
        self._slots = [order[mesh.phase == index] for index in range(len(mesh.phase_names))]

    def _contact(self):
        study, mesh = self.study.mechanics, self.mesh
        load = getattr(self.study.walls, "pressure", getattr(self.study.walls, "preload", 0.0)) or UNDER_RIGID_WALLS
        if study.contact == "third-medium":
            pores, medium = mesh.cells[~mesh.solid], study.medium
            if len(pores) == 0:
                return []
            K, G = self._stiffest()
            viscosity = min(medium.viscosity, VISCOUS * load / (medium.stiffness_ratio * G))
            return third_medium(mesh.nodes, pores, self.unknowns, K, G, medium.stiffness_ratio, medium.length, viscosity, TURN * mesh.mean_radius)
        nodes, (width, height) = mesh.walls, mesh.box
        walls = [
            (0, -1, 0.0, "fixed", nodes["left"]),
            (0, 1, width, "wall right", nodes["right"]),
            (1, -1, 0.0, "fixed", nodes["bottom"]),
            (1, 1, height, "wall top", nodes["top"]),
        ]
        film = study.barrier
        free = mesh.surface.edges[~mesh.surface.wall]
        radius = mesh.mean_radius
        contact = barrier(mesh.nodes, free, self.unknowns, film.distance, film.stiffness, walls, film.friction, SLIP * radius)
        area = np.bincount(mesh.cells[mesh.solid].ravel(), np.repeat(mesh.areas[mesh.solid] / 6, 6), len(mesh.nodes))
        solid = np.flatnonzero(area)
        # A disc of the mean radius that moves by its radius in a half cycle meets the drag on its diameter.
        drag = 2 * film.drag * load / (np.pi * radius**2)
        return [*contact, Drag(self.unknowns, solid, area[solid], mesh.nodes, mesh.box, drag, HOLD_FREE / radius**2)]

    def _interface(self, name, bond):
        pair, mesh, study = name.split("-"), self.mesh, self.study
        sides, stiffness = facing(mesh, *pair), bond.stiffness
        if stiffness is None:
            moduli = [self.materials[phase].at(np.array(study.cycling.start), study.temperature) for phase in pair]
            softer = min(float(each["K"] + 4 / 3 * each["G"]) for each in moduli)
            length = np.linalg.norm(mesh.nodes[sides[:, 0, 2]] - mesh.nodes[sides[:, 0, 0]], axis=1).mean()
            # At twice the least stiffness for strength and energy the traction falls over as much opening as it rose.
            stiffness = max(softer / (LAYER * length), bond.strength**2 / bond.energy)
        return Cohesion(mesh.nodes, sides, self.unknowns, stiffness, bond.strength, bond.energy, bond.shear, HOLD * stiffness)

    def _inertia(self):
        study, mesh = self.study, self.mesh
        mass = np.array([self.materials[name].mass(study.cycling.start) for name in mesh.phase_names])
        return Inertia(mesh.nodes, mesh.cells[mesh.solid], self.unknowns, DENSITY * mass[mesh.phase[mesh.solid]])

    def _guards(self):
        """What keeps the phases that fill pores from folding where particles squeeze them out."""
        mesh, study = self.mesh, self.study
        guards = []
        for name in mesh.filling:
            moduli = self.materials[name].at(np.array(study.cycling.start), study.temperature)
            G = float(moduli.get("mu", moduli["G"]))  # of a viscoelastic phase, what is left at rest
            cells = mesh.cells[mesh.phase == mesh.phase_names.index(name)]
            guards += folding_guard(f"{name} guard", mesh.nodes, cells, self.unknowns, G)
        return guards

    def _stiffest(self):
        """K, G [GPa] that the medium's stiffness ratio refers to: the framework's, else the stiffest phase's."""
        study = self.study
        names = [n for n in self.mesh.phase_names if study.phases[n].role == "framework"] or list(self.mesh.phase_names)
        table = [self.materials[name].at(np.array(0.0), study.temperature) for name in names]
        return max((float(p["K"]), float(p["G"])) for p in table)

    def begin(self, dt, lithiation, loads=None, share=None):
        """An increment of dt [s], `share` of its segment, that ends at a lithiation (a number, or one a cell of the phase).

        Without a share it is a whole segment, or, if dt is 0, nothing moves on in it: what resists motion forgets nothing.
        """
        study, told = self.study, dict(loads or {})
        if share is not None:
            told["share"] = share
        for name in self.mesh.phase_names:
            told |= phases.fields(name, self.materials[name], study.cycling.start, lithiation, study.temperature)
        self.system.begin(dt, told)

    # -- measures --

    def displacement(self, x):
        """(n, 2) um."""
        displacement = self.unknowns.nodes(x)
        return self.follow(displacement) if self.follow else displacement

    def scalar(self, x, name):
        return float(x[self.unknowns.blocks[name][0]])

    def strain(self):
        """Accumulated inelastic strains of the committed state at the points of the phases that lithiate, weighted to their mean."""
        flowing = [phase for phase in self.phases if self.study.phases[phase.name].lithiates]
        total = sum(phase.weights.sum() for phase in flowing)
        return np.concatenate([(phase.slip * phase.weights).ravel() / total for phase in flowing])

    def observe(self, x):
        """The committed state `x`, asked of every potential once: what is measured is taken from it."""
        seen = {part: observe(part, x) for part in self.system.potentials}
        inside = sum(self._sum(part, each.gradient) for part, each in seen.items() if part not in self.loads)
        index = [self.unknowns.blocks[name][0] for name in ("wall top", "wall right", "stretch zz")]
        return State(x, self.displacement(x), seen, x[index], inside[index])

    def _sum(self, part, gradient):
        """Entries on the stencils of a potential summed over the unknowns, (size,)."""
        return np.bincount(part.dofs.ravel(), gradient.ravel(), self.unknowns.size)

    def contact_forces(self, state):
        """Forces (n, 2) [GPa um] of what lies between the particles on the nodes: of the film, or of the medium.

        The second gradients, which keep the medium's cells in order, push back and forth along a surface and bear nothing.
        """
        bearing = [part for part in self.contact if isinstance(part, (Bodies, Planes, Medium))]
        force = -sum(self._sum(part, state.seen[part].gradient) for part in bearing) if bearing else np.zeros(self.unknowns.size)
        own = self.unknowns.displacement < len(self.unknowns.blocks["nodes"])
        return np.where(own, force[self.unknowns.displacement], 0.0)

    def row(self, state):
        """The measures of a state as columns of the history; docs/theory.md defines each."""
        row = {}
        x, displacement = state.x, state.displacement
        distorted, smallest = 1.0, np.inf
        for phase in self.phases:
            solid = phase.parts[0]
            mises, areas, mean, least, most = survey(x, solid.dofs, solid.gradients, phase.weights, state.stress(phase))
            for key, value in measures.statistics(mises, areas)._asdict().items():
                row[f"von Mises {phase.name} {key} [GPa]"] = value
            row[f"pressure {phase.name} mean [GPa]"] = mean
            row[f"creep strain {phase.name} mean []"] = float(np.average(phase.slip, weights=areas))
            distorted, smallest = max(distorted, most), min(smallest, least)
        near = measures.Neighbours(self.surfaces, displacement, max(SENSITIVITY) * self.gap)
        pressures = measures.contact_pressures(self.surfaces, displacement, self.contact_forces(state))
        for named, ratios in (
            (GAPS, near.within([share * self.gap for share in SENSITIVITY])),
            (PRESSURES, near.pressed(pressures, [share * self.study.output.contact_pressure for share in SENSITIVITY])),
        ):
            for k, suffix in enumerate(named):
                row |= {f"contact {a}-{b}{suffix} []": float(values[k]) for (a, b), values in ratios.items()}
        walls = measures.wall_positions(self.mesh, displacement)
        row["porosity []"] = measures.porosity(self.mesh, displacement)
        row["thickness [um]"] = walls.thickness
        row["width [um]"] = walls.width
        stretch = 1.0 + self.scalar(x, "stretch zz")
        row["stretch zz []"] = stretch
        top, right, out_of_plane = state.force
        row["wall pressure [GPa]"] = -top / (walls.width * stretch)
        row["side pressure [GPa]"] = -right / (walls.thickness * stretch)
        row["out-of-plane stress [GPa]"] = out_of_plane / (walls.width * walls.thickness)
        row["elastic energy [GPa um2]"] = sum(phase.stored for phase in self.phases)
        row["creep dissipation [GPa um2]"] = sum(phase.dissipated for phase in self.phases)
        row["chemical work [GPa um2]"] = sum(phase.chemical for phase in self.phases)
        for name, interface in self.interfaces.items():
            row[f"lost contact {name} []"], row[f"contact again {name} []"] = interface.shares(x, self.gap)
        if self.interfaces:
            row["interface energy [GPa um2]"] = sum(each.stored for each in self.interfaces.values())
            row["debonding dissipation [GPa um2]"] = sum(each.dissipated + each.held for each in self.interfaces.values())
        if self.inertia:
            row["kinetic energy [GPa um2]"] = self.inertia[0].kinetic_energy()
        row["medium energy [GPa um2]"] = sum(state.seen[part].energy for part in self.contact)
        if rubbing := [part for part in self.contact if isinstance(part, Friction)]:
            row["friction dissipation [GPa um2]"] = sum(part.dissipated for part in rubbing)
        if resisting := [part for part in self.contact if isinstance(part, Resistance)]:
            row["drag dissipation [GPa um2]"] = sum(part.dissipated for part in resisting)
        if forgetting := [part for part in self.contact if isinstance(part, Medium)]:
            row["reset dissipation [GPa um2]"] = sum(part.dissipated for part in forgetting)
        row["medium pressure mean [GPa]"] = self._medium_pressure(state)
        row["largest distortion []"] = distorted
        row["smallest det F []"] = smallest
        return row

    def _medium_pressure(self, state):
        """Mean pressure [GPa] in the medium that stands for the pores; 0 where there is none."""
        if self.study.mechanics.contact == "barrier" or self.mesh.solid.all():
            return 0.0
        medium = self.contact[0]
        return survey(*medium.local(state.x), medium.gradients, medium.meshed, state.seen[medium].stress)[2]

    def fields(self, state, lithiation):
        """The fields of a state as `result.Frame` holds them."""
        cells = int(self.mesh.solid.sum())
        out = {
            "displacement": state.displacement,
            "stretch_zz": 1.0 + self.scalar(state.x, "stretch zz"),
            "von_mises": np.empty(cells),
            "pressure": np.empty(cells),
            "creep_strain": np.empty((cells, 4)),
            "lithiation_field": np.zeros(cells),
        }
        for phase, slots in zip(self.phases, self._slots):
            stress = state.stress(phase)
            out["von_mises"][slots] = von_mises(stress).mean(axis=1)
            out["pressure"][slots] = pressure(stress).mean(axis=1)
            out["creep_strain"][slots] = phase.creep_strain().mean(axis=1)
            if self.study.phases[phase.name].lithiates:
                out["lithiation_field"][slots] = lithiation
        return out
