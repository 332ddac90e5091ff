"""Impedance: files of every make, circuits, fits of known truth, the Kramers-Kronig test."""

import json

import numpy as np
import pytest
from bench import needs

from rheode.cli import main
from rheode.lab import LabError
from rheode.lab.impedance import holds, kramers_kronig, read
from rheode.lab.impedance.analysis import analyse
from rheode.lab.impedance.circuit import ordered, parse
from rheode.lab.impedance.fit import fit
from rheode.lab.impedance.spectrum import make

FREQUENCY = np.geomspace(1e6, 1e-2, 81)
EXAMPLE = "R0-p(R1,C1)-p(R2-Wo1,C2)"


def noisy(circuit, values, noise=0.005, seed=0, frequency=FREQUENCY):
    """A spectrum with errors of real and imaginary part in proportion to |Z|."""
    rng = np.random.default_rng(seed)
    Z = parse(circuit).impedance(frequency, values)
    errors = rng.standard_normal((2, len(frequency)))
    return make("made", "made", "made", frequency, Z + noise * np.abs(Z) * (errors[0] + 1j * errors[1]))


# --- circuits --------------------------------------------------------------------------------------


def test_elements_have_their_limits():
    """Requirement: each element is what the table of elements says, series adds impedances and parallel admittances."""
    f = np.geomspace(1e-3, 1e5, 30)
    w = 2 * np.pi * f

    def Z(text, *values):
        return parse(text).impedance(f, values)

    assert Z("R0-p(R1,C1)", 10, 100, 1e-5) == pytest.approx(10 + 100 / (1 + 1j * w * 1e-3), rel=1e-12)
    assert Z("CPE1", 2e-5, 1.0) == pytest.approx(Z("C1", 2e-5), rel=1e-12)
    assert Z("W1", 7.0) == pytest.approx(Z("CPE1", 1 / (7 * np.sqrt(2)), 0.5), rel=1e-12)
    assert Z("L1", 3e-6) == pytest.approx(1j * w * 3e-6)
    # Short times: both finite diffusions are a Warburg of A = R/sqrt(2 tau); long: a resistance, or R/3 and the capacity tau/R.
    R, tau = 40.0, 5.0
    fast = f > 100
    for finite in ("Wo1", "Ws1"):
        assert Z(finite, R, tau)[fast] == pytest.approx(Z("W1", R / np.sqrt(2 * tau))[fast], rel=1e-6)
    assert parse("Ws1").impedance([1e-6], [R, tau])[0] == pytest.approx(R, rel=1e-4)
    assert parse("Wo1").impedance([1e-6], [R, tau])[0] == pytest.approx(R / 3 + R / (2j * np.pi * 1e-6 * tau), rel=1e-4)
    assert np.all(np.isfinite(parse("Wo1").impedance([1e-12, 1e9], [R, 1e6])))


def test_a_circuit_names_its_parameters():
    """Requirement: the little language: names, units, order."""
    circuit = parse(" R0 - p( R1 , CPE1 ) - p(R2-Wo1,C2) ")
    assert circuit.names == ("R0", "R1", "CPE1 Q", "CPE1 alpha", "R2", "Wo1 R", "Wo1 tau", "C2")
    assert circuit.units == ("ohm", "ohm", "F s^(alpha-1)", "", "ohm", "ohm", "s", "F")


@pytest.mark.parametrize("text, said", [
    ("R0-", "it ends where"), ("p(R1)", "two parts"), ("R0-X1", "no element is called 'X1'"), ("R0R1", "'R1' is not expected"), ("R0-R0", "stands there twice"),
    ("R0-p(R1,C1", "')' is expected"), ("", "it ends where"), ("R0)", "')' is not expected"),
])  # fmt: skip
def test_a_wrong_circuit_is_told(text, said):
    """Requirement: one line that says where the text goes wrong and shows an example."""
    with pytest.raises(LabError) as caught:
        parse(text)
    assert said in str(caught.value) and EXAMPLE in str(caught.value) and "\n" not in str(caught.value)


def test_like_parts_are_numbered_from_fast_to_slow():
    """Requirement: exchanging two loops changes no impedance, and the reported order does not depend on the start."""
    circuit = parse("R0-p(R1,CPE1)-p(CPE2,R2)")
    fast_first = np.array([5, 20, 1e-6, 0.9, 1e-3, 0.8, 70])
    slow_first = np.array([5, 70, 1e-3, 0.8, 1e-6, 0.9, 20])
    assert circuit.impedance(FREQUENCY, fast_first) == pytest.approx(circuit.impedance(FREQUENCY, slow_first))
    for values in (fast_first, slow_first):
        assert ordered(circuit, values, FREQUENCY) == pytest.approx(fast_first)


