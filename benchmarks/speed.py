"""Speed and accuracy of se-60mse: wall and CPU seconds, iterations, failed increments, energy balance, error of the increments.

    python benchmarks/speed.py [--cycles 20] [--reference 3] [--out runs/speed]

Runs se-60mse for so many cycles and prints what a cycle costs and how its energy balance closes. With --reference the
first cycles are run again with a quarter of every increment (largest_step, first_step and creep_tolerance), and every
number of cycles.csv at the ends of half cycles is compared. Complete runs in the folder are not run again, but
then their times are those of the machine as it was.
"""

import argparse
from pathlib import Path

import numpy as np

from rheode import Result, Simulation, Study
from rheode.result import ResultError

# Columns that are no results of the model.
ABOUT_THE_RUN = ("cycle []", "half []", "newton", "cutbacks", "wall time", "cpu time", "increment")


def run(folder, changes):
    """The run in the folder, made where it is not complete."""
    try:
        if (result := Result(folder)).complete:
            return result
    except ResultError:
        pass
    return Simulation(Study.load("se-60mse", changes)).run(folder, overwrite=True)


def cost(history):
    """{name: number} of a run."""
    cycling = history["cycle []"] > 0
    iterations, cutbacks = history["newton iterations []"][cycling], history["cutbacks []"][cycling]
    return {
        "wall s": history["wall time [s]"][-1],
        "CPU s": history["cpu time [s]"][-1],
        "cycles a minute": 60 * history["cycle []"].max() / history["wall time [s]"][-1],
        "increments": int(cycling.sum()),
        "iterations per increment": iterations.mean(),
        "failed increments %": 100 * cutbacks.sum() / (cycling.sum() + cutbacks.sum()),
    }


def balance(history):
    """By cycle, what work of the walls and chemical work leave unaccounted for, as a share of the chemical work's turnover."""
    into = ("wall work [GPa um2]", "chemical work [GPa um2]")
    out = [f"{kind} [GPa um2]" for kind in ("elastic energy", "creep dissipation", "medium energy", "drag dissipation", "reset dissipation", "friction dissipation")]
    rest = sum(history[name] for name in into) - sum(history[name] for name in out if name in history)
    shares = []
    for cycle in range(1, int(history["cycle []"].max()) + 1):
        rows = np.flatnonzero(history["cycle []"] == cycle)
        rows = np.concatenate([[rows[0] - 1], rows])
        turnover = np.abs(np.diff(history["chemical work [GPa um2]"][rows])).sum()
        shares.append((rest[rows[-1]] - rest[rows[0]]) / turnover)
    return np.array(shares)


def errors(cycles, reference):
    """{column: largest deviation at the ends of half cycles, relative to the reference}, the worst first."""
    n = min(len(cycles["cycle []"]), len(reference["cycle []"]))
    found = {}
    for name, values in reference.items():
        if values.dtype.kind != "f" or name.startswith(ABOUT_THE_RUN) or name not in cycles:
            continue
        a, b = cycles[name][:n], values[:n]
        known = np.isfinite(a) & np.isfinite(b) & (np.abs(b) > 1e-3 * np.nanmax(np.abs(b), initial=0.0))
        if known.any():
            found[name] = float(np.abs(a[known] / b[known] - 1).max())
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--cycles", type=int, default=20)
    options.add_argument("--reference", type=int, default=0, help="cycles of the run with a quarter of every increment")
    options.add_argument("--out", type=Path, default=Path("runs/speed"))
    options = options.parse_args()
    result = run(options.out / f"cycles-{options.cycles}", [f"cycling.cycles={options.cycles}"])
    print("  ".join(f"{name} {value:.4g}" for name, value in cost(result.history).items()))
    shares = balance(result.history)
    print(f"energy unaccounted for in a cycle, by the turnover of chemical work: {100 * np.abs(shares).max():.2g} % at most, {100 * shares.mean():.2g} % on average")
    if options.reference:
        steps = result.study.stepping
        by = {"largest_step": 4, "first_step": 4, "creep_tolerance": 16}  # an error of second order goes with the square of the length
        changes = [f"stepping.{name}={getattr(steps, name) / share!r}" for name, share in by.items()]
        fine = run(options.out / f"quarter-{options.reference}", [f"cycling.cycles={options.reference}", *changes])
        print("  ".join(f"{name} {value:.4g}" for name, value in cost(fine.history).items()))
        for name, error in errors(result.cycles, fine.cycles).items():
            print(f"{100 * error:7.2f} %  {name}")


if __name__ == "__main__":
    main()
