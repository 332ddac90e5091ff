"""Linear solvers, minimiser and stepping."""


from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp
from grids import body, grid, hencky, on

from rheode.mechanics.linear import SOLVERS, installed, linear_solver
from rheode.mechanics.minimiser import Minimiser
from rheode.mechanics.potential import Evaluation, Stateless, unknowns
from rheode.mechanics.stepping import Memory, Steps, Stopped, march
from rheode.mechanics.system import System

solvers = pytest.mark.parametrize(
    "name",
    [
        pytest.param("pardiso", marks=pytest.mark.skipif(not installed("pardiso"), reason="MKL is not installed")),
        "qdldl",
        "superlu",
    ],
)


# -- linear solvers --


def symmetric(n, negative, seed=1):
    """A sparse symmetric matrix with `negative` negative eigenvalues, as upper CSR (indptr, indices, values) and dense."""
    rng = np.random.default_rng(seed)
    lower = sp.random_array((n, n), density=4 / n, rng=rng, format="csr")
    lower = sp.tril(lower, -1) + sp.eye_array(n)
    sign = np.where(np.arange(n) < negative, -1.0, 1.0) * rng.uniform(0.1, 3, n)
    dense = (lower @ sp.diags_array(rng.permutation(sign)) @ lower.T).toarray()
    pattern = sp.csr_matrix(np.triu(dense != 0) | np.eye(n, dtype=bool))
    pattern.sort_indices()
    rows = np.repeat(np.arange(n), np.diff(pattern.indptr))
    return pattern.indptr.astype(np.int32), pattern.indices.astype(np.int32), dense[rows, pattern.indices], dense


@solvers
def test_solution_of_definite_matrices(name):
    """Requirement: every solver finds a positive definite matrix definite and solves to round-off."""
    indptr, indices, values, dense = symmetric(60, 0)
    solver = linear_solver(name)
    solver.analyse(indptr, indices)
    for factor in (1.0, 2.5):  # the second time with other values in the same sparsity
        assert solver.factor(factor * values)
        rhs = np.random.default_rng(2).standard_normal(60)
        assert solver.solve(rhs) == pytest.approx(np.linalg.solve(factor * dense, rhs), rel=1e-9, abs=1e-11)


@solvers
@pytest.mark.parametrize("negative", [1, 7])
def test_indefinite_matrices_are_found(name, negative):
    """Requirement: every solver says that a matrix with negative eigenvalues is not definite, and goes on afterwards."""
    indptr, indices, values, dense = symmetric(60, negative)
    assert (np.linalg.eigvalsh(dense) < 0).sum() == negative
    solver = linear_solver(name)
    solver.analyse(indptr, indices)
    assert not solver.factor(values)
    shifted = values.copy()
    shifted[indptr[:-1]] += 1.0 - np.linalg.eigvalsh(dense).min()
    assert solver.factor(shifted)
    whole = dense + np.eye(60) * (1.0 - np.linalg.eigvalsh(dense).min())
    rhs = np.random.default_rng(2).standard_normal(60)
    assert solver.solve(rhs) == pytest.approx(np.linalg.solve(whole, rhs), rel=1e-9, abs=1e-11)


@solvers
def test_a_new_sparsity(name):
    """Requirement: a solver can be given another sparsity after it has solved."""
    solver = linear_solver(name)
    for n in (30, 50):
        indptr, indices, values, dense = symmetric(n, 0, seed=n)
        solver.analyse(indptr, indices)
        assert solver.factor(values)
        assert solver.solve(np.ones(n)) == pytest.approx(np.linalg.solve(dense, np.ones(n)), rel=1e-9, abs=1e-11)


@solvers
def test_a_solid_is_solved_alike(name):
    """Requirement: the loaded body has the same displacement, whichever solver found it, to 1e-9."""
    results = []
    for solver in (name, "superlu"):
        b = squeezed(SOLVERS[solver]())
        b.step(10.0, growth=1.2, prescribed={"top": -0.05})
        results.append(b.x)
    assert results[0] == pytest.approx(results[1], rel=1e-9, abs=1e-11)


