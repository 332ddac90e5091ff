"""Inertia: units, free vibrations against closed forms, order in the time step, increments in which no time passes."""

import numpy as np
import pytest
from grids import body, grid, hencky, on
from scipy.optimize import brentq

from rheode import Study
from rheode.cycling.model import Model
from rheode.mechanics.inertia import DENSITY, Inertia
from rheode.mechanics.solid import von_mises
from rheode.microstructure import Packing, mesh_packing
from rheode.study import StudyError

YOUNG, POISSON, RHO = 20.0, 0.3, 2.0 * DENSITY
K, G = (hencky(YOUNG, POISSON)[key] for key in "KG")
WAVE = np.sqrt((K + 4 * G / 3) / RHO)  # um/s


def moving(mesh, tied, **options):
    return body(mesh, hencky(YOUNG, POISSON), tied=tied, loads=lambda u, nodes: [Inertia(nodes, mesh[1], u, RHO, **options)])


def start(b, displacement):
    """Let go from rest at a displacement (n, 2), with the accelerations of the forces there."""
    inertia = b.system.potentials[1]
    b.x[b.unknowns.displacement] = displacement
    b.x[b.unknowns.blocks["fixed"]] = b.x[b.unknowns.blocks["stretch zz"]] = 0.0
    inertia.commit(b.x)
    free = b.unknowns.free
    mass = np.zeros((b.unknowns.size,) * 2)
    for dofs, local in zip(inertia.dofs, inertia._mass):
        for c in range(2):
            mass[np.ix_(dofs[c::2], dofs[c::2])] += local
    force = b.system.evaluate(b.x, 1)[1][:free]
    inertia._a[:free] = inertia._pull[:free] = -np.linalg.solve(mass[:free, :free], force)


def bar(cells=8, amplitude=1e-2, **options):
    """A bar of 10 um, held at its left end and guided along its sides, let go in its first mode."""
    mesh = grid(cells, 1, lambda s, t: (10.0 * s, t))
    sides = np.r_[on(mesh[0], 1, 0.0), on(mesh[0], 1, 1.0)]
    b = moving(mesh, [(on(mesh[0], 0, 0.0), 0, "fixed"), (sides, 1, "fixed")], **options)
    start(b, amplitude * np.stack([np.sin(0.05 * np.pi * mesh[0][:, 0]), 0 * mesh[0][:, 0]], 1))
    return b, np.flatnonzero(np.isclose(mesh[0], [10.0, 0.0]).all(axis=1))[0]


def swing(b, node, axis, dt, steps):
    """Displacement of a node at the end of each step."""
    out = []
    for _ in range(steps):
        b.step(dt)
        out.append(b.unknowns.nodes(b.x)[node, axis])
    return np.array(out)


def period(u, dt):
    """Twice the mean time between the zeros of u, interpolated."""
    before = np.flatnonzero(u[:-1] * u[1:] < 0)
    zeros = dt * (before + u[before] / (u[before] - u[before + 1]))
    return 2 * np.diff(zeros).mean()


def test_density_has_the_units_of_the_rest():
    """Requirement: 1 g/cm3 is 1e-18 GPa s2/um2: pressure waves in steel (210 GPa, 0.3, 7.85 g/cm3) run at 6.0 km/s."""
    steel = hencky(210.0, 0.3)
    speed = np.sqrt((steel["K"] + 4 * steel["G"] / 3) / (7.85 * DENSITY))  # um/s
    assert speed * 1e-6 == pytest.approx(np.sqrt(210e9 * 0.7 / (1.3 * 0.4) / 7850.0), rel=1e-12)  # m/s


def test_mass_is_that_of_the_undeformed_body():
    """Requirement: mass is density times undeformed area, in cells with curved sides too, and growth leaves it."""
    b, _ = bar()
    inertia = b.system.potentials[1]
    assert inertia._mass.sum() == pytest.approx(RHO * 10.0, rel=1e-12)
    b.step(1e-9, growth=1.5)
    assert inertia._mass.sum() == pytest.approx(RHO * 10.0, rel=1e-12)


def test_longitudinal_vibration():
    """Requirement: a bar, held at one end, vibrates with the period 4 L/c within 1 %, 50 steps a period."""
    exact = 4 * 10.0 / WAVE
    b, end = bar()
    assert period(swing(b, end, 0, exact / 50, 130), exact / 50) == pytest.approx(exact, rel=0.01)


