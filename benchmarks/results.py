"""The bundled cathodes beside the published values: runs them where needed and writes a page.

    python benchmarks/results.py [--out runs] [--page docs/results.md] [NAME...]
"""

import argparse
from pathlib import Path

from rheode import Result, Simulation, Study
from rheode.report.numbers import headline, shown, shown_deviation
from rheode.report.run import LITHIATED, Run
from rheode.result import ResultError

# Name of a folder: the bundled study, and what is changed.
RUNS = {
    "se-60mse": ("se-60mse", []),
    "se-60mse-barrier": ("se-60mse", ["mechanics.contact=barrier", "cycling.cycles=1", "name=se-60mse-barrier"]),
    "se-60mse-pouch": ("se-60mse-pouch", []),
    "se-60mse-rigid": ("se-60mse-rigid", []),
    "lco-60mse": ("lco-60mse", []),
}
PAGE = """# The bundled cathodes beside the published ones

Made by `python benchmarks/results.py --page docs/results.md`. Published: Xiong et al., Nature Communications 15 (2024),
doi 10.1038/s41467-024-48174-8, a rigid box in plane strain with particle shapes that are not given. One packing of 28
discs (seed 1), mesh and increments as bundled; `se-60mse-barrier` is the first cycle of `se-60mse` with the other
contact (`mechanics.contact: barrier`), which `se-60mse-pouch` takes anyway. Nothing is fitted.

{tables}
## What agrees and what does not

- The mean stress in lithiated selenium is set by its creep law at the rate of swelling: a free disc in plane strain
  alone carries {free:.3f} GPa. It agrees with the published value of the first cycle under any walls, and says little
  about them. The published fall to 0.067 GPa in cycle 20 is not found: the stress at full lithiation returns to the value
  that the law dictates at this rate.
- The stress in the framework tells the walls apart. Under 100 MPa it is within a factor of two of the published one, in the
  rigid box, which is overfull at x = 1, it is ten times larger.
- The medium that carries contact by default and the barrier, whose pores are empty, agree under 100 MPa in porosity, contact and
  selenium's stress, but not in the framework's, which is a fifth lower with the barrier and nearer to the published one. Where that
  matters, run both.
- Under the 10 MPa of the pouch cell the same electrode closes its pores slowly: {pouch_first:.0f} % of the box at full lithiation in the first cycle
  and {pouch_last:.0f} % in the last, where 100 MPa leave {bundled_first:.0f} and {bundled_last:.0f} %. Selenium's contact grows with it, from {se_first:.0f} to {se_last:.0f} %; that of the framework, which
  is not pressed together, does not ({mse_first:.0f}, {mse_last:.0f} %).
- Contact between selenium particles improves from cycle to cycle under 100 MPa and the pores go on shrinking, as published;
  the ratios themselves are lower. They are plain shares of a surface within 1 % of the mean radius; the published ones
  have other denominators (they add up to more than one), and a medium in the pores keeps surfaces apart by a
  little that counts at this gap (see the bands in the report).
- The control without creep (LiCoO2) has the published character: contact of a few per cent that cycling does not change,
  and stresses of GPa.
"""


def table(result):
    run = Run(result)
    shown_cycles = {"first": 1} | ({"last": run.last} if run.last > 1 else {})
    head = "".join(f" cycle {cycle} | published | deviation |" for cycle in shown_cycles.values())
    lines = [
        f"## {run.study.name}: {run.study.title}\n",
        f"| quantity | state |{head}",
        "|" + " --- |" * (2 + 3 * len(shown_cycles)),
    ]
    for n in headline(run):
        unit = f" {n.unit}" if n.unit else ""
        cells = [n.quantity, n.state]
        for which in shown_cycles:
            value, published = getattr(n, which), getattr(n, f"published_{which}")
            cells += [shown(value, n.unit) + unit, shown(published, n.unit), shown_deviation(n, which)]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("names", nargs="*", default=RUNS)
    options.add_argument("--out", type=Path, default=Path("runs"))
    options.add_argument("--page", type=Path)
    parser, options = options, options.parse_args()
    if options.page and set(options.names) < set(RUNS):
        parser.error("a page has all the cathodes: leave out the names")
    tables, made = [], {}
    for name in options.names:
        try:
            result = Result(options.out / name)
            result = result if result.complete else None
        except ResultError:
            result = None
        if result is None:
            study, changes = RUNS[name]
            result = Simulation(Study.load(study, changes)).run(options.out / name, overwrite=True)
        made[name] = result
        tables.append(table(result))
        print(tables[-1], flush=True)
    if options.page:
        from rheode.cycling import free_disc

        free = free_disc(Study.load("se-60mse"))[1][-1]
        pouch, bundled = Run(made["se-60mse-pouch"]), Run(made["se-60mse"])
        said = {
            "pouch": (pouch, "porosity []"),
            "bundled": (bundled, "porosity []"),
            "se": (pouch, "contact se-any []"),
            "mse": (pouch, "contact mse-any []"),
        }
        numbers = {
            f"{name}_{which}": 100 * run.at(column, cycle, LITHIATED)
            for name, (run, column) in said.items()
            for which, cycle in (("first", 1), ("last", run.last))
        }
        options.page.write_text(PAGE.format(tables="\n".join(tables), free=free, **numbers), encoding="utf-8")


if __name__ == "__main__":
    main()
