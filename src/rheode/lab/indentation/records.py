"""What an indenter stores of one indent, whatever its file format, and what is done to it before any analysis.

Units throughout: um, mN, s, GPa (1 GPa is 1 mN/um^2), stiffness in mN/um, compliance in um/mN.
"""

from dataclasses import dataclass, field, replace

import numpy as np

SENTINEL = 1e99  # instruments write 1.8e308 where they have no value


def known(values) -> np.ndarray:
    """`values` as floats, nan where the instrument had none (blank, text, or beyond any measured quantity)."""
    out = np.array([value if isinstance(value, (int, float)) and not isinstance(value, bool) else np.nan for value in values], float)
    out[~(np.abs(out) < SENTINEL)] = np.nan
    return out


@dataclass(frozen=True)
class Indent:
    """One indent. Arrays have the shape (n,) and hold nan where there is no value.

    time [s]; depth into the surface [um]; load on the sample [mN]; stiffness: contact stiffness of the
    oscillation [mN/um], None without one. `drift`: rate of thermal drift that is already taken out of the depth
    [um/s] (nan: taken out at a rate that is not stated), None where the depth still contains it. `frame`:
    compliance already taken out of depth and stiffness [um/mN] (nan: one that is not stated), None where none was.
    `poisson`: of the sample, where the file states it. `window`: depths [um] that the instrument averaged over.
    `unloading`: shares of the load at the start of unloading between which the instrument took the stiffness.
    `columns`: the instrument's own results point by point ("hardness" [GPa], "modulus" [GPa], "reduced modulus"
    [GPa], "area" [um^2], "contact depth" [um]). `cycles`: likewise, a value a cycle of loading and unloading,
    with "load", "depth" and "stiffness".
    """

    name: str
    time: np.ndarray
    depth: np.ndarray
    load: np.ndarray
    stiffness: np.ndarray | None = None
    drift: float | None = None
    frame: float | None = None
    poisson: float | None = None
    window: tuple[float, float] | None = None
    unloading: tuple[float, float] | None = None
    columns: dict[str, np.ndarray] = field(default_factory=dict)
    cycles: dict[str, np.ndarray] = field(default_factory=dict)

    def whole(self) -> "Indent":
        """Only the points at which time, depth and load are all known."""
        kept = np.isfinite(self.time) & np.isfinite(self.depth) & np.isfinite(self.load)
        if kept.all():
            return self
        return replace(
            self, time=self.time[kept], depth=self.depth[kept], load=self.load[kept],
            stiffness=None if self.stiffness is None else self.stiffness[kept],
            columns={name: values[kept] for name, values in self.columns.items()},
        )  # fmt: skip


def without_drift(indent: Indent, rate: float) -> Indent:
    """The indent with drift at `rate` [um/s] taken out of its depth, once: unchanged where that was done before."""
    if indent.drift is not None:
        return indent
    return replace(indent, depth=indent.depth - rate * (indent.time - indent.time[0]), drift=rate)


def without_frame(indent: Indent, compliance: float) -> Indent:
    """The indent with a further `compliance` of the frame [um/mN] taken out of depth and stiffness."""
    if compliance == 0.0:
        return indent
    with np.errstate(divide="ignore"):
        stiffness = None if indent.stiffness is None else 1.0 / (1.0 / indent.stiffness - compliance)
    before = 0.0 if indent.frame is None else indent.frame
    return replace(indent, depth=indent.depth - compliance * indent.load, stiffness=stiffness, frame=before + compliance)
