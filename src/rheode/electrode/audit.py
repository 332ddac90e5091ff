"""Does a published table add up? Every derived column recomputed from the primary ones, cell by cell.

A table is CSV (docs/audit.md has the form): a column is known by its name, and carries its unit in square
brackets. A cell follows if the numbers that it rests on, each within the rounding of its last printed digit,
give it to within its own last digit, or if it lies within the tolerance of its column. For a cell that does
not follow, the slips that people make are tried out on the table itself, and those that reproduce the
printed number are named.
"""

import csv
import io
import math
import re
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import product
from pathlib import Path
from typing import Callable, NamedTuple

from .. import materials as library
from .. import units
from ..reading import StudyError, nearest, one_line, told
from . import formulas

TABLES = Path(__file__).parent / "tables"

# Names of columns, with the kind of quantity (a key of units.KINDS).
QUANTITIES = {
    "mass": "mass",
    "area": "area",
    "diameter": "length",
    "thickness": "length",
    "loading": "loading",
    "density": "density",
    "theoretical density": "density",
    "porosity": "share",
    "volume ratio": "share",
    "electrode volume": "volume",
    "capacity": "charge",
    "specific capacity": "specific capacity",
    "areal capacity": "areal capacity",
    "volumetric capacity": "volumetric capacity",
    "cell voltage": "voltage",
    "reference potential": "voltage",
    "voltage": "voltage",
    "volume change": "share",
    "specific energy": "specific energy",
    "energy density": "energy density",
}
COMPONENT = {"weight fraction": "share", "density": "density", "mass": "mass", "volume": "volume"}  # "NAME density"
CONDITIONS = ("pressure", "temperature", "cycle")  # tell rows apart, nothing is computed from them
LIBRARY = "library of materials"  # the remark of a density that the table does not give
AGAIN = ", again"  # a quantity that a table prints twice

# Set by whoever made the sample, so not rounded: "3 mg/cm^2" is not 2.5 to 3.5.
EXACT = ("area", "diameter", "loading", "reference potential")
RELATIVE, POINTS = 0.01, 0.006
TOLERANCES = {"porosity": "0.6 points", "theoretical density": "the last printed digit"}


class Entry(NamedTuple):
    """A number as it is printed: `value` and `half`, half a unit of the last digit of its column, in rheode's own
    unit; `text` and `factor` (own units in one printed unit) to print alike."""

    text: str
    value: float
    half: float
    factor: float

    def like(self, value: float) -> str:
        """Another value with as many decimals (or digits, if it is printed with an exponent)."""
        mantissa, _, exponent = self.text.lower().partition("e")
        decimals = len(mantissa.partition(".")[2])
        return f"{value / self.factor:.{decimals}E}" if exponent else f"{value / self.factor:.{decimals}f}"

    def retyped(self, text: str) -> "Entry":
        """The same cell with another number in it."""
        return _entry(text, self.factor)


def _entry(text, factor):
    mantissa, _, exponent = text.lower().partition("e")
    digit = 10.0 ** (int(exponent or 0) - len(mantissa.partition(".")[2]))
    return Entry(text, float(text) * factor, 0.5 * digit * factor, factor)


class Rule(NamedTuple):
    """How a column follows from others: `formula(*inputs)`, in words, and what else someone may have computed."""

    inputs: tuple[str, ...]
    formula: Callable
    how: str
    slips: tuple[tuple[str, Callable], ...] = ()


def _rules(components: dict[str, set]) -> dict[str, list[Rule]]:
    """Rules of each derived column, the most basic inputs first; `components`: name to what is known of it."""
    rules = {
        "area": [Rule(("diameter",), formulas.disc_area, "area of a disc of the diameter", (("the diameter taken for the radius", lambda d: 4 * formulas.disc_area(d)), ("the radius taken for the diameter", lambda d: formulas.disc_area(d) / 4)))],
        "loading": [Rule(("mass", "area"), formulas.mass_loading, "mass / area")],
        "density": [Rule(("loading", "thickness"), formulas.density, "Eq. 1: loading / thickness")],
        "porosity": [
            Rule(("density", "theoretical density"), formulas.porosity, "Eq. 2: 1 - density / theoretical density", (("the relative density, not the porosity", lambda rho, rho0: rho / rho0), ("pores per solid volume, not per volume of the electrode", lambda rho, rho0: rho0 / rho - 1))),
            Rule(("volume ratio",), lambda share: 1 - share, "1 - volume ratio", (("the volume ratio, not the porosity", lambda share: share),)),
        ],
        "electrode volume": [Rule(("area", "thickness"), formulas.electrode_volume, "area x thickness")],
        "specific capacity": [Rule(("capacity", "mass"), lambda charge, mass: charge / (mass * formulas.MG_IN_G), "capacity / mass")],
        "areal capacity": [
            Rule(("specific capacity", "loading"), formulas.areal_capacity, "specific capacity x loading"),
            Rule(("capacity", "area"), lambda charge, area: charge / area, "capacity / area"),
        ],
        "volumetric capacity": [Rule(("specific capacity", "density"), formulas.volumetric_capacity, "specific capacity x density")],
        "voltage": [Rule(("cell voltage", "reference potential"), lambda cell, reference: cell + reference, "cell voltage + reference potential", (("the reference potential taken off, not added", lambda cell, reference: cell - reference),))],
        "specific energy": [Rule(("specific capacity", "voltage"), formulas.specific_energy, "Eq. 9: specific capacity x voltage", (("with the voltage against the counter electrode", None),))],
        "energy density": [
            Rule(("specific energy", "density"), formulas.energy_density, "Eq. 10 with the measured volume: specific energy x density", (("with the volume without pores, as Eq. 10 is printed", None),)),
            Rule(("areal capacity", "voltage", "thickness"), lambda c, v, h: formulas.energy_density(c * v, 1 / (h * formulas.UM_IN_CM)), "areal capacity x voltage / thickness"),
        ],
    }
    weighed = [name for name, known in components.items() if "weight fraction" in known]
    if weighed and all("density" in components[name] for name in weighed):
        inputs = tuple(f"{name} {of}" for of in ("weight fraction", "density") for name in weighed)
        n = len(weighed)
        slips = [("the mean of the densities weighted by mass (fractions taken as volumes)", lambda *a: sum(w * rho for w, rho in zip(a[:n], a[n:])))]
        slips += [(f"without the {name}", _without(i, n)) for i, name in enumerate(weighed) if n > 1]
        rules["theoretical density"] = [Rule(inputs, lambda *a: formulas.theoretical_density(a[:n], a[n:]), "Eq. 3: 1 / sum(weight fraction / density)", tuple(slips))]
    for name in components:
        rules[f"{name} volume"] = [Rule((f"{name} mass", f"{name} density"), formulas.component_volume, f"{name} mass / {name} density")]
    parts = [name for name, known in components.items() if "volume" in known or {"mass", "density"} <= known]
    return rules | ({"volume ratio": [_ratio(some) for some in _subsets(parts)]} if parts else {})


