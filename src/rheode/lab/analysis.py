"""What every analysis of a measurement returns: quantities with unit and uncertainty, tables, the choices made.

An analysis is a plain function on arrays that returns an `Analysis`; a reader per file format turns files
into those arrays and nothing else knows formats. What is printed, written as JSON or CSV and drawn is made
from the `Analysis` alone.
"""

import csv
import json
import math
from dataclasses import dataclass, field
from pathlib import Path


class LabError(Exception):
    """A file can't be read or an analysis can't be done; one line that says what to change."""


@dataclass(frozen=True)
class Value:
    """A quantity as a person reads it: `value` in `unit` ("" for a plain number).

    `uncertainty` is the standard uncertainty (one standard deviation) in the same unit, None where it is not
    known; `interval` is an interval at the confidence `level`, for quantities whose error is not symmetric.
    """

    value: float
    unit: str = ""
    uncertainty: float | None = None
    interval: tuple[float, float] | None = None
    level: float = 0.95

    def record(self) -> dict:
        """As JSON holds it."""
        made = {"value": _finite(self.value), "unit": self.unit, "uncertainty": _finite(self.uncertainty)}
        if self.interval is not None:
            made |= {"interval": [_finite(end) for end in self.interval], "level": self.level}
        return made


@dataclass
class Analysis:
    """The outcome of one analysis.

    `values`: the answers, by name. `tables`: by name, each a dict of equally long columns whose names carry the
    unit, as in "hardness [GPa]"; the first table is what `--csv` writes. `choices`: every constant, window and
    convention that went in, as plain text or numbers. `notes`: what the reader must know, a sentence each.
    `material`: lines of YAML for a material file or a study, where the answer is such a parameter.
    `curves`: arrays that figures draw and nothing else needs.
    """

    kind: str
    values: dict[str, Value] = field(default_factory=dict)
    tables: dict[str, dict] = field(default_factory=dict)
    choices: dict = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    material: str | None = None
    curves: dict = field(default_factory=dict)

    def record(self) -> dict:
        """As JSON holds it: quantities with unit and uncertainty, tables as lists of records; no NaN, no infinity."""
        return {
            "kind": self.kind,
            **{name: value.record() for name, value in self.values.items()},
            "tables": {name: list(rows(table)) for name, table in self.tables.items()},
            "choices": {name: _finite(choice) for name, choice in self.choices.items()},
            "notes": self.notes,
        }

    def write_json(self, path):
        """Write `record()`. Raises LabError where `path` can't be written."""
        _write(path, json.dumps(self.record(), indent=1, ensure_ascii=False) + "\n")

    def write_csv(self, path):
        """Write the first table. Raises LabError where there is none or `path` can't be written."""
        if not self.tables:
            raise LabError(f"{path}: this analysis has no table to write; --json holds its values")
        table = next(iter(self.tables.values()))
        try:
            with open(path, "w", newline="", encoding="utf-8") as file:
                writer = csv.writer(file)
                writer.writerow(table)
                writer.writerows([_cell(cell) for cell in row.values()] for row in rows(table))
        except OSError as error:
            raise LabError(f"{path}: can't be written ({error.strerror or error})") from None


def rows(table: dict):
    """The rows of a table of columns, a dict each, numbers as Python's own and None for what is not finite."""
    columns = [column.tolist() if hasattr(column, "tolist") else list(column) for column in table.values()]
    for cells in zip(*columns, strict=True):
        yield dict(zip(table, map(_finite, cells)))


def _finite(value):
    """`value` as JSON can hold it."""
    if isinstance(value, dict):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(part) for part in value]
    if hasattr(value, "tolist"):
        return _finite(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _cell(value):
    return "" if value is None else value


def _write(path, text):
    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise LabError(f"{path}: can't be written ({error.strerror or error})") from None
