"""The one table that every cycler file becomes, and how it becomes it.

Columns of `Recording.table` (polars, a row a record), charge positive:

| column | what |
| --- | --- |
| `time [s]` | since the start of the test |
| `step time [s]` | since the start of the step, where the file has it |
| `voltage [V]`, `current [A]` | |
| `step []` | steps counted from 1, one at each change of the file's step or cycle; of the direction where it has none |
| `cycle []` | the file's own number; counted where it has none |
| `file capacity [Ah]` | net charge passed since the first record by the cycler's own counters, where it has them |
| `integrated capacity [Ah]` | the same from current and time |
| `temperature [degC]`, `pressure [Pa]` | where there are such channels, and they are connected |
"""

from dataclasses import dataclass, field

import numpy as np
import polars as pl

from ..analysis import LabError

SECONDS = 3600.0  # s/h
RESTING = 5e-4  # of the largest current: below it nothing is taken to flow
SMALL_STEP = 1e-3  # of the charge of the largest step: a step below it turns no cycle
DOUBTED = 0.05  # of the charge passed: what may disagree with the sign of the current before that is doubted
RESETS = 0.9  # of the boundaries: where so many set a counter back, all do


@dataclass
class Raw:
    """What a reader finds in a file, as arrays (n,) in s, V, A, Ah, degC, Pa; None for what it does not hold.

    `step`, `cycle`: the file's own numbers; `sense`: +1 charge, -1 discharge, 0 neither, where steps say so in words.
    Of the cycler's counters of charge one of: `charge` and `discharge` (each grows in its own direction, and may
    start again with each step or cycle), `counter` (starts again with each step, signed or not), `passed` (net
    charge since the first record).
    """

    path: str
    format: str
    voltage: np.ndarray
    time: np.ndarray | None = None
    step_time: np.ndarray | None = None
    current: np.ndarray | None = None
    step: np.ndarray | None = None
    cycle: np.ndarray | None = None
    sense: np.ndarray | None = None
    charge: np.ndarray | None = None
    discharge: np.ndarray | None = None
    counter: np.ndarray | None = None
    passed: np.ndarray | None = None
    temperature: np.ndarray | None = None
    pressure: np.ndarray | None = None
    choices: dict = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


ARRAYS = ("voltage", "time", "step_time", "current", "step", "cycle", "sense", "charge", "discharge", "counter", "passed", "temperature", "pressure")


RUNNING = ("time [s]", "step []", "cycle []", "file capacity [Ah]", "integrated capacity [Ah]")  # go on from part to part


@dataclass
class Recording:
    """A test as one table (the columns above), where it came from, and what was taken for granted on the way."""

    path: str
    format: str
    table: pl.DataFrame
    choices: dict = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def __len__(self):
        return self.table.height

    def __contains__(self, column):
        return column in self.table.columns

    def __getitem__(self, column) -> np.ndarray:
        return self.table[column].to_numpy()


def normalise(raw: Raw) -> Recording:
    """The one table from what a file holds. Raises LabError: nothing recorded, or no current."""
    raw = _whole(raw)
    choices, notes = {"format": raw.format} | raw.choices, list(raw.notes)
    time = _time(raw, notes)
    current, sense = _signed(raw, time, choices, notes)
    begins = _step_begins(raw, sense)
    table = {"time [s]": time}
    if raw.step_time is not None:
        table["step time [s]"] = raw.step_time
    table |= {"voltage [V]": raw.voltage, "current [A]": current, "step []": np.cumsum(begins)}
    file = _counted(raw, time, begins, current, choices)
    ours = integrated(time, current, begins, raw.step_time)
    table["cycle []"] = _cycles(raw, begins, ours if file is None else file, choices, notes)
    if file is not None:
        table["file capacity [Ah]"] = file
    table["integrated capacity [Ah]"] = ours
    for name, values in (("temperature [degC]", raw.temperature), ("pressure [Pa]", raw.pressure)):
        if values is not None:
            if np.any(values[np.isfinite(values)] != 0):
                table[name] = values
            else:
                notes.append(f"the {name.split()[0]} channel reads 0 throughout and is left out: nothing was connected to it")
    choices["integrated capacity"] = "trapezoids" if raw.step_time is None else "trapezoids, cut where the time within a step says that it began"
    return Recording(raw.path, raw.format, pl.DataFrame(table), choices, notes)


