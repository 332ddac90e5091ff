"""Every potential against central differences: energy to gradient, gradient to Hessian."""

import numpy as np
import pytest
from grids import grid, sector

from rheode.mechanics.bulk import Bulk
from rheode.mechanics.cohesion import Cohesion
from rheode.mechanics.contact.third_medium import SecondGradient, third_medium
from rheode.mechanics.elements import POINTS, second_gradients_t6, shape_t6
from rheode.mechanics.folding import folding_guard
from rheode.mechanics.inertia import Inertia
from rheode.mechanics.laws import gent, hencky_norton, neo_hookean
from rheode.mechanics.potential import Evaluation, Stateless, unknowns
from rheode.mechanics.resistance import Drag
from rheode.mechanics.solid import Solid, kinematics
from rheode.mechanics.system import System
from rheode.mechanics.walls import Fixture, FollowerPressure, StackPressure

SOFT = {"K": 12.0, "G": 5.0, "A": 1e3, "n": 4.9, "s_ref": 4.8}
TOLERANCE = 1e-6


def model(out_of_plane=True, wall=False):
    """A small distorted patch; all unknowns free, the top tied to one scalar if `wall`."""

    def position(s, t):
        return s + 0.1 * s * t, 1.2 * t + 0.15 * s * (1 - t)

    nodes, cells = grid(2, 2, position)
    top = np.flatnonzero(nodes[:, 1] > 1.2 - 1e-9)
    scalars = (["stretch zz"] if out_of_plane else []) + (["wall top"] if wall else [])
    fixed = [] if out_of_plane else ["stretch zz"]
    return nodes, cells, unknowns(len(nodes), [(top, 1, "wall top")] if wall else [], scalars, fixed)


def creeping(rng, out_of_plane=True, wall=False, n=4.9):
    """A Norton solid that has grown, crept and turned, in the middle of another increment."""
    nodes, cells, u = model(out_of_plane, wall)
    solid = Solid("se", hencky_norton.LAW, nodes, cells, u, SOFT | {"n": n})
    x = u.start()
    for growth in (1.1, 1.35):
        x[: u.free] += 0.02 * rng.standard_normal(u.free)
        solid.begin(30.0, {"se": {"growth": growth + 0.1 * rng.random(len(cells))}})
        solid.commit(x)
    solid.begin(20.0, {"se": {"growth": 1.5, "G": 4.5, "A": 2e3}})
    x[: u.free] += 0.02 * rng.standard_normal(u.free)
    return u, [solid], x


def diffusing(rng, A=1e3):
    """Power law and diffusion side by side, or diffusion alone."""
    nodes, cells, u = model()
    solid = Solid("li", hencky_norton.LAW, nodes, cells, u, SOFT | {"A": A, "fluidity": 5e-3})
    x = u.start()
    for _ in range(2):
        x[: u.free] += 0.02 * rng.standard_normal(u.free)
        solid.begin(30.0, {"li": {"growth": 1.1}})
        solid.commit(x)
    x[: u.free] += 0.02 * rng.standard_normal(u.free)
    return u, [solid], x


def elastic(rng):
    nodes, cells, u = model()
    x = u.start() + 0.04 * rng.standard_normal(u.size)
    return u, [Solid("mse", hencky_norton.LAW, nodes, cells, u, SOFT | {"A": 0.0})], x


def nearly_incompressible(rng, wall=False):
    """A deviatoric solid and its volume, which has grown unevenly; three cells share a pressure somewhere."""
    nodes, cells, u = model(wall=wall)
    groups = [[0, 1, 4], [2, 3, -1], [5, 7, -1], [6, -1, -1]]
    parts = [Solid("se", hencky_norton.LAW, nodes, cells, u, SOFT | {"K": 0.0}), Bulk("bulk", nodes, cells, u, 500.0, groups)]
    x = u.start()
    for growth in (1.05, 1.1):
        grown = growth + 0.05 * rng.random(len(cells))
        for part in parts:
            part.begin(20.0, {"se": {"growth": grown}, "bulk": {"growth": grown, "K": 400.0 + 200 * rng.random(len(cells))}})
            part.commit(x)
        x[: u.free] += 0.02 * rng.standard_normal(u.free)
    return u, parts, x


def neo_hooke(rng):
    nodes, cells, u = model()
    solid = Solid("medium", neo_hookean.LAW, nodes, cells, u, {"mu": 0.3, "lambda": 0.7})
    return u, [solid], u.start() + 0.05 * rng.standard_normal(u.size)


