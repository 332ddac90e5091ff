"""Transference number after Bruce and Vincent, on cells of known truth."""

import json

import numpy as np
import pytest

from rheode.cli import main
from rheode.lab import LabError
from rheode.lab.impedance.circuit import parse
from rheode.lab.impedance.spectrum import make
from rheode.lab.transference import Transient, analyse, bruce_vincent
from rheode.lab.transients import read

CIRCUIT = parse("R0-p(R1,CPE1)")
FREQUENCY = np.geomspace(1e6, 0.1, 60)


def relaxation(kind, t, tau):
    """From 1 to 0: of an interface, of two, of diffusion."""
    if kind == "one":
        return np.exp(-t / tau)
    if kind == "two":
        return 0.4 * np.exp(-t / tau) + 0.6 * np.exp(-8 * t / tau)
    k = 2 * np.arange(400) + 1
    return (8 / np.pi**2 * np.exp(-np.outer(t / tau, k**2)) / k**2).sum(axis=1)


def cell(t_plus, bulk=60.0, before=180.0, after=205.0, voltage=0.01, tau=900.0, kind="diffusion", noise=1e-3, every=2.0, begin=0.0, length=8.0, seed=0, first=None):
    """(Transient, spectrum before, spectrum after): the steady current is the one that makes t_plus."""
    rng = np.random.default_rng(seed)
    I0 = voltage / (bulk + before) if first is None else first
    Is = t_plus * I0 * voltage / (voltage - I0 * before + t_plus * I0 * after)
    t = np.arange(begin, length * tau, every)
    I = (Is + (I0 - Is) * relaxation(kind, t, tau)) * (1 + noise * rng.standard_normal(len(t)))
    spectra = []
    for R in (before, after):
        Z = CIRCUIT.impedance(FREQUENCY, [bulk, R, 2e-5, 0.85])
        errors = rng.standard_normal((2, len(Z)))
        spectra.append(make("spectrum", "made", "made", FREQUENCY, Z * (1 + 0.003 * (errors[0] + 1j * errors[1]))))
    return Transient("cell", t, I), *spectra


def answer(parts, **options):
    return analyse(*parts, voltage=0.01, circuit=CIRCUIT, interface=["R1"], electrolyte=["R0"], **options)


def test_the_formula():
    """Requirement: t = I_s (dV - I_0 R_0)/(I_0 (dV - I_s R_s)); without interfaces it is I_s/I_0."""
    assert bruce_vincent(0.01, 40e-6, 20e-6, 0.0, 0.0) == pytest.approx(0.5)
    assert bruce_vincent(0.01, 40e-6, 30e-6, 180.0, 205.0) == pytest.approx(30 * (10 - 7.2) / (40 * (10 - 6.15)))


@pytest.mark.parametrize("kind", ["one", "two", "diffusion"])
@pytest.mark.parametrize("seed", [3, 1004])
def test_the_number_of_made_cells(kind, seed):
    """Requirement: within 0.01 of the truth, and its uncertainty says how far off it may be."""
    rng = np.random.default_rng(seed)
    for number in range(3):
        true = rng.uniform(0.1, 0.8)
        before = rng.uniform(60, 240)
        parts = cell(true, bulk=rng.uniform(40, 100), before=before, after=before * rng.uniform(0.95, 1.2), tau=rng.uniform(500, 2000), kind=kind, seed=seed + number)
        value = answer(parts).values["transference number"]
        assert abs(value.value - true) < 0.01
        assert abs(value.value - true) < 4 * value.uncertainty


def test_an_initial_current_that_is_not_ohms():
    """Requirement: where the transient begins elsewhere than Ohm's law says, the transient counts, and the difference is told."""
    high = cell(0.4, first=46e-6, kind="one")
    analysis = answer(high)
    assert analysis.values["transference number"].value == pytest.approx(0.4, abs=0.01)
    assert any("exceeds Ohm's law" in note for note in analysis.notes)
    late = cell(0.4, begin=300.0, kind="diffusion")
    late = (Transient("late", late[0].time - 300.0, late[0].current), *late[1:])
    analysis = answer(late)
    assert any("falls short of Ohm's law" in note and "--first ohm" in note for note in analysis.notes)
    assert answer(late, first="ohm").values["transference number"].value == pytest.approx(0.4, abs=0.01)
    assert abs(answer(late, first="transient").values["transference number"].value - 0.4) > 0.05


def test_a_current_that_is_not_steady_is_told():
    """Requirement: the drift at the end is told; a steady one is not."""
    assert any("not steady" in note for note in answer(cell(0.3, length=1.0, kind="one")).notes)
    assert answer(cell(0.3)).notes == []


def test_a_rest_before_the_step_and_a_negative_current():
    """Requirement: records of the rest before the step don't count, nor does the sign of the current."""
    transient, before, after = cell(0.45)
    rest = np.arange(-60.0, 0.0, 2.0)
    shown = Transient("rest", np.append(rest, transient.time) + 1000.0, -np.append(np.full(30, 1e-8), transient.current))
    assert answer((shown, before, after)).values["transference number"].value == pytest.approx(0.45, abs=0.01)


@pytest.mark.parametrize("change, said", [
    ({"voltage": 0.001}, "check --voltage"), ({"voltage": 0.0}, "step of voltage is 0"), ({"interface": ["CPE1 Q"]}, "expected a resistance"), ({"first": "guess"}, "expected one of auto"),
])  # fmt: skip
def test_what_can_not_be_is_told(change, said):
    """Requirement: one line for resistances, voltages and options that contradict each other."""
    given = dict(voltage=0.01, circuit=CIRCUIT, interface=["R1"], electrolyte=["R0"]) | change
    with pytest.raises(LabError, match=said):
        analyse(*cell(0.4), **given)
    with pytest.raises(LabError, match="20 at least"):
        answer((Transient("x", np.arange(5.0), np.ones(5)), *cell(0.4)[1:]))


def test_the_command(tmp_path, capsys):
    """Requirement: three files, mV and uA, JSON with uncertainty, figure."""
    transient, before, after = cell(0.44)
    table = tmp_path / "transient.csv"
    table.write_text("Time (min);Current (µA)\n" + "".join(f"{t / 60:.6f};{1e6 * i:.6f}\n".replace(".", ",") for t, i in zip(transient.time, transient.current)), encoding="utf-8")
    assert read(table).current == pytest.approx(transient.current, rel=1e-4)
    for name, spectrum in (("before", before), ("after", after)):
        np.savetxt(tmp_path / f"{name}.csv", np.column_stack([spectrum.frequency, spectrum.impedance.real, -spectrum.impedance.imag]), delimiter=",", header="freq/Hz,Re(Z)/Ohm,-Im(Z)/Ohm", comments="")
    with pytest.raises(SystemExit) as ended:
        main(["lab", "transference", str(table), str(tmp_path / "before.csv"), str(tmp_path / "after.csv"), "--voltage", "10 mV", "--json", str(tmp_path / "t.json"), "--figure", str(tmp_path / "t.png")])
    assert ended.value.code in (0, None) and (tmp_path / "t.pdf").exists()
    record = json.loads((tmp_path / "t.json").read_text())
    assert record["transference number"]["value"] == pytest.approx(0.44, abs=0.01)
    assert record["choices"]["dV [V]"] == 0.01
    with pytest.raises(SystemExit) as ended:
        main(["lab", "transference", str(table), str(tmp_path / "before.csv"), str(tmp_path / "none.csv"), "--voltage", "10 mV"])
    assert ended.value.code == 2
