"""What every analysis of indents begins with: constants chosen and stated, drift and frame taken out once."""

from dataclasses import dataclass, field, replace

import numpy as np

from ..analysis import LabError
from .instrument import Conventions, constants_of, conventions_of, tip_of
from .oliver_pharr import Constants, Tip
from .records import Indent, without_drift, without_frame
from .segments import cycles, drift_hold

NM_S = 1e-3  # um/s in a nm/s
SETTLED = 0.2  # share of the hold for drift that is left out at its beginning, where the sample still recovers


@dataclass(frozen=True)
class Wanted:
    """What the user asked for; None: as the instrument did it where the file tells, else the default.

    tip: coefficients; beta, epsilon, poisson, indenter_modulus [GPa], indenter_poisson; load_at, stiffness_at, window:
    see `Conventions`; drift: "auto", "none" or a rate [um/s]; frame: compliance to take out in addition [um/mN].
    """

    tip: tuple[float, ...] | None = None
    beta: float | None = None
    epsilon: float | None = None
    poisson: float | None = None
    indenter_modulus: float | None = None
    indenter_poisson: float | None = None
    load_at: str | None = None
    stiffness_at: str | None = None
    window: tuple[float, float] | None = None
    drift: str | float = "auto"
    frame: float = 0.0


@dataclass(frozen=True)
class Prepared:
    """Indents with drift and frame taken out, and everything that hardness and modulus need; `choices` says it in words.

    own_windows: each unloading is fitted where the instrument fitted it; drift: (rate, standard error) [um/s] that
    remains in the hold at small load, by name.
    """

    indents: list[Indent]
    tip: Tip
    constants: Constants
    conventions: Conventions
    choices: dict
    notes: list[str] = field(default_factory=list)
    own_windows: bool = False
    drift: dict[str, tuple[float, float]] = field(default_factory=dict)


def prepare(indents: list[Indent], wanted: Wanted = Wanted()) -> Prepared:
    """`indents` made ready for analysis. Raises LabError where a constant is out of its range."""
    constants, origin = constants_of(indents, Constants())
    stated = {name: getattr(wanted, name) for name in vars(constants) if getattr(wanted, name) is not None}
    constants = replace(constants, **stated)
    _check(constants, wanted)
    tip, tip_origin = Tip(), "ideal Berkovich pyramid; no tip was given and the file has none"
    if wanted.tip is not None:
        tip, tip_origin = Tip(wanted.tip), "given"
    elif (own := tip_of(indents)) is not None:
        tip, tip_origin = own, "follows from the instrument's own contact depths and areas"
    conventions, followed = conventions_of(indents, Conventions())
    picked = {name: getattr(wanted, name) for name in vars(conventions) if getattr(wanted, name) is not None}
    conventions = replace(conventions, **picked)
    corrected, drift, said = _without_drift(indents, wanted.drift)
    notes = []
    if tip_origin.startswith("ideal"):
        notes.append("The tip is taken as an ideal Berkovich pyramid (A = 24.5 h^2); real tips are blunt: give --tip, or calibrate on fused silica with --calibrate.")

    def whence(name):
        return "given" if name in stated else origin.get(name, "default")

    choices = {
        "tip": tip.written(), "tip from": tip_origin,
        "beta": constants.beta, "beta from": whence("beta"), "epsilon": constants.epsilon, "epsilon from": whence("epsilon"),
        "Poisson's ratio": constants.poisson, "Poisson's ratio from": whence("poisson"),
        "indenter modulus [GPa]": constants.indenter_modulus, "indenter Poisson's ratio": constants.indenter_poisson,
        "load of hardness": conventions.load_at, "stiffness of unloading": conventions.stiffness_at,
        "unloading fitted between": f"{100 * max(conventions.window):.4g} % and {100 * min(conventions.window):.4g} % of the load at its start",
        "conventions from": "given" if picked else "the instrument's own results" if followed else "default",
        "thermal drift": said, "frame compliance": _frame(indents, wanted.frame),
    }  # fmt: skip
    return Prepared([without_frame(indent, wanted.frame) for indent in corrected], tip, constants, conventions, choices, notes, followed and not picked, drift)


