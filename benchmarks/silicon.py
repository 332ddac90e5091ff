"""Stress in a soft and in a stiff electrolyte around the same swelling silicon, and what the ratio rests on.

    python benchmarks/silicon.py [--out runs/silicon] [--page docs/silicon.md]

Runs the bundled studies of silicon where the folder does not hold the run already (those of the stiff electrolyte
for one cycle, two also on a finer mesh) and writes the page. `rheode compare` of the same folders draws them side by side.
"""

import argparse
from pathlib import Path

from rheode import Result, Simulation, Study
from rheode.result import ResultError

ONE = "cycling.cycles=1"
FINER = ["microstructure.mesh_size=0.7 um", "microstructure.contact_size=0.3 um", ONE, "cycling.delithiation=0.99"]
# Name of the run: (study, overrides, what it is).
CASES = {
    "si-elastic": ("si-elastic", [], "copolymer, viscoelastic; coin cell"),
    "si-lpsc-2": ("si-lpsc-2", [ONE], "Li6PS5Cl, elastic"),
    "si-lpsc": ("si-lpsc", [ONE], "Li6PS5Cl, elastic"),
    "si-lpsc-50": ("si-lpsc-50", [ONE], "Li6PS5Cl, elastic"),
    "si-lpsc-flows": ("si-lpsc", [ONE, "phases.electrolyte.material=li6ps5cl-viscoplastic"], "Li6PS5Cl that flows at about 0.35 GPa"),
    "si-lpsc-elastic-silicon": ("si-lpsc", [ONE, "phases.si.material=silicon"], "Li6PS5Cl and silicon, both elastic, as in the paper"),
}

# Runs that are made again, up to full lithiation, on a finer mesh.
FINE = {"si-elastic": "si-elastic-fine", "si-lpsc": "si-lpsc-fine"}

PAGE = """# Silicon in a soft and in a stiff electrolyte

Made by `python benchmarks/silicon.py --page docs/silicon.md`. The electrode is that of Pan et al. 2024: micrometre silicon, +{growth:.0%} at full
lithiation, whose pores are filled by a copolymer (`si-elastic`, {coin:g} MPa as in their coin cell; `si-elastic-pouch`, {pouch:g} MPa, is bundled and not in the table) or by Li6PS5Cl (`si-lpsc`,
`si-lpsc-2`, `si-lpsc-50`: 10, 2 and 50 MPa). Same particles, same places: {particles} discs of {radius:.2g} um, {fraction:.0%} of the box, bonded to what
fills the rest; plane strain, side walls without friction. `rheode compare` of two runs draws the electrolytes on one colour scale
and the distributions of stress (their Fig. 5b).

| run | electrolyte | pressure | von Mises in the electrolyte, lithiated: mean | 95th percentile | largest | silicon, mean | thickness |
|---|---|---|---|---|---|---|---|
{rows}

Cycle 1 at full lithiation; thickness against the clamped electrode. `si-elastic` {ended}.

{ratio}

## The assumption that matters most

{matters}

## What else is assumed

- The paper prints neither thickness nor porosity of the coating. Its loading of 0.5 to 0.7 mg/cm2 is 2.6 um of dense silicon; 20 % is a coating
  of 13 um. Carbon and binder count as electrolyte.
- Particles are discs that start {gap:g} um apart at least. Where they stand closer the electrolyte is squeezed to films between them, which
  takes several times the iterations: 25 % of silicon at 0.5 um was followed to x = 0.77 and ended there for its cost, not by a failure.
- Plane strain blocks the swelling out of plane. Elastic silicon would bear that as tens of GPa; it flows instead (`silicon-viscoplastic`), so all growth
  goes into the plane and the mean stress of silicon in the table is its flow stress, with either electrolyte.
- Particles and electrolyte stay bonded here (lost contact is nil); `interfaces` lets them part.
- The copolymer relaxes within seconds, so over the hours of a half cycle its network is all that bears: its modulus, {network}, is known to a
  factor of two at best ([viscoelastic.md](viscoelastic.md)), and its stress is proportional to it.
- A guard a hundred times softer than that network keeps squeezed cells from folding (docs/theory.md); it is not in the stresses above.

## What the mesh does

Up to full lithiation of cycle 1:

| run | `mesh_size` | `contact_size` | nodes | von Mises in the electrolyte: mean | 95th percentile | largest | thickness |
|---|---|---|---|---|---|---|---|
{meshes}

The finer mesh moves the 95th percentile by {moved}, and the largest value, which is that of a single point, by {largest}.
"""


def run(out, name, study, overrides):
    """A run by its name, made if the folder does not hold it."""
    try:
        result = Result(out / name)
        if result.complete:
            return result
    except ResultError:
        pass
    return Simulation(Study.load(study, [f"name={name}", *overrides])).run(out / name, overwrite=True)