def network(rng):
    """Gent's network, parts of it near its taut chains (an invariant of 1.5 of the 2 there is)."""
    nodes, cells, u = model()
    solid = Solid("rubber", gent.LAW, nodes, cells, u, {"K": 3.0, "mu": 0.3, "Jm": 2.0})
    x = u.start() + 0.01 * rng.standard_normal(u.size)
    x[u.displacement[:, 0]] += 0.7 * nodes[:, 0]
    x[u.displacement[:, 1]] -= 0.35 * nodes[:, 1]
    room = 1.0 - (np.linalg.norm(kinematics_at(solid, x), axis=1) ** 2 - 3.0) / 2.0
    assert 0.1 < room.min() < 0.6
    return u, [solid], x


def kinematics_at(solid, x):
    """Principal stretches (3 m, 3) at constant volume."""
    stretch, _ = kinematics(x, solid.dofs, solid.gradients, solid.growth, solid.inverse_creep)
    return stretch / np.prod(stretch, axis=1)[:, None] ** (1 / 3)


def viscoelastic(rng):
    """A network beside a linear and a power-law branch, both of which have flowed, in the middle of an increment."""
    nodes, cells, u = model()
    parts = [Solid("rubber", gent.LAW, nodes, cells, u, {"K": 3.0, "mu": 0.3, "Jm": 9.0})]
    for n, A in ((1.0, 0.02), (4.0, 0.1)):
        parts.append(Solid("rubber", hencky_norton.LAW, nodes, cells, u, {"K": 0.0, "G": 0.5, "A": A, "n": n, "s_ref": 0.5}))
    x = u.start()
    for _ in range(2):
        x[: u.free] += 0.015 * rng.standard_normal(u.free)
        for part in parts:
            part.begin(5.0, {})
            part.commit(x)
    for part in parts:
        part.begin(5.0, {})
    x[: u.free] += 0.015 * rng.standard_normal(u.free)
    assert min(part.slip.max() for part in parts[1:]) > 0.01
    return u, parts, x


def equal_stretches(rng):
    """All in-plane stretches equal, where the eigenvectors are arbitrary and the flip mode takes its limit."""
    nodes, cells, u = model()
    solid = Solid("se", hencky_norton.LAW, nodes, cells, u, SOFT)
    solid.begin(20.0, {"se": {"growth": 1.2}})
    x = u.start()
    x[u.displacement] = nodes @ (1.04 * np.array([[0.8, 0.6], [-0.6, 0.8]]) - np.eye(2))
    return u, [solid], x


def at_rest(rng, flow=None):
    """No stress anywhere: where the flow is linear there too, its tangent is not the elastic one."""
    nodes, cells, u = model()
    solid = Solid("se", hencky_norton.LAW, nodes, cells, u, SOFT | (flow or {"n": 1.0}))
    solid.begin(20.0, {})
    return u, [solid], u.start()


def guarded(rng):
    nodes, cells, u = model()
    return u, folding_guard("gum", nodes, cells, u, 40.0), u.start() + 0.05 * rng.standard_normal(u.size)


def second_gradient(rng):
    nodes, cells, u = model()
    return u, [SecondGradient(nodes, cells, u, 0.8)], 0.2 * rng.standard_normal(u.size)


def medium(rng):
    nodes, cells, u = model(wall=True)
    potentials, x = third_medium(nodes, cells, u, 30.0, 14.0, 1e-2, 1.5, viscosity=3.0), 0.04 * rng.standard_normal(u.size)
    potentials[-1].commit(0.5 * x)  # of the viscosity, whose forces of the last increment stay until the next begins
    return u, potentials, x


def forgotten(rng):
    """A medium some of whose points have been open."""
    nodes, cells, u = model(wall=True)
    potentials, x = third_medium(nodes, cells, u, 30.0, 14.0, 1e-2, 1.5), u.start()
    for swing in (0.03, 0.03):
        x = x + swing * rng.standard_normal(u.size)
        for potential in potentials:
            potential.begin(1.0, {"share": 0.1})
            potential.commit(x)
    for potential in potentials:
        potential.begin(1.0, {"share": 0.1})
    share = potentials[0].weights / potentials[0].meshed
    potentials[0]._settled = np.zeros(len(potentials[0].slip))  # with no pressure carried along the Hessian is the law's
    assert (share > 1.1).any() and (share == 1.0).any()
    return u, potentials, x + 0.02 * rng.standard_normal(u.size)