def join(recordings: list[Recording]) -> Recording:
    """Parts of one test, in order, as one; time, steps, cycles and capacities go on where the part before ended."""
    tables, last = [], {}
    for part in recordings:
        table = part.table
        shift = {name: value for name, value in last.items() if name in table.columns}
        if last:
            if table["time [s]"][0] > last["time [s]"]:
                shift["time [s]"] = 0.0
            if 1 < table["cycle []"][0] >= last["cycle []"]:  # parts that number on keep their numbers
                shift["cycle []"] = 0
        tables.append(table.with_columns(pl.col(name) + value for name, value in shift.items()))
        last = {name: tables[-1][name][-1] for name in RUNNING if name in table.columns}
    first = recordings[0]
    if len({tuple(table.columns) for table in tables}) > 1:
        shared = [name for name in tables[0].columns if all(name in table.columns for table in tables)]
        tables = [table.select(shared) for table in tables]
    notes = [f"{part.path}: {note}" for part in recordings for note in part.notes]
    choices = first.choices | {"parts": ", ".join(part.path for part in recordings), "time between parts": "none, unless the later one's clock runs on"}
    return Recording(first.path, first.format, pl.concat(tables), choices, notes)


# --- rows and time --------------------------------------------------------------------------------


def _whole(raw: Raw) -> Raw:
    """Without the records that lack time, voltage or current."""
    if raw.current is None and raw.passed is None:
        raise LabError(f"{raw.path}: no column of current was found; name it with --column \"current=COLUMN [UNIT]\"")
    if raw.time is None and raw.step_time is None:
        raise LabError(f"{raw.path}: no column of time was found; name it with --column \"time=COLUMN [UNIT]\"")
    kept = np.isfinite(raw.voltage)
    for needed in (raw.current if raw.current is not None else raw.passed, raw.time if raw.time is not None else raw.step_time):
        kept &= np.isfinite(needed)
    if not kept.any():
        raise LabError(f"{raw.path}: the file holds no record of time, voltage and current: the test has not begun, or the export is empty")
    if not kept.all():
        raw.notes.append(f"{np.count_nonzero(~kept)} of {len(kept)} records lack time, voltage or current and are left out")
        for name in ARRAYS:
            values = getattr(raw, name)
            if values is not None:
                setattr(raw, name, values[kept])
    return raw


def _time(raw, notes):
    """Seconds since the start of the test; from the times within steps where the file has no other."""
    if raw.time is None:
        within = raw.step_time
        new = np.append(False, np.diff(within) < 0)
        if raw.step is not None:
            new[1:] |= _changed(raw.step)[1:]
        return within + np.cumsum(np.where(new, np.append(0.0, within[:-1]), 0.0))
    time = raw.time
    back = np.diff(time) < 0
    if back.any():
        # A clock that was set to 0, at a new step or after a power cut: it goes on from where it was.
        lost = np.where(back, time[:-1] - time[1:], 0.0)
        time = time + np.append(0.0, np.cumsum(lost))
        notes.append(f"the time goes back {np.count_nonzero(back)} times; it is taken to go on from where it was")
    return time


def _changed(values) -> np.ndarray:
    """Where a record differs from the one before; the first does."""
    return np.append(True, values[1:] != values[:-1])


# --- sign and steps -------------------------------------------------------------------------------