def _without(i, n):
    return lambda *a: formulas.theoretical_density([w for k, w in enumerate(a[:n]) if k != i], [rho for k, rho in enumerate(a[n:]) if k != i]) / sum(w for k, w in enumerate(a[:n]) if k != i)


def _subsets(parts):
    """All of them, then fewer: a row of a table may lack some components."""
    return sorted(([p for k, p in enumerate(parts) if mask >> k & 1] for mask in range(1, 1 << len(parts))), key=len, reverse=True) if len(parts) < 8 else [parts]


def _ratio(parts):
    slips = [(f"without the {name}", lambda *v, i=i: (sum(v[:-1]) - v[i]) / v[-1]) for i, name in enumerate(parts) if len(parts) > 1]
    return Rule((*(f"{name} volume" for name in parts), "electrode volume"), lambda *v: sum(v[:-1]) / v[-1], "volumes of the components / electrode volume", (("the porosity, not the volume ratio", lambda *v: 1 - sum(v[:-1]) / v[-1]), *slips))


# --- a table --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Table:
    """A printed table: `columns` name to (unit as written, factor to rheode's own), `rows`, `constants` (name to
    remark) that hold for every row, `about` (title, citation, doi)."""

    name: str
    about: dict[str, str]
    columns: dict[str, tuple[str, float]]
    constants: dict[str, str]
    rows: list["Row"]

    @cached_property
    def rules(self) -> dict[str, list[Rule]]:
        return _rules(_components(self.columns))

    @cached_property
    def cells(self) -> list["Cell"]:
        """Every cell that can be recomputed, in the order of the table."""
        return [cell for row in self.rows for name in self.columns if (cell := _audited(self, row, name))]

    @property
    def findings(self) -> list["Cell"]:
        """The cells that do not follow."""
        return [cell for cell in self.cells if cell.verdict == "does not follow"]

    def wrong_sums(self) -> list[str]:
        """Rows whose weight fractions do not add up to 1, in words."""
        return [f"{row.label}: the weight fractions add up to {100 * total:.6g} %." for row in self.rows if (total := _sum_off(row)) is not None]

    def from_library(self) -> list[str]:
        """Densities that the table does not give and the library does, in words."""
        return [f"{name.removesuffix(' density')} {self.rows[0].entries[name].text} {self.columns[name][0]}" for name, remark in self.constants.items() if remark == LIBRARY]

    def not_recomputed(self) -> list[str]:
        """Theoretical densities and volumes of components that do not follow for want of an input, in words."""
        lines = []
        parts = _components(self.columns)
        weighed = [name for name, known in parts.items() if "weight fraction" in known]
        if lacks := [_density_missing(name) for name in weighed if "density" not in parts[name]]:
            lines.append(f"theoretical density not recomputed: {', '.join(lacks)}.")
        lines += [f"{name} volume not recomputed: {_density_missing(name)}." for name, known in parts.items() if {"mass", "volume"} <= known and "density" not in known]
        if weighed and not lacks:
            for row in self.rows:
                absent = [f"{of} of {name}" for of in ("weight fraction", "density") for name in weighed if f"{name} {of}" not in row.entries]
                lines += [f"{row.label}: theoretical density not recomputed, {_listed(absent)} {'are' if len(absent) > 1 else 'is'} missing (a component that is not in it has 0)."] if absent else []
        return lines

    def heading(self, name: str) -> str:
        """The column as it stands in the file."""
        return f"{name} [{self.columns[name][0]}]"

    def unchecked(self) -> list[str]:
        """Derived columns that no cell could be recomputed of, since what they follow from is not in the table."""
        checked = {cell.column for cell in self.cells}
        primary = {leaf for cell in self.cells for leaf in cell.leaves}
        primary |= {"voltage"} if "cell voltage" not in self.columns else set()
        return [name for name in self.columns if name not in checked | primary | set(self.constants) and name.removesuffix(AGAIN) in self.rules]


@dataclass(frozen=True)
class Row:
    label: str
    entries: dict[str, Entry]
    own: frozenset = field(default=frozenset(), compare=False)  # names printed in the row, not above the table
    conditions: dict[str, str] = field(default_factory=dict, compare=False)  # "pressure": "100 MPa"


def bundled() -> list[str]:
    """The tables that come with rheode."""
    return sorted(path.stem for path in TABLES.glob("*.csv"))


def load(name_or_path) -> Table:
    """A bundled table by name, or a CSV file. Raises StudyError with all faults, a line each."""
    if str(name_or_path) in bundled():
        return _bundled(str(name_or_path))
    path = Path(name_or_path)
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise StudyError(f"{path}: no such file, and no bundled table of this name{nearest(str(path), bundled())}; bundled are {', '.join(bundled())}") from None
    except UnicodeDecodeError:
        raise StudyError(f"{path}: not a text file in UTF-8; a table as CSV is expected") from None
    except (OSError, ValueError) as error:
        raise StudyError(f"{path}: can't be read ({getattr(error, 'strerror', None) or error})") from None
    return parse(text, str(path))


