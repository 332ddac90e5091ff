"""Published values to print beside the computed ones, each with where it is printed."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from ..reading import read_mapping

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Published:
    """One published value.

    `column` names the column of history.csv that it stands beside ({active} and {framework} are the
    phases' names in the study), or is "" where there is none; `value` is in the column's unit.
    """

    quantity: str
    column: str
    value: float
    unit: str
    cycle: int
    half: str
    where: str
    conditions: str = ""
    active: str = ""


@dataclass(frozen=True)
class Publication:
    name: str
    citation: str
    doi: str
    values: tuple[Published, ...]


def names() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


@lru_cache(maxsize=None)
def load(name: str) -> Publication:
    """A publication of the library. Raises StudyError when there is none of this name."""
    data = read_mapping(FOLDER / f"{name}.yaml")
    values = tuple(Published(**value) for value in data["values"])
    return Publication(name, data["citation"], data["doi"], values)
