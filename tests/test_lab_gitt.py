"""Titration: diffusivities against models of known truth, and every reason for which a pulse is refused."""

import json
import os

import numpy as np
import pytest
from bench import needs
from titrations import equilibrium, titration

from rheode.cli import main
from rheode.lab import LabError
from rheode.lab.diffusion import left_over, surface_lead
from rheode.lab.gitt import analyse, find_pulses, length_of


def column(analysis, name, table="pulses"):
    return np.array(analysis.tables[table][name], dtype=object if name in ("verdict", "reason") else float)


def ratios(analysis, D):
    """D of the accepted pulses over the true one [um^2/s]."""
    return column(analysis, "D [cm^2/s]")[column(analysis, "verdict") == "accepted"] / (1e-8 * D)


def reasons(analysis):
    return list(column(analysis, "reason"))


# --- the response ----------------------------------------------------------------------------------


@pytest.mark.parametrize("shape, face", [("sphere", 3.0), ("film", 1.0)])
def test_the_response_begins_with_the_square_root_law_and_ends_with_the_mean(shape, face):
    """Requirement: V/A 2 sqrt(t/(pi D)) at short times, the mean plus a constant at long ones, nothing left after a rest."""
    early = 1e-7
    assert surface_lead(early, shape) == pytest.approx(2 * np.sqrt(early / np.pi) / face, rel=1e-3)
    assert surface_lead(5.0, shape) - surface_lead(4.0, shape) == pytest.approx(1.0, rel=1e-12)
    theta = np.geomspace(1e-5, 10, 4001)
    slope = np.gradient(surface_lead(theta, shape), theta)
    assert np.all(np.diff(slope[1:-1]) < 1e-6 * slope[2:-1] + 1e-4 * np.abs(slope[2:-1]))  # falls, without a kink at a seam
    assert left_over(0.1, 2.0, shape) < 0.01 < left_over(0.1, 0.05, shape)


# --- diffusivities ---------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", ["sphere", "film"])
@pytest.mark.parametrize("theta", [0.02, 0.15, 0.6])
def test_diffusivity_of_a_particle_solved_by_finite_volumes(shape, theta):
    """Requirement: within 10 % of the model that made the data, whether the pulse is short against l^2/D or not."""
    length, duration = 2.5, 600.0
    D = theta * length**2 / duration
    data = titration(D, length, duration, rest=max(2.5 / theta, 4.0) * duration, pulses=12, share=0.004, shape=shape, noise=1e-5, seed=11, every=4.0)
    analysis = analyse(*data, length=length, shape=shape)
    found = ratios(analysis, D)
    assert len(found) >= 11
    assert np.all(np.abs(found - 1) < 0.1), found
    inside = slice(0, 4 if theta < 0.1 else 10)  # the surface runs ahead by some pulses: beyond the last rest E(q) is not known
    assert np.all(np.abs(found[inside] - 1) < 0.06), found


def test_the_straight_line_alone_is_far_off_for_usual_pulses_and_right_for_very_short_ones():
    """Requirement: what is reported beside D as the straight line is Weppner and Huggins' own value."""
    length = 2.5
    for theta, low, high in ((0.15, 0.4, 0.75), (4e-4, 0.9, 1.02)):
        D = theta * length**2 / 600.0
        data = titration(D, length, 600.0, rest=3600.0 if theta > 0.1 else 600.0, pulses=3, share=1e-3, cells=900 if theta < 1e-3 else 240, every=5.0)
        analysis = analyse(*data, length=length)
        straight = column(analysis, "D of the straight line, uncorrected [cm^2/s]", "straight lines in sqrt(t)")[0] / (1e-8 * D)
        step = column(analysis, "dEs [mV]")[0]
        if theta < 1e-3:  # the rest can't be complete: the true dEs takes its place
            straight *= ((equilibrium(0.201) - equilibrium(0.2)) * 1e3 / step) ** 2
        assert low < straight < high


def test_radius_diameter_and_volume_over_area_are_one_length():
    """Requirement: no factor 2 or 4 between the forms: R, d = 2 R, and 3 V/A of spheres; V/A of a film."""
    radius = 1.8
    assert length_of(4 / 3 * np.pi * radius**3, 4 * np.pi * radius**2) == pytest.approx(radius)
    assert length_of(7.0, 3.5, "film") == pytest.approx(2.0)