@lru_cache(maxsize=None)
def _bundled(name):
    return parse((TABLES / f"{name}.csv").read_text(encoding="utf-8"), name)


def parse(text: str, name: str) -> Table:
    """The table written in CSV `text`; `name` stands in faults. Raises StudyError with all faults, a line each."""
    faults, about, columns, constants, shared = [], {}, {}, {}, {}
    lines = text.splitlines()
    top = 0
    while top < len(lines) and (lines[top].startswith("#") or not lines[top].strip()):
        key, colon, value = lines[top].lstrip("#").partition(":")
        key = key.strip()
        if "[" in key and colon:
            number, _, remark = value.strip().partition(" ")
            faults += _read(name, top + 1, key, number, columns, shared, repeated=False)
            constants |= {_column_name(key): remark.strip().removeprefix("(").removesuffix(")")}
        elif colon:
            about[key] = value.strip()
        top += 1
    if top == len(lines):
        raise StudyError(f"{name}: no table in it; the first line names the columns, such as 'cathode,mass [mg],thickness [mm]'")
    separator = max(",;\t", key=lines[top].count)
    try:
        grid = list(csv.reader(io.StringIO("\n".join(lines[top:])), delimiter=separator, strict=True))
    except csv.Error as error:
        raise StudyError(f"{name}: not CSV ({error})") from None
    headings, rows = [heading.strip() for heading in grid[0]], []
    for heading in headings:
        fault = _heading_fault(heading, columns) if "[" in heading or "]" in heading else _unit_missing(heading)
        faults += [f"{name}, line {top + 1}: {fault}"] if fault else []
    if faults:
        raise StudyError(faults)
    for number, given in enumerate(grid[1:], top + 2):
        if not any(cell.strip() for cell in given):
            continue
        if len(given) != len(headings):
            faults.append(f"{name}, line {number}: {len(given)} cells; the {len(headings)} columns need one each (empty, where nothing is printed)")
            continue
        labels, entries, conditions = [], {}, {}
        for heading, cell in zip(headings, given):
            cell = cell.strip()
            column = _column_name(heading)
            if "[" not in heading or column in CONDITIONS:
                labels.append(cell if "[" not in heading else f"{cell} {_unit(heading)}".strip())
                conditions |= {column: labels[-1]} if "[" in heading and cell else {}
            elif cell:
                faults += _read(name, number, heading, cell, columns, entries)
        rows.append((", ".join(filter(None, labels)), entries, number, conditions))
    if not rows and not faults:
        faults.append(f"{name}: a table without rows")
    if faults:
        raise StudyError(faults)
    columns, constants, shared = _with_library_densities(columns, constants, shared)
    # A spreadsheet drops trailing zeros: the finest number of a column tells how all of it were rounded.
    finest = {name: min(entries[name].half for _, entries, *_ in rows if name in entries) for name in {name for _, entries, *_ in rows for name in entries}}
    rows = [(label, {name: entry._replace(half=finest[name]) for name, entry in entries.items()}, number, conditions) for label, entries, number, conditions in rows]
    names = [label for label, *_ in rows]
    table = Table(name, about, columns, constants, [Row(label if label and names.count(label) == 1 else ", ".join(filter(None, [label, f"line {number}"])), shared | entries, frozenset(entries), conditions) for label, entries, number, conditions in rows])
    if not table.cells:
        if lacks := table.not_recomputed():
            raise StudyError(f"{name}: nothing to audit; {lacks[0].removesuffix('.')}")
        derived = ", ".join(known for known in QUANTITIES if known in _rules({}))
        raise StudyError(f"{name}: nothing to audit; no column is derived from others in the table (derived columns are {derived}, theoretical density, NAME volume, volume ratio)")
    return table


def _with_library_densities(columns, constants, shared):
    """Densities that the table does not give, of components that are materials of the library."""
    columns, constants, shared = dict(columns), dict(constants), dict(shared)
    for name, known in _components(columns).items():
        if known & {"weight fraction", "mass"} and "density" not in known:
            try:
                value = library.load(name).value("density")
            except StudyError:
                continue
            key = f"{name} density"
            columns[key], constants[key], shared[key] = (units.KINDS["density"].unit, 1.0), LIBRARY, _entry(f"{value:g}", 1.0)
    return columns, constants, shared


def _density_missing(name):
    """Why no density of a component is known."""
    return f"density of {name} is missing" if name.lower() in {*library.names(), *library.other_names()} else f"{name} is no material of the library"


def _column_name(heading):
    return " ".join(heading.partition("[")[0].split())


def _unit(heading):
    return heading.partition("[")[2].removesuffix("]").strip()


def _components(names):
    found = {}
    for name in names:
        if (split := _component(name)) is not None:
            found.setdefault(split[0], set()).add(split[1])
    return found


def _component(name):
    """("carbon", "volume") for "carbon volume"; None for what is no component's."""
    if name.removesuffix(AGAIN) in QUANTITIES:
        return None
    for of in COMPONENT:
        if name.removesuffix(AGAIN).endswith(f" {of}"):
            return name.removesuffix(AGAIN).removesuffix(f" {of}"), of
    return None


def _kind(name):
    name = name.removesuffix(AGAIN)
    return QUANTITIES.get(name) or (COMPONENT[split[1]] if (split := _component(name)) else None)


