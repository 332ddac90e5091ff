"""Per cycle, rates, retention, life, dQ/dV, plating, and a cell beside a run: on cells of known truth."""

import json
import resource
import subprocess
import sys

import numpy as np
import pytest

from cells import HEADER, cycled, galvanostatic, write
from rheode.cli import main
from rheode.lab import LabError, cycling, cyclers
from rheode.lab.against import against, sensor
from rheode.lab.cycling import Electrode, cycles, per_cycle
from rheode.lab.plating import nucleation, plating
from rheode.result import Result
from synthetic import make_run


def read(tmp_path, rows, header=HEADER):
    return cyclers.read(write(tmp_path / "cell.csv", rows, header=header))


def table_of(recording, cell=None, reference=None, **options):
    return per_cycle(cycles(recording, cell=cell, **options), cell, reference).tables["cycles"]


# --- per cycle ------------------------------------------------------------------------------------


def test_capacities_in_every_unit(tmp_path):
    """Requirement: absolute, per gram, per area, per volume, with energies to match."""
    ours = read(tmp_path, cycled([2.0, 1.9, 1.8], efficiency=0.99))
    table = table_of(ours, electrode=Electrode(mass=2.5, area=0.8, thickness=10.0))
    capacity = np.array([2.0, 1.9, 1.8])
    assert np.allclose(table["discharge [mAh]"], capacity) and np.allclose(table["charge [mAh]"], capacity / 0.99)
    assert np.allclose(table["discharge [mAh/g]"], capacity / 2.5e-3)
    assert np.allclose(table["discharge [mAh/cm2]"], capacity / 0.8)
    assert np.allclose(table["discharge [mAh/cm3]"], capacity / (0.8 * 10e-4))
    # The voltage falls evenly from 4.0 to 2.8 V.
    assert np.allclose(table["mean discharge voltage [V]"], 3.4) and np.allclose(table["mean charge voltage [V]"], 3.6)
    assert np.allclose(table["discharge [Wh/kg]"], capacity / 2.5e-3 * 3.4) and np.allclose(table["discharge [Wh/L]"], capacity / (0.8 * 10e-4) * 3.4)
    assert np.allclose(table["discharge current [mA]"], 2.0)


@pytest.mark.parametrize("cell, ratio", [("full", "discharge/charge"), ("cathode", "discharge/charge"), ("anode", "charge/discharge")])
def test_the_efficiency_is_that_of_the_cell_named(cell, ratio, tmp_path):
    """Requirement: what comes back by what was put in, of the cell that is named; both ratios where none is."""
    order = ("discharge", "charge") if cell == "anode" else ("charge", "discharge")
    ours = read(tmp_path, cycled([1.0, 0.9], efficiency=0.98, order=order))
    both = table_of(ours)
    assert "coulombic efficiency [%]" not in both
    named = table_of(ours, cell)
    assert np.allclose(named["coulombic efficiency [%]"], both[f"{ratio} [%]"])
    assert np.allclose(both["discharge/charge [%]"], 98) and np.allclose(both["charge/discharge [%]"], 100 / 0.98)


def test_halves_in_the_wrong_order_are_told(tmp_path):
    """Requirement: no pairing is guessed: an efficiency of halves that don't follow each other is pointed out."""
    ours = read(tmp_path, cycled([1.0, 0.9, 0.8], efficiency=0.98, order=("charge", "discharge")))
    wrong = per_cycle(cycles(ours, cell="anode"), "anode")
    assert any("--begin discharge" in note for note in wrong.notes)
    right = per_cycle(cycles(ours, cell="anode", begin="discharge"), "anode")
    assert not any("--begin" in note for note in right.notes)
    # The first discharge, 1.0, now comes before the charge of the second cycle, 0.9 / 0.98.
    assert right.tables["cycles"]["coulombic efficiency [%]"][1] == pytest.approx(100 * (0.9 / 0.98) / 1.0)


def test_retention_against_a_named_cycle(tmp_path):
    ours = read(tmp_path, cycled([2.0, 1.8, 1.7, 1.6]))
    assert np.allclose(table_of(ours)["retention [%]"], [100, 90, 85, 80])
    assert np.allclose(table_of(ours, reference=2)["retention [%]"], np.array([2.0, 1.8, 1.7, 1.6]) / 0.018)
    with pytest.raises(LabError, match="--reference: got 9; .* has the cycles 1 to 4"):
        table_of(ours, reference=9)


