"""FeS, which does not creep, against selenium, which does, on the same packing: runs both where needed and writes a page.

    python benchmarks/fes_against_se.py [--out runs/fes-against-se] [--page docs/fes-against-se.md]
"""

import argparse
from pathlib import Path

from rheode import Result, Simulation, Study
from rheode.cycling import free_disc
from rheode.report.run import DELITHIATED, LITHIATED, Run
from rheode.result import ResultError

CYCLES = 10
BARRIER = "mechanics.contact=barrier"
# What is changed in both studies, and the cycles that are run: an elastic electrode nearly repeats itself.
VARIANTS = {
    "barrier": ([BARRIER], CYCLES),
    "third medium": (["mechanics.contact=third-medium"], CYCLES),
    "barrier, half the drag": ([BARRIER, "mechanics.barrier.drag=0.005"], 1),
    "barrier, friction 0.3": ([BARRIER, "mechanics.barrier.friction=0.3"], 1),
}
PAGE = """# FeS against selenium: what creep does to thickness

Made by `python benchmarks/fes_against_se.py --page docs/fes-against-se.md`. `fes-60mse` is `se-60mse` with FeS in place of
selenium: the same packing (seed 1), as much swelling (100 against 98 %), the same framework, cycling and stack pressure of 100 MPa,
and no creep. Both are run with either contact; `rheode compare runs/fes-against-se/se-60mse-barrier runs/fes-against-se/fes-60mse-barrier`
puts the reports side by side. Changes of thickness are counted from the clamped state. The moduli of FeS are estimates
(`rheode materials fes`), and its stress is in proportion to them.

| contact | state | Se, cycle 1 | FeS, cycle 1 | Se, cycle {last} | FeS, cycle {last} |
|---|---|---|---|---|---|
{thickness}

Published after 100 cycles (Xiong et al. 2024, main text to Fig. 5, from cross-sections): +4.76 % for Se and +66.7 % for FeS; the
state of charge is not stated.

| barrier | state | Se, cycle 1 | FeS, cycle 1 | Se, cycle {last} | FeS, cycle {last} |
|---|---|---|---|---|---|
{rest}

## What it says

- **Selenium gives its swelling to the pores, FeS to the thickness.** At full lithiation the electrode with FeS is {fes_full:.0f} %
  thicker than when clamped, that with selenium {se_full:.0f} %; selenium leaves pores of {se_pores:.0f} % of the box, FeS of {fes_pores:.0f} %:
  particles that do not flow lift the electrode on their contacts.
- **Creep goes on from cycle to cycle, elasticity does not.** From cycle 1 to {last} the electrode with selenium loses {se_gain:.1f} points
  of its thickness at full lithiation, that with FeS {fes_gain:.1f}.
- **The published +66.7 % is not reached by elasticity alone.** Delithiated, FeS is back at {fes_back:+.0f} % (x = 0.22 is still in it; that much
  swelling remains), and a thickness that grows over 100 cycles needs what the model does not have: the paper shows particles broken
  and pulverised. The stress says why, though not how much: {stress:.0f} GPa on average in FeS at full lithiation, of which {free:.0f} GPa are those
  of a disc that touches nothing, whose swelling plane strain holds back. No sulfide bears either.
- **The third medium is not the contact for FeS.** Particles that do not flow slide far and open the pores; the medium's cells
  and the friction in its films hold them apart: the electrode comes out {medium:.0f} points thicker at full lithiation and has {medium_pores:.0f} % of pores. With
  selenium, which flows, the two contacts differ by {medium_se:.1f} points. So the bundled study takes the barrier, and a study that takes the medium
  with such a phase is warned.

## What is left out

FeS neither yields nor breaks here, swells evenly in all directions, and its lithiated moduli are those of a dense mixture of Li2S and
iron. One packing of 28 discs: the spread between packings is not in these figures. Elastic FeS rearranges abruptly: free out of plane
(generalized plane strain) its first cycle with the medium stopped at x = 0.40, so that is left out.
"""


def run(study, variant, out):
    changes, cycles = VARIANTS[variant]
    name = f"{study}-{variant.replace(', ', '-').replace(' ', '-')}"
    try:
        result = Result(out / name)
        result = result if result.complete else None
    except ResultError:
        result = None
    changes = [*changes, f"cycling.cycles={cycles}", f"name={name}"]
    return Run(result or Simulation(Study.load(study, changes)).run(out / name, overwrite=True))


def change(of, cycle, half):
    """Of the thickness since the clamped state, per cent."""
    return 100 * (of.at("thickness [um]", cycle, half) / of.clamped("thickness [um]") - 1)


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--out", type=Path, default=Path("runs/fes-against-se"))
    options.add_argument("--page", type=Path)
    options = options.parse_args()
    states = {LITHIATED: "full lithiation", DELITHIATED: "end of delithiation"}
    thickness, rest, runs = [], [], {}
    for variant in VARIANTS:
        both = runs[variant] = [run(study, variant, options.out) for study in ("se-60mse", "fes-60mse")]
        for half, state in states.items():
            cells = [f"{change(of, cycle, half):+.1f} %" if cycle <= of.last else "" for cycle in (1, CYCLES) for of in both]
            thickness.append(f"| {variant} | {state} | {' | '.join(cells)} |")
            print(thickness[-1], flush=True)
    se, fes = runs["barrier"]
    se_medium, fes_medium = runs["third medium"]
    for words, column, scale, unit in (
        ("porosity", "porosity []", 100, " %"),
        ("mean von Mises stress, active", "von Mises {} mean [GPa]", 1, " GPa"),
        ("mean von Mises stress, framework", "von Mises mse mean [GPa]", 1, " GPa"),
        ("pressure on the sides", "side pressure [GPa]", 1, " GPa"),
    ):
        for half, state in states.items():
            cells = [f"{scale * of.at(column.format(name), cycle, half):.3g}{unit}" for cycle in (1, CYCLES) for of, name in ((se, "se"), (fes, "fes"))]
            rest.append(f"| {words} | {state} | {' | '.join(cells)} |")
    if options.page:
        options.page.write_text(PAGE.format(
            last=CYCLES, thickness="\n".join(thickness), rest="\n".join(rest), fes_full=change(fes, 1, LITHIATED), se_full=change(se, 1, LITHIATED),
            se_pores=100 * se.at("porosity []", 1, LITHIATED), fes_pores=100 * fes.at("porosity []", 1, LITHIATED),
            se_gain=change(se, 1, LITHIATED) - change(se, CYCLES, LITHIATED), fes_gain=change(fes, 1, LITHIATED) - change(fes, CYCLES, LITHIATED),
            fes_back=change(fes, 1, DELITHIATED), stress=fes.at("von Mises fes mean [GPa]", 1, LITHIATED), free=free_disc(fes.study)[1][-1],
            medium=change(fes_medium, 1, LITHIATED) - change(fes, 1, LITHIATED), medium_pores=100 * fes_medium.at("porosity []", 1, LITHIATED),
            medium_se=abs(change(se_medium, 1, LITHIATED) - change(se, 1, LITHIATED)),
        ), encoding="utf-8")  # fmt: skip


if __name__ == "__main__":
    main()
