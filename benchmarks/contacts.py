"""The two contact potentials on one electrode at low pressure: the same jammed mesh, the same load, numbers side by side.

    python benchmarks/contacts.py [--seeds 1] [--pressure "10 MPa"] [--out runs/contacts] [--page FILE] [--set KEY=VALUE ...]

se-60mse-pouch is jammed once a seed; with each potential it is then clamped and lithiated. Printed are the clamped state,
x = 0.2 and x = 1, and the medium's number over the barrier's. Changes that --set names hold for both.
"""

import argparse
from pathlib import Path

import numpy as np

from rheode import Result, Simulation, Study
from rheode.cycling import RunStopped
from rheode.cycling.jamming import jam
from rheode.result import ResultError

CONTACTS = ("barrier", "third-medium")
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
    for contact in CONTACTS:
        study = Study.load("se-60mse-pouch", [*base, f"mechanics.contact={contact}"])
        if mesh is None:
            mesh = jam(study, Simulation(study).mesh)
        print(f"  seed {seed}, {contact}", flush=True)
        found[contact] = lithiate(study, mesh, out / f"{contact}-{seed}-{pressure.replace(' ', '')}")
    for x in STATES:
        for name, (column, scale) in NUMBERS.items():
            film, medium = (_at(found[contact], column, x) * scale for contact in CONTACTS)
            ratio = f"{medium / film:.3f}" if film else ""
            yield f"| {seed} | {x:g} | {name} | {film:.4f} | {medium:.4f} | {medium - film:+.4f} | {ratio} |"
    iterations, seconds = ([int(h["newton iterations []"].sum()) for h in found.values()], [h["cpu time [s]"][-1] for h in found.values()])
    yield f"| {seed} | | iterations | {iterations[0]} | {iterations[1]} | | {iterations[1] / iterations[0]:.3f} |"
    yield f"| {seed} | | CPU s | {seconds[0]:.0f} | {seconds[1]:.0f} | | {seconds[1] / seconds[0]:.3f} |"


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
    head = "| seed | x | | barrier | third medium | difference | ratio |\n| --- | --- | --- | --- | --- | --- | --- |"
    lines = [head]
    for seed in range(1, options.seeds + 1):
        lines += rows(seed, options.pressure, options.out, options.changes)
    print("\n".join(lines))
    if options.page:
        options.page.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
