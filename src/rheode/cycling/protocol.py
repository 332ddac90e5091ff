"""The protocol of a study as half cycles and rests."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Half:
    """A stretch of the protocol: lithiation, delithiation or rest of a cycle, from x to x in a time [s]."""

    cycle: int
    kind: str
    start: float
    end: float
    duration: float

    def lithiation(self, fraction):
        """x after a fraction of the duration: the current is constant."""
        return self.start + (self.end - self.start) * fraction


def halves(cycling) -> list[Half]:
    """The half cycles and rests of a study's `cycling` section, in order.

    A C-rate is a current: `cycling.rate` is the change of x per second, so a half cycle over a
    smaller range of x is shorter.
    """
    found, x = [], cycling.start
    for cycle in range(1, cycling.cycles + 1):
        for kind, end, rest in (
            ("lithiation", cycling.lithiation, cycling.rest.lithiated),
            ("delithiation", cycling.delithiation, cycling.rest.delithiated),
        ):
            found.append(Half(cycle, kind, x, end, abs(end - x) / cycling.rate))
            if rest > 0:
                found.append(Half(cycle, "rest", end, end, rest))
            x = end
    return found