def test_utilisation_is_equation_11(tmp_path):
    """Requirement: the creep-type paper's own numbers: 518.2 mAh/g of Se is 76.8 %."""
    # 40 % Se that gives 518.2 mAh/g and 60 % Mo6Se8 that gives 80 mAh/g, 2.5 mg
    capacity = 2.5e-3 * (0.4 * 518.2 + 0.6 * 80)
    ours = read(tmp_path, cycled([capacity, capacity], order=("discharge", "charge")))
    table = table_of(ours, electrode=Electrode(mass=2.5, active=(0.4, 675.0), framework=(0.6, 80.0)))
    assert np.allclose(table["utilisation [%]"], 76.77, atol=0.01)
    with pytest.raises(LabError, match="--mass"):
        table_of(ours, electrode=Electrode(active=(0.4, 675.0)))


def test_the_last_cycle_that_was_cut_short_counts_for_nothing(tmp_path):
    """Requirement: an unfinished half reaches no mean, no retention, no life."""
    rows = cycled([1.0] * 6)
    last = int(np.flatnonzero((rows[:, 2] == 6) & (rows[:, 3] < 0))[40])
    made = cycles(read(tmp_path, rows[:last]))
    analysis = per_cycle(made, "full")
    assert made.unfinished == (6,) and np.isnan(analysis.tables["cycles"]["retention [%]"][-1])
    assert analysis.values["mean coulombic efficiency of the later cycles"].value == pytest.approx(99.5)
    assert cycling.life(made) == (5, False)
    whole = cycles(read(tmp_path, rows[rows[:, 3] != 0]))  # no rest behind the last half, but it ends as the others do
    assert whole.unfinished == ()


def test_the_files_capacity_and_ours_are_compared(tmp_path):
    """Requirement: both are kept, and their difference reported."""
    rows = cycled([1.0, 1.0])
    passed = np.diff(rows[:, 0], prepend=0) * rows[:, 3] / 3600 * 1.02  # the cycler counts 2 % more than its current says
    ours = read(tmp_path, np.column_stack([rows, np.cumsum(passed)]), HEADER + ",net capacity [mAh]")
    table = table_of(ours)
    assert np.allclose(table["discharge [mAh]"], 1.02) and np.allclose(table["discharge, integrated - file [%]"], 100 * (1 / 1.02 - 1))
    again = per_cycle(cycles(ours, capacity="integrated"))
    assert np.allclose(again.tables["cycles"]["discharge [mAh]"], 1.0)
    assert again.values["largest difference of capacity, file - integrated"].value == pytest.approx(2.0)
    plain = read(tmp_path, rows)
    with pytest.raises(LabError, match="--capacity: .*holds no capacity of its own"):
        cycles(plain, capacity="file")


def test_what_passes_until_a_rest_is_recorded_belongs_to_the_step_before(tmp_path):
    """Requirement: a rest holds no charge, though the current still flowed when its first interval began."""
    time = np.arange(0.0, 7201.0, 60.0)
    rows = np.column_stack([time, np.where(time <= 3600, 1, 2), np.ones(len(time)), np.where(time <= 3600, 2.0, 0.0), 3.0 + time / 3600])
    steps = cycles(read(tmp_path, rows)).steps
    assert steps["charge [mAh]"] == pytest.approx([2.0 * (3600 + 30) / 3600, 0.0])


def test_a_rest_alone_is_told(tmp_path, capsys):
    """Requirement: a recording at rest can be converted and drawn; it has no rate, no retention, no dQ/dV."""
    rows = galvanostatic([(1, 0.0, 3600, 3.0, 3.0)])
    made = cycles(read(tmp_path, rows))
    assert any("no charge passes" in note for note in made.notes) and made.unfinished == (1,)
    for analyse in (cycling.rate_capability, lambda made: cycling.compare([made], ["a"]), cycling.differential_capacity, plating):
        with pytest.raises(LabError):
            analyse(made)
    assert command("cycles", tmp_path / "cell.csv", "--cell", "full", "--figure", tmp_path / "a.png", "--bdf", tmp_path / "a.bdf.csv") == 0


# --- rates, temperature, retention, life ------------------------------------------------------------


