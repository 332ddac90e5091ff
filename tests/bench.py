"""Real measurement files for tests: the folder RHEODE_DATA, or shared/data beside the checkout."""

import os
from pathlib import Path

import pytest

DATA = Path(os.environ.get("RHEODE_DATA") or Path(__file__).parents[2] / "shared" / "data")


def needs(name) -> Path:
    """The path of a file below DATA; skips the test that asks where it is absent."""
    path = DATA / name
    if not path.exists():
        pytest.skip(f"the measurement file {path} is not there (RHEODE_DATA names the folder)")
    return path
