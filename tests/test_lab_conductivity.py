"""Conductivity: geometry, replicates, pressure, Arrhenius and VTF with what the data leave open."""

import json

import numpy as np
import pytest
from bench import needs
from scipy import stats

from rheode.cli import main
from rheode.lab import LabError
from rheode.lab import conductivity as analyses
from rheode.lab.conductivity import analyse, four_probe, from_geometry, mean_interval
from rheode.lab.conductivity_spectra import measure
from rheode.lab.conductivity_tables import read
from rheode.lab.impedance.circuit import parse
from rheode.lab.impedance.spectrum import make
from rheode.lab.thermal import BOLTZMANN, fit_arrhenius, fit_vtf

# Table S3 of Xiong et al., Nature Communications 15 (2024), SI: four-probe conductivity under pressure, as printed.
TABLE_S3 = """Material,Pressure [MPa],Thickness [mm],Conductivity [S/cm],Density [g/cm^3]
Mo6Se8,9.55,1.87,32.45,3.44
Mo6Se8,19.10,1.78,59.62,3.61
Mo6Se8,28.65,1.74,85.32,3.70
Mo6Se8,38.20,1.71,110.72,3.76
Mo6Se8,47.75,1.68,132.91,3.85
Mo6Se8,57.30,1.65,154.18,3.90
Super P,9.55,4.84,12.95,0.71
Super P,19.10,4.21,18.80,0.82
Super P,28.65,4.86,23.57,0.89
Super P,38.20,3.62,27.69,0.95
Super P,47.75,3.43,31.45,1.00
Super P,57.30,3.29,34.77,1.05
"""


def vtf(T, A, b, t0, power=0.5):
    return A * T**-power * np.exp(-b / (T - t0))


def written(path, text):
    path.write_text(text, encoding="utf-8")
    return path


# --- geometry and replicates -----------------------------------------------------------------------


def test_two_electrodes():
    """Requirement: L/(R S)."""
    assert from_geometry(50.0, 0.05, 2.0) == pytest.approx(5e-4)


def test_four_probes_have_their_limits():
    """Requirement: pi/ln 2 on a thin wide sheet, 2 pi s on a thick block, a small disc conducts less than it seems."""
    assert four_probe(1.0, 0.01, 0.3) == pytest.approx(np.log(2) / (np.pi * 0.01), rel=1e-3)
    assert four_probe(1.0, 30.0, 0.3) == pytest.approx(1 / (2 * np.pi * 0.3), rel=1e-4)
    assert four_probe(1.0, 0.01, 0.3, 1e4) == pytest.approx(four_probe(1.0, 0.01, 0.3), rel=1e-6)
    for ratio, correction in ((5, 3.3625), (10, 4.1716), (20, 4.4364)):  # Smits' table for thin discs
        assert 1 / (four_probe(1.0, 0.01, 0.3, 0.3 * ratio) * 0.01) == pytest.approx(correction, rel=1e-3)
    with pytest.raises(LabError, match="wider than three"):
        four_probe(1.0, 0.1, 0.3, 0.8)


def test_replicates_have_students_interval():
    """Requirement: mean, standard deviation, standard error and the 95 % interval of the mean; none from one."""
    values = [1.02e-3, 0.98e-3, 1.07e-3, 1.01e-3]
    mean, deviation, error, low, high = mean_interval(values)
    assert (low, high) == pytest.approx(stats.t.interval(0.95, 3, np.mean(values), stats.sem(values)))
    assert deviation == pytest.approx(np.std(values, ddof=1)) and error == pytest.approx(deviation / 2)
    assert mean_interval([3.0])[0] == 3.0 and np.isnan(mean_interval([3.0])[1:]).all()


def test_a_table_of_resistances(tmp_path):
    """Requirement: resistances with thickness and diameter, units from the header; the samples are replicates."""
    text = "sample;Thickness (µm);Diameter (mm);R (kOhm)\n1;510;12;0,0102\n2;495;12;0,0099\n3;520;12;0,0106\n"
    analysis = analyse(read(written(tmp_path / "pellets.csv", text)))
    expected = [L * 1e-4 / (R * np.pi * 0.36) for L, R in ((510, 10.2), (495, 9.9), (520, 10.6))]
    assert analysis.values["conductivity"].value == pytest.approx(np.mean(expected))
    assert analysis.values["conductivity"].interval == pytest.approx(mean_interval(expected)[3:])
    assert analysis.tables["replicates"]["n"] == [3]
    with pytest.raises(LabError, match="thickness and area"):
        read(written(tmp_path / "bare.csv", "sample,R [ohm]\n1,10.2\n2,9.9\n3,10.6\n"))