# --- fits ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text, values, seeds", [
    ("R0-p(R1,C1)", [10, 100, 1e-6], range(5)),
    ("R0-p(R1,C1)-p(R2,C2)", [10, 50, 1e-6, 100, 1e-3], range(3)),
    ("R0-p(R1-W1,C1)", [10, 100, 20, 1e-5], range(3)),
    (EXAMPLE, [20, 40, 1e-6, 30, 200, 10, 1e-3], range(2)),
])  # fmt: skip
def test_parameters_within_two_per_cent_at_half_a_per_cent_of_noise(text, values, seeds):
    """Requirement: every parameter within 2 %, from starts that know nothing of the truth, and within four of its uncertainties."""
    for seed in seeds:
        best = fit(noisy(text, values, seed=100 + seed), parse(text), starts=20)[0]
        assert np.all(np.abs(best.values / values - 1) < 0.02), (seed, best.values / values)
        assert np.all(np.abs(best.values - values) < 4 * best.uncertainties)


def test_uncertainties_are_those_of_repeats():
    """Requirement: the standard uncertainty is the spread of repeated spectra; Q of a CPE is less sure than its arc."""
    text, values = "R0-p(R1,CPE1)", np.array([10, 100, 1e-5, 0.85])
    found = [fit(noisy(text, values, seed=seed), parse(text), starts=3)[0] for seed in range(24)]
    spread = np.std([best.values for best in found], axis=0, ddof=1)
    said = np.mean([best.uncertainties for best in found], axis=0)
    assert np.all((said / spread > 0.6) & (said / spread < 1.6))
    assert said[2] / values[2] > 3 * said[1] / values[1]


def test_the_example_has_several_minima_that_fit_alike():
    """Requirement: the published answer is among the minima, a lower one is found, and the warning names it."""
    spectrum = read(needs("eis/impedance_exampleData.csv"))[0].between(capacitive=True)
    analysis = analyse([spectrum], parse(EXAMPLE), weight="unit")
    minima = np.array(list(analysis.tables["minima"].values())[4:], float).T
    published = [1.65e-2, 8.68e-3, 3.32, 5.39e-3, 6.31e-2, 233, 0.22]
    nearest = np.abs(np.log(minima / published)).max(axis=1)
    assert nearest.min() < 0.03 and np.argmin(nearest) > 0
    assert any("fits alike" in note and "R1 0.00868" in note for note in analysis.notes)
    assert any("not determined" in note and "Wo1 tau" in note for note in analysis.notes)
    third = analyse([spectrum], parse(EXAMPLE), weight="unit", minimum=int(np.argmin(nearest)) + 1)
    assert third.values["R1"].value == pytest.approx(8.68e-3, rel=0.01)


def test_a_clear_fit_is_not_doubted():
    """Requirement: no warning where one minimum stands out; an inductance that the circuit lacks is told."""
    analysis = analyse([noisy("R0-p(R1,C1)", [10, 100, 1e-6])], parse("R0-p(R1,C1)"), starts=20)
    assert analysis.notes == []
    assert analysis.values["R1"].unit == "ohm" and analysis.values["R1"].uncertainty < 0.5
    inductive = analyse([noisy("L1-R0-p(R1,C1)", [1e-5, 10, 100, 1e-6])], parse("R0-p(R1,C1)"), starts=5)
    assert any("no inductance" in note for note in inductive.notes)


def test_too_few_points_are_told():
    """Requirement: a circuit with more parameters than the spectrum carries is refused."""
    short = noisy("R0-p(R1,C1)", [10, 100, 1e-6], frequency=np.geomspace(1e4, 1e2, 5))
    with pytest.raises(LabError, match="can't carry"):
        analyse([short], parse("R0-p(R1,CPE1)-p(R2,CPE2)-p(R3,CPE3)"))
    with pytest.raises(LabError, match="5 are needed"):
        make("x", "x", "x", [1, 2, 3], [1, 2, 3])


# --- Kramers and Kronig ----------------------------------------------------------------------------