def turned(rng):
    """A medium that was sheared so far that its cells have turned."""
    nodes, cells, u = model(wall=True)
    potentials, x = third_medium(nodes, cells, u, 30.0, 14.0, 1e-2, 1.5, viscosity=3.0, thinnest=0.01), u.start()
    inside = u.displacement[:, 0] < len(u.blocks["nodes"])
    x[u.displacement[inside, 0]] += 1.3 * nodes[inside, 1] ** 1.1
    for potential in potentials:
        potential.begin(1.0, {"share": 0.1})
        potential.commit(x)
    before = potentials[0].cells.copy()
    assert potentials[0].remesh(x, None) and (potentials[0].cells != before).any()
    for potential in potentials:
        potential.begin(1.0, {"share": 0.1})
    potentials[0]._settled = np.zeros(len(potentials[0].slip))  # as above
    return u, potentials, x + 0.01 * rng.standard_normal(u.size)


def drag(rng):
    nodes = model()[0]
    top = np.flatnonzero(nodes[:, 1] > 1.2 - 1e-9)
    u = unknowns(len(nodes), [(top, 1, "wall top")], ["wall top"], ["stretch zz", "wall right"])
    resistance = Drag(u, np.arange(len(nodes)), 0.1 + rng.random(len(nodes)), nodes, np.array([1.0, 1.2]), 0.3, 0.1)
    x = 0.1 * rng.standard_normal(u.size)
    resistance.begin(1.0, {"share": 0.2})
    resistance.commit(x)
    return u, [resistance], x + 0.1 * rng.standard_normal(u.size)


def stack_pressure(rng):
    _, _, u = model(wall=True)
    load = StackPressure(u, "wall top", 1.0, 1.2, 0.1, 0.03)
    x = 0.1 * rng.standard_normal(u.size)
    load.commit(x)
    return u, [load], x + 0.1 * rng.standard_normal(u.size)


def fixture(rng):
    _, _, u = model(wall=True)
    x = u.start()
    x[u.blocks["wall top"]] = 0.13
    return u, [Fixture(u, "wall top", 1.0, 1.2, 5.0, 0.01, 0.02)], x


def slack_fixture(rng):
    u, loads, x = fixture(rng)
    x[u.blocks["wall top"]] = -0.2
    return u, loads, x


def dead_fixture(rng):
    """No stiffness: the preload alone."""
    _, _, u = model(wall=True)
    return u, [Fixture(u, "wall top", 1.0, 1.2, 0.0, 0.01, 0.02)], 0.1 * rng.standard_normal(u.size)


def follower(rng):
    nodes, cells = sector(1.0, 2.0, 2, 2)
    inner = np.flatnonzero(np.isclose(np.hypot(*nodes.T), 1.0, atol=0.1))
    inner = inner[np.argsort(np.arctan2(nodes[inner, 1], nodes[inner, 0]))]
    u = unknowns(len(nodes), free_scalars=["stretch zz"])
    edges = np.stack([inner[:-2:2], inner[1:-1:2], inner[2::2]], 1)
    return u, [FollowerPressure(u, nodes, edges, 0.7)], 0.1 * rng.standard_normal(u.size)


def cohesive(rng, history=0.0, opened=0.05, **law):
    """Two curved sides, turned by 35 degrees, each point in a state of its own around a jump `opened`."""
    nodes = np.array([[0.0, 0.0], [0.52, 0.06], [1.1, 0.03]] * 2)
    u = unknowns(6, fixed_scalars=["stretch zz"])
    law = {"stiffness": 3.0, "strength": 0.3, "energy": 0.09, "shear": 0.8} | law
    cohesion = Cohesion(nodes, np.array([[[0, 1, 2], [3, 4, 5]]]), u, **law)
    turn = np.array([[0.82, -0.57], [0.57, 0.82]])

    def apart(by):
        x = u.start()
        moved = nodes @ turn.T + 0.02 * rng.standard_normal(nodes.shape)
        # The first body lies to the left of its side: the second opens to the right.
        moved[3:] += np.array([0.0, -by]) @ turn.T
        x[u.displacement] = moved - nodes
        return x

    if history:
        cohesion.commit(apart(history))
    return u, [cohesion], apart(opened)


def inertia(rng, dt=0.3):
    """In the middle of a motion, of unlike densities, with a wall that has the mass of what sticks to it."""
    nodes, cells, u = model(wall=True)
    mass = Inertia(nodes, cells, u, 1.0 + rng.random(len(cells)))
    x = u.start()
    for _ in range(2):
        mass.begin(0.5, {})
        x = x + 0.1 * rng.standard_normal(u.size)
        mass.commit(x)
    mass.begin(dt, {})
    return u, [mass], x + 0.1 * rng.standard_normal(u.size)