def _signed(raw, time, choices, notes):
    """Current with charge positive, and the direction of each record (0 where nothing flows)."""
    choices["sign of the current"] = "as in the file, charge positive"
    if raw.current is None:  # some files hold the charge between records only
        passed = np.diff(raw.passed, prepend=raw.passed[:1]) * SECONDS
        interval = np.diff(time, prepend=time[:1])
        current = np.divide(passed, interval, out=np.zeros_like(passed), where=interval > 0)
        choices["current"] = "from the charge between records: the file holds no current"
    else:
        current = raw.current
    stated = _stated(raw)
    if stated is not None:
        size = np.abs(current)
        wrong, right = size[stated * current < 0].sum(), size[stated * current > 0].sum()
        if wrong > DOUBTED * (wrong + right):
            if current.min() >= 0:
                current = np.where(stated < 0, -current, current)
                choices["sign of the current"] = "from the direction of the step; the file's current has none"
            elif right <= DOUBTED * (wrong + right):
                current = -current
                choices["sign of the current"] = "turned round: the file counts discharge positive"
            else:
                notes.append("the sign of the current and the direction of the steps disagree; the current's is used")
    flowing = np.abs(current) > RESTING * np.abs(current).max(initial=0.0)
    return current + 0.0, np.where(flowing, np.sign(current), 0.0).astype(np.int8)  # + 0.0: no minus zero


def _stated(raw):
    """The direction of each record as the file says it, in words or by the counter that grows next; None where neither."""
    if raw.sense is not None:
        return raw.sense
    if raw.charge is None or raw.discharge is None:
        return None
    growth = [np.maximum(np.diff(np.nan_to_num(np.abs(counter)), prepend=0.0), 0) for counter in (raw.charge, raw.discharge)]
    way = np.sign(growth[0] - growth[1])
    grows = np.flatnonzero(way)
    if not len(grows):
        return None
    return way[grows[np.minimum(np.searchsorted(grows, np.arange(len(way))), len(grows) - 1)]]


def _step_begins(raw, sense):
    """The records with which a step begins, (n,) bool."""
    begins = _changed(sense) if raw.step is None else _changed(raw.step)
    for more in (raw.cycle, raw.sense):
        if more is not None:
            begins |= _changed(more)
    if raw.step_time is not None:  # the same step twice in a row
        begins[1:] |= np.diff(raw.step_time) < 0
    begins[0] = True
    return begins


# --- capacity -------------------------------------------------------------------------------------


def integrated(time, current, begins, step_time=None):
    """Net charge [Ah] (n,) from time [s] and current [A] by trapezoids.

    `begins`: (n,) bool, first records of steps. Where `step_time` [s] tells when a step began, the interval before its first
    record is cut there: the current of the step before until then (not over a pause), its own from then on.
    """
    interval = np.maximum(np.diff(time, prepend=time[0]), 0.0)
    before = np.append(current[0], current[:-1])
    charge = 0.5 * (before + current) * interval
    if step_time is not None:
        known = begins & np.isfinite(step_time)
        own = np.clip(np.nan_to_num(step_time), 0.0, interval)
        left = interval - own
        left[left > 2 * np.append(0.0, interval[:-1])] = 0.0
        charge = np.where(known, current * own + before * left, charge)
        charge[0] = current[0] * _before(time, step_time)
    return np.cumsum(charge) / SECONDS


def _before(time, step_time):
    """The time [s] before the first record that belongs to the test: an interval of recording at most, else 0."""
    passed = time[0] if step_time is None else step_time[0]
    return passed if len(time) > 1 and 0 < passed <= 2 * (time[1] - time[0]) else 0.0