def _heading_fault(heading, columns):
    """Notes a column in `columns` and returns what is wrong with its heading, if anything is."""
    match = re.fullmatch(r"([^\[\]]+)\[([^\[\]]*)\]", heading)
    if match is None:
        return f"got {told(heading)}; a column is written as 'thickness [mm]'"
    name, unit = " ".join(match[1].split()), match[2].strip()
    if name in CONDITIONS:
        return None
    kind = _kind(name)
    if kind is None:
        return f"unknown column {name!r}{nearest(name, QUANTITIES)}; known are {', '.join(QUANTITIES)} and NAME weight fraction, NAME density, NAME mass, NAME volume of a component (a column without [unit] is a label)"
    if name in columns:
        return f"the column {name!r} is given twice; name the second '{name}{AGAIN}'"
    try:
        columns[name] = (unit, _factor(unit, kind))
    except units.UnitError:
        return f"{name}: {unit!r} is not a unit of {units.KINDS[kind].name}{'' if kind == 'share' else f' (such as {units.KINDS[kind].unit})'}"
    return None


def _unit_missing(heading):
    """What is wrong with a heading without brackets: a label may not be called as a quantity is ("Thickness (mm)")."""
    words = " ".join(re.sub(r"\(.*?\)|,?\s+in\s+\S+$", " ", heading).lower().split())
    kind = "pressure" if words == "pressure" else "temperature" if words == "temperature" else _kind(words)
    if kind is None:
        return None
    example = "%" if kind == "share" else "degC" if kind == "temperature" else "MPa" if kind == "pressure" else units.KINDS[kind].unit
    return f"column {heading!r} has no unit in square brackets; write it as '{words} [{example}]', or give a label another name"


def _factor(unit, kind):
    if kind == "share":
        factors = {"": 1.0, "1": 1.0, "-": 1.0, "%": 0.01, "wt%": 0.01, "vol%": 0.01}
        if unit not in factors:
            raise units.UnitError(unit)
        return factors[unit]
    return units.parse("1 " + re.sub(r"(?<=[a-zA-Zµ])(-?[1-9])", r"^\1", unit), kind)  # "g/cm3" is "g/cm^3"


def _read(table, line, heading, text, columns, entries, repeated=True):
    """Notes a number in `entries`; returns the faults. A heading above the table is noted here too."""
    if not repeated and (fault := _heading_fault(heading, columns)):
        return [f"{table}, line {line}: {fault}"]
    name = _column_name(heading)
    where = f"{table}, line {line}, {name}"
    if not re.fullmatch(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d{1,3})?", text, re.ASCII) or not math.isfinite(float(text)) or len(text) > 40:
        return [f"{where}: got {told(one_line(text))}; a number with a point for the decimals, or nothing"]
    entry = _entry(text, columns[name][1])
    derived = name.removesuffix(AGAIN) in ("porosity", "voltage", "cell voltage", "reference potential", "volume change")
    if not derived and (entry.value < 0 or (entry.value == 0 and not name.endswith("weight fraction"))):
        return [f"{where}: got {told(text)}; a number above 0"]
    entries[name] = entry
    return []


# --- recomputing ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Cell:
    """A recomputed cell: `value` (in rheode's own unit) is what follows, from the primary columns `leaves`, by `how`;
    `verdict` is "follows", "follows within the tolerance" (but not within the rounding) or "does not follow"."""

    table: Table
    row: Row
    column: str
    entry: Entry
    value: float
    leaves: tuple[str, ...]
    how: str
    verdict: str

    @property
    def printed(self) -> str:
        return self.entry.text

    @property
    def follows(self) -> str:
        """What follows, with the printed one's decimals."""
        return self.entry.like(self.value)

    @cached_property
    def note(self) -> str:
        """By what the number follows or does not, and the likely slip."""
        if self.verdict != "does not follow":
            return f"{self.verdict}: {self.how}"
        share = self.entry.factor if self.column.removesuffix(AGAIN) in ("porosity", "volume ratio") else None
        off = f"{(self.entry.value - self.value) / 0.01:+.1f} points" if share else f"{100 * (self.entry.value / self.value - 1):+.1f} %"
        return f"{off} off ({self.how}); {likely_slip(self)}"

    def own_values(self) -> list[float]:
        """What follows from the row alone, without what stands above the table, a value for each way that it allows."""
        given = {name: entry.value for name, entry in self.row.entries.items() if name in self.row.own}
        rules = self.table.rules.get(self.column.removesuffix(AGAIN), ())
        found = (_derive_by(self.table, rule, self.column, given, frozenset(), ()) for rule in rules)
        return [each[0] for each in found if each is not None]

    def record(self) -> dict[str, str]:
        return {"row": self.row.label, "column": self.table.heading(self.column), "printed": self.printed, "follows": self.follows, "note": self.note}


def _audited(table, row, name):
    entry = row.entries.get(name)
    if entry is None or name not in row.own:
        return None
    given = {key: each.value for key, each in row.entries.items()}
    found = _derive(table, name, given)
    if found is None:
        return None
    value, rule, leaves = found
    low, high = _range(table, row, name, leaves)
    slack = entry.half + 1e-9 * abs(value)
    if low - slack <= entry.value <= high + slack:
        verdict = "follows"
    else:
        verdict = "follows within the tolerance" if abs(entry.value - value) <= tolerance(name, value) else "does not follow"
    return Cell(table, row, name, entry, value, leaves, rule.how, verdict)


def tolerance(column: str, value: float) -> float:
    """How far a printed number may be from `value` beyond what rounding allows, in the unit of `value`."""
    column = column.removesuffix(AGAIN)
    return {"porosity": POINTS, "theoretical density": 0.0}.get(column, RELATIVE * abs(value))


def _derive(table, name, given, printed=frozenset(), above=()):
    """(value, rule, primary columns) of `name` by the first rule that `given` (name to value) allows; None by none.

    Inputs in `printed` are taken as they are, all others derived where they can be.
    """
    for rule in table.rules.get(name.removesuffix(AGAIN), ()):
        if (found := _derive_by(table, rule, name, given, printed, above)) is not None:
            return found
    return None