def write(path, data):
    np.savetxt(path, np.column_stack(data), delimiter=",", header="time [s],voltage [V],current [A]", comments="")
    return path


def test_the_forms_of_the_command_line_agree(tmp_path, capsys):
    """Requirement: --radius, --diameter, --area with --volume, and with mass and molar quantities, give the same D; none gives D/l^2."""
    D, length = 1e-3, 2.0
    path = write(tmp_path / "titration.csv", titration(D, length, 600.0, rest=7200.0, pulses=3, every=5.0))
    area = "3 cm^2"
    volume = 3e8 * length / 3  # um^3
    forms = [["--radius", "2 um"], ["--diameter", "4 um"], ["--area", area, "--volume", f"{volume} um^3"],
             ["--area", area, "--mass", f"{volume * 1e-12 * 5} g", "--molar-volume", "20 cm^3/mol", "--molar-mass", "100 g/mol"], []]  # fmt: skip
    answers = []
    for options in forms:
        main_quietly(["lab", "gitt", str(path), *options, "--json", str(tmp_path / "out.json")])
        answers.append(json.loads((tmp_path / "out.json").read_text()))
    for answer in answers[:4]:
        assert answer["diffusivity"]["value"] == pytest.approx(1e-8 * D, rel=0.05)
        assert answer["diffusivity"]["unit"] == "cm^2/s"
        assert answer["diffusivity"]["value"] == pytest.approx(answers[0]["diffusivity"]["value"], rel=1e-6)
    assert answers[4]["D/l^2"]["value"] == pytest.approx(D / length**2, rel=0.05)
    assert "radius" in answers[0]["choices"]["length l"] and "geometric area" in answers[0]["choices"]["area"]


def main_quietly(arguments):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code in (0, None)


@pytest.mark.parametrize("options, said", [
    (["--radius", "2"], "unit is missing"), (["--radius", "2 um", "--diameter", "4 um"], "give one of them"), (["--area", "3 cm^2"], "needs --volume"),
    (["--volume", "3 cm^3"], "needs --area"), (["--window", "5 s"], "write it as"), (["--radius", "0 um"], "more than 0"), (["--shape", "rod"], "expected one of sphere, film"),
])  # fmt: skip
def test_a_wrong_option_ends_in_one_line(tmp_path, capsys, options, said):
    """Requirement: bad input is one clear line and exit code 2."""
    path = write(tmp_path / "t.csv", titration(1e-3, 2.0, 600.0, rest=3600.0, pulses=1, every=20.0))
    with pytest.raises(SystemExit) as ended:
        main(["lab", "gitt", str(path), *options])
    assert ended.value.code == 2
    err = capsys.readouterr().err.strip()
    assert said in err and "\n" not in err


@pytest.mark.parametrize("diffusivity, period, mesh", [(1e-14, "1 second", 60), (3e-15, "5 seconds", 20)])
def test_diffusivity_of_a_single_particle_model(monkeypatch, diffusivity, period, mesh):
    """Requirement: within 10 % of PyBaMM's single-particle model, with its kinetics, and on its coarse default mesh too."""
    monkeypatch.setitem(os.environ, "PYBAMM_DISABLE_TELEMETRY", "true")
    pybamm = pytest.importorskip("pybamm")
    model = pybamm.lithium_ion.SPM({"working electrode": "positive"})
    values = pybamm.ParameterValues("Xu2019")
    values["Positive particle diffusivity [m2.s-1]"] = diffusivity
    radius = 1e6 * values["Positive particle radius [m]"]
    steps = ["Rest for 10 minutes (1 minute period)"] + [f"Discharge at C/20 for 15 minutes ({period} period)", "Rest for 3 hours (1 minute period)"] * 8
    simulation = pybamm.Simulation(model, experiment=pybamm.Experiment(steps), parameter_values=values, var_pts={**model.default_var_pts, "r_p": mesh},
                                   solver=pybamm.IDAKLUSolver(rtol=1e-8, atol=1e-9))  # fmt: skip
    solution = simulation.solve()
    analysis = analyse(solution["Time [s]"].entries, solution["Voltage [V]"].entries, -solution["Current [A]"].entries, length=radius)
    found = column(analysis, "D [cm^2/s]") / (1e4 * diffusivity)
    assert len(found) == 8 and set(column(analysis, "verdict")) == {"accepted"}, reasons(analysis)
    assert np.all(np.abs(found - 1) < 0.1), found


