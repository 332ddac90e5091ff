"""Plating and stripping of lithium: nucleation overpotential and plating efficiency.

As Sung et al. measure them (lithium silicide interlayer, Fig. 3): the nucleation overpotential is the bottom of the dip
against the plateau behind it; the plating efficiency is what is stripped by what was plated, without the charge that an
interlayer took up by alloying.
"""

from dataclasses import dataclass, replace

import numpy as np

from .analysis import Analysis, LabError, Value
from .cycling import Cycles, Electrode, error_of_mean, profile
from .signals import noise

STEADY = 0.02  # relative: the current while the dip and the plateau are looked for
ALLOYED = 0.0  # V against lithium: what passes above it alloys, what passes below it plates
EARLY = 0.2  # of the plating charge: the dip lies in it
STANDS_OUT = 6.0  # standard deviations: a dip is one once the voltage has risen by so many
SMOOTH = 5  # records of the moving mean in which dips are looked for
GROWTH = 1.6  # each stretch behind the dip is longer than the one before by this factor
RECOVERED = 0.8  # of the depth of the dip: a stretch that has come back so far may be the plateau
FLAT = 0.002  # of the depth of the dip: what the two stretches behind a plateau may be higher, besides the noise
SHARP = 0.4  # of the noise: the standard error of the bottom at which its window need not be wider
FITTING = 0.5  # how much more than the noise, in its own standard errors, a fit's residuals may be
EXTREME = 3.5  # standard deviations: how far the lowest record may lie below the curve through the others
WINDOW = 0.5  # of the noise: what the choice of the window may move the bottom


@dataclass(frozen=True)
class Nucleation:
    """The dip and the plateau of a plating curve: V with standard uncertainties; `dip_at`, `plateau_at`: time [s]; `drift`
    of the plateau [V/h]; `flat`: whether the voltage settled before the plating ended."""

    dip: float
    dip_error: float
    dip_at: float
    plateau: float
    plateau_error: float
    plateau_at: tuple[float, float]
    drift: float
    flat: bool

    @property
    def overpotential(self):
        """V, positive."""
        return self.plateau - self.dip

    @property
    def error(self):
        return float(np.hypot(self.dip_error, self.plateau_error))


def nucleation(time, voltage) -> Nucleation | None:
    """Dip and plateau from time [s] (n,) and voltage [V] (n,) of plating at one current, falling first; None without a dip.

    The bottom is that of a parabola or a cubic through the records around the lowest one: as many as fit it, and no more
    than its standard error needs to be well below the noise (the lowest record itself would be too low by the noise). The
    plateau begins with the first stretch behind the dip from which the voltage rises no further; stretches grow with the
    distance from the dip, so that its time scale need not be known. It ends where the voltage begins to differ.
    """
    time, voltage = np.asarray(time, float), np.asarray(voltage, float)
    if len(time) < 4 * SMOOTH:
        return None
    sigma = max(noise(voltage), 1e-9)
    lowest = _dip(voltage, sigma)
    if lowest is None:
        return None
    dip, dip_error, dip_at = _bottom(time, voltage, lowest, sigma)
    dip_error = float(np.hypot(dip_error, WINDOW * sigma))
    found = _plateau(time[lowest:] - dip_at, voltage[lowest:], sigma)
    if found is None:
        return None
    plateau, error, (begin, end), drift, flat = found
    return Nucleation(dip, dip_error, dip_at, plateau, error, (dip_at + begin, dip_at + end), drift * 3600, flat)


def _dip(voltage, sigma):
    """Index of the lowest record of the deepest early dip, None where the voltage never turns up."""
    smooth = np.convolve(voltage, np.full(SMOOTH, 1 / SMOOTH), "valid")
    stands_out = STANDS_OUT * sigma / np.sqrt(SMOOTH)
    early = max(int(EARLY * len(smooth)), 2 * SMOOTH)
    best, lowest, low = None, 0, np.inf
    for i, value in enumerate(smooth.tolist()):
        if value < low:
            if i >= early:
                break
            lowest, low = i, value
        elif value - low > stands_out and (best is None or low < smooth[best]):
            best = lowest
            if i >= early:
                break
    if best is None:
        return None
    # A sharp dip is smeared by the mean: the lowest record near its bottom.
    near = slice(max(best - SMOOTH, 0), best + 2 * SMOOTH)
    return near.start + int(np.argmin(voltage[near]))