def _derive_by(table, rule, name, given, printed, above):
    values, leaves = [], []
    for key in rule.inputs:
        if key in above or key == name:
            return None
        deeper = None if key in printed else _derive(table, key, given, printed, (*above, name.removesuffix(AGAIN)))
        if deeper is None and key not in given:
            return None
        values.append(given[key] if deeper is None else deeper[0])
        leaves += [key] if deeper is None else deeper[2]
    try:
        return rule.formula(*values), rule, tuple(dict.fromkeys(leaves))
    except (ZeroDivisionError, OverflowError):
        return None


def _range(table, row, name, leaves, changed=None, printed=frozenset()):
    """Smallest and largest value as the primary numbers vary within their rounding; `changed`: other entries."""
    entries = row.entries | (changed or {})
    rounded = [key for key in leaves if not _exact(key) and key not in (changed or {}) and entries[key].half < abs(entries[key].value)]
    given = {key: entry.value for key, entry in entries.items()}
    found = []
    for corner in product((-1, 1), repeat=min(len(rounded), 10)):
        varied = given | {key: entries[key].value + sign * entries[key].half for key, sign in zip(rounded, corner)}
        derived = _derive(table, name, varied, printed)
        found += [derived[0]] if derived else []
    return min(found), max(found)


def _exact(name):
    return name in EXACT or name.endswith("weight fraction") or (name != "density" and name.endswith(" density") and name != "theoretical density")


# --- likely slips ---------------------------------------------------------------------------------

NO_SLIP = "no slip gives its very digits; nearly, "


def likely_slip(cell: Cell) -> str:
    """What reproduces the printed number, found by trying it out; the two likeliest at most, or that nothing does."""
    for search in (_wrong_sum, _repairing_input, _printed_chain, _common_shift, _wrong_formula, _wrong_unit, _swapped_digits, _share_of_mass, _other_row, _copied, _one_digit):
        if found := search(cell):
            return " or ".join(list(dict.fromkeys(found))[:2])
    return _would_take(cell)


def _evaluate(cell, changed, printed=frozenset()):
    given = {key: entry.value for key, entry in (cell.row.entries | changed).items()}
    found = _derive(cell.table, cell.column, given, printed)
    return math.nan if found is None else found[0]


def _hits(cell, value, loose=False):
    """Is the printed number `value` to its last digit? `loose`: to a fifth of what it is off by."""
    slack = cell.entry.half * 1.001
    return abs(cell.entry.value - value) <= (max(slack, 0.2 * abs(cell.entry.value - cell.value)) if loose else slack)


def _followers(cell):
    """The other recomputed cells of the row."""
    return [other for other in cell.table.cells if other.row is cell.row and other.column != cell.column]


def _after(cell, name, entry):
    """(other cells of the row that a changed number repairs, that it breaks)."""
    repaired, broken = [], []
    for other in _followers(cell):
        if name in other.leaves:
            value = _evaluate(other, {name: entry})
            near = abs(other.entry.value - value) <= max(tolerance(other.column, value), 1.001 * other.entry.half)
            if near and other.verdict == "does not follow":
                repaired.append(other.column)
            elif not near and other.verdict != "does not follow":
                broken.append(other.column)
    return repaired, broken


def _wrong_sum(cell):
    """Weight fractions that do not add up explain what was computed from them before any other slip."""
    resting = any(name.endswith(" weight fraction") for name in cell.leaves)
    return [f"the weight fractions add up to {100 * total:.6g} %, not 100 %"] if resting and (total := _sum_off(cell.row)) is not None else []


def _sum_off(row):
    """The sum of a row's weight fractions where it is not 1."""
    given = [entry for name, entry in row.entries.items() if name.endswith(" weight fraction")]
    total = sum(entry.value for entry in given)
    return total if given and abs(total - 1) > sum(entry.half for entry in given) + 1e-9 else None


def _repairing_input(cell):
    """One primary number that, put right, lets this cell and another of the row follow and breaks none."""
    found = []
    for name, entry, clean in _solutions(cell):
        repaired, broken = _after(cell, name, entry)
        if clean and repaired and not broken:
            own = cell.row.entries[name].text
            alike = sum(row.entries[name].text == own for row in cell.table.rows if name in row.entries)
            whole = name in cell.table.constants and not all(other in cell.table.findings for other in cell.table.cells if other.column == cell.column)
            swapped = entry.text in _swaps(own)
            found.append(((whole, not swapped, alike), f"{_told(cell, name, entry)}, with which the {_listed(repaired)} would follow too"))
    found.sort(key=lambda each: each[0])
    return [text for rank, text in found if rank[:2] == found[0][0][:2]]


def _printed_chain(cell):
    """Computed from a printed number that does not follow itself."""
    wrong = {other.column for other in _followers(cell) if other.verdict == "does not follow"}
    rule = _derive(cell.table, cell.column, {key: entry.value for key, entry in cell.row.entries.items()})[1]
    found = []
    for name in rule.inputs:
        for printed in (name, name + AGAIN):
            if printed in wrong and _hits(cell, _evaluate(cell, {name: cell.row.entries[printed]}, frozenset([name])), loose=True):
                found.append(f"follows from the {_spoken(printed)} as printed ({cell.row.entries[printed].text} {cell.table.columns[printed][0]}), which does not follow itself")
    return found


def _common_shift(cell):
    """The same difference in one primary number explains several rows."""
    others = [other for other in cell.table.findings if other.column == cell.column and other is not cell]
    shifts = _shifts(cell)
    found = []
    for name, shift in shifts.items():
        alike = [other.row.label for other in others if _shifts(other).get(name) == shift]
        if len(alike) > 1 and float(shift):  # one alike may be chance
            entry, unit = cell.row.entries[name], cell.table.columns[name][0]
            value = float(entry.text) + float(shift)
            digits = len(shift.partition(".")[2])
            found.append((len(alike), f"as if the {_spoken(name)} were {shift.lstrip('+-')} {unit} {'higher' if value > float(entry.text) else 'lower'} ({value:.{digits}f} {unit}), as in {len(alike)} other rows"))
    return [text for _, text in sorted(found, key=lambda each: -each[0])][:1]