@pytest.mark.parametrize("text, values", [("R0-p(R1,C1)-p(R2,CPE2)-Wo3", [10, 20, 1e-6, 50, 1e-4, 0.8, 30, 20]), ("L0-p(R1,CPE1)-CPE2", [1e-6, 100, 1e-8, 0.9, 1e-5, 0.85]), ("R0-p(R1,C1)-W3", [10, 20, 1e-6, 30])])
def test_what_kramers_and_kronig_allow_passes(text, values):
    """Requirement: any circuit passes, clean or noisy, blocking and inductive ones too; noise is not taken for a violation."""
    for noise, most in ((0.0, 1e-3), (0.003, 6e-3), (0.02, 4e-2)):
        spectrum = noisy(text, values, noise, seed=4)
        check = kramers_kronig.test(spectrum.frequency, spectrum.impedance)
        assert check.passed and check.rms < most
        assert check.verdict == ("noisy, but consistent" if noise > 0.01 else "consistent")


def test_what_they_forbid_does_not():
    """Requirement: a cell that drifts during the sweep, and a real part that has no imaginary part, are told."""
    spectrum = noisy("R0-p(R1,C1)-p(R2,CPE2)", [10, 20, 1e-6, 50, 1e-4, 0.8], 0.001)
    Z = spectrum.impedance
    drifted = Z * (1 + 0.3 * (1 - spectrum.frequency / spectrum.frequency.max()) ** 300)
    waves = Z + 0.05 * np.abs(Z) * np.sin(1.3 * np.log(spectrum.frequency))
    for broken in (drifted, waves):
        check = kramers_kronig.test(spectrum.frequency, broken)
        assert not check.passed and check.verdict == "violated"
    analysis = analyse([make("cell.csv", "sweep", "made", spectrum.frequency, waves)])
    assert any("Kramers-Kronig violated" in note for note in analysis.notes)


# --- files -----------------------------------------------------------------------------------------


def test_the_makers_files():
    """Requirement: BioLogic, Gamry and headerless CSV, each point where its file has it."""
    gamry = read(needs("eis/impedance_exampleDataGamry.DTA"))
    assert len(gamry) == 1 and len(gamry[0]) == 72 and gamry[0].format == "Gamry .DTA"
    assert gamry[0].frequency[0] == 200015.6 and gamry[0].impedance[0] == 825.8584 - 1367.239j
    biologic = read(needs("eis/impedance_exampleDataBioLogic.mpt"))
    assert len(biologic) == 1 and len(biologic[0]) == 43
    assert biologic[0].impedance[0] == pytest.approx(65.470886 - 0.38998979j)
    plain = read(needs("eis/impedance_exampleData.csv"))[0]
    assert len(plain) == 66 and plain.frequency[0] == 1e4 and plain.impedance[-1] == pytest.approx(4.949989776405e-2 - 2.043869854e-2j)


ROWS = [(1e5, 12.5, -0.6), (1e4, 13.5, -2.5), (1e3, 18.0, -6.5), (1e2, 25.5, -5.0), (1e1, 29.0, -1.5), (1.0, 30.0, -0.2)]
TEXTS = {
    "zview": '"ZView Calculated Data File: Version 1.1"\n"  Freq (Hz)    Ampl     Bias   Time(Sec)   Z\'(a)    Z\'\'(b)    GD   Err   Range"\n' + "".join(f" {f:.6E},  0.0E+0000,  0.0E+0000,  1.0E+0000,  {a:.6E}, {b:.6E},  0.0E+0000, 0, 0\n" for f, a, b in ROWS),
    "zplot": "ZPLOT2 ASCII\n  Date:  10-12-2018\n  Sweep:  1\n  Freq(Hz)\tAmpl\tBias\tTime(Sec)\tZ'(a)\tZ''(b)\tGD\tErr\tRange\n  End Comments\n" + "".join(f"{f:.5E}\t0\t0\t{i}\t{a:.5E}\t{b:.5E}\t0\t0\t1\n" for i, (f, a, b) in enumerate(ROWS)),
    "chi": "Nov. 23, 2024   17:47:14\nA.C. Impedance\nInit E (V) = 0.2\nHigh Frequency (Hz) = 1e+5\nQuiet Time (sec) = 0\n\nFreq/Hz, Z'/ohm, Z\"/ohm, Z/ohm, Phase/deg\n\n" + "".join(f"{f:.3e}, {a:.6e}, {b:.6e}, {abs(a + 1j * b):.3e}, 0.0\n" for f, a, b in ROWS),
    "nova": "Index;Frequency (Hz);Z' (Ω);-Z'' (Ω);Z (Ω);-Phase (°);Time (s)\n" + "".join(f"{i};{f:g};{a:g};{-b:g};{abs(a + 1j * b):g};0;{i}\n" for i, (f, a, b) in enumerate(ROWS)),
    "polar": "frequency [kHz],|Z| [mohm],phase [deg]\n" + "".join(f"{f / 1e3:.9g},{1e3 * abs(a + 1j * b):.12g},{np.degrees(np.angle(a + 1j * b)):.12g}\n" for f, a, b in ROWS),
    "biologic": "freq/Hz\tRe(Z)/Ohm\t-Im(Z)/Ohm\tcycle number\n" + "".join(f"{f:.7E}\t{a:.7E}\t{-b:.7E}\t1,0\n".replace(".", ",") for f, a, b in ROWS),
    "headerless": "".join(f"{f:g} {a:g} {-b:g}\n" for f, a, b in ROWS),
}