def drift_rate(indent: Indent) -> tuple[float, float] | None:
    """(rate of thermal drift, its standard error) [um/s] in the hold after the last unloading; None without such a hold."""
    parts = cycles(indent.time, indent.load, indent.depth)
    hold = drift_hold(indent.time, indent.load, parts[-1].held) if parts else None
    if hold is None:
        return None
    time, depth = indent.time[hold], indent.depth[hold]
    later = time >= time[0] + SETTLED * (time[-1] - time[0])
    time, depth = time[later] - time[later].mean(), depth[later]
    if time.size < 5:
        return None
    slope = time @ depth / (time @ time)
    off = depth - depth.mean() - slope * time
    return float(slope), float(np.sqrt(off @ off / (time.size - 2) / (time @ time)))


def _without_drift(indents, how):
    """(indents with drift taken out, the drift that remains in each by name, what was done in words)."""
    measured = {indent.name: rate for indent in indents if (rate := drift_rate(indent)) is not None}
    done = [indent for indent in indents if indent.drift is not None]
    if how == "none":
        made, said = list(indents), "not corrected, as asked for"
        if done:
            said = "corrected by the instrument already; nothing further was asked for"
    elif how == "auto":
        made = [without_drift(indent, measured[indent.name][0]) if indent.name in measured else indent for indent in indents]
        here = sum(indent.drift is None and indent.name in measured for indent in indents)
        said = f"taken out once, at the rate in the hold at small load ({here} of {len(indents)} indents)" if here else "not corrected: the file has no hold that would tell it"
    else:
        made = [without_drift(indent, how) for indent in indents]
        said = f"taken out once, at the given {how / NM_S:.4g} nm/s"
    if len(done) == len(indents) and how != "none":
        rates = np.array([indent.drift for indent in done])
        known = np.isfinite(rates).all()
        said = "corrected by the instrument already" + (f" ({rates.min() / NM_S:.3g} to {rates.max() / NM_S:.3g} nm/s)" if known else "") + "; not applied again"
    elif done and how != "none":
        said += f"; {len(done)} of {len(indents)} indents were corrected by the instrument already and are left as they are"
    left = {indent.name: drift_rate(indent) for indent in made}
    return made, {name: rate for name, rate in left.items() if rate is not None}, said


def _frame(indents, further):
    frames = [indent.frame for indent in indents]
    if all(frame is None for frame in frames):
        said = "none taken out by the instrument"
    elif all(frame is not None and np.isfinite(frame) for frame in frames):
        said = f"{1000 * np.mean(frames):.4g} nm/mN taken out by the instrument"
    else:
        said = "taken out by the instrument (value not stated)"
    return f"{said}; {1000 * further:.4g} nm/mN in addition" if further else f"{said}; none in addition"


def _check(constants, wanted):
    """Refuse constants with which nothing could be computed. Raises LabError."""
    if not 0.9 <= constants.beta <= 1.3:
        raise LabError(f"--beta: got {constants.beta:g}; a number from 0.9 to 1.3, for a Berkovich pyramid 1 to 1.034")
    if not 0.5 <= constants.epsilon <= 1.0:
        raise LabError(f"--epsilon: got {constants.epsilon:g}; a number from 0.5 to 1, usually 0.75")
    for option, value in (("--poisson", constants.poisson), ("--indenter-poisson", constants.indenter_poisson)):
        if not 0.0 <= value < 0.5:
            raise LabError(f"{option}: got {value:g}; a number from 0 to 0.5")
    if not constants.indenter_modulus > 0.0:
        raise LabError(f"--indenter-modulus: got {constants.indenter_modulus:g} GPa; a modulus above 0, for diamond 1141 GPa")
    if wanted.tip is not None and (not 1 <= len(wanted.tip) <= 9 or not np.isfinite(wanted.tip).all() or not any(wanted.tip)):
        raise LabError(f"--tip: got {len(wanted.tip)} numbers; C0 to C8 of the area function for depths in nm, such as \"24.5, 300\"")
    if wanted.window is not None and not 1.0 >= wanted.window[0] > wanted.window[1] > 0.0:
        raise LabError(f"--unloading: got {wanted.window[0]:g}, {wanted.window[1]:g}; two shares of the load, the larger first, such as 0.95,0.5")