# --- finding ---------------------------------------------------------------------------------------


def test_pulses_are_found_in_noise_and_ordinary_cycling_is_not():
    """Requirement: without options; noise of the current at rest and long constant-current steps don't matter."""
    time, voltage, current = titration(1e-3, 2.0, 600.0, rest=3600.0, pulses=4, every=5.0)
    rng = np.random.default_rng(5)
    noisy = current + 1e-3 * np.abs(current).max() * rng.standard_normal(len(current))
    assert analyse(time, voltage, noisy, length=2.0).values["pulses found"].value == 4
    cycling = np.tile(np.repeat([1.0, -1.0], 100), 3)
    assert find_pulses(np.arange(600.0), cycling, 0.1) == []
    with pytest.raises(LabError, match="no pulse was found"):
        analyse(np.arange(600.0), np.ones(600), cycling)


def test_a_record_may_open_or_close_its_interval():
    """Requirement: the time of the pulse's beginning is found from the data, to within a few per cent of D."""
    D, length = 1.5e-3, 2.5
    time, voltage, current = titration(D, length, 600.0, rest=7200.0, pulses=4, every=10.0)
    closed = analyse(time, voltage, current, length=length)
    # The same pulse, its first record at the very moment the current comes on.
    opened = [np.concatenate(parts) for parts in zip(*_opened(time, voltage, current))]
    for analysis in (closed, analyse(*opened, length=length)):
        assert np.all(np.abs(ratios(analysis, D)[:-1] - 1) < 0.05)


def _opened(time, voltage, current):
    """Cut into pieces, each pulse with a record of its beginning, and none of the rest within ten seconds before it."""
    starts = np.flatnonzero((current[1:] != 0) & (current[:-1] == 0)) + 1
    pieces, last = [], 0
    for start in starts:
        pieces.append((time[last : start - 1], voltage[last : start - 1], current[last : start - 1]))
        jump = current[start] * 2.0
        pieces.append((time[start - 1 : start], voltage[start - 1 : start] + jump, current[start : start + 1]))
        last = start
    pieces.append((time[last:], voltage[last:], current[last:]))
    return pieces


# --- refusals --------------------------------------------------------------------------------------


def said(analysis, text):
    return [number + 1 for number, reason in enumerate(reasons(analysis)) if text in reason]


def test_a_pulse_that_outlasts_diffusion_is_refused():
    """Requirement: tau not short against l^2/D."""
    analysis = analyse(*titration(6.0 * 4 / 600, 2.0, 600.0, rest=3600.0, pulses=3), length=2.0)
    assert said(analysis, "is not short against l^2/D") == [1, 2, 3]


def test_an_incomplete_rest_is_refused():
    """Requirement: rest not relaxed, by its own drift or by the diffusion time."""
    analysis = analyse(*titration(0.05 * 4 / 600, 2.0, 600.0, rest=900.0, pulses=3), length=2.0)
    assert all("rest" in reason for reason in reasons(analysis))
    assert said(analysis, "not relaxed") or said(analysis, "away from equilibrium")


def test_a_plateau_is_refused():
    """Requirement: dEs that is not clear of 0."""
    flat = titration(0.1 * 4 / 600, 2.0, 600.0, rest=9000.0, pulses=3, noise=5e-5, voltage=lambda x: 3.4 - 1e-4 * x, every=5.0)
    assert said(analyse(*flat, length=2.0), "not clear of 0") == [1, 2, 3]


