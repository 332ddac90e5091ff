"""Reader of current transients: a table of time and current of a polarised cell."""

import numpy as np

from .table import needed, pick, read_table
from .transference import Transient

TIME = (r"time|t|test ?time|elapsed time", r".*time.*")
CURRENT = (r"current|i|<i>|im|amps?", r".*current.*")


def read(path, columns=None) -> Transient:
    """time (s) from the file's clock and current (A). columns: from rheode.lab.table.parse_columns. Raises LabError."""
    table = read_table(path)
    time, current = pick(table, "time", "s", TIME, columns), pick(table, "current", "A", CURRENT, columns)
    if time is None:
        raise needed(table, "time")
    if current is None:
        raise needed(table, "current")
    return Transient(str(path), np.asarray(time, float), np.asarray(current, float))
