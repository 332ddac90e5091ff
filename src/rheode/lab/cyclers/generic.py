"""Any table with a line of column names; a column map says what the names don't, and can be saved and used again."""

from pathlib import Path

from ..analysis import LabError
from ..table import parse_columns
from . import names
from .names import ColumnMap
from .sources import Source
from .table import Raw

PATTERNS = {
    "time": (r"(test|total|cumulative|elapsed|running) ?time", r"time|t|s|seconds|hours|h", r"zeit|~time"),
    "step time": (r"step ?time",),
    "voltage": (r"(cell )?voltage|potential|ecell|ewe|u|v|e|volts|spannung",),
    "current": (r"current|<?i>?|a|amps|amperes|strom",),
    "charge capacity": (r"(chg\.? ?cap\.?|charge capacity|charging capacity|q ?charge|capacity charge)",),
    "discharge capacity": (r"(dchg\.? ?cap\.?|discharge capacity|discharging capacity|q ?discharge|capacity discharge)",),
    "net capacity": (r"net capacity",),
    "step": (r"step( (index|id|no\.?|number|count))?|ns", r"step.*"),
    "cycle": (r"cycle( (index|id|no\.?|number|count))?|cyc#?", r"cycle.*"),
    "direction": (r"step (type|name)|status|state|mode|md",),
    "temperature": (r"temperature|temp\.?", r"temperature 1|t1|temp ?1"),
    "pressure": (r"(stack |applied )?pressure",),
}
FLAG = "discharge positive"


def read_table(source: Source, given: ColumnMap) -> Raw:
    """A record from the columns of any table. Raises LabError where a quantity is missing or ambiguous."""
    return names.record(source, "generic table", PATTERNS, given)


def load_map(path) -> ColumnMap:
    """A saved column map. Raises LabError."""
    import yaml

    try:
        text = Path(path).read_text(encoding="utf-8")
        held = yaml.safe_load(text)
    except OSError as error:
        raise LabError(f"{path}: can't be read ({error.strerror or error})") from None
    except (yaml.YAMLError, UnicodeDecodeError):
        held = None
    if not isinstance(held, dict):
        raise LabError(f"{path}: not a column map; write lines such as \"voltage: Ewe [V]\", or save one with --save-columns")
    flag = bool(held.pop(FLAG, False))
    return ColumnMap(parse_columns([f"{quantity}={column}" for quantity, column in held.items()]), flag)


def save_map(given: ColumnMap, path):
    """Write a column map, to be used again. Raises LabError."""
    lines = [f"{quantity}: {_quoted(f'{column} [{unit}]' if unit else column)}" for quantity, (column, unit) in given.columns.items()]
    if given.discharge_positive:
        lines.append(f"{FLAG}: true")
    try:
        Path(path).write_text("# Which column is what, for `rheode lab ... --columns`.\n" + "\n".join(lines) + "\n", encoding="utf-8")
    except OSError as error:
        raise LabError(f"{path}: can't be written ({error.strerror or error})") from None


def _quoted(text):
    """As a YAML text: names of columns may hold any sign."""
    return "'" + text.replace("'", "''") + "'"
