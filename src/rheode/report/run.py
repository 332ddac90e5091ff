"""A result seen the way a report needs it: by cycle and half cycle, with names and colours."""

import re
from functools import cached_property

import numpy as np

from . import style

LITHIATED, DELITHIATED = "lithiation", "delithiation"


class Run:
    """Reads a `rheode.Result`; changes nothing.

    Attributes: `result`, `study`, `mesh`, `history`, `cycles` (columns as arrays), `phases` (names),
    `active` (names of the active phases), `colours` (phase name -> colour), `last` (number of the last cycle whose
    lithiation ended, 0 if none did).
    """

    def __init__(self, result):
        self.result = result
        self.study, self.mesh = result.study, result.mesh
        self.history, self.cycles = result.history, result.cycles
        self.phases = list(self.study.phases)
        self.active = [n for n in self.phases if self.study.phases[n].role == "active"]
        self.colours = style.colours({n: p.role for n, p in self.study.phases.items()})
        done = self.cycles["cycle []"][self.half(LITHIATED)] if len(self.cycles.get("cycle []", ())) else []
        self.last = int(max(done, default=0))

    # --- names

    @cached_property
    def labels(self):
        """Short names of the phases as charts print them."""
        return {name: formula(label(self.study, name)) for name in self.phases}

    @cached_property
    def pairs(self):
        """Ordered pairs (surface of, in contact with) for which the history has a contact ratio."""
        return [(a, b) for a in self.phases for b in self.phases if f"contact {a}-{b} []" in self.history]

    @cached_property
    def active_growth(self):
        """(relative volume change for each unit of x from the start, area fraction as meshed) of the active phases together."""
        share = {n: self.mesh.area_fraction(n) for n in self.active}
        materials, start = self.study.materials(), self.study.cycling.start
        grown = sum(share[n] * materials[n].dV / materials[n].growth(start) for n in self.active)
        return grown / sum(share.values()), sum(share.values())

    @cached_property
    def publication(self):
        """The publication that the study names, or None."""
        from rheode import publications

        return publications.load(self.study.publication) if self.study.publication else None

    @cached_property
    def published(self):
        """Published values that belong to this electrode, their columns in the study's names of phases."""
        return self.study.published()

    # --- rows

    def half(self, half):
        """Rows of `cycles` that end such a half cycle."""
        return np.flatnonzero(self.cycles["half []"] == half)

    def series(self, column, half):
        """(cycle numbers, values at the end of those half cycles) of a column of `cycles`."""
        rows = self.half(half)
        return self.cycles["cycle []"][rows].astype(int), self.cycles[column][rows].astype(float)

    def at(self, column, cycle, half=LITHIATED):
        """Value at the end of a half cycle; nan where there is none."""
        if column not in self.cycles:
            return float("nan")
        numbers, values = self.series(column, half)
        hit = np.flatnonzero(numbers == cycle)
        return float(values[hit[-1]]) if len(hit) else float("nan")

    def clamped(self, column):
        """Value in the clamped state, before cycling (increment 0)."""
        return float(self.history[column][0]) if column in self.history else float("nan")

    def within(self, cycle):
        """Rows of `history` of a cycle, with the row before it (where the cycle starts from)."""
        rows = np.flatnonzero(self.history["cycle []"] == cycle)
        return np.r_[rows[0] - 1, rows] if len(rows) and rows[0] > 0 else rows

    @property
    def shown_cycles(self):
        """First and last cycle, or the only one."""
        return sorted({1, self.last}) if self.last else []

    # --- fields

    @cached_property
    def _frame_rows(self):
        return [(r["cycle []"], r["half []"], i) for i, r in enumerate(self.result.frames.rows)]

    def frame(self, cycle, half):
        """The last stored frame of a half cycle, None where there is none."""
        hits = [i for c, h, i in self._frame_rows if c == cycle and h == half]
        return self.result.frames[hits[-1]] if hits else None

    def frames_of(self, cycle):
        """Indices of the frames of a cycle, with the one before it."""
        hits = [i for c, _, i in self._frame_rows if c == cycle]
        return [hits[0] - 1, *hits] if hits and hits[0] > 0 else hits

    @cached_property
    def states(self):
        """The states worth a picture, as (title, frame): lithiated and delithiated, first and last cycle."""
        found = [(f"{word}, cycle {c}", self.frame(c, half)) for c in self.shown_cycles
                 for word, half in (("Lithiated", LITHIATED), ("Delithiated", DELITHIATED))]
        found = [(title, frame) for title, frame in found if frame is not None]
        if not found:  # nothing has ended yet: where the run stands
            frame = self.result.frames[len(self.result.frames) - 1]
            found = [("Where the run stands", frame)]
        return found



def label(study, name):
    """How a chart names a phase: the first words of its material's title, or else its name in the study."""
    words = {n: re.split(r"[,;(]", material.title)[0].strip() for n, material in study.materials().items()}
    usable = 0 < len(words[name]) <= 16 and list(words.values()).count(words[name]) == 1
    return words[name] if usable else name


def formula(text, style="math"):
    """Digits that follow a letter as subscripts: "Mo6Se8" for matplotlib ("math") or for HTML ("html")."""
    return re.sub(r"(?<=[A-Za-z)])(\d+)", r"$_{\1}$" if style == "math" else r"<sub>\1</sub>", text)
