"""LAND and LANDT: text exports of the vendor's software."""

from . import names
from .sources import Source
from .table import Raw

PATTERNS = {
    "time": (r"test ?time|total time",),
    "step time": (r"step ?time",),
    "voltage": (r"voltage|volt",),
    "current": (r"current|cur",),
    "charge capacity": (r"charge capacity|cap(acity)?[ -]?chg",),
    "discharge capacity": (r"discharge capacity|cap(acity)?[ -]?dchg",),
    "capacity": (r"capacity",),
    "step": (r"step[ -]?(index|id|no\.?)?",),
    "cycle": (r"cycle[ -]?(index|id|no\.?)?",),
    "direction": (r"step name|work ?mode|mode",),
    "temperature": (r"temperature 1", r"temperature|aux ?temp.*"),
    "pressure": (r"pressure",),
}


def is_text(source: Source) -> bool:
    """Whether the columns are those of a LAND or LANDT export."""
    known = {names.plain(name) for name in source.names}
    return {"channel index", "step name"} <= known or bool(known & {"testtime", "workmode"})


def read_text(source: Source, given) -> Raw:
    """A record from the columns of an export."""
    return names.record(source, "LANDT export", PATTERNS, given)
