"""What installing rheode brings along: no GPL, and no large package that only the lab bench needs."""

import re
import tomllib
from importlib.metadata import PackageNotFoundError, distribution

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement

LARGE = 100e6  # bytes
# The simulation itself needs these, whatever their size.
SIMULATION = {"numpy", "scipy", "numba", "llvmlite", "matplotlib"}
GPL = re.compile(r"(?<!l)(?<!lesser )(?<!library or lesser )\b(agpl|gpl|gnu (affero )?general public)", re.IGNORECASE)


@pytest.fixture(scope="module")
def project(pytestconfig):
    return tomllib.loads((pytestconfig.rootpath / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def closure(requirements):
    """Names of the packages that these requirements bring along, themselves included; those not installed here are left out."""
    found, waiting = {}, [(Requirement(text), "") for text in requirements]
    while waiting:
        wanted, extra = waiting.pop()
        if wanted.marker and not any(wanted.marker.evaluate(default_environment() | {"extra": name}) for name in (extra, "")):
            continue
        name = re.sub(r"[-_.]+", "-", wanted.name).lower()
        new = [each for each in (wanted.extras or {""}) if each not in found.get(name, set())]
        if not new:
            continue
        found.setdefault(name, set()).update(new)
        try:
            needs = distribution(wanted.name).requires or []
        except PackageNotFoundError:
            continue
        waiting += [(Requirement(text), each) for text in needs for each in new]
    return set(found)


def licence(name):
    """What a package says of its licence, None where it is not installed."""
    try:
        metadata = distribution(name).metadata
    except PackageNotFoundError:
        return None
    classifiers = [line for line in metadata.get_all("Classifier") or [] if line.startswith("License")]
    return " / ".join([metadata.get("License-Expression") or "", (metadata.get("License") or "").strip().splitlines()[0] if metadata.get("License") else "", *classifiers])


def size(name):
    try:
        files = distribution(name).files or []
    except PackageNotFoundError:
        return 0
    return sum(file.size or 0 for file in files)


@pytest.mark.parametrize("part", ["core", "lab"])
def test_no_gpl(project, part):
    """Requirement: neither the core nor the extra `lab` brings a GPL package (LGPL is none)."""
    wanted = project["dependencies"] + (project["optional-dependencies"]["lab"] if part == "lab" else [])
    names = closure(wanted)
    assert len(names) > 10
    assert {name: said for name in names if (said := licence(name)) and GPL.search(said)} == {}
    assert "galvani" not in names


def test_the_gpl_reader_is_an_extra_of_its_own(project):
    """Requirement: galvani comes with rheode[biologic] and with nothing else."""
    extras = project["optional-dependencies"]
    assert [extra for extra, wanted in extras.items() if any(Requirement(text).name == "galvani" for text in wanted)] == ["biologic"]


def test_nothing_large_for_the_bench_alone(project):
    """Requirement: the core stays free of what only these analyses need, and of anything over 100 MB among it."""
    core, lab = closure(project["dependencies"]), closure(project["optional-dependencies"]["lab"])
    assert {name for name in core if size(name) > LARGE} <= SIMULATION
    assert "polars" in lab and not {"polars", "polars-runtime-32", "pandas", "lmfit", "scikit-image", "fastnda", "access-parser", "openpyxl", "xlrd"} & core


def test_a_gpl_package_would_be_noticed():
    """Requirement: the test above can fail."""
    for said in ("GPLv3+", "License :: OSI Approved :: GNU General Public License v3 or later (GPLv3+)", "AGPL-3.0-only", "GPL-3.0-or-later"):
        assert GPL.search(said), said
    for said in ("LGPLv2.1", "GNU Lesser General Public License v3", "LGPL-3.0-or-later", "BSD-3-Clause"):
        assert not GPL.search(said), said