def test_rates_are_found_and_come_back(tmp_path):
    """Requirement: cycles at one current are one step; the current that comes back is a step of its own."""
    halves = [(c, sign * current, capacity / current * 3600, 3.0, 4.0) for c, (current, capacity) in enumerate([(0.2, 2.0)] * 3 + [(1.0, 1.5)] * 2 + [(4.0, 1.0)] * 2 + [(0.2, 1.9)] * 2, 1) for sign in (1, -1)]
    made = cycles(read(tmp_path, galvanostatic(halves)), Electrode(one_c=2.0))
    table = cycling.rate_capability(made).tables["rates"]
    assert list(table["first cycle"]) == [1, 4, 6, 8] and list(table["last cycle"]) == [3, 5, 7, 9]
    assert np.allclose(table["rate [C]"], [0.1, 0.5, 2, 0.1], rtol=1e-6) and np.allclose(table["mean capacity [mAh]"], [2.0, 1.5, 1.0, 1.9])
    assert np.allclose(table["of the first [%]"], [100, 75, 50, 95])


def test_temperatures_are_found(tmp_path):
    rows = cycled([2.0] * 3 + [1.5] * 3)
    warm = np.where(rows[:, 2] <= 3, 60.0, 20.0)
    made = cycles(read(tmp_path, np.column_stack([rows, warm]), HEADER + ",temperature [degC]"))
    table = cycling.temperature_series([made], ["a"], [None]).tables["temperatures"]
    assert table["temperature [degC]"] == [20, 60] and table["of the warmest [%]"] == pytest.approx([75, 100])
    with pytest.raises(LabError, match="--temperature"):
        cycling.temperature_series([cycles(read(tmp_path, rows))], ["a"], [None])


def test_life_ends_when_the_capacity_stays_low(tmp_path):
    """Requirement: one bad cycle ends no life; a life that did not end is at least the last cycle."""
    capacity = np.linspace(2.0, 1.5, 26)  # below 1.6 from cycle 22 on
    capacity[9] = 1.2
    made = cycles(read(tmp_path, cycled(capacity)))
    assert cycling.life(made) == (21, True)
    assert cycling.life(made, to=0.5) == (26, False)


def test_life_against_pressure(tmp_path):
    cells = []
    for i, (pressure, last) in enumerate([(50e3, 1.9), (2e6, 1.0)]):
        rows = cycled(np.linspace(2.0, last, 11))
        cells.append(cycles(cyclers.read(write(tmp_path / f"{i}.csv", np.column_stack([rows, np.full(len(rows), pressure)]), header=HEADER + ",pressure [Pa]"))))
    table = cycling.life_against_pressure(cells, ["a", "b"], [None, 3.0]).tables["life"]
    assert table["pressure [MPa]"] == pytest.approx([0.05, 3.0]) and table["life [cycles]"] == [11, 5] and table["reached"] == [False, True]


def test_cells_are_compared(tmp_path):
    made = [cycles(cyclers.read(write(tmp_path / f"{i}.csv", cycled(np.geomspace(2.0, 2.0 * keeps, 11))))) for i, keeps in enumerate((0.97, 0.35))]
    table = cycling.compare(made, ["Se", "FeS"]).tables["cells"]
    assert table["retention [%]"] == pytest.approx([97, 35])
    assert table["loss per cycle [%]"] == pytest.approx([100 * (1 - 0.97**0.1), 100 * (1 - 0.35**0.1)])


# --- dQ/dV ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("smoothing", [0.0, 0.01, 0.05])
def test_differential_capacity_keeps_the_charge_and_finds_the_peaks(smoothing):
    """Requirement: the integral of dQ/dV is the capacity, whatever the smoothing; peaks stand where the plateaus are."""
    voltage = np.linspace(3.0, 4.2, 4001)
    capacity = 0.2 * (voltage - 3.0) + 1 / (1 + np.exp(-(voltage - 3.45) / 0.01)) + 0.5 / (1 + np.exp(-(voltage - 3.9) / 0.02))
    noisy = voltage + np.random.default_rng(1).normal(0, 2e-3, len(voltage))  # no longer monotonous
    passed = np.diff(capacity, prepend=capacity[0])
    at, slope = cycling.binned_slope(passed, noisy, 0.005, smoothing)
    assert slope.sum() * 0.005 == pytest.approx(passed.sum(), rel=1e-9)
    assert at[np.argmax(slope)] == pytest.approx(3.45, abs=0.006 if smoothing else 0.015)
    if smoothing:
        width = np.hypot(smoothing, 0.01 * np.pi / np.sqrt(3))
        assert slope.max() == pytest.approx(1 / (np.sqrt(2 * np.pi) * width), rel=0.25)