def _bottom(time, voltage, lowest, sigma):
    """(lowest voltage, its standard error, its time): of a curve in the narrowest window that is sure enough.

    The window may lie to the right of the lowest record alone, where the fall before it is a jump.
    """
    best = (voltage[lowest], sigma, time[lowest])
    sizes = np.unique(np.round(np.geomspace(1, 400, 24)).astype(int))
    for left, right in sorted(((int(left), int(right)) for left in (0, *sizes) for right in sizes), key=sum):
        first, last = lowest - left, lowest + right + 1
        if first < 0 or last > len(time):
            continue
        at, held = (time[first:last] - time[lowest]) / (time[last - 1] - time[first]), voltage[first:last]
        fine = np.linspace(at[0], at[-1], 201)
        if left:  # the lowest record was chosen for its noise
            at, held = np.delete(at, left), np.delete(held, left)
        for degree in (2, 3):
            free = len(at) - degree - 1
            if free < 2:
                continue
            design = np.vander(at, degree + 1)
            inverse = np.linalg.inv(design.T @ design)
            curve = inverse @ (design.T @ held)
            residual = np.sqrt(np.sum((held - design @ curve) ** 2) / free)
            if residual > sigma * (1 + FITTING / np.sqrt(2 * free)):
                continue
            if voltage[lowest] < curve[-1] - EXTREME * sigma:  # no noise but a cusp
                continue
            i = int(np.argmin(np.polyval(curve, fine)))
            if i == len(fine) - 1 or (i == 0 and left):  # it still falls at the window's edge
                continue
            row = np.vander(fine[i : i + 1], degree + 1)[0]
            error = sigma * np.sqrt(row @ inverse @ row)
            if error < best[1]:
                best = (float(row @ curve), float(error), float(time[lowest] + fine[i] * (time[last - 1] - time[first])))
            break
        if best[1] <= SHARP * sigma:
            break
    return best


def _plateau(after, voltage, sigma):
    """(voltage, its standard error, (begin, end), drift [V/s], whether it is flat) behind a dip at 0; None if it ends at once."""
    edge = 3 * np.median(np.diff(after))
    stretches = []
    while edge < after[-1]:
        inside = (after >= edge) & (after < GROWTH * edge)
        edge *= GROWTH
        if np.count_nonzero(inside) >= 3:
            stretches.append((voltage[inside].mean(), sigma / np.sqrt(np.count_nonzero(inside)), after[inside][[0, -1]]))
    if len(stretches) < 3:
        return None
    means = np.array([mean for mean, *_ in stretches])
    errors = np.array([error for _, error, _ in stretches])
    low = voltage[: np.searchsorted(after, stretches[0][2][0]) + 1].min()
    depth = means.max() - low
    up = np.flatnonzero(means > low + RECOVERED * depth)
    rise = [max((means[j] - means[i] - 2 * np.hypot(errors[i], errors[j]) for j in range(i + 1, min(i + 3, len(means)))), default=0.0) for i in up]
    settled = [i for i, more in zip(up, rise) if more <= FLAT * depth]
    # The last stretch has none behind it to compare with.
    flat = bool(settled) and settled[0] < len(means) - 1
    first = last = settled[0] if flat else up[int(np.argmin(rise[:-1]))] if len(up) > 1 else up[-1]
    while flat and last + 1 < len(means):
        weight = 1 / errors[first : last + 1] ** 2
        mean = np.sum(weight * means[first : last + 1]) / weight.sum()
        if abs(means[last + 1] - mean) > 2 * np.hypot(errors[last + 1], 1 / np.sqrt(weight.sum())):
            break
        last += 1
    begin, end = stretches[first][2][0], stretches[last][2][1]
    inside = (after >= begin) & (after <= end)
    drift = float(np.polyfit(after[inside] - begin, voltage[inside], 1)[0])
    error = sigma / np.sqrt(np.count_nonzero(inside))
    # A plateau that never was flat is known no better than it moved meanwhile.
    return float(voltage[inside].mean()), float(error if flat else np.hypot(error, drift * begin)), (float(begin), float(end)), drift, flat


