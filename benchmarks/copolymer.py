"""The copolymer's law beside the printed tests it was fitted to; the numbers and the figure of docs/viscoelastic.md.

    python benchmarks/copolymer.py [--figure docs/viscoelastic.png]

Needs half a minute. Everything comes from the five figures that Pan et al. 2024 print (`rheode.lab.viscoelastic.PAN_2024`).
"""

import argparse
from pathlib import Path

import numpy as np

from rheode.lab.viscoelastic import PAN_2024, fit_printed, parts, reproduced
from rheode.mechanics.point import Bar, follow
from rheode.report import style

EXPONENTS = (1.0, 1.5, 2.0, 3.0, 5.0, 10.0)
ROWS = ("strength", "energy lost, loop 1", "loss coefficient, loop 1", "energy lost, loop 2", "loss coefficient, loop 2")
UNITS = ("MPa", "MJ/m³", "", "MJ/m³", "")
DIGITS = (1, 1, 2, 1, 2)  # as printed
LAW, NETWORK, SECOND = style.ROLES["electrolyte"][0], style.QUIET, style.RUNS[1]


def by_exponent():
    """(exponent, fit, the printed figures by it) for dashpots of several exponents."""
    fits = [(n, fit_printed(PAN_2024, exponent=n)) for n in EXPONENTS]
    return [(n, rubber, reproduced(rubber.p, rubber.seen, PAN_2024, exponent=n)[0]) for n, rubber in fits]


def recovery(rubber, minutes=(0, 1, 5, 10, 20)):
    """Strain left so many minutes after the grips have come home from the first loop, and stress of the network held at 400 %."""
    bar, ramp = Bar(parts(rubber.p, rubber.seen)), np.linspace(0, PAN_2024.height, 401)[1:]
    for strain in [*ramp, *(ramp[-1] - ramp)]:
        bar.pull(1 + strain, ramp[0] / PAN_2024.rate, 1)
    left = [float(np.exp(bar.length[0]) - 1)]
    for before, after in zip(minutes, minutes[1:]):
        for _ in range(100):
            bar.pull(1.0, 0.6 * (after - before), 1)
        left.append(float(np.exp(bar.length[0]) - 1))
    return dict(zip(minutes, left))


def draw(rubber, path):
    with style.look():
        fig = style.figure(style.DOUBLE, 62 * style.MM)
        whole, loops, beside = fig.subplots(1, 3, width_ratios=(1.1, 1.1, 1.0))
        laws = parts(rubber.p, rubber.seen)

        style.title(whole, "a", "Pulled to break")
        time, strain = PAN_2024.pull(400)
        stress, network = (follow(some, time, 1 + strain)[0][0] for some in (laws, laws[:1]))
        whole.plot(100 * strain, stress, color=LAW)
        whole.plot(100 * strain, network, color=NETWORK, lw=0.9, ls="--")
        _printed(whole, 100 * PAN_2024.breaks, *PAN_2024.strength)
        whole.annotate("printed", (100 * PAN_2024.breaks, 1.7), (-8, 4), textcoords="offset points", ha="right", fontsize=7)
        whole.text(330, 0.52, "at 100 mm/min", color=LAW, fontsize=7)
        whole.text(560, 0.12, "at rest: the network", color=NETWORK, fontsize=7)
        whole.set(xlabel="Nominal strain (%)", ylabel="Nominal stress (MPa)", xlim=(0, 1230), ylim=(0, 2.0))

        style.title(loops, "b", "Loops to 400 %")
        time, strain = PAN_2024.loops(2, 400)
        stress = follow(laws, time, 1 + strain, sense=1)[0][0]
        first = 2 * 400 + 1
        loops.plot(100 * strain[:first], stress[:first], color=LAW)
        loops.plot(100 * strain[first:], stress[first:], color=SECOND)
        loops.text(140, 0.545, "first", color=LAW, fontsize=7)
        loops.text(150, 0.28, "after 5 min of rest", color=SECOND, fontsize=7)
        loops.set(xlabel="Nominal strain (%)", ylabel="Nominal stress (MPa)", xlim=(0, 410), ylim=(0, 0.75))

        style.title(beside, "c", "Printed and computed")
        _, values, u = PAN_2024.figures()
        law = reproduced(rubber.p, rubber.seen, PAN_2024)[0]
        for row, (value, spread, found) in enumerate(zip(values, u, law)):
            beside.plot([1 - spread / value, 1 + spread / value], [row, row], color=style.FAINT, lw=5, solid_capstyle="butt", zorder=1)
            beside.plot(1, row, **style.open_marker(style.INK))
            beside.plot(found / value, row, "o", color=LAW, ms=3.2, zorder=7)
            beside.text(0.80, row - 0.36, ROWS[row], fontsize=7, va="center")
            beside.text(1.20, row - 0.36, f"{value:.{DIGITS[row]}f} {UNITS[row]}".strip(), fontsize=7, ha="right", va="center", color=style.QUIET)
        beside.set(xlim=(0.80, 1.20), ylim=(4.6, -0.8), xlabel="Law over printed value", yticks=[])
        beside.set_xticks([0.8, 0.9, 1.0, 1.1, 1.2])
        beside.spines["left"].set_visible(False)
        style.settle(fig)
        fig.savefig(path, dpi=200)


def _printed(ax, x, y, u):
    ax.errorbar(x, y, yerr=u, color=style.INK, lw=0.8, zorder=5)
    ax.plot(x, y, **style.open_marker(style.INK))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--figure", type=Path)
    chosen = parser.parse_args().figure
    fits = by_exponent()
    rubber = fits[0][1]
    print("| | printed | law |\n|---|---|---|")
    for row, unit, value, u, found in zip(ROWS, UNITS, *PAN_2024.figures()[1:], fits[0][2]):
        print(f"| {row} | {value:g} ± {u:.2g} {unit} | {found:.3f} |")
    print("\n| parameter | value | 95 % interval |\n|---|---|---|")
    for name, value in rubber.values().items():
        print(f"| {name} | {value.value:.4g} {value.unit} | {value.interval[0]:.3g} to {value.interval[1]:.3g} |")
    print("\n| exponent of the dashpot | network modulus (kPa) | limit stretch | misfit (sum of squares) |\n|---|---|---|---|")
    for n, each, _ in fits:
        print(f"| {n:g} | {1e3 * each.network:.1f} | {each.limit:.1f} | {(each.residuals**2).sum():.2f} |")
    print("\nstrain left:", ", ".join(f"{minutes} min {100 * left:.3g} %" for minutes, left in recovery(rubber).items()))
    if chosen:
        draw(rubber, chosen)


if __name__ == "__main__":
    main()