def test_differential_capacity_of_a_file(tmp_path):
    made = cycles(read(tmp_path, cycled([2.0, 1.8])))
    analysis = cycling.differential_capacity(made, [2])
    half = np.array(analysis.tables["dqdv"]["half"])
    slope = np.array(analysis.tables["dqdv"]["dQ/dV [mAh/V]"])
    assert slope[half == "discharge"].sum() * 0.005 == pytest.approx(1.8, rel=1e-6)
    assert np.median(slope[half == "discharge"]) == pytest.approx(1.8 / 1.2, rel=1e-3)  # the voltage falls evenly
    assert analysis.choices["smoothing"] == "Gaussian, standard deviation 10 mV, charge kept"
    with pytest.raises(LabError, match="--cycle: got 7"):
        cycling.differential_capacity(made, [7])


# --- plating --------------------------------------------------------------------------------------


def dips(time, tau, eta, plateau):
    """Plating curves [V] (falling first) with a dip of about `eta` below the plateau."""
    yield "smooth", -plateau * (1 - np.exp(-2 * time / tau)) - eta * time / tau * np.exp(1 - time / tau)
    yield "round", -plateau * (1 - np.exp(-10 * time / tau)) - eta * (np.exp(-time / tau) - np.exp(-10 * time / tau))
    yield "bell", -plateau * (1 - np.exp(-4 * time / tau)) - eta * np.exp(-0.5 * ((time - tau) / (0.3 * tau)) ** 2)


@pytest.mark.parametrize("eta", [1.5e-3, 14.2e-3])
def test_nucleation_overpotential(eta):
    """Requirement: within 0.2 mV at 0.1 mV noise, for dips of the interlayer paper's sizes, on 30 seeds and three shapes."""
    errors = []
    time = np.arange(0.0, 20_000.0, 2.0)
    for seed in range(30):
        rng = np.random.default_rng(seed)
        tau = rng.uniform(200, 1200)
        for name, voltage in dips(time, tau, eta, 0.012):
            found = nucleation(time, voltage + rng.normal(0, 1e-4, len(time)))
            assert found is not None and found.flat, (seed, name)
            errors.append(1e3 * (found.overpotential - (-0.012 - voltage.min())))
    errors = np.array(errors)
    assert np.abs(errors).max() <= 0.2
    assert abs(errors.mean()) < 0.05 and errors.std() < 0.06


def test_the_lowest_record_would_be_too_low():
    """Requirement: the test above can fail: the plain minimum is off by three times the noise."""
    time = np.arange(0.0, 20_000.0, 2.0)
    for _, voltage in dips(time, 800.0, 14.2e-3, 0.012):
        noisy = voltage + np.random.default_rng(0).normal(0, 1e-4, len(time))
        assert 1e3 * (voltage.min() - noisy.min()) > 0.2


def test_no_dip_is_none():
    time = np.arange(0.0, 5000.0, 5.0)
    falling = -0.02 * (1 - np.exp(-time / 500)) + np.random.default_rng(2).normal(0, 1e-4, len(time))
    assert nucleation(time, falling) is None


def plated_cell(tmp_path, efficiency=0.964, alloyed=0.68, plated=2.55, turned=1.0):
    """A half cell as in the interlayer paper, areas of 1 cm2: alloying, plating with a dip, stripping to 0.2 V."""
    rng = np.random.default_rng(3)
    parts, time = [], 0.0
    for step, (current, charge, shape) in enumerate([
        (-0.3, alloyed, lambda s: 0.3 * (1 - s) + 0.006),
        (-0.13, plated, lambda s: -0.010 - 0.0142 * np.exp(-s * 70_615 / 900)),
        (0.25, plated * efficiency, lambda s: 0.010 + 0.19 * s**200),
        (0.25, alloyed * 0.9, lambda s: 0.2 + 0.5 * s),
    ], 1):  # fmt: skip
        seconds = charge / abs(current) * 3600
        t = np.append(np.arange(0.0, seconds, 10.0), seconds)
        parts.append(np.column_stack([time + t, np.full(len(t), step), np.ones(len(t)), np.full(len(t), turned * current), turned * (shape(t / seconds) + rng.normal(0, 1e-5, len(t)))]))
        time += seconds
    return cyclers.read(write(tmp_path / "plating.csv", np.concatenate(parts)))