def plating(made: Cycles, cell_area=None, alloying=None, until=None, plates="discharge", zero=ALLOYED) -> Analysis:
    """Nucleation overpotential and plating efficiency of every cycle that plates.

    plates: the direction of the current that plates ("discharge" where the plated side is the working electrode; with
    "charge" the sign of the voltage is turned round as well); alloying: charge [mAh] that the first lithiation alloys, by
    default what passes above `zero` [V] before plating begins, in every cycle; until: only what is stripped up to this
    voltage [V] counts, by default all. Raises LabError where no cycle plates.
    """
    strips = "charge" if plates == "discharge" else "discharge"
    sign = 1.0 if plates == "discharge" else -1.0
    unscaled = replace(made, electrode=Electrode())  # in mAh
    rows, curves, notes = [], [], list(made.notes)
    for number in made.numbers.tolist():
        halves = profile(unscaled, number)
        if plates not in halves:
            continue
        half = halves[plates]
        capacity, voltage = half.capacity, sign * half.voltage
        below = np.flatnonzero(voltage < zero)
        if not len(below):
            continue
        begin = int(below[0])
        alloyed = float(capacity[begin - 1]) if begin else 0.0
        if alloying is not None:
            alloyed = alloying if not rows else 0.0
        plated = float(capacity[-1]) - alloyed
        stripped = np.nan
        if strips in halves:
            back = halves[strips]
            stripped = float(np.diff(back.capacity, prepend=0.0)[sign * back.voltage <= until].sum() if until is not None else back.capacity[-1])
        current = np.abs(half.current)
        steady = np.abs(current - np.median(current[begin:])) <= STEADY * current
        steady[:begin] = False
        found = nucleation(half.time[steady], voltage[steady])
        rows.append({"cycle": number, "plated [mAh]": plated, "alloyed [mAh]": alloyed, "stripped [mAh]": stripped, "efficiency [%]": 100 * stripped / plated if plated > 0 else np.nan,
                     "overpotential [mV]": np.nan if found is None else 1e3 * found.overpotential, "u(overpotential) [mV]": np.nan if found is None else 1e3 * found.error,
                     "dip [mV]": np.nan if found is None else 1e3 * found.dip, "plateau [mV]": np.nan if found is None else 1e3 * found.plateau,
                     "drift of the plateau [mV/h]": np.nan if found is None else 1e3 * found.drift})  # fmt: skip
        if cell_area:
            rows[-1] |= {f"{name} [mAh/cm2]": rows[-1][f"{name} [mAh]"] / cell_area for name in ("plated", "alloyed", "stripped")}
        if found is not None and not found.flat:
            notes.append(f"cycle {number}: the voltage did not settle behind the dip; the plateau is where it changed least")
        if len(curves) < 3:
            curves.append({"cycle": number, "capacity": capacity, "voltage": voltage, "time": half.time, "found": found, "begin": begin,
                           "stripped": (halves[strips].capacity, sign * halves[strips].voltage) if strips in halves else None})  # fmt: skip
    if not rows:
        raise LabError(f"{made.recording.path}: the voltage never falls below {zero:g} V while the cell {plates}s: nothing is plated; say with --plates which current plates, or with --zero below which voltage")
    table = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    first = rows[0]
    values = {}
    if np.isfinite(first["overpotential [mV]"]):
        values[f"nucleation overpotential, cycle {first['cycle']}"] = Value(first["overpotential [mV]"], "mV", first["u(overpotential) [mV]"])
    else:
        notes.append(f"cycle {first['cycle']}: no dip is seen: the voltage does not rise again by {STANDS_OUT:g} standard deviations of its noise, or the plating is too short")
    if np.isfinite(first["efficiency [%]"]):
        values[f"plating efficiency, cycle {first['cycle']}"] = Value(first["efficiency [%]"], "%")
    over = [str(row["cycle"]) for row in rows if row["efficiency [%]"] > 100.0]
    if over and until is None:
        notes.append(f"cycle{'s' if len(over) > 1 else ''} {', '.join(over[:4])}{' ...' if len(over) > 4 else ''}: more is stripped than was plated: an alloy gives back its lithium as well; --until takes only what is stripped up to a voltage")
    later = table["efficiency [%]"][1:][np.isfinite(table["efficiency [%]"][1:])]
    if len(later):
        values["mean plating efficiency of the later cycles"] = Value(float(later.mean()), "%", error_of_mean(later))
    choices = made.choices | {
        "plating": f"{plates} below {zero:g} V against lithium",
        "alloying": f"{alloying:.6g} mAh in the first cycle, as given" if alloying is not None else f"charge that passes above {zero:g} V before plating begins",
        "stripping": f"charge up to {until:g} V" if until is not None else "all charge of the half",
        "efficiency": "stripped / (all that passed - alloyed)",
        "dip": f"bottom of a parabola or cubic in the narrowest window with a standard error of {SHARP:g} of the noise; in the first {100 * EARLY:g} % of the plating",
        "plateau": f"mean from the first stretch behind the dip from which the voltage rises no further (by {100 * FLAT:g} % of the dip and twice the standard error) to where it differs; stretches grow by {GROWTH:g}",
    }
    if cell_area:
        choices["area"] = f"{cell_area:.6g} cm2"
    return Analysis("plating", values, {"plating": table}, choices, notes, curves={"curves": curves, "area": cell_area, "plates": plates})