def test_four_probe_resistances_in_a_table(tmp_path):
    """Requirement: V/I of four probes with their spacing."""
    rows = read(written(tmp_path / "probes.csv", "pressure [MPa],thickness [mm],resistance [mohm]\n10,1.8,25\n20,1.7,14\n30,1.65,10\n"), spacing=0.3)
    assert rows.conductivity == pytest.approx(four_probe(np.array([0.025, 0.014, 0.010]), np.array([0.18, 0.17, 0.165]), 0.3))


@pytest.mark.parametrize("circuit, values", [("R1-CPE2", [320.0, 2e-6, 0.9]), ("p(R1,CPE1)-CPE2", [4.1e4, 3e-10, 0.95, 2e-6, 0.9]), ("L1-R1-CPE1", [2e-6, 45.0, 3e-6, 0.88])])
def test_conductivity_from_spectra(circuit, values):
    """Requirement: the bulk resistance is found whether its arc is in view or not; replicates and geometry go into the uncertainty."""
    frequency = np.geomspace(1e6, 0.1, 60)
    R = values[parse(circuit).names.index("R1")]
    rng = np.random.default_rng(8)
    spectra = []
    for number in range(3):
        Z = parse(circuit).impedance(frequency, values)
        Z = Z * (1 + 0.005 * (rng.standard_normal(60) + 1j * rng.standard_normal(60)))
        spectra.append(make(f"cell {number}", "sweep", "made", frequency, Z))
    one = analyse(measure(spectra[:1], 0.05, 1.13, relative=0.02)).values["conductivity"]
    assert one.value == pytest.approx(0.05 / (R * 1.13), rel=0.01)
    assert 0.02 <= one.uncertainty / one.value < 0.025
    three = analyse(measure(spectra, 0.05, 1.13, relative=0.02))
    assert three.values["replicates"].value == 3 and three.values["conductivity"].interval is not None
    assert len(three.tables["measurements"]["file"]) == 3


# --- pressure --------------------------------------------------------------------------------------


def test_conductivity_and_density_under_pressure(tmp_path):
    """Requirement: power laws of both powders of Table S3, porosity, and the row whose mass does not fit is told."""
    rows = read(written(tmp_path / "s3.csv", TABLE_S3))
    analysis = analyse(rows, theoretical_density=6.52)
    laws = analysis.tables["power laws"]
    assert laws["series"] == ["Mo6Se8", "Super P"]
    for name, exponent in zip(laws["series"], laws["d ln sigma/d ln p"]):
        part = [line.split(",") for line in TABLE_S3.splitlines()[1:] if line.startswith(name)]
        p, sigma = np.array([[float(cells[1]), float(cells[3])] for cells in part]).T
        assert exponent == pytest.approx(stats.linregress(np.log(p), np.log(sigma)).slope)
    told = [note for note in analysis.notes if "mass" in note]
    assert len(told) == 1 and "Super P, 28.65 MPa" in told[0] and "3.87 mm" in told[0]
    table = analysis.tables["under pressure"]
    assert table["porosity [%]"][0] == pytest.approx(100 * (1 - 3.44 / 6.52))
    assert list(analysis.tables)[0] == "under pressure"


# --- temperature -----------------------------------------------------------------------------------


def test_arrhenius():
    """Requirement: Ea and A of the truth in their 95 % intervals in 88 to 100 of 100 draws; sigma T as well."""
    T = np.linspace(263.15, 343.15, 9)
    for power in (0.0, 1.0):
        inside = np.zeros(2)
        for seed in range(100):
            noise = np.exp(0.03 * np.random.default_rng(seed).standard_normal(9))
            found = fit_arrhenius(T, 400.0 * T**-power * np.exp(-0.35 / (BOLTZMANN * T)) * noise, power)
            inside += [low <= true <= high for (low, high), true in ((found.log_a_interval, np.log(400.0)), (found.energy_interval, 0.35))]
        assert np.all((inside >= 88) & (inside <= 100)), inside


@pytest.mark.parametrize("seeds", [range(100), range(5000, 5100)])
@pytest.mark.parametrize("T, noise, truth, power", [
    (np.linspace(263, 353, 10), 0.02, (1.0, 1200.0, 180.0), 0.5),
    (np.linspace(233, 353, 7), 0.05, (5.0, 900.0, 205.0), 0.0),
    (np.linspace(298, 343, 6), 0.05, (2.0, 1000.0, 190.0), 0.5),  # too narrow to tell T0: the intervals must be wide
])  # fmt: skip
def test_vtf_parameters_lie_in_their_intervals(seeds, T, noise, truth, power):
    """Requirement: A, B and T0 inside their 95 % interval in 88 to 100 of 100 draws."""
    inside = np.zeros(3)
    for seed in seeds:
        sigma = vtf(T, *truth, power) * np.exp(noise * np.random.default_rng(seed).standard_normal(len(T)))
        found = fit_vtf(T, sigma, power)
        ends = found.log_a_interval, found.b_interval, found.t0_interval
        inside += [low <= true <= high for (low, high), true in zip(ends, (np.log(truth[0]), *truth[1:]))]
    assert np.all((inside >= 88) & (inside <= 100)), inside


