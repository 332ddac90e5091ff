"""Synthetic cells of known truth, as a cycler would record them."""

import numpy as np

HEADER = "time [s],step,cycle,current [mA],voltage [V]"


def galvanostatic(halves, start=0.0, rest=300.0, interval=10.0):
    """Rows (time [s], step, cycle, current [mA], voltage [V]) of halves (cycle, current [mA], seconds, first V, last V), each
    followed by a rest; the voltage goes straight from first to last."""
    rows, time, step = [], start, 0
    for cycle, current, seconds, first, last in halves:
        step += 1
        for t in np.append(np.arange(0.0, seconds, interval), seconds):
            rows.append((time + t, step, cycle, current, first + (last - first) * t / seconds))
        time += seconds
        step += 1
        for t in np.append(np.arange(0.0, rest, 60.0), rest):
            rows.append((time + t, step, cycle, 0.0, last))
        time += rest
    return np.array(rows)


def cycled(capacities, current=2.0, efficiency=0.995, order=("charge", "discharge")):
    """Rows of a cell that cycles at one current [mA] with these discharge capacities [mAh]; the charge is that by the
    efficiency."""
    halves = []
    for cycle, capacity in enumerate(capacities, 1):
        for way in order:
            if way == "charge":
                halves.append((cycle, current, capacity / efficiency / current * 3600, 3.0, 4.2))
            else:
                halves.append((cycle, -current, capacity / current * 3600, 4.0, 2.8))
    return galvanostatic(halves)


def write(path, rows, header=HEADER, delimiter=",", comma=False, encoding="utf-8", end="\n"):
    """Rows as a text table."""
    lines = [header.replace(",", delimiter)] + [delimiter.join(_cell(value, comma) for value in row) for row in rows]
    path.write_bytes((end.join(lines) + end).encode(encoding))
    return path


def _cell(value, comma):
    text = value if isinstance(value, str) else repr(int(value)) if float(value).is_integer() else repr(float(value))
    return text.replace(".", ",") if comma else text