@pytest.mark.parametrize("make_", TEXTS)
def test_text_of_many_makes(tmp_path, make_):
    """Requirement: recognised from the content, decimal commas and minus signs in the header allowed."""
    path = tmp_path / "spectrum.dat"
    path.write_text(TEXTS[make_], encoding="utf-8")
    (spectrum,) = read(path)
    assert spectrum.frequency == pytest.approx([row[0] for row in ROWS])
    assert spectrum.impedance == pytest.approx([a + 1j * b for _, a, b in ROWS], rel=1e-5)
    assert holds(path)


def test_sweeps_of_one_file_are_told_apart(tmp_path):
    """Requirement: a BioLogic file of several cycles is several spectra; rows between sweeps are none."""
    text = TEXTS["biologic"] + "0,0\t1,0\t1,0\t1,0\n" + TEXTS["biologic"].split("\n", 1)[1].replace("\t1,0\n", "\t2,0\n")
    (tmp_path / "two.mpt").write_text(text)
    assert [(spectrum.name, len(spectrum)) for spectrum in read(tmp_path / "two.mpt")] == [("cycle 1", 6), ("cycle 2", 6)]


@pytest.mark.parametrize("content, said", [(b"", "empty"), (b"EXPLAIN\nTAG\tCV\n", "no ZCURVE"), (b"a,b\n1,2\n2,3\n3,4\n", "no column of frequency"), (b"EC-Lab ASCII FILE\nNb header lines : 3\n\n", "freq/Hz")])
def test_files_without_a_spectrum_are_told(tmp_path, content, said):
    """Requirement: one line that says what to do."""
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(LabError, match=said):
        read(tmp_path / "file")


def test_the_command(tmp_path, capsys):
    """Requirement: JSON with value, unit and uncertainty of each parameter, CSV, figure; a wrong circuit exits with 2."""
    path = tmp_path / "cell.txt"
    spectrum = noisy("R0-p(R1,C1)", [10, 100, 1e-6])
    np.savetxt(path, np.column_stack([spectrum.frequency, spectrum.impedance.real, spectrum.impedance.imag]), header="Frequency [Hz]\tZ' [ohm]\tZ'' [ohm]", delimiter="\t", comments="")
    with pytest.raises(SystemExit) as ended:
        main(["lab", "eis", str(path), "--circuit", "R0-p(R1,C1)", "--starts", "8", "--json", str(tmp_path / "e.json"), "--csv", str(tmp_path / "e.csv"), "--figure", str(tmp_path / "e.pdf"), "--to", "100 kHz"])
    assert ended.value.code in (0, None)
    record = json.loads((tmp_path / "e.json").read_text())
    assert record["R1"]["value"] == pytest.approx(100, rel=0.02) and record["R1"]["unit"] == "ohm" and 0 < record["R1"]["uncertainty"] < 1
    assert record["tables"]["Kramers-Kronig test"][0]["highest [Hz]"] <= 1e5
    assert (tmp_path / "e.csv").read_text().startswith("spectrum,parameter,value") and (tmp_path / "e.png").stat().st_size > 1e4
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main(["lab", "eis", str(path), "--circuit", "R0-p(R1"])
    assert ended.value.code == 2 and capsys.readouterr().err.count("\n") == 1