def test_bending_vibration():
    """Requirement: a cantilever 20 times as long as high has Euler and Bernoulli's period (plane strain) within 1 %."""
    length, height = 20.0, 1.0
    mesh = grid(20, 1, lambda s, t: (length * s, height * (t - 0.5)))
    clamp = on(mesh[0], 0, 0.0)
    b = moving(mesh, [(clamp, 0, "fixed"), (clamp, 1, "fixed")])
    wave = brentq(lambda k: np.cos(k) * np.cosh(k) + 1, 1.5, 2.5)
    k, s = wave / length, mesh[0][:, 0]
    ratio = (np.cos(wave) + np.cosh(wave)) / (np.sin(wave) + np.sinh(wave))
    w = np.cosh(k * s) - np.cos(k * s) - ratio * (np.sinh(k * s) - np.sin(k * s))
    slope = k * (np.sinh(k * s) + np.sin(k * s) - ratio * (np.cosh(k * s) - np.cos(k * s)))
    start(b, 1e-2 * np.stack([-mesh[0][:, 1] * slope, w], 1))
    exact = 2 * np.pi / (k**2 * np.sqrt(YOUNG / (1 - POISSON**2) * height**2 / 12 / RHO))
    end = np.flatnonzero(np.isclose(mesh[0], [length, 0.0]).all(axis=1))[0]
    found = period(swing(b, end, 1, exact / 60, 100), exact / 60)
    assert found == pytest.approx(exact, rel=0.01)


def test_order_in_the_time_step():
    """Requirement: second order in the step, with and without damping; without creep, which is of first order."""
    exact = 4 * 10.0 / WAVE
    for radius in (1.0, 0.8):
        ends = []
        for steps in (20, 40, 80):
            b, end = bar(cells=6, spectral_radius=radius)
            ends.append(swing(b, end, 0, 0.75 * exact / steps, steps)[-1])
        assert np.log2(abs(np.diff(ends)[0] / np.diff(ends)[1])) == pytest.approx(2.0, abs=0.1), radius


def test_energy_is_kept_or_falls():
    """Requirement: the trapezoidal rule keeps the energy of a small vibration; a smaller spectral radius takes from the fast ones."""
    exact = 4 * 10.0 / WAVE
    left = {}
    for radius in (1.0, 0.0):
        b, _ = bar(spectral_radius=radius)
        inertia, first = b.system.potentials[1], b.solid.evaluate(b.x, 0).energy
        for _ in range(40):
            b.step(exact / 20)
        left[radius] = (b.solid.evaluate(b.x, 0).energy + inertia.kinetic_energy()) / first
    assert left[1.0] == pytest.approx(1.0, abs=1e-3)
    assert left[0.0] < 0.9


def test_a_body_in_flight_keeps_its_velocity():
    """Requirement: what nothing pushes flies on, through steps of any length, and carries no stress."""
    b = moving(grid(2, 2), [])
    inertia = b.system.potentials[1]
    velocity = np.array([3e3, -1e3])
    inertia._v[b.unknowns.displacement] = velocity
    for dt in (1e-6, 1e-4, 0.0, 3e-5):
        b.step(dt)
    assert b.unknowns.nodes(b.x) == pytest.approx(np.tile(velocity * 1.31e-4, (len(b.nodes), 1)), rel=1e-5)
    assert inertia.kinetic_energy() == pytest.approx(0.5 * RHO * 1e7, rel=1e-5)


def test_no_time_passes_in_an_increment_of_zero():
    """Requirement: dt = 0 holds velocities and forces of inertia: the state stays, and a wall still feels them."""
    exact = 4 * 10.0 / WAVE
    b, _ = bar()
    for _ in range(8):
        b.step(exact / 50)
    inertia = b.system.potentials[1]
    x, before = b.x.copy(), inertia.state()
    support = b.system.evaluate(x, 1)[1]
    b.step(0.0)
    assert b.x == pytest.approx(x, rel=1e-9, abs=1e-14)
    assert inertia.state()["v"] == pytest.approx(before["v"], rel=1e-12)
    b.system.begin(0.0, {})
    assert b.system.evaluate(x, 1)[1] == pytest.approx(support, rel=1e-6, abs=1e-9 * np.abs(support).max())


def test_a_restored_state_goes_on_alike():
    """Requirement: state and restore carry displacement, velocity and acceleration."""
    exact = 4 * 10.0 / WAVE
    b, end = bar()
    swing(b, end, 0, exact / 50, 5)
    x, state = b.x.copy(), b.system.state()
    expected = swing(b, end, 0, exact / 50, 5)
    b.x = x
    b.system.restore(state)
    assert np.array_equal(swing(b, end, 0, exact / 50, 5), expected)


# -- whole electrodes --