def _counted(raw, time, begins, current, choices):
    """Net charge [Ah] (n,) by the cycler's own counters, None where it has none."""
    if raw.passed is not None:
        choices["file capacity"] = "the file's net charge"
        net = raw.passed
    elif raw.charge is not None and raw.discharge is not None:
        cycles = begins if raw.cycle is None else _changed(raw.cycle)
        (up, how), (down, how_down) = (_increments(np.abs(counter), begins, cycles) for counter in (raw.charge, raw.discharge))
        choices["file capacity"] = f"the file's counters of charge ({how}) and discharge ({how_down})"
        net = np.cumsum(up - down)
    elif raw.counter is not None:
        grown, how = _increments(np.abs(raw.counter), begins, begins, "with each step")
        way = np.sign(raw.counter if raw.counter.min() < 0 else current)
        # A record without current within a step that counts has the step's direction.
        of_step = np.sign(np.add.reduceat(way * np.abs(grown), np.flatnonzero(begins)))
        choices["file capacity"] = f"the file's counter ({how}), with the direction of its step"
        net = np.cumsum(of_step[np.cumsum(begins) - 1] * grown)
    else:
        return None
    # What had been counted before the first record of a part of a test is not this part's.
    counts = abs(net[0]) <= 2 * abs(current[0]) * _before(time, raw.step_time) / SECONDS
    return net if counts else net - net[0]


def _increments(counter, steps, cycles, resets=None):
    """Charge [Ah] between records from a counter, and when it starts again: found from the counter unless given."""
    counter = np.nan_to_num(counter)
    grown = np.diff(counter, prepend=0.0)
    before = np.append(0.0, counter[:-1])
    if resets is None:
        resets = next((name for name, begins in (("with each step", steps), ("with each cycle", cycles)) if _set_back(grown, before, begins)), None)
    if resets is not None:
        again = steps if resets == "with each step" else cycles
        grown = np.where(again, counter, grown)
    # Besides, a counter that falls to a fraction was set back.
    fallen = (grown < 0) & (counter < 0.5 * before)
    return np.where(fallen, counter, grown), f"starts again {resets}" if resets else "runs on"


def _set_back(grown, before, begins):
    """Whether a counter that had counted falls at nearly all of these records."""
    asked = begins.copy()
    asked[0] = False
    asked &= before > 1e-9 * before.max(initial=0.0)
    return asked.any() and np.mean(grown[asked] < 0) > RESETS


# --- cycles ---------------------------------------------------------------------------------------


def _cycles(raw, begins, capacity, choices, notes):
    """The number of the cycle of each record: the file's own, counted where it has none or one that never changes."""
    counted = count_cycles(begins, capacity)
    if raw.cycle is not None:
        own = raw.cycle.astype(np.int64)
        if own.min() != own.max() or counted.max() == 1:
            choices["cycles"] = "numbered as in the file"
            if own.min() == 0:  # papers count from 1
                own, choices["cycles"] = own + 1, "numbered as in the file, and 1 more: it counts from 0"
            return own
        notes.append(f"the file numbers every record as cycle {own[0]} though the current turns; cycles are counted instead")
    choices["cycles"] = f"counted: a cycle begins with each {_first_direction(begins, capacity)}"
    return counted


def directions(begins, capacity):
    """First records of the steps (k,) and which way each goes: +1 charge, -1 discharge, 0 neither or next to nothing."""
    first = np.flatnonzero(begins)
    ends = np.append(first[1:], len(capacity)) - 1
    passed = np.diff(capacity[ends], prepend=0.0)
    return first, np.where(np.abs(passed) > SMALL_STEP * np.abs(passed).max(initial=0.0), np.sign(passed), 0).astype(int)


def _first_direction(begins, capacity):
    way = directions(begins, capacity)[1]
    moving = way[way != 0]
    return "discharge" if len(moving) and moving[0] < 0 else "charge"


def count_cycles(begins, capacity, start=None):
    """Numbers of cycles (n,) from 1: one begins where `start` ("charge" or "discharge") follows the other direction.

    By default `start` is the direction that comes first. A rest belongs to what came before it.
    """
    first, way = directions(begins, capacity)
    wanted = {"charge": 1, "discharge": -1}[start or _first_direction(begins, capacity)]
    number, last, numbers = 1, 0, np.ones(len(way), np.int64)
    for i, direction in enumerate(way.tolist()):
        if direction == wanted and last == -wanted:
            number += 1
        last = direction or last
        numbers[i] = number
    return np.repeat(numbers, np.diff(np.append(first, len(capacity))))