def squeezed(solver):
    """A creeping block between two frictionless plates, its top one prescribed."""
    nodes, cells = grid(4, 4)
    tied = [(on(nodes, 0, 0.0), 0, "fixed"), (on(nodes, 1, 0.0), 1, "fixed"), (on(nodes, 1, 1.0), 1, "top")]
    b = body((nodes, cells), hencky(18.0, A=1e3, n=4.9, s_ref=4.8), tied=tied, fixed=["stretch zz", "fixed", "top"])
    b.minimise = Minimiser(b.system, solver)
    return b


def test_unknown_solver():
    """Requirement: an unknown solver is refused by name, with what is allowed."""
    with pytest.raises(ValueError, match="unknown linear solver 'mumps'; allowed: auto, pardiso, qdldl, superlu"):
        linear_solver("mumps")


# -- minimiser --


class Scalar(Stateless):
    """An energy of the unknowns in closed form: `function(x)` returns energy, gradient and full Hessian."""

    def __init__(self, function, n):
        self.function, self.dofs = function, np.arange(n)[None, :]

    def evaluate(self, x, order):
        energy, gradient, hessian = self.function(x)
        return Evaluation(energy, np.atleast_2d(gradient), np.atleast_2d(hessian)[np.tril_indices(len(x))][None, :])


def scalar_system(function, n):
    return System(unknowns(0, free_scalars=[f"x{k}" for k in range(n)]), [Scalar(function, n)])


class Trace:
    """A system that remembers the energies of the states that a minimiser accepted."""

    def __init__(self, system):
        self.system, self.energies = system, []

    def __getattr__(self, name):
        return getattr(self.system, name)

    def update(self, x):
        self.energies.append(self.system.energy(x))


def double_well(x):
    """(a^2 - 1)^2 + b^2: a saddle at the origin, minima at a = +-1."""
    a, b = x
    return (a * a - 1) ** 2 + b * b, np.array([4 * a * (a * a - 1), 2 * b]), np.diag([12 * a * a - 4, 2.0])


def test_a_saddle_is_left():
    """Requirement: from beside a saddle, where Newton alone would converge to it, the minimiser goes down to a minimum."""
    system = Trace(scalar_system(double_well, 2))
    outcome = Minimiser(system, linear_solver())(np.array([1e-6, 0.3]))
    assert outcome.converged
    assert outcome.x == pytest.approx([1.0, 0.0], abs=1e-6)
    assert np.all(np.diff(system.energies) <= 1e-12)


class Unbent(Scalar):
    """With a Hessian beside the exact one that does not bend down, as contact has it."""

    def evaluate(self, x, order):
        found = super().evaluate(x, order)
        return replace(found, unbent=found.hessian + np.array([[8.0, 0.0, 0.0]])) if order == 2 else found


def test_a_saddle_is_left_where_contact_knows_what_bends_down():
    """Requirement: a minimisation does not end where only the Hessian without what bends down is definite."""
    system = System(unknowns(0, free_scalars=["x0", "x1"]), [Unbent(double_well, 2)])
    outcome = Minimiser(system, linear_solver())(np.array([0.0, 0.3]))
    assert outcome.converged
    assert np.abs(outcome.x) == pytest.approx([1.0, 0.0], abs=1e-6)


def test_a_start_that_is_inadmissible_is_reported():
    """Requirement: an inadmissible start is an outcome with a reason, not an exception."""
    b = squeezed(linear_solver())
    start = b.x.copy()
    start[b.unknowns.blocks["top"]] = -1.5
    outcome = b.minimise(start)
    assert not outcome.converged
    assert "inadmissible" in outcome.reason


def test_iterations_are_bounded():
    """Requirement: a minimisation that does not end says so."""
    outcome = Minimiser(scalar_system(double_well, 2), linear_solver(), iterations=2)(np.array([1e-6, 0.3]))
    assert not outcome.converged
    assert outcome.reason == "2 iterations were not enough"


def column(imperfection, nx=24, slenderness=12.0):
    """A slender column along x, clamped at the left, its right end pushed and guided."""

    def position(s, t):
        return slenderness * s, (t - 0.5) + imperfection * np.sin(0.5 * np.pi * s) ** 2

    nodes, cells = grid(nx, 2, position)
    left, right = on(nodes, 0, 0.0), on(nodes, 0, slenderness)
    tied = [(left, 0, "fixed"), (left, 1, "fixed"), (right, 0, "right")]
    return body((nodes, cells), hencky(10.0), tied=tied, fixed=["stretch zz", "fixed", "right"])


