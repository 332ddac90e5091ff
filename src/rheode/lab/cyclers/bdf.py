"""The Battery Data Format (Battery Data Alliance, https://github.com/battery-data-alliance/battery-data-format), in and out.

Column names are its preferred labels ("Voltage / V") or its machine-readable names ("voltage_volt"); both fix the unit.
"""

from pathlib import Path

import polars as pl

from ..analysis import LabError
from . import names
from .sources import Source
from .table import Raw, Recording

# The unit is cut off a name where it is known as one; where it is not, the name keeps it.
PATTERNS = {
    "time": (r"test time",),
    "step time": (r"step time",),
    "voltage": (r"voltage",),
    "current": (r"current",),
    "charge capacity": (r"charging capacity",),
    "discharge capacity": (r"discharging capacity",),
    "capacity": (r"step (net )?capacity",),
    "net capacity": (r"net capacity",),
    "step": (r"step count( 1)?", r"step (index|id)( 1)?"),
    "cycle": (r"cycle count( 1)?",),
    "temperature": (r"(surface )?temperature t1( celsius)?", r"ambient temperature( celsius)?"),
    "pressure": (r"applied pressure( pa)?",),
}
UNITS = {"time": "s", "step time": "s", "voltage": "V", "current": "A", "charge capacity": "Ah", "discharge capacity": "Ah", "capacity": "Ah",
         "net capacity": "Ah", "temperature": "degC", "pressure": "Pa"}  # fmt: skip
LABELS = {
    "time [s]": "Test Time / s",
    "step time [s]": "Step Time / s",
    "voltage [V]": "Voltage / V",
    "current [A]": "Current / A",
    "step []": "Step Count / 1",
    "cycle []": "Cycle Count / 1",
    "file capacity [Ah]": "Net Capacity / Ah",
    "temperature [degC]": "Surface Temperature T1 / degC",
    "pressure [Pa]": "Applied Pressure / Pa",
}


def is_bdf(source: Source) -> bool:
    """Whether the columns are named as the format has it."""
    written = {(name.lower(), unit.lower()) for name, unit in zip(source.names, source.units)}
    machine = {("test_time", "second"), ("voltage", "volt"), ("current", "ampere")}
    return machine <= written or {("test time", "s"), ("voltage", "v"), ("current", "a")} <= written


def read_table(source: Source, given) -> Raw:
    """A record from the columns of a BDF table."""
    return names.record(source, "Battery Data Format", PATTERNS, given, UNITS)


def write(recording: Recording, path):
    """Write the normalised table: CSV, or parquet where the name ends in .parquet. Raises LabError.

    The integrated capacity follows from time and current and is not written.
    """
    path = Path(path)
    table = recording.table.select(pl.col(name).alias(label) for name, label in LABELS.items() if name in recording)
    try:
        if path.suffix == ".parquet":
            table.write_parquet(path)
        else:
            table.write_csv(path)
    except OSError as error:
        raise LabError(f"{path}: can't be written ({error.strerror or error})") from None