def test_a_curve_that_is_not_diffusions_is_refused():
    """Requirement: neither straight in sqrt(t) nor the response of the body, here slow oscillations and a straight line in t."""
    time, voltage, current = titration(0.1 * 4 / 600, 2.0, 600.0, rest=9000.0, pulses=3, every=5.0)
    on = current != 0
    waves = voltage + np.where(on, 2e-3 * np.sin(time / 25.0), 0)
    assert len(said(analyse(time, waves, current, length=2.0), "misfit")) == 3
    starts = np.flatnonzero(np.diff(on.astype(int)) == 1) + 1
    ramp = voltage.copy()
    for start in starts:
        part = slice(start, start + 120)
        ramp[part] = voltage[start - 1] - 1e-3 - 1.2e-2 * (time[part] - time[start - 1]) / 600.0
    assert not np.any(column(analyse(time, ramp, current, length=2.0), "verdict") == "accepted")


def test_pulses_that_are_cut_off_or_unsteady_are_refused():
    """Requirement: cut off at a limit, without a rest before or after, current not constant; the others stay accepted."""
    time, voltage, current = titration(0.15 * 4 / 600, 2.0, 600.0, rest=7200.0, pulses=6, every=5.0)
    starts = np.flatnonzero((current[1:] != 0) & (current[:-1] == 0)) + 1
    changed = current.copy()
    changed[starts[2] + 60 : starts[2] + 120] *= 0.7
    end = starts[5] + 100
    keep = slice(starts[0], end)
    analysis = analyse(time[keep], voltage[keep], changed[keep], length=2.0)
    assert "no rest before it" in reasons(analysis)[0]
    assert "the current is not constant" in reasons(analysis)[2]
    assert "cut off: no rest after it" in reasons(analysis)[5]
    # The voltage limit ends the last pulse early, and a rest follows.
    short = slice(0, starts[5] + 70)
    rest = time[starts[5] + 69] + np.arange(1, 200) * 36.0
    analysis = analyse(np.append(time[short], rest), np.append(voltage[short], np.full(199, voltage[starts[5] - 1] - 5e-3)), np.append(current[short], np.zeros(199)), length=2.0)
    assert "cut off after 350 s of 600 s" in reasons(analysis)[5]
    assert list(column(analysis, "verdict")[:4]) == ["accepted"] * 4


@pytest.mark.parametrize("time, voltage, current, text", [
    (np.arange(5.0), np.ones(5), np.ones(5), "needs many more"), (np.tile(np.arange(50.0), 2), np.ones(100), np.ones(100), "goes backwards"), (np.arange(100.0), np.ones(100), np.zeros(100), "zero throughout"),
])  # fmt: skip
def test_a_recording_that_holds_no_titration_is_told(time, voltage, current, text):
    """Requirement: bad input is one clear line."""
    with pytest.raises(LabError, match=text):
        analyse(time, voltage, current)


# --- a real file -----------------------------------------------------------------------------------


def test_the_long_recording():
    """Requirement: 984 949 rows: pulses without options, each accepted or refused with a reason; D smooth over the charge."""
    import polars as pl

    table = pl.read_parquet(needs("gitt/ampworks_gitt_discharge.parquet"))
    assert len(table) == 984_949
    analysis = analyse(*(table[name].to_numpy() for name in ("Seconds", "Volts", "Amps")), length=1.8)
    verdict, why = column(analysis, "verdict"), reasons(analysis)
    assert len(verdict) == 121 and np.all((verdict == "accepted") == [reason == "" for reason in why])
    assert "cut off after 98.2 s of 660 s" in why[-1]
    assert np.sum(verdict == "accepted") >= 115
    D = column(analysis, "D [cm^2/s]")[verdict == "accepted"]
    assert np.all((D > 1e-11) & (D < 6e-11))
    assert np.all(np.abs(np.diff(np.log(D))) < 0.1)
    # What is left of a pulse decays in the rest with the slowest mode of the sphere, 20.19 D/R^2: a check that shares no fit.
    t, E, I = (table[name].to_numpy() for name in ("Seconds", "Volts", "Amps"))
    end = np.flatnonzero((I[:-1] != 0) & (I[1:] == 0))[4]
    rest = slice(end + 1, end + 1585)
    left = E[rest.stop - 1] - E[rest]
    at = np.interp([60.0, 120.0], t[rest] - t[end], left)
    assert D[4] == pytest.approx(np.log(at[0] / at[1]) / 60.0 / 20.19 * 1.8**2 * 1e-8, rel=0.25)