def test_plating_efficiency_without_the_alloying_capacity(tmp_path):
    """Requirement: 96.4 %, though the interlayer took up 0.68 mAh besides."""
    analysis = plating(cycles(plated_cell(tmp_path), begin="discharge"), cell_area=1.0, until=0.2)
    row = {name: column[0] for name, column in analysis.tables["plating"].items()}
    assert row["alloyed [mAh]"] == pytest.approx(0.68, abs=2e-3) and row["plated [mAh/cm2]"] == pytest.approx(2.55, abs=2e-3)
    assert row["efficiency [%]"] == pytest.approx(96.4, abs=0.15)
    assert analysis.values["nucleation overpotential, cycle 1"].value == pytest.approx(14.2, abs=0.2)
    assert not any("more is stripped" in note for note in analysis.notes)
    everything = plating(cycles(plated_cell(tmp_path), begin="discharge"), cell_area=1.0)
    over = everything.tables["plating"]["efficiency [%]"] > 100
    assert any("more is stripped than was plated" in note for note in everything.notes) == over.any()
    given = plating(cycles(plated_cell(tmp_path), begin="discharge"), alloying=0.68, until=0.2)
    assert given.tables["plating"]["efficiency [%]"][0] == pytest.approx(96.4, abs=0.15)


def test_a_cell_connected_the_other_way_round(tmp_path):
    recording = plated_cell(tmp_path, turned=-1.0)
    analysis = plating(cycles(recording, begin="charge"), plates="charge", until=0.2)
    assert analysis.tables["plating"]["efficiency [%]"][0] == pytest.approx(96.4, abs=0.15)
    with pytest.raises(LabError, match="--plates"):
        plating(cycles(cyclers.read(write(tmp_path / "a.csv", cycled([1.0])))))


# --- beside a run ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("run"))


def test_a_cell_beside_a_run(run, tmp_path):
    """Requirement: measured capacity, utilisation and thickness, and the run's contact, porosity, thickness and pressure, a row a
    cycle."""
    rows = cycled([1.0, 1.05, 1.1], order=("discharge", "charge"))
    made = cycles(read(tmp_path, rows), Electrode(mass=4.0, active=(0.4, 675.0), framework=(0.6, 80.0)))
    ends = rows[np.append(np.diff(rows[:, 1]) > 0, False)]
    log = [(row[0] / 60, 12.5 if row[3] < 0 else 11.0) for row in ends if row[3]]
    result = Result(run)
    analysis = against(made, result, sensor(write(tmp_path / "log.csv", [(-1.0, 11.0), *log, (1e6, 11.0)], header="time [min],thickness [um]")))
    table = analysis.tables["against the run"]
    assert list(table["cycle"])[:3] == [1, 2, 3]
    assert table["measured capacity [mAh/g]"][:3] == pytest.approx([250, 262.5, 275])
    assert table["measured utilisation [%]"][0] == pytest.approx(100 * (250 - 0.6 * 80) / (0.4 * 675))
    assert table["measured thickness after discharge [um]"][:3] == pytest.approx([12.5] * 3) and table["measured thickness after charge [um]"][:3] == pytest.approx([11.0] * 3)
    cycle, half = result.cycles["cycle []"], result.cycles["half []"]
    at = np.flatnonzero((cycle == 1) & (half == "lithiation"))[-1]
    assert table["run porosity, lithiated [%]"][0] == pytest.approx(100 * result.cycles["porosity []"][at])
    assert any(name.startswith("run contact ratio") for name in table) and "run thickness, lithiated [um]" in table and "run pressure, lithiated [MPa]" in table


# --- the command ----------------------------------------------------------------------------------


def command(*arguments):
    with pytest.raises(SystemExit) as end:
        main(["lab", *map(str, arguments)])
    return end.value.code


KINDS = {
    "cycles": ["cycles", "--cell", "full", "--mass", "2.5 mg", "--area", "0.8 cm^2", "--thickness", "10 um", "--one-c", "2 mA", "--active", "40 % 675 mAh/g", "--framework", "60 % 80 mAh/g"],
    "rates": ["rates", "--one-c", "800 mA/g", "--loading", "3 mg/cm^2", "--area", "0.8 cm^2"],
    "retention": ["retention", "--mass", "2.5 mg"],
    "life": ["life", "--pressure", "52 kPa", "--to", "90 %"],
    "temperatures": ["temperatures", "--temperature", "25 degC"],
    "dqdv": ["dqdv", "--smoothing", "20 mV"],
}


@pytest.mark.parametrize("kind, options", [(options[0], options[1:]) for options in KINDS.values()], ids=KINDS)
def test_every_kind_writes_values_tables_and_figures(kind, options, tmp_path, capsys):
    path = write(tmp_path / "cell.csv", cycled([2.0, 1.9, 1.8, 1.7]))
    out = [tmp_path / name for name in ("a.json", "a.csv", "a.png")]
    assert command(kind, path, *options, "--json", out[0], "--csv", out[1], "--figure", out[2]) == 0
    record = json.loads(out[0].read_text())
    assert record["kind"] == kind and record["choices"]["format"] == "generic table" and "NaN" not in out[0].read_text()
    assert out[1].stat().st_size > 20 and out[2].stat().st_size > 5000 and (tmp_path / "a.pdf").exists()


