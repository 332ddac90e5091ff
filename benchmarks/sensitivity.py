"""What moves the headline numbers of se-60mse: packings, mesh, increments, contact gap, contact method, walls.

    python benchmarks/sensitivity.py [--seeds 5] [--cycles 2] [--out runs/sensitivity] [--page docs/sensitivity.md]
"""

import argparse
from pathlib import Path

import numpy as np

from rheode import Result, Simulation, Study
from rheode.result import ResultError

# Name of a row: the changes to the study.
VARIANTS = {
    "as bundled": [],
    "mesh 1.4 times finer": ["microstructure.mesh_size=0.57 um", "microstructure.contact_size=0.23 um"],
    "increments halved": ["stepping.largest_step=0.0075", "stepping.first_step=0.001", "stepping.creep_tolerance=0.004"],
    "medium ten times stiffer": ["mechanics.medium={stiffness_ratio: 1e-4, viscosity: 0.01}"],
    "barrier contact": ["mechanics.contact=barrier"],
    "generalized plane strain": ["mechanics.plane=generalized_plane_strain", "mechanics.out_of_plane_pressure=100 MPa"],
    "10 MPa": ["walls.pressure=10 MPa"],
    "10 MPa, barrier contact": ["walls.pressure=10 MPa", "mechanics.contact=barrier"],
    "rigid box": ["walls={kind: rigid}"],
}
# The headline numbers at full lithiation: column, factor, unit, published value of the first cycle.
NUMBERS = {
    "von Mises Se": ("von Mises se mean [GPa]", 1.0, "GPa", 0.099),
    "von Mises Mo6Se8": ("von Mises mse mean [GPa]", 1.0, "GPa", 0.171),
    "contact Se-Se": ("contact se-se []", 100.0, "%", 70.5),
    "contact Se-Mo6Se8": ("contact se-mse []", 100.0, "%", 67.0),
    "porosity": ("porosity []", 100.0, "%", None),
    "thickness change": ("thickness change []", 100.0, "%", None),
}
GAPS = {"gap halved": " gap/2", "gap doubled": " gap*2"}
PAGE = """# What moves the headline numbers

Made by `python benchmarks/sensitivity.py --page docs/sensitivity.md`: `se-60mse` at full lithiation in cycle {cycle}, mean
and standard deviation over {seeds} packings of 28 discs (seeds 1 to {seeds}). A row changes one thing. The published values
belong to a rigid box, cycle 1. Runs that did not end: {stopped}.

{table}

## What this says

{words}
"""


def outcome(variant, changes, seed, cycles, out):
    """The last full lithiation of a run as {column: value}, run where it is not stored yet; None where it stopped."""
    folder = out / f"{variant.replace(' ', '-')}-{seed}"
    try:
        result = Result(folder)
        result = result if result.complete else None
    except ResultError:
        result = None
    if result is None:
        study = Study.load("se-60mse", [f"microstructure.seed={seed}", f"cycling.cycles={cycles}", *changes])
        try:
            result = Simulation(study).run(folder, overwrite=True)
        except RuntimeError as stopped:
            print(f"{variant}, seed {seed}: {stopped}", flush=True)
            return None
    table = result.cycles
    rows = [k for k, half in enumerate(table["half []"]) if half == "lithiation"]
    return {name: float(values[rows[-1]]) for name, values in table.items() if values.dtype.kind == "f"}


def lines_of(found):
    """Rows of the table: (variant, {number: (mean, deviation)})."""
    for variant, outcomes in found.items():
        yield variant, {name: _spread([factor * o[column] for o in outcomes]) for name, (column, factor, _, _) in NUMBERS.items()}
    for label, suffix in GAPS.items():
        columns = {n: (c.replace(" []", f"{suffix} []"), f) for n, (c, f, _, _) in NUMBERS.items() if n.startswith("contact")}
        yield label, {n: _spread([f * o[c] for o in found["as bundled"]]) for n, (c, f) in columns.items()}


def _spread(values):
    return (float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else float("nan"))


def page(found, seeds, cycles, stopped):
    head = "| | " + " | ".join(f"{name}, {unit}" for name, (_, _, unit, _) in NUMBERS.items()) + " |"
    lines = [head, "| --- |" + " --- |" * len(NUMBERS)]
    rows = dict(lines_of(found))
    for variant, numbers in rows.items():
        cells = [f"{numbers[n][0]:.3g} ± {numbers[n][1]:.1g}" if n in numbers else "" for n in NUMBERS]
        lines.append(f"| {variant} | " + " | ".join(cells) + " |")
    lines.append("| published | " + " | ".join("" if p is None else f"{p:g}" for _, _, _, p in NUMBERS.values()) + " |")
    return PAGE.format(cycle=cycles, seeds=seeds, stopped=", ".join(stopped) or "none", table="\n".join(lines), words=words(rows))


def words(rows):
    """For each number the change that moves it most, in units of the spread between packings."""
    base, said = rows["as bundled"], []
    for name, (_, _, unit, published) in NUMBERS.items():
        mean, spread = base[name]
        shifts = {v: numbers[name][0] - mean for v, numbers in rows.items() if v != "as bundled" and name in numbers}
        most = max(shifts, key=lambda v: abs(shifts[v]))
        numerics = max((v for v in shifts if v in ("mesh 1.4 times finer", "increments halved")), key=lambda v: abs(shifts[v]))
        line = (
            f"- **{name}**: {mean:.3g} {unit}, packings differ by {spread:.1g}. Mesh and increments move it by at most "
            f"{abs(shifts[numerics]):.1g} ({numerics}); what moves it most is *{most}* ({shifts[most]:+.2g} {unit})."
        )
        if published is not None:
            near = min(rows, key=lambda v: abs(rows[v][name][0] - published) if name in rows[v] else np.inf)
            line += f" Published: {published:g} {unit}; nearest is *{near}* ({rows[near][name][0]:.3g})."
        said.append(line)
    return "\n".join(said)


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--seeds", type=int, default=5)
    options.add_argument("--cycles", type=int, default=2)
    options.add_argument("--out", type=Path, default=Path("runs/sensitivity"))
    options.add_argument("--page", type=Path)
    options = options.parse_args()
    found, stopped = {}, []
    for variant, changes in VARIANTS.items():
        found[variant] = []
        for seed in range(1, options.seeds + 1):
            got = outcome(variant, changes, seed, options.cycles, options.out)
            stopped += [] if got else [f"{variant}, seed {seed}"]
            found[variant] += [got] if got else []
            if got:
                print(f"{variant:26s} seed {seed}  " + "  ".join(f"{n} {f * got[c]:.3g}" for n, (c, f, _, _) in NUMBERS.items()), flush=True)
    text = page({v: o for v, o in found.items() if o}, options.seeds, options.cycles, stopped)
    print(text)
    if options.page:
        options.page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
