"""The benchmark beside CalculiX: its decks, what it reads of CalculiX's output, and one element in both programs."""

import gzip
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

import calculix

needs_ccx = pytest.mark.skipif(shutil.which("ccx") is None, reason="CalculiX (ccx) is not installed")
needs_baseline = pytest.mark.skipif(not calculix.BASELINE.is_dir(), reason=f"no baseline meshes in {calculix.BASELINE}")

ELEMENT = np.array([[0, 0], [1, 0], [0, 1], [0.5, 0], [0.5, 0.5], [0, 0.5]]), np.arange(6)[None]


def numbers(text):
    return [calculix.number(word) for word in re.findall(r"-?\d[\d.]*(?:e[-+]\d+)?", re.sub(r"\*.*", "", text))]


@needs_baseline
@pytest.mark.parametrize("name, swelling", [("N10", 0.05), ("N20", 0.05), ("N40", 0.02)])
def test_tables_are_those_of_the_decks(name, swelling):
    """Requirement: the same material in both programs: rheode's library gives the numbers that the decks tabulate."""
    bench = calculix.Bench(calculix.BASELINE, None)
    text = gzip.decompress((calculix.BASELINE / f"{calculix.DECKS[name]}.inp.gz").read_bytes()).decode()
    given = re.search(r"NAME=MA\n(.*?)\*MATERIAL", text, re.S)[1]
    assert len(numbers(given)) == 99
    assert numbers(calculix.tables(swelling)) == pytest.approx(numbers(given), rel=1e-7, abs=1e-12)
    # Another swelling changes the tables, shorter increments one line a step, one half cycle leaves the first step.
    other = bench.deck(name, 0.03, 50.0, cycle=False, contact=(5.0, 0.02))
    assert numbers(re.search(r"NAME=MA\n(.*?)\*MATERIAL", other, re.S)[1]) == numbers(calculix.tables(0.03))
    assert other.count("*STEP") == 1 and "50.0, 36000.0, 0.0036, 50.0\n" in other
    # Nothing else changes, but the springs along x and y and the penalty.
    cut = r"(?s)\*MATERIAL, NAME=MA.*?(?=\*MATERIAL)|\*STEP.*"
    before, after = (re.sub(cut, "", t).splitlines() for t in (text, other))
    assert [b for a, b in zip(before, after, strict=True) if a != b] == ["2.000e-02"] * 2 + ["5.000000e+00"]
    assert bench.deck(name, 0.03, 50.0) != other and "*FILE" not in other and other.count("FREQUENCY=1000000\n") == 3


@needs_baseline
@pytest.mark.parametrize("name", calculix.DECKS)
def test_decks_number_as_the_meshes(name):
    """Requirement: node and element k of a deck are node and cell k - 1 of the mesh, which means are weighted by."""
    bench = calculix.Bench(calculix.BASELINE, None)
    nodes, cells, phase = bench.given(name)
    text = bench.deck(name, 0.05, 100.0)
    listed = numbers(re.search(r"\*NODE.*\n((?:\d.*\n)+)", text)[1])
    assert np.reshape(listed, (-1, 4))[: len(nodes), 1:3] == pytest.approx(nodes, abs=1e-9)
    for index, name in enumerate(("EA", "EB")):
        listed = np.reshape(numbers(re.search(rf"\*ELEMENT, TYPE=CPE6, ELSET={name}\n((?:\d.*\n)+)", text)[1]), (-1, 7)).astype(int)
        assert np.array_equal(listed[:, 0] - 1, np.flatnonzero(phase == index))
        assert np.array_equal(listed[:, 1:] - 1, cells[phase == index])