@pytest.fixture(scope="module")
def pair():
    """An active disc on a framework disc in a box hardly wider than they are."""
    centres = np.array([[1.02, 1.02], [1.02, 3.06]])
    packing = Packing(centres, np.array([1.0, 1.0]), np.array([1, 0]), np.array([2.04, 4.08]), ("se", "mse"), 0.01)
    return mesh_packing(packing, 0.6, 0.4)


def study(inertia, *overrides):
    return Study.load("se-60mse", overrides=["walls.pressure=10 MPa", f"mechanics.inertia={str(inertia).lower()}", *overrides])


def lithiate(s, mesh, duration, steps, end):
    """Clamp without creep, then lithiate to `end` in equal increments; yields (model, x) after each of them."""
    model = Model(s, mesh)
    x = model.unknowns.start()
    clamping = [(0.0, 0.0, {"stack": {"pressure": share * s.walls.pressure, "out_of_plane": 0.0}}) for share in (0.01, 0.1, 0.4, 1.0)]
    lithiation = [(duration / steps, end * (k + 1) / steps, None, 1 / steps) for k in range(steps)]
    for increment in (*clamping, *lithiation):
        model.begin(*increment)
        outcome = model.minimise(x)
        assert outcome.converged, outcome.reason
        x = outcome.x
        model.system.commit(x)
        if increment in lithiation:
            yield model, x


def test_battery_rates_are_quasi_static(pair):
    """Requirement: at 0.1 C inertia changes no measure by more than 1e-6."""
    rows = []
    for inertia in (False, True):
        rows.append([model.row(model.observe(x)) for model, x in lithiate(study(inertia), pair, 36_000.0, 25, 1.0)])
    assert max(row.pop("kinetic energy [GPa um2]") for row in rows[1]) < 1e-20
    for still, moving in zip(*rows):
        for key, value in still.items():
            assert moving[key] == pytest.approx(value, rel=1e-6, abs=1e-9), key


END = 0.3  # lithiation
TEN_TRANSITS = 10 * 4.08 / np.sqrt(24.2 / (4.81 * DENSITY))  # s: of pressure waves in selenium (E = 18 GPa, nu = 0.3) over the height


# Between discs that a stiff medium couples a wave goes straight on: in the default one they rattle, and 640 steps are too few.
STIFF = "mechanics.medium={stiffness_ratio: 1e-4, viscosity: 0}"


def within_ten_transits(mesh, inertia, steps):
    """The active disc lithiated to END within ten transits, dashpots quicker by as much as the current.

    Thickness [um] at the end, and the largest mean von Mises stress [GPa] of the framework on the way.
    """
    s = study(inertia, STIFF)
    quicker = END / s.cycling.rate / TEN_TRANSITS
    creep = s.definitions["selenium"].creep_rate
    ends = {end: getattr(creep, end).model_copy(update={"value": quicker * getattr(creep, end).value}) for end in ("unlithiated", "lithiated")}
    selenium = s.definitions["selenium"].model_copy(update={"creep_rate": creep.model_copy(update=ends)})
    s, largest = s.model_copy(update={"definitions": s.definitions | {"selenium": selenium}}), 0.0
    for model, x in lithiate(s, mesh, TEN_TRANSITS, steps, END):
        framework = next(phase for phase in model.phases if phase.name == "mse")
        area = framework.weights * np.linalg.det(framework.deformation(x))
        largest = max(largest, float(np.average(von_mises(framework.cauchy(x)), weights=area)))
    return mesh.box[1] + model.scalar(x, "wall top"), largest


def test_ten_transits_of_a_wave(pair):
    """Requirement: loaded within ten wave transits at the same material rate, the electrode shows its inertia, and what it
    shows converges in the time step."""
    still = within_ten_transits(pair, False, 160)
    thickness, stress = np.array([within_ten_transits(pair, True, steps) for steps in (160, 320, 640)]).T
    assert thickness[-1] - still[0] > 0.01
    assert stress[-1] > 4 * still[1]
    assert np.log2(np.diff(stress)[0] / np.diff(stress)[1]) > 1.8
    assert np.abs(np.diff(thickness)).max() < 1e-3 * (thickness[-1] - pair.box[1])


def test_a_missing_density_is_named():
    """Requirement: inertia without a density is one line that names the material."""
    weightless = "materials={light: {extends: selenium, density: null}}"
    with pytest.raises(StudyError, match=r"mechanics.inertia: .*density of light \(se\)"):
        study(True, weightless, "phases.se.material=light")
    assert not study(False, weightless, "phases.se.material=light").mechanics.inertia