@pytest.mark.parametrize("imperfection", [1e-6, 0.0])
def test_a_column_buckles(imperfection):
    """Requirement: compressed beyond Euler's load, a column buckles and ends in a minimum, with an imperfection of 1e-6
    of its width and without; below it stays straight. The energy falls with every iteration."""
    slenderness = 12.0
    # Clamped and guided: the half-wave length is the length; strain at buckling pi^2 I / (A l^2), plane strain.
    critical = np.pi**2 / 12 / slenderness**2
    for load, buckles in ((0.7, False), (1.5, True)):
        b = column(imperfection)
        b.system = Trace(b.system)
        b.minimise.system = b.system
        start = b.x.copy()
        start[b.unknowns.blocks["right"]] = -load * critical * slenderness
        outcome = b.minimise(start)
        assert outcome.converged, outcome.reason
        assert outcome.iterations <= 20  # 65 where the unstable mode is not followed
        sideways = np.abs(b.unknowns.nodes(outcome.x)[:, 1]).max()
        assert (sideways > 0.3) == buckles
        energies = np.array(b.system.energies)
        assert np.all(np.diff(energies) <= 1e-11 * energies[0])
        _, _, hessian = b.system.evaluate(outcome.x, 2)
        assert b.minimise.solver.factor(hessian)  # a minimum


# -- stepping --


class Stiffening(Stateless):
    """1/2 (u - load)^2 that can only be evaluated within `reach` of the committed state."""

    dofs = np.array([[0]])

    def __init__(self, reach):
        self.reach, self.load, self.committed = reach, 0.0, 0.0

    def begin(self, dt, fields):
        self.load = fields["load"]

    def evaluate(self, x, order):
        u = x[0]
        if abs(self.load - self.committed) > self.reach:
            return Evaluation(np.inf)
        return Evaluation(0.5 * (u - self.load) ** 2, np.array([[u - self.load]]), np.ones((1, 1)))

    def commit(self, x):
        self.committed = float(x[0])


def stepped(reach, steps):
    potential = Stiffening(reach)
    u = unknowns(0, free_scalars=["u"])
    system = System(u, [potential])
    begun = []

    def begin(fraction, step, x):
        begun.append((fraction, step))
        system.begin(0.0, {"load": fraction})

    return potential, march(system, Minimiser(system, linear_solver()), u.start(), begin, steps, Memory()), begun


def test_cutback():
    """Requirement: an increment that fails is tried again shorter from the same committed state; the segment ends whole."""
    potential, increments, begun = stepped(0.15, Steps(first=0.4, largest=0.5, smallest=1e-3))
    found = [increment for _, increment in increments]
    assert potential.committed == pytest.approx(1.0)
    assert found[-1].fraction == 1.0
    assert sum(increment.step for increment in found) == pytest.approx(1.0)
    assert found[0].cutbacks == 1 and found[0].step == pytest.approx(0.4 * 0.35)
    assert begun[:2] == [(0.4, 0.4), (pytest.approx(0.14), pytest.approx(0.14))]
    assert max(increment.step for increment in found) <= 0.15 + 1e-12


def test_stopped():
    """Requirement: where no step down to the smallest converges, the run stops and says where and why."""
    potential, increments, _ = stepped(1e-6, Steps(first=0.1, largest=0.5, smallest=1e-3))
    with pytest.raises(Stopped, match=r"at 0\.0000 of the segment no step of 1\.\de-03 converged: the start is inadmissible"):
        list(increments)
    assert potential.committed == 0.0


def test_steps_grow_and_never_exceed_the_largest():
    """Requirement: easy increments grow by the stated factor up to the largest; the last one leaves no crumb."""
    _, increments, _ = stepped(np.inf, Steps(first=0.01, largest=0.2, smallest=1e-3, grow=1.4))
    lengths = np.array([increment.step for _, increment in increments])
    assert lengths[1] / lengths[0] == pytest.approx(1.4)
    assert lengths[:-1].max() <= 0.2 + 1e-12
    assert lengths[-1] <= 0.2 * 1.3
    assert lengths.sum() == pytest.approx(1.0)
