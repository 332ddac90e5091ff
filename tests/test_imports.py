"""The direction of imports, read from the sources, and what a start of rheode does not load."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import rheode

PACKAGE = Path(rheode.__file__).parent

# A module may import from its own part and from parts of lower rank; mechanics stands beside them.
RANK = {
    name: rank
    for rank, names in enumerate(
        [
            ["units"],
            ["reading"],
            ["materials", "publications"],
            ["study", "electrode"],
            ["reference", "microstructure"],
            ["measures"],
            ["result", "mechanics"],
            ["cycling", "lab"],
            ["report"],
            ["cli"],
        ]
    )
    for name in names
}
MODULES = sorted(PACKAGE.rglob("*.py"))


def part(path):
    """First name below rheode: "mechanics" for mechanics/laws/hencky_norton.py."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path):
    """The dotted names that a module imports, at its top or late, relative ones resolved."""
    package = ["rheode", *path.relative_to(PACKAGE).parent.parts]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            stem = ".".join([*base, *([node.module] if node.module else [])])
            names = [f"{stem}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            yield name.split(".")


def parts_used(path):
    return {name[1] for name in imported(path) if name[0] == "rheode" and len(name) > 1}


def test_every_part_has_a_rank():
    """Requirement: a new part of the package is given its place in the direction of imports."""
    assert {part(path) for path in MODULES} <= {*RANK, "__init__", "__main__"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_downwards(path):
    """Requirement: a module imports from its own part and from parts below it only."""
    own = part(path)
    if own in ("__init__", "__main__"):
        return
    for other in parts_used(path) - {own, "__version__"}:
        assert RANK[other] < RANK[own], f"{own} imports {other}"


def test_mechanics_imports_nothing_else_of_rheode():
    """Requirement: phases, parameters and growth come into mechanics as arrays; it knows no battery."""
    found = {other for path in MODULES if part(path) == "mechanics" for other in parts_used(path)}
    assert found == {"mechanics"}


@pytest.mark.parametrize("own", ["microstructure", "measures"])
def test_meshes_and_measures_know_no_study(own):
    """Requirement: meshes and measures work on arrays, without a study file."""
    found = {other for path in MODULES if part(path) == own for other in parts_used(path)}
    assert found <= {"microstructure", "measures"}


@pytest.mark.parametrize("start", ["import rheode", "import rheode.cli"])
def test_a_start_loads_nothing_heavy(start):
    """Requirement: `import rheode` and the command line start without numba, matplotlib, netgen, h5py or scipy."""
    heavy = ["numba", "matplotlib", "netgen", "h5py", "scipy", "meshio", "PIL"]
    code = f"{start}; import sys; print([m for m in {heavy} if m in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert shown.stdout.strip() == "[]"


def test_an_upward_import_is_noticed(tmp_path, monkeypatch):
    """Requirement: the tests of the direction of imports can fail, for absolute, relative and late imports."""
    (tmp_path / "mechanics").mkdir()
    for text in ("from rheode.study import Study", "from ..study import Study", "from .. import study", "def f():\n    import rheode.study"):
        module = tmp_path / "mechanics" / "bad.py"
        module.write_text(text, encoding="utf-8")
        monkeypatch.setattr(sys.modules[__name__], "PACKAGE", tmp_path)
        assert parts_used(module) == {"study"}, text