def test_plating_and_a_run_are_drawn(run, tmp_path, capsys):
    plated_cell(tmp_path)
    assert command("plating", tmp_path / "plating.csv", "--area", "1 cm^2", "--until", "0.2 V", "--figure", tmp_path / "p.png") == 0
    cell = write(tmp_path / "cell.csv", cycled([2.0, 1.9]))
    assert command("cycles", cell, "--run", run, "--figure", tmp_path / "r.png", "--csv", tmp_path / "r.csv") == 0
    assert (tmp_path / "p.png").stat().st_size > 5000 and (tmp_path / "r.png").stat().st_size > 5000


WRONG = {
    "a plain number": (["cycles", "--mass", "2"], "--mass: got '2'"),
    "another dimension": (["cycles", "--area", "2 mg"], "--area: got '2 mg'"),
    "nothing": (["cycles", "--mass", "0 mg"], "expected more than 0"),
    "a cell of another kind": (["cycles", "--cell", "half"], "--cell: got 'half', expected full, cathode or anode"),
    "a volume without area": (["cycles", "--thickness", "10 um"], "needs --area"),
    "a utilisation without mass": (["cycles", "--active", "40 % 675 mAh/g"], "needs the electrode's mass"),
    "shares that can't be": (["cycles", "--mass", "1 mg", "--active", "140 % 675 mAh/g"], "a weight fraction up to 1"),
    "a rate per area without area": (["rates", "--one-c", "1 mA/cm^2"], "needs --area"),
    "too many masses": (["retention", "--mass", "1 mg", "--mass", "2 mg"], "got 2 for 1 files"),
    "a retention above 1": (["life", "--pressure", "1 MPa", "--to", "120 %"], "expected a retention"),
    "a life without pressure": (["life"], "no channel of pressure"),
    "cycles that are no numbers": (["dqdv", "--cycle", "one"], "--cycle: got 'one'"),
    "bins of nothing": (["dqdv", "--bin", "0 mV"], "--bin"),
    "a sensor without a run": (["cycles", "--sensor", "x.csv"], "goes with --run"),
}


@pytest.mark.parametrize("arguments, says", WRONG.values(), ids=WRONG)
def test_wrong_options_end_in_one_line(arguments, says, tmp_path, capsys):
    path = write(tmp_path / "cell.csv", cycled([2.0, 1.9]))
    assert command(arguments[0], path, *arguments[1:]) == 2
    told = capsys.readouterr().err
    assert says in told and len(told.splitlines()) == 1


def test_a_million_records(tmp_path):
    """Requirement: from file to table in less than 5 s of computing and less than 1 GB, through the command."""
    n, per = 1_000_000, 500
    rng = np.random.default_rng(0)
    import polars as pl

    at = np.arange(n)
    within = at % per
    current = np.where(within < 240, 1e-3, np.where(within < 250, 0.0, np.where(within < 490, -1e-3, 0.0)))
    pl.DataFrame({
        "Data_Point": at, "Test_Time(s)": at * 10.0, "Step_Time(s)": (within % 250) * 10.0, "Step_Index": 1 + (within >= 240) + (within >= 250) + (within >= 490), "Cycle_Index": 1 + at // per,
        "Current(A)": current, "Voltage(V)": np.round(3.5 + 0.5 * np.sign(current) * (within % 250) / 250 + rng.normal(0, 1e-4, n), 6),
        "Charge_Capacity(Ah)": np.cumsum(np.maximum(current, 0)) / 360, "Discharge_Capacity(Ah)": np.cumsum(np.maximum(-current, 0)) / 360, "Internal_Resistance(Ohm)": np.zeros(n),
    }).write_csv(tmp_path / "long.csv")  # fmt: skip
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([sys.executable, "-m", "rheode", "lab", "cycles", str(tmp_path / "long.csv"), "--cell", "full", "--csv", str(tmp_path / "cycles.csv")], capture_output=True, text=True, timeout=120)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, done.stderr
    assert len((tmp_path / "cycles.csv").read_text().splitlines()) == 1 + n // per
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 5
    assert after.ru_maxrss < 1e6  # KB