def _shifts(cell):
    """{primary column: difference as text} for the numbers of its own grid that reproduce the cell."""
    return {
        name: f"{float(entry.text) - float(cell.row.entries[name].text):+.{len(entry.text.partition('.')[2])}f}"
        for name, entry, clean in _solutions(cell)
        if clean and name not in cell.table.constants
    }


def _wrong_formula(cell):
    given = {key: entry.value for key, entry in cell.row.entries.items()}
    rule = _derive(cell.table, cell.column, given)[1]
    values = [found[0] if (found := _derive(cell.table, key, given)) else given[key] for key in rule.inputs]
    found = []
    for words, formula in rule.slips:
        if formula is not None:
            value = formula(*values)
        elif cell.column == "energy density":
            theoretical = _derive(cell.table, "theoretical density", given)
            value = values[0] * (theoretical[0] if theoretical else given.get("theoretical density", math.nan))
        else:
            value = values[0] * given.get("cell voltage", math.nan)
        if _hits(cell, value, loose=cell.entry.half < 0.01 * abs(value)):
            found.append(words)
    return found


def _wrong_unit(cell):
    return [f"{'too large' if power > 0 else 'too small'} by a factor of {10**abs(power)}: a unit or the decimal point" for power in (-6, -4, -3, -2, -1, 1, 2, 3, 4, 6) if abs(cell.entry.value / 10.0**power - cell.value) <= max(1.001 * cell.entry.half / 10.0**power, 0.005 * abs(cell.value))]


def _swaps(text):
    """The number with two neighbouring digits swapped, the point staying where it is."""
    places = [i for i, letter in enumerate(text.lower().partition("e")[0]) if letter.isdigit()]
    for a, b in zip(places, places[1:]):
        letters = list(text)
        letters[a], letters[b] = letters[b], letters[a]
        if letters[a] != letters[b]:
            yield "".join(letters)


def _changes(text):
    """The number with one digit changed."""
    for i, letter in enumerate(text.lower().partition("e")[0]):
        yield from (text[:i] + digit + text[i + 1 :] for digit in "0123456789" if letter.isdigit() and digit != letter)


def _typed(cell, variants, widest=math.inf):
    """(those of the retyped numbers that follow from what is printed, those that follow within its rounding).

    `widest`: how many last digits the rounding may leave open, for the second to mean anything.
    """
    low, high = _range(cell.table, cell.row, cell.column, cell.leaves)
    entries = [cell.entry.retyped(text) for text in variants]
    close = [entry for entry in entries if abs(entry.value - cell.value) <= 1.001 * entry.half]
    near = [entry for entry in entries if low - entry.half <= entry.value <= high + entry.half and high - low <= 2 * widest * entry.half]
    return [entry.text for entry in close], [entry.text for entry in sorted(near, key=lambda entry: abs(entry.value - cell.value))]


def _swapped_digits(cell):
    close, near = _typed(cell, _swaps(cell.printed))
    if close or not near:
        return [f"two digits swapped: {text}" for text in close]
    return [f"two digits swapped ({near[0]}, within the rounding)", _would_take(cell).removeprefix(NO_SLIP)]


def _one_digit(cell):
    if len(re.sub(r"\D", "", cell.printed.lower().partition("e")[0]).lstrip("0")) < 3:
        return []  # of two digits one is always wrong
    close, near = _typed(cell, _changes(cell.printed), widest=5)
    return [f"one digit mistyped: {text}" for text in close or near]


def _share_of_mass(cell):
    """A component's volume from the share that it has of the mass in another row."""
    split = _component(cell.column)
    if split is None or split[1] != "volume":
        return []
    here, found = _masses(cell.row), []
    for other in cell.table.rows:
        there = _masses(other)
        if other is cell.row or split[0] not in there or len(there) < 2 or len(here) < 2:
            continue
        share = there[split[0]] / sum(there.values())
        mass = share / (1 - share) * sum(mass for name, mass in here.items() if name != split[0])
        if _hits(cell, formulas.component_volume(mass, cell.row.entries[f"{split[0]} density"].value), loose=True):
            factor = cell.table.columns[f"{split[0]} mass"][1]
            unit = cell.table.columns[f"{split[0]} mass"][0]
            found.append(f"as if the {split[0]} were {100 * share:.3g} % of the mass, as in {other.label} ({mass / factor:.3g} {unit}, not {cell.row.entries[f'{split[0]} mass'].text} {unit})")
    return found


def _masses(row):
    return {split[0]: entry.value for name, entry in row.entries.items() if (split := _component(name)) and split[1] == "mass"}


def _other_row(cell):
    """Computed with a number of another row."""
    given = {key: entry.value for key, entry in cell.row.entries.items()}
    rule = _derive(cell.table, cell.column, given)[1]
    here, found = cell.table.rows.index(cell.row), []
    for name in dict.fromkeys((*rule.inputs, *cell.leaves)):
        own = cell.row.entries.get(name)
        for there, other in enumerate(cell.table.rows):
            entry = other.entries.get(name)
            if entry is None or (own is not None and entry.text == own.text) or name.endswith("weight fraction"):
                continue
            if _hits(cell, _evaluate(cell, {name: entry}, frozenset([name]))):
                found.append((abs(there - here), f"as if with the {_spoken(name)} of {other.label} ({entry.text} {cell.table.columns[name][0]})"))
    return [text for _, text in sorted(found)]