def test_vtf_covariance_is_the_spread_of_repeats():
    """Requirement: the covariance of A, B and T0, where the data tell them."""
    T, truth = np.linspace(243, 353, 23), (3.0, 1000.0, 190.0)
    found = [fit_vtf(T, vtf(T, *truth) * np.exp(0.02 * np.random.default_rng(seed).standard_normal(len(T)))) for seed in range(200)]
    drawn = np.cov([[one.log_a, one.b, one.t0] for one in found], rowvar=False)
    said = np.mean([one.covariance for one in found], axis=0)
    assert np.all(np.abs(np.sqrt(np.diag(said) / np.diag(drawn)) - 1) < 0.2)
    assert said[1, 2] / np.sqrt(said[1, 1] * said[2, 2]) < -0.9
    assert all(one.identified for one in found)


def test_a_profile_interval_is_where_the_sum_of_squares_says():
    """Requirement: refitting with T0 (or B) held at the end of its interval leaves just the sum of squares of the limit."""
    from scipy.optimize import least_squares

    T = np.linspace(263, 343, 9)
    sigma = vtf(T, 2.0, 900.0, 190.0) * np.exp(0.04 * np.random.default_rng(3).standard_normal(9))
    found = fit_vtf(T, sigma)
    limit = found.squares * (1 + stats.f.ppf(0.95, 1, 6) / 6)
    y = np.log(sigma) + 0.5 * np.log(T)
    for end in found.t0_interval:
        X = np.stack([np.ones(9), -1 / (T - end)], axis=1)
        assert np.linalg.lstsq(X, y, rcond=None)[1][0] == pytest.approx(limit, rel=1e-4)
    for end in found.b_interval:
        held = least_squares(lambda p: y - p[0] + end / (T - p[1]), [found.log_a, found.t0], x_scale=[1, 10], xtol=1e-14, ftol=1e-14)
        assert 2 * held.cost == pytest.approx(limit, rel=1e-3)


def test_the_warning_where_t0_is_not_identified(tmp_path):
    """Requirement: Arrhenius data, few temperatures and a narrow range are told; a wide clean range is not; nor is a melting phase taken for VTF."""
    celsius = np.linspace(20, 80, 7)
    sigma = 0.5 * np.exp(-0.3 / (BOLTZMANN * (celsius + 273.15))) * np.exp(0.02 * np.random.default_rng(1).standard_normal(7))
    text = "T [degC],conductivity [mS/cm]\n" + "".join(f"{t},{1e3 * s}\n" for t, s in zip(celsius, sigma))
    analysis = analyse(read(written(tmp_path / "arrhenius.csv", text)))
    assert any("T0 of VTF is not identified" in note for note in analysis.notes)
    assert analysis.values["activation energy (Arrhenius)"].value == pytest.approx(0.3, abs=0.02)
    assert analysis.values["T0 (VTF)"].interval[0] == 0.0
    few = analyse(read(written(tmp_path / "few.csv", text[: text.index("60.0")])))
    assert any("temperatures at least" in note for note in few.notes) and "T0 (VTF)" not in few.values
    T = np.linspace(243.15, 353.15, 12)
    wide = "T [K],sigma [S/cm]\n" + "".join(f"{t},{s}\n" for t, s in zip(T, vtf(T, 2.0, 900.0, 190.0) * np.exp(0.02 * np.random.default_rng(2).standard_normal(12))))
    good = analyse(read(written(tmp_path / "wide.csv", wide)))
    assert good.notes == [] and good.tables["series"]["T0 identified"] == ["yes"]
    assert good.values["Ea (VTF)"].value == pytest.approx(BOLTZMANN * 900, rel=0.05)
    assert good.values["conductivity at 25 degC (VTF)"].value == pytest.approx(vtf(298.15, 2.0, 900.0, 190.0), rel=0.03)
    melting = np.where(T < 333, 1.0, 6.0) * vtf(T, 2.0, 900.0, 190.0)
    assert "go together" in fit_vtf(np.tile(T, 2), np.tile(melting, 2)).doubt or not fit_vtf(T, melting).identified


