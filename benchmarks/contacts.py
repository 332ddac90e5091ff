"""The two contact potentials on one electrode at low pressure: the same jammed mesh, the same load, numbers side by side.

    python benchmarks/contacts.py [--seeds 1] [--pressure "10 MPa"] [--out runs/contacts] [--page FILE] [--set KEY=VALUE ...]

se-60mse-pouch is jammed once a seed; with each potential it is then clamped and lithiated, and with the barrier also with
half the film and with shorter increments: what a packing without friction leaves to chance no two computations share. Printed
are the clamped state, x = 0.2 and x = 1. Changes that --set names hold for all.
"""

import argparse
from pathlib import Path

import numpy as np

from rheode import Result, Simulation, Study
from rheode.cycling import RunStopped
from rheode.cycling.jamming import jam
from rheode.result import ResultError

CONTACTS = {
    "third medium": ["mechanics.contact=third-medium"],
    "barrier": ["mechanics.contact=barrier"],
    "barrier, half the film": ["mechanics.contact=barrier", "mechanics.barrier.distance=5 nm"],
    "barrier, shorter increments": ["mechanics.contact=barrier", "stepping.largest_step=0.006"],
}
STATES = (0.0, 0.2, 1.0)
NUMBERS = {
    "porosity": ("porosity []", 1.0),
    "von Mises Se [GPa]": ("von Mises se mean [GPa]", 1.0),
    "von Mises Mo6Se8 [GPa]": ("von Mises mse mean [GPa]", 1.0),
    "Se with any, gap": ("contact se-any []", 1.0),
    "Mo6Se8 with any, gap": ("contact mse-any []", 1.0),
    "Se with any, pressure": ("contact se-any pressed []", 1.0),
    "Mo6Se8 with any, pressure": ("contact mse-any pressed []", 1.0),
    "pressure in the medium [MPa]": ("medium pressure mean [GPa]", 1e3),
}


class HalfWay(Exception):
    """The end of the first half cycle."""


def lithiate(study, mesh, folder):
    """{column: values} of the first lithiation of a study, clamped state first; of what is stored where it stopped."""

    def stop(progress):
        if progress.half == "delithiation":
            raise HalfWay

    try:
        history = Result(folder).history
        stored = Result(folder).study == study and "delithiation" in history["half []"]
    except ResultError:
        stored = False
    if not stored:
        try:
            Simulation(study, mesh=mesh, jammed=True).run(folder, callback=stop, overwrite=True)
        except HalfWay:
            pass
        except RunStopped as why:
            print(f"  {why}", flush=True)
        history = Result(folder).history
    up = history["half []"] != "delithiation"
    return {name: values[up] for name, values in history.items()}


def rows(seed, pressure, out, changes):
    base = [f"microstructure.seed={seed}", "cycling.cycles=1", f"walls.pressure={pressure}", *changes]
    mesh, found = None, {}
    for name, contact in CONTACTS.items():
        study = Study.load("se-60mse-pouch", [*base, *contact])
        if mesh is None:
            mesh = jam(study, Simulation(study).mesh)
        print(f"  seed {seed}, {name}", flush=True)
        found[name] = lithiate(study, mesh, out / f"{name.replace(', ', '-').replace(' ', '-')}-{seed}-{pressure.replace(' ', '')}")
    for x in STATES:
        for name, (column, scale) in NUMBERS.items():
            values = " | ".join(f"{_at(history, column, x) * scale:.4f}" for history in found.values())
            yield f"| {seed} | {x:g} | {name} | {values} |"
    yield f"| {seed} | | iterations | {' | '.join(str(int(h['newton iterations []'].sum())) for h in found.values())} |"
    yield f"| {seed} | | CPU s | {' | '.join(format(h['cpu time [s]'][-1], '.0f') for h in found.values())} |"


def _at(history, column, x):
    """A column at a lithiation, linear between increments; nan beyond the last."""
    return float(np.interp(x, history["lithiation []"], history[column], right=np.nan))


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--seeds", type=int, default=1)
    options.add_argument("--pressure", default="10 MPa")
    options.add_argument("--out", type=Path, default=Path("runs/contacts"))
    options.add_argument("--page", type=Path)
    options.add_argument("--set", action="append", default=[], dest="changes", metavar="KEY=VALUE")
    options = options.parse_args()
    head = f"| seed | x | | {' | '.join(CONTACTS)} |\n|{' --- |' * (3 + len(CONTACTS))}"
    lines = [head]
    for seed in range(1, options.seeds + 1):
        lines += rows(seed, options.pressure, options.out, options.changes)
    print("\n".join(lines))
    if options.page:
        options.page.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