def _copied(cell):
    """The number of another row, where it follows."""
    here = cell.table.rows.index(cell.row)
    alike = [other for other in cell.table.cells if other.column == cell.column and other.row is not cell.row and other.printed == cell.printed and other.verdict == "follows"]
    alike.sort(key=lambda other: abs(cell.table.rows.index(other.row) - here))
    return [f"the number of {other.row.label}" for other in alike if len(cell.printed.strip("0.-")) > 2][:1]


def _would_take(cell):
    """Which primary number would have to be another, if nothing simpler is found."""
    solutions = [each for each in _solutions(cell) if each[0] not in cell.table.constants] or _solutions(cell)
    if not solutions:
        return "no slip found"
    solutions = [each for each in solutions if each[2]] or solutions
    broken = {name: _after(cell, name, entry)[1] for name, entry, _ in solutions}
    fewest = min(map(len, broken.values()))
    likely = [each for each in solutions if len(broken[each[0]]) == fewest]
    likely.sort(key=lambda each: abs(math.log(each[1].value / cell.row.entries[each[0]].value)))
    exact = [each for each in likely if each[1].text in _swaps(cell.row.entries[each[0]].text)]
    exact = exact or [each for each in likely if _hits(cell, _evaluate(cell, {each[0]: each[1]}))]
    texts = [_told(cell, name, entry) + (f" (but then the {_listed(broken[name])} would not follow)" if broken[name] else "") for name, entry, _ in (exact or likely)[:2]]
    return f"{'' if exact else NO_SLIP}it would take {' or '.join(texts)}"


def _told(cell, name, entry):
    """"a thickness of 1.41 mm for 2.53", and whether its digits are only swapped."""
    own, unit = cell.row.entries[name].text, cell.table.columns[name][0]
    swapped = entry.text in _swaps(own)
    spoken = _spoken(name)
    return f"{'an' if spoken[0] in 'aeiou' else 'a'} {spoken} of {entry.text} {unit} for {own}{' (two digits swapped)' if swapped else ''}"


def _spoken(name):
    return f"second {name.removesuffix(AGAIN)}" if name.endswith(AGAIN) else name


def _listed(names):
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _solutions(cell):
    """[(primary column, the number that reproduces the cell, whether it is one of the column's own digits)]."""
    found = []
    for name in cell.leaves:
        own = cell.row.entries[name]
        if name.endswith("weight fraction") or cell.table.constants.get(name) == LIBRARY:
            continue
        nominal = _solve(cell, name, cell.entry.value, {})
        if nominal is None:
            continue
        # As far as the rounding of the cell and of the other numbers leaves it open.
        others = [key for key in cell.leaves if key != name and not _exact(key)][:6]
        ends = [nominal]
        for corner in product((-1, 1), repeat=len(others) + 1):
            entries = {key: cell.row.entries[key]._replace(value=cell.row.entries[key].value + sign * cell.row.entries[key].half) for key, sign in zip(others, corner[1:])}
            end = _solve(cell, name, cell.entry.value + corner[0] * cell.entry.half, entries)
            ends += [] if end is None else [end]
        decimals = max(len(row.entries[name].text.partition(".")[2]) for row in cell.table.rows if name in row.entries)
        if "e" in own.text.lower() or name in cell.table.constants:
            decimals = len(own.text.lower().partition("e")[0].partition(".")[2])
        entry = own.retyped(own.text if "e" in own.text.lower() else f"{nominal / own.factor:.{decimals}f}")
        entry = next((swap for swap in map(own.retyped, _swaps(own.text)) if min(ends) <= swap.value <= max(ends)), entry)
        clean = "e" not in own.text.lower() and min(ends) <= entry.value * (1 + 1e-12) and entry.value * (1 - 1e-12) <= max(ends) and entry.value != own.value
        found.append((name, entry if clean else own.retyped(f"{nominal / own.factor:.4g}"), clean))
    return found


def _solve(cell, name, target, entries):
    """The value of the primary column `name` with which the cell is `target`; None if there is none within a factor of 30."""
    own = cell.row.entries[name]

    def miss(log):
        return _evaluate(cell, entries | {name: own._replace(value=own.value * math.exp(log))}) - target

    low, high = -math.log(30), math.log(30)
    if not (own.value > 0 and miss(low) * miss(high) < 0):
        return None
    rising = miss(high) > 0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (low, middle) if (miss(middle) > 0) == rising else (middle, high)
    return own.value * math.exp((low + high) / 2)


# --- what is told ---------------------------------------------------------------------------------

COLUMNS = ("row", "column", "printed", "follows", "note")


def remarks(table: Table) -> list[str]:
    """What the audit says of the table as a whole: a count, the volume of Eq. 10, columns without a check."""
    findings, close = table.findings, [cell for cell in table.cells if cell.verdict == "follows within the tolerance"]
    lines = [f"{table.about.get('title', table.name)}: {len(table.cells)} cell{'s' * (len(table.cells) != 1)} recomputed, {len(findings)} do{'es' * (len(findings) == 1)} not follow" + (f", {len(close)} follow{'s' * (len(close) == 1)} within the tolerance but not within the rounding" if close else "") + "."]
    if (reading := volume_reading(table)) is not None:
        measured, solid, cells = reading
        lines.append(f"Energy density: {measured} of {cells} follow with the measured volume of the electrode, {solid} of {cells} with the volume without pores (V_0 in Eq. 10 as printed).")
    if known := table.from_library():
        lines.append(f"Densities from the library: {', '.join(known)}.")
    lines += table.wrong_sums() + table.not_recomputed()
    if note := table.about.get("note"):
        lines.append(note)
    if unchecked := table.unchecked():
        lines.append(f"Not checked, for lack of what they follow from: {', '.join(unchecked)}.")
    return lines