def test_units_and_logarithms(tmp_path):
    """Requirement: degC, K, mS/cm and logarithms are read as what they are; a table that states nothing is read with a note."""
    T = np.array([293.15, 303.15, 313.15, 333.15])
    sigma = np.array([1e-4, 2e-4, 3.5e-4, 9e-4])
    texts = {
        "a": "temperature [°C],conductivity [mS/cm]\n" + "".join(f"{t - 273.15},{1e3 * s}\n" for t, s in zip(T, sigma)),
        "b": "T (K),log10(conductivity)\n" + "".join(f"{t},{np.log10(s)}\n" for t, s in zip(T, sigma)),
        "c": "temperature,conductivity\n" + "".join(f"{t - 273.15},{np.log10(s)}\n" for t, s in zip(T, sigma)),
    }
    for name, text in texts.items():
        rows = read(written(tmp_path / f"{name}.csv", text))
        assert rows.temperature == pytest.approx(T) and rows.conductivity == pytest.approx(sigma)
        assert len(rows.notes) == (2 if name == "c" else 0)
    assert read(tmp_path / "c.csv", log="e").conductivity == pytest.approx(np.exp(np.log10(sigma)))
    with pytest.raises(LabError, match="degC and K"):
        read(written(tmp_path / "f.csv", "temperature [degF],conductivity [S/cm]\n70,1e-4\n80,2e-4\n90,3e-4\n"))
    with pytest.raises(LabError, match="not above 0"):
        analyse(read(written(tmp_path / "z.csv", "temperature [K],conductivity [S/cm]\n300,1e-4\n310,0\n320,3e-4\n")))


def test_a_collection_of_many_series():
    """Requirement: every series of two temperatures and more is fitted, and those that can't tell T0 are counted and say why."""
    rows = read(needs("conductivity/clean_train_data.csv"))
    assert len(rows.conductivity) == 10_114
    assert rows.temperature.min() == pytest.approx(243.15, abs=0.1) and rows.conductivity.max() == pytest.approx(10**-1.354578, rel=1e-5)
    analysis = analyse(rows)
    table = analysis.tables["series"]
    refused = [reason for identified, reason in zip(table["T0 identified"], table["reason"]) if identified == "no"]
    assert len(table["n"]) == analysis.values["series fitted"].value > 900
    assert all(refused) and len(refused) > 0.4 * len(table["n"])
    assert any(f"from {len(refused)} of {len(table['n'])} series" in note for note in analysis.notes)
    for low, value, high in zip(table["T0 low [K]"], table["T0 [K]"], table["T0 high [K]"]):
        assert np.isnan(value) or 0 <= low <= value <= high < 600


def test_series_become_one_from_several_files(tmp_path):
    """Requirement: tables of one material in several files are read together."""
    parts = [read(written(tmp_path / name / "x.csv", f"material,T [K],sigma [S/cm]\nm,{T},{s}\nm,{T + 20},{3 * s}\n")) for name, T, s in (("a", 290, 1e-4), ("b", 330, 9e-4)) if not (tmp_path / name).mkdir()]
    together = analyses.together(parts)
    assert len(together.conductivity) == 4 and analyse(together).tables["series"]["n"] == [4]


def test_the_command(tmp_path, capsys):
    """Requirement: geometry with uncertainties and temperatures of spectra from the command line; JSON, CSV, figure; one line for what is missing."""
    frequency = np.geomspace(1e6, 1.0, 40)
    files = []
    for R in (400.0, 200.0, 110.0):
        Z = parse("R1-CPE2").impedance(frequency, [R, 3e-6, 0.9])
        files.append(tmp_path / f"{R:g}.csv")
        np.savetxt(files[-1], np.column_stack([frequency, Z.real, Z.imag]), delimiter=",", header="frequency [Hz],Zreal [ohm],Zimag [ohm]", comments="")
    out = tmp_path / "c.json"
    options = ["--thickness", "0.5 +- 0.01 mm", "--diameter", "12 mm", "--temperature", "25 degC", "--temperature", "40 degC", "--temperature", "55 degC"]
    with pytest.raises(SystemExit) as ended:
        main(["lab", "conductivity", *map(str, files), *options, "--json", str(out), "--figure", str(tmp_path / "c.png")])
    assert ended.value.code in (0, None) and (tmp_path / "c.pdf").exists()
    record = json.loads(out.read_text())
    assert record["tables"]["measurements"][0]["conductivity [S/cm]"] == pytest.approx(0.05 / (400 * np.pi * 0.36), rel=1e-3)
    assert record["activation energy (Arrhenius)"]["unit"] == "eV"
    assert record["choices"]["relative uncertainty of thickness/area"] == pytest.approx(0.02)
    capsys.readouterr()
    for wrong, said in ((["--thickness", "0.5 mm"], "--area or --diameter"), (options[:-2], "got 2 for 3 spectra"), (["--thickness", "0.5", "--diameter", "12 mm"], "unit is missing")):
        with pytest.raises(SystemExit) as ended:
            main(["lab", "conductivity", *map(str, files), *wrong])
        err = capsys.readouterr().err
        assert ended.value.code == 2 and said in err and err.count("\n") == 1