def test_output_is_read_and_weighted_by_deformed_area(tmp_path):
    """Requirement: means of CalculiX count each point with its deformed area, as rheode's do."""
    nodes, cells = ELEMENT
    nodes = np.vstack([nodes, nodes + [3, 0]])
    cells = np.vstack([cells, cells + 6])
    lines = [" stresses (elem, integ.pnt.,sxx,syy,szz,sxy,sxz,syz) for set EA and time  0.3600000E+05", ""]
    for element, stress in ((1, 0.1), (2, 0.4)):
        # A layer more or less stressed than the middle one leaves the mean.
        lines += [f"{element} {k} 0.0 0.0 {-stress * (1, 0.5, 1.5)[(k - 1) // 3]:.6E} 0.0 1.0-132 0.0" for k in range(1, 10)]
    lines += ["", " displacements (vx,vy,vz) for set NALL and time  0.3600000E+05", ""]
    for k, (x, y) in enumerate(nodes, 1):  # the second element doubles its side along x
        lines.append(f"{k} {(x - 3) if k > 6 else 0:.6E} 0.0 0.0")
    lines += [f"{len(nodes) + 1} 7.0 7.0 0.0", ""]
    (tmp_path / "run.dat").write_text("\n".join(lines))
    run = calculix.Ccx(tmp_path / "run", 0.0, 36000.0, 1, 1)
    mean, area = run.mean_stress(nodes, cells)
    assert mean == pytest.approx((0.1 + 2 * 0.4) / 3, rel=1e-6)
    assert area == pytest.approx(1.5, rel=1e-6)
    with pytest.raises(ValueError, match="no stresses of EB"):
        run.mean_stress(nodes, cells, "EB")


def test_point_law_is_that_of_the_mesh():
    """Requirement: the point on which the formulations are told apart follows rheode's law."""
    assert calculix.point(0.05, 90) == pytest.approx(calculix.free_body(*ELEMENT, 0.05, 400.0)[0], rel=1e-6)


@needs_ccx
@pytest.mark.parametrize("swelling, tolerance", [(0.02, 1e-4), (0.05, 1.5e-3)])
def test_one_element_differs_by_the_formulation(tmp_path, swelling, tolerance):
    """Requirement: on one element both programs agree when rheode's law makes CalculiX's choices."""
    run = calculix.calculix(calculix.one_element(swelling, 100.0), tmp_path / "one")
    assert run.reached == calculix.HALF and run.increments == 360
    stress, area = run.mean_stress(*ELEMENT)
    assert calculix.point(swelling, 360, subtract=True, initial=True, neo_hookean=True) == pytest.approx(stress, rel=tolerance)
    own, own_area = calculix.free_body(*ELEMENT, swelling, 100.0)
    assert own / stress == pytest.approx({0.02: 1.0027, 0.05: 1.0117}[swelling], abs=2e-4)
    assert own_area == pytest.approx(area, rel=1e-4)


@needs_ccx
def test_finished_runs_are_kept_and_limits_stop(tmp_path):
    """Requirement: a run is taken again only for the same deck; CPU seconds are those of CalculiX."""
    text = calculix.one_element(0.05, 100.0)
    first = calculix.calculix(text, tmp_path / "one")
    assert 0.05 < first.cpu < 60
    assert calculix.calculix(text, tmp_path / "one").cpu == first.cpu
    other = calculix.calculix(calculix.one_element(0.05, 1800.0), tmp_path / "one")
    assert other.increments == 27 and other.cpu != first.cpu
    stopped = calculix.calculix(calculix.one_element(0.05, 0.05), tmp_path / "long", limit=1)
    assert 0 < stopped.reached < calculix.HALF and 0.9 < stopped.cpu < 6


@needs_baseline
def test_a_disc_of_the_baseline_grows_as_known():
    """Requirement: the free disc at 98 % has 1.974 times its area (V12), on a curved mesh."""
    assert float(re.search(r"area ratio (\S+)", calculix.Bench(calculix.BASELINE, None).disc())[1]) == pytest.approx(1.974, rel=5e-3)


@needs_ccx
@needs_baseline
@pytest.mark.verify
@pytest.mark.parametrize("contact", calculix.CONTACTS)
def test_mean_stress_on_the_same_mesh(tmp_path, contact):
    """Requirement: mean von Mises stress in selenium within 1 % of CalculiX's after 2 % of swelling."""
    bench = calculix.Bench(calculix.BASELINE.resolve(), tmp_path)
    nodes, cells, _ = bench.given("N10")
    run = bench.calculix(bench.deck("N10", 0.02, 1800.0, cycle=False), "N10")
    row = calculix.lithiate(bench.study("N10", 0.02, contact, 0.05), tmp_path / "own", bench.mesh("N10"))
    assert row["von Mises se mean [GPa]"] == pytest.approx(run.mean_stress(nodes, cells)[0], rel=0.01)