def volume_reading(table: Table) -> tuple[int, int, int] | None:
    """(cells that follow with the measured volume, with the volume without pores, cells): which volume energy densities obey.

    None unless both can be computed. Eq. 10 prints V_0, the symbol of the volume without pores in Eq. 2.
    """
    counted = [0, 0, 0]
    for cell in table.cells:
        if cell.column != "energy density":
            continue
        given = {key: entry.value for key, entry in cell.row.entries.items()}
        energy, density, solid = (_derive(table, key, given) for key in ("specific energy", "density", "theoretical density"))
        if energy is None or density is None or solid is None:
            return None
        for k, rho in enumerate((density[0], solid[0])):
            value = formulas.energy_density(energy[0], rho)
            counted[k] += abs(cell.entry.value - value) <= tolerance("energy density", value)
        counted[2] += 1
    return tuple(counted) if counted[2] else None


def write_csv(path, cells: list[Cell]):
    """The cells as CSV with COLUMNS. Raises StudyError if it can't be written."""
    try:
        with Path(path).open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(cell.record() for cell in cells)
    except OSError as error:
        raise StudyError(f"{path}: can't be written ({error.strerror or error})") from None


def page() -> str:
    """docs/audit.md: the form of a table, and what the audit finds in each bundled one."""
    parts = [
        "# The audit of published tables",
        "`rheode audit TABLE` recomputes every derived column of a table from its primary ones and prints a line for each cell that does not follow: "
        "`row, column, printed, follows, note`, where `follows` is what the row's own numbers give. It ends with exit code 0 whatever it finds, and with 2 if the table can't be read. "
        "`--csv FILE` writes the lines as CSV, `--all` shows every recomputed cell, `--print` the bundled table itself, to start one of your own from. "
        f"Bundled are {_listed([f'`{name}`' for name in bundled()])}. This page is written by `rheode audit --markdown`.",
        "## When a cell follows",
        "The primary numbers a cell rests on are followed down to what was weighed or measured, through whatever is derived in between. Each may lie anywhere within the rounding of the last digit that its column is printed to; "
        "if the printed cell, within its own rounding, is among what they then give, it follows. What the experimenter sets (area, diameter, loading, weight fractions, densities of components, reference potential) counts as exact. "
        f"Otherwise it still follows if it is within the tolerance of its column: 0.6 points of a porosity, 1 % of any other quantity; a theoretical density must agree to {TOLERANCES['theoretical density']}. "
        "For a cell that does not, the usual slips are tried on the table itself: another cell that does not follow went in, the same shift in several rows, a wrong formula or unit, swapped or mistyped digits, a number of another row, a component left out. "
        "A slip is named only if it gives the printed number; it is a likely one, not a proven one.",
        "## The form of a table",
        "CSV in UTF-8, separated by commas (or semicolons or tabs). A column with a quantity is headed `name [unit]`; a column without brackets is a label, and so are "
        f"{_listed([f'`{name} [unit]`' for name in CONDITIONS])} (a label may not have the name of a quantity: `thickness (mm)` is refused). An empty cell is one that is not printed. Write numbers as they are printed: the last digit of the finest number in a column says how all of it were rounded. "
        "Above the header, `# name [unit]: number (remark)` gives a quantity that holds for every row, and `# title: text`, `# doi: text` say what the table is. "
        "A quantity that a table prints twice stands in a second column `name, again [unit]`.",
        "| column | follows from |\n| --- | --- |\n" + "\n".join(f"| `{name}` | {_ways(name)} |" for name in QUANTITIES) + "\n"
        "| `NAME weight fraction`, `NAME density`, `NAME mass` of a component | primary; a density that is not given is taken from the library of materials, if NAME is one |\n| `NAME volume` of a component | NAME mass / NAME density |",
        "Units are converted: `thickness [um]`, `thickness [mm]` and `thickness [cm]` will all do.",
        f"```\n{(TABLES / 's8.csv').read_text(encoding='utf-8').strip()}\n```",
    ]
    for name in bundled():
        table = load(name)
        parts += [f"## `{name}`: {table.about['title']}", f"{table.about['citation']}. DOI: {table.about['doi']}.", "\n".join(f"- {line.removeprefix(table.about['title'] + ': ')}" for line in remarks(table))]
        if table.findings:
            parts += ["Cells that do not follow:", _markdown([cell.record() for cell in table.findings])]
        close = [cell.record() | {"note": cell.how} for cell in table.cells if cell.verdict == "follows within the tolerance"]
        if close:
            parts += ["Cells within the tolerance of what follows, but not within the rounding:", _markdown(close)]
        if outside := _outside(table):
            parts += ["What follows from the row alone, and what with the numbers from elsewhere in the paper that stand above the table:", outside]
    return "\n\n".join(parts) + "\n"


def _ways(name):
    samples = {f"{part} {of}" for part in ("a", "b") for of in COMPONENT}
    return "; or ".join(re.sub(r"^Eq\. \d+( with the measured volume)?: ", "", rule.how) for rule in _unique(_rules(_components(samples)).get(name, ()))) or "primary"


def _unique(rules):
    return {rule.how: rule for rule in rules}.values()


def _markdown(records):
    return "\n".join([f"| {' | '.join(records[0])} |", "| --- " * len(records[0]) + "|", *(f"| {' | '.join(record.values())} |" for record in records)])


def _outside(table):
    """Cells that rest on a constant from elsewhere which is no component's property."""
    foreign = {name for name, remark in table.constants.items() if remark.startswith("main text")}
    if len(table.rows) > 1 or not foreign:
        return ""
    records = []
    for cell in table.cells:
        alone, used = cell.own_values(), foreign & set(cell.leaves)
        enough = any(abs(cell.entry.value - value) <= tolerance(cell.column, value) for value in alone)
        needs = ", ".join(f"{name} = {cell.row.entries[name].text} {table.columns[name][0]} ({table.constants[name]})" for name in sorted(used))
        records.append({"column": table.heading(cell.column), "printed": cell.printed, "from the row alone": " or ".join(map(cell.entry.like, alone)) or "nothing", "with those numbers": cell.follows, "needs": "nothing else" if enough else needs})
    return _markdown(records)