def electrode(rng):
    """Solid, medium and loads together on one set of unknowns, tied to a wall."""
    u, solids, x = creeping(rng, wall=True)
    nodes, cells, _ = model(wall=True)
    loads = [StackPressure(u, "wall top", 1.0, 1.2, 0.1, 0.03), Fixture(u, "wall top", 1.0, 1.2, 5.0, 0.01, 0.0)]
    return u, [*solids, *third_medium(nodes, cells, u, 30.0, 14.0, 1e-2, 1.5), *loads], x


CASES = {
    "Norton solid, generalized plane strain": creeping,
    "Norton solid, plane strain": lambda rng: creeping(rng, out_of_plane=False),
    "Norton solid, n = 1": lambda rng: creeping(rng, n=1.0),
    "Norton solid on a wall": lambda rng: creeping(rng, wall=True),
    "power law and diffusion": diffusing,
    "diffusion alone": lambda rng: diffusing(rng, A=0.0),
    "Hencky solid": elastic,
    "nearly incompressible": nearly_incompressible,
    "nearly incompressible on a wall": lambda rng: nearly_incompressible(rng, wall=True),
    "neo-Hookean solid": neo_hooke,
    "Gent network": network,
    "viscoelastic phase": viscoelastic,
    "at rest, diffusion": lambda rng: at_rest(rng, {"n": 4.9, "fluidity": 5e-3}),
    "equal stretches": equal_stretches,
    "at rest, n = 1": at_rest,
    "guard against folding": guarded,
    "second gradients": second_gradient,
    "third medium": medium,
    "third medium, once open": forgotten,
    "third medium, turned": turned,
    "drag": drag,
    "stack pressure": stack_pressure,
    "fixture": fixture,
    "slack fixture": slack_fixture,
    "fixture without stiffness": dead_fixture,
    "follower pressure": follower,
    "bonded interface": cohesive,
    "interface that tears": lambda rng: cohesive(rng, 0.2, 0.4),
    "torn interface, unloaded": lambda rng: cohesive(rng, 0.4, 0.2),
    "torn interface, overlapping": lambda rng: cohesive(rng, 0.4, -0.2),
    "parted interface, open": lambda rng: cohesive(rng, 0.9, 0.3),
    "parted interface, held": lambda rng: cohesive(rng, 0.9, 0.3, hold=0.2),
    "parted interface, overlapping": lambda rng: cohesive(rng, 0.9, -0.3),
    "interface of no strength": lambda rng: cohesive(rng, strength=0.0, opened=-0.1),
    "interface of endless strength": lambda rng: cohesive(rng, strength=np.inf, opened=0.3),
    "inertia": inertia,
    "inertia, no time": lambda rng: inertia(rng, dt=0.0),
    "all together": electrode,
}


def central(function, x, index, step=2e-4):
    """Fourth-order central difference of `function` by entry `index` of x."""
    e = np.zeros_like(x)
    e[index] = step
    return (8 * (function(x + e) - function(x - e)) - (function(x + 2 * e) - function(x - 2 * e))) / (12 * step)


def dense(system, values):
    _, indptr, indices = system.sparsity
    n = len(indptr) - 1
    upper = np.zeros((n, n))
    upper[np.repeat(np.arange(n), np.diff(indptr)), indices] = values
    return upper + np.triu(upper, 1).T


def check(u, potentials, x):
    system = System(u, potentials)
    energy, gradient, hessian = system.evaluate(x, 2)
    assert energy == pytest.approx(system.energy(x), rel=1e-14, abs=1e-300)
    assert np.array_equal(gradient, system.evaluate(x, 1)[1])
    numeric = np.array([central(system.energy, x, k) for k in range(u.size)])
    scale = max(np.abs(gradient).max(), 1e-4)  # at rest the gradient is 0
    assert np.abs(gradient - numeric).max() <= TOLERANCE * scale
    matrix = dense(system, hessian)
    numeric = np.array([central(lambda y: system.evaluate(y, 1)[1][: u.free], x, k) for k in range(u.free)])
    # A fixture has no Hessian where it is slack: the scale is then the gradient's.
    assert np.abs(matrix - numeric).max() <= TOLERANCE * max(np.abs(matrix).max(), scale)


