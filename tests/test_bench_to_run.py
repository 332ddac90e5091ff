"""docs/bench-to-run.md, typed as it stands: indents to a law, the law to a run, its pores beside those of micrographs."""

import csv
import json
import re
import shlex
import subprocess
import sys

import pytest
from rheode import materials
from rheode.study import Study

pytest.importorskip("tifffile")


@pytest.fixture(scope="module")
def walked(tmp_path_factory, pytestconfig):
    """The folder in which everything on the page was done, in order; what it says is printed must be printed."""
    folder = tmp_path_factory.mktemp("bench")
    page = (pytestconfig.rootpath / "docs" / "bench-to-run.md").read_text(encoding="utf-8")
    printed = ""
    for before, kind, block in re.findall(r"([^\n]*)\n\n```(\w+)\n(.*?)```", page, re.DOTALL):
        if kind in ("python", "yaml"):
            (folder / re.search(r"Save as `(.+?)`", before)[1]).write_text(block, encoding="utf-8")
        elif kind == "sh":
            printed = "".join(typed(line, folder) for line in block.strip().splitlines())
        else:
            lines = [line.split() for line in printed.splitlines()]
            assert all(line.split() in lines for line in block.strip().splitlines()), printed
    return folder


def typed(line, folder):
    words = shlex.split(line)
    words[:1] = [sys.executable] if words[0] == "python" else [sys.executable, "-m", "rheode"]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
    return done.stdout


def test_the_law_is_that_of_the_virtual_indents(walked):
    """Requirement: an indentation file becomes a creep law, which the study takes; here the published one comes back."""
    law = materials.load(walked / "se-li2se.yaml")
    published = materials.load("selenium")
    for end in ("unlithiated", "lithiated"):
        exponent, stress = (law.known(name, end) for name in ("stress_exponent", "reference_stress"))
        assert exponent.value == pytest.approx(published.value("stress_exponent", end), rel=0.01)
        assert abs(stress.value - published.value("reference_stress", end)) < stress.uncertainty < 0.2 * stress.value
        assert law.value("young_modulus", end) == pytest.approx(published.value("young_modulus", end), rel=0.005)
    assert law.dV == published.dV
    stored = Study.load(walked / "run" / "study.yaml").materials()["se"]
    assert stored.value("stress_exponent", "lithiated") == law.value("stress_exponent", "lithiated")


def test_the_study_ran(walked):
    """Requirement: the study runs through its cycle."""
    with open(walked / "run" / "cycles.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["half []"] for row in rows][-2:] == ["lithiation", "delithiation"]
    assert (walked / "run" / "report.html").is_file()


def test_the_pores_of_run_and_images_stand_side_by_side(walked):
    """Requirement: the pores of the run are compared with pores from images by the same code."""
    record = json.loads((walked / "pores.json").read_text())
    images, run = (record["tables"][f"pores ({source})"] for source in ("images", "run"))
    assert images[0].keys() == run[0].keys() and len(images) == 24 and len(run) > 3
    ends = sorted(pore["relative area at the end []"] for pore in images)
    assert ends[len(ends) // 2] == pytest.approx(0.8, abs=0.02)
    assert min(pore["relative area at the end []"] for pore in run) < 0.7
    assert (walked / "pores.pdf").stat().st_size > 5000