def lithiated(result, quantity):
    """A column of the electrolyte's von Mises stress [GPa] at the end of the first lithiation."""
    return float(result.cycles[f"von Mises electrolyte {quantity} [GPa]"][0])


def on_meshes(out, study):
    """Rows of the table of meshes for a study, and how much the finer mesh moves the 95th percentile and the largest value."""
    rows, results = [], [Result(out / study), run(out, FINE[study], study, FINER)]
    for result in results:
        micro, stresses = result.study.microstructure, (shown(lithiated(result, q)) for q in ("mean", "p95", "max"))
        rows.append(f"| `{study}` | {micro.mesh_size:g} um | {micro.contact_size:g} um | {len(result.mesh.nodes)} | " + " | ".join(stresses) + f" | {result.cycles['thickness change []'][0]:+.1%} |")
        print(rows[-1], flush=True)
    return rows, *(lithiated(results[1], q) / lithiated(results[0], q) - 1 for q in ("p95", "max"))


def shown(stress):
    """A stress [GPa] in words."""
    return f"{1e3 * stress:.2g} MPa" if stress < 0.1 else f"{stress:.3g} GPa"


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--out", type=Path, default=Path("runs/silicon"))
    options.add_argument("--page", type=Path)
    options = options.parse_args()
    rows, top = [], {}
    for name, (example, overrides, words) in CASES.items():
        result = run(options.out, name, example, overrides)
        first = {key: column[0] for key, column in result.cycles.items()}
        top[name] = first["von Mises electrolyte p95 [GPa]"]
        stresses = (first[f"von Mises {key} [GPa]"] for key in ("electrolyte mean", "electrolyte p95", "electrolyte max", "si mean"))
        rows.append(f"| `{name}` | {words} | {1e3 * result.study.walls.pressure:g} MPa | " + " | ".join(map(shown, stresses)) + f" | {first['thickness change []']:+.1%} |")
        print(rows[-1], flush=True)
    meshes, moved, largest = zip(*(on_meshes(options.out, study) for study in FINE))
    soft = Result(options.out / "si-elastic")
    study, cycles = soft.study, soft.cycles
    ends = cycles["cycle []"][cycles["half []"] == "delithiation"]
    lithiated = cycles["half []"] == "lithiation"
    last = float(cycles["von Mises electrolyte p95 [GPa]"][lithiated][-1])
    ended = (f"has ended {int(ends.max())} cycles; the 95th percentile is {shown(last)} in the last, the thickness "
             f"{cycles['thickness change []'][lithiated][-1]:+.1%}")  # fmt: skip
    elastic, flows, paper = (top[name] / top["si-elastic"] for name in ("si-lpsc", "si-lpsc-flows", "si-lpsc-elastic-silicon"))
    ratio = f"The 95th percentiles, {shown(top['si-elastic'])} in the copolymer and {shown(top['si-lpsc'])} in Li6PS5Cl under 10 MPa, differ by a factor of **{elastic:.1e}**."
    matters = (f"That Li6PS5Cl is elastic, as in the paper's simulation: stresses far beyond its hardness of about 1 GPa are no stresses it can bear. Let it flow at a third "
               f"of its hardness (`li6ps5cl-viscoplastic`), and the factor is **{flows:.0f}**; with silicon elastic as well it is {paper:.1e}. A sulphide that cracks would bear "
               f"less still. The stack pressure, 2 to 50 MPa, changes the 95th percentile by {max(top[n] for n in ('si-lpsc-2', 'si-lpsc', 'si-lpsc-50')) / min(top[n] for n in ('si-lpsc-2', 'si-lpsc', 'si-lpsc-50')) - 1:.1%}.")  # fmt: skip
    print(ended, ratio, matters, sep="\n")
    if options.page:
        micro = study.microstructure
        options.page.write_text(PAGE.format(
            growth=study.materials()["si"].dV, coin=1e3 * study.walls.pressure, pouch=1e3 * Study.load("si-elastic-pouch").walls.pressure, particles=micro.particles,
            radius=soft.mesh.mean_radius, fraction=study.phases["si"].fraction, rows="\n".join(rows), ended=ended, ratio=ratio, matters=matters, gap=micro.gap,
            network=shown(study.materials()["electrolyte"].value("network_modulus")),
            meshes="\n".join(row for rows in meshes for row in rows), 
            **{key: " and ".join(f"{by:+.1%} in `{study}`" for study, by in zip(FINE, values)) for key, values in (("moved", moved), ("largest", largest))},
        ), encoding="utf-8")  # fmt: skip


if __name__ == "__main__":
    main()
