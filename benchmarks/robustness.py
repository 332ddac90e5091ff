"""Does it come through?  Ten packings, three kinds of walls, one full cycle each to dV = 0.98.

    python benchmarks/robustness.py [--seeds 10] [--out runs/robustness] [--page docs/robustness.md]

Prints a table with the increments, cutbacks, iterations and time of each run; a run that
stops early stays in the table with the reason.  Runs that are complete in the folder are
not computed again.
"""

import argparse
import shutil
from pathlib import Path

from rheode import Result, Simulation, Study
from rheode.cycling import RunStopped, resume
from rheode.result import RecordError, ResultError

WALLS = {
    "rigid": ["walls={kind: rigid}", "cycling.delithiation=0"],
    "10 MPa": ["walls={kind: pressure, pressure: 10 MPa}"],
    "100 MPa": [],
}
PAGE = """# Robustness: packings against walls

Ten packings of `se-60mse` (28 particles, about 10 000 unknowns, seeds 1 to 10) between three kinds of walls, one
full cycle each: x from 0 to 1 (dV = 0.98) and back to 0.22, in the rigid box back to 0. Made by
`python benchmarks/robustness.py --page docs/robustness.md`; CPU seconds are of a busy two-core machine.

{ended} of {runs} runs end. *Failed* counts increments that had to be tried again with a smaller step; the largest von
Mises stress is a point value in the framework, at contacts of discs, and grows with refinement; det F is the
smallest volume ratio in a particle.

"""

HEAD = (
    "| walls | seed | ended | increments | failed | iterations | per increment | CPU s | "
    "largest von Mises Mo6Se8 [GPa] | porosity at x = 1 | smallest det F |\n|" + " --- |" * 11
)


def carry_out(seed, walls, folder):
    study = Study.load("se-60mse", ["cycling.cycles=1", f"microstructure.seed={seed}", *WALLS[walls]])
    try:
        done = Result(folder)
        if done.complete and done.study == study:
            return done, "yes"
        if done.study == study:
            return resume(folder), "yes"
    except (RecordError, ResultError):
        shutil.rmtree(folder, ignore_errors=True)
    except RunStopped as stop:
        return Result(folder), str(stop)
    try:
        return Simulation(study).run(folder, overwrite=True), "yes"
    except RunStopped as stop:
        return Result(folder), str(stop)


def line(seed, walls, result, ended):
    h = result.history
    iterations, increments = int(h["newton iterations []"].sum()), len(h["time [s]"]) - 1
    lithiated = abs(h["lithiation []"] - 1).argmin()
    return (
        f"| {walls} | {seed} | {ended} | {increments} | {int(h['cutbacks []'].sum())} | {iterations} | "
        f"{iterations / max(increments, 1):.1f} | {h['cpu time [s]'][-1]:.0f} | {h['von Mises mse max [GPa]'].max():.2f} | "
        f"{h['porosity []'][lithiated]:.4f} | {h['smallest det F []'].min():.3f} |"
    )


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--seeds", type=int, default=10)
    options.add_argument("--out", type=Path, default=Path("runs/robustness"))
    options.add_argument("--page", type=Path)
    options = options.parse_args()
    lines = [HEAD]
    print(HEAD, flush=True)
    for walls in WALLS:
        for seed in range(1, options.seeds + 1):
            folder = options.out / f"{walls.replace(' ', '')}-{seed}"
            lines.append(line(seed, walls, *carry_out(seed, walls, folder)))
            print(lines[-1], flush=True)
    if options.page:
        ended = sum("| yes |" in text for text in lines)
        page = PAGE.format(ended=ended, runs=len(lines) - 1) + "\n".join(lines) + "\n"
        options.page.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