@pytest.mark.parametrize("case", CASES)
def test_gradient_and_hessian(case):
    """Requirement: every gradient and Hessian agrees with central differences to 1e-6 relative (V9)."""
    check(*CASES[case](np.random.default_rng(1)))


def test_the_reaction_at_a_prescribed_unknown_is_the_gradient():
    """Requirement: energy differentiated by a wall's prescribed displacement is the force on the wall (V9)."""
    nodes, cells, _ = model()
    top = np.flatnonzero(nodes[:, 1] > 1.2 - 1e-9)
    u = unknowns(len(nodes), [(top, 1, "wall top")], [], ["stretch zz", "wall top"])
    system = System(u, [Solid("mse", hencky_norton.LAW, nodes, cells, u, SOFT | {"A": 0.0})])
    x = 0.04 * np.random.default_rng(2).standard_normal(u.size)
    gradient = system.evaluate(x, 1)[1]
    for name in ("wall top", "stretch zz"):
        k = u.blocks[name][0]
        assert k >= u.free
        assert gradient[k] == pytest.approx(central(system.energy, x, k), rel=TOLERANCE)


def test_a_wrong_gradient_is_noticed():
    """Requirement: the shared derivative test can fail."""
    u, loads, x = fixture(None)

    class Wrong(Fixture):
        def evaluate(self, x, order):
            right = super().evaluate(x, order)
            return Evaluation(right.energy, 1.00001 * right.gradient, right.hessian)

    loads[0].__class__ = Wrong
    with pytest.raises(AssertionError):
        check(u, loads, x)


def test_second_gradients_of_curved_cells():
    """Requirement: second gradients are those of the interpolation in cells with curved sides too."""
    nodes, cells, _ = model()
    nodes = nodes + 0.02 * np.random.default_rng(3).standard_normal(nodes.shape)
    _, reference = shape_t6(POINTS)
    inverse = np.linalg.inv(np.einsum("mai,kaj->mkij", nodes[cells], reference))

    def gradients(cell, xi):
        _, reference = shape_t6(xi[None])
        return reference[0] @ np.linalg.inv(nodes[cells[cell]].T @ reference[0])

    h = 1e-4
    found = second_gradients_t6(nodes, cells)
    for cell, point, axis in np.ndindex(len(cells), 3, 2):
        step = h * inverse[cell, point, :, axis]  # h along x or y
        change = (gradients(cell, POINTS[point] + step) - gradients(cell, POINTS[point] - step)) / (2 * h)
        assert found[cell, point, :, :, axis] == pytest.approx(change, abs=1e-5 * np.abs(found).max())


def test_inverted_elements_have_infinite_energy_and_bound_the_step():
    """Requirement: an inverted element is never accepted; the admissible step ends before it (V9)."""
    nodes, cells, u = model()
    solid = Solid("mse", hencky_norton.LAW, nodes, cells, u, SOFT)
    x, dx = u.start(), u.start()
    dx[u.displacement[:, 0]] = -4.0 * nodes[:, 0]  # flat at a quarter of the step
    assert solid.max_step(x, dx) == pytest.approx(0.9 * 0.25, rel=1e-9)
    assert np.isfinite(solid.evaluate(x + 0.24 * dx, 0).energy)
    assert solid.evaluate(x + 0.26 * dx, 0).energy == np.inf
    assert System(u, [solid]).evaluate(x + 0.26 * dx, 2) == (np.inf, None, None)
    assert solid.max_step(x, -dx) == 1.0


def test_ties_between_stencil_entries_count_twice():
    """Requirement: where one unknown stands twice in a stencil, its diagonal gathers both off-diagonal halves."""

    class Spring(Stateless):
        """Energy 1/2 (a + b)^2 + a b on two entries that are one unknown: 3 u^2."""

        dofs = np.array([[0, 0]])

        def evaluate(self, x, order):
            a = b = x[0]
            return Evaluation(0.5 * (a + b) ** 2 + a * b, np.array([[a + 2 * b, b + 2 * a]]), np.array([[1.0, 2.0, 1.0]]))

    u = unknowns(0, [], ["u"])
    system = System(u, [Spring()])
    _, gradient, hessian = system.evaluate(np.array([0.7]), 2)
    assert gradient == pytest.approx([6 * 0.7])
    assert hessian == pytest.approx([6.0])


def test_a_tie_to_an_unknown_name_is_refused():
    """Requirement: a wall that is no unknown of the model is named, not ignored."""
    with pytest.raises(KeyError, match="wall left"):
        unknowns(3, [([0], 0, "wall left")], ["wall top"])
