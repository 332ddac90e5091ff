"""Thickness and porosity of the silicide interlayer under 64 and 5 MPa, over several beds, beside what was measured.

    python benchmarks/lisi.py [--out runs/lisi] [--seeds 1 2 3 4 5] [--stored] [--page docs/lisi.md]

Runs the bundled studies lisi-c and lisi-c-5 up to full lithiation with beds of several seeds, where the folder does not hold
the run already, and writes the page with its figure beside it. A run that stops is counted as such. Nothing is fitted.
"""

import argparse
from pathlib import Path

import numpy as np

from rheode import Result, Simulation, Study
from rheode.cycling import RunStopped
from rheode.materials import load
from rheode.result import ResultError

DRY, AREA = 2.0, 0.785  # um, cm2: layer and cell of Sung et al., SI Table S1
SILICON, CARBON = 0.135, 0.015  # mg
MEASURED = 3.25, (11.0, 13.6)  # um; per cent, as printed and with the carbon volume that its own weight and density give
CASES = {"lisi-c": "pressed until it jams, no cohesion", "lisi-c-5": "as coated, necks at all contacts, unbreakable"}

PAGE = """# A silicide interlayer from a bed of nanoparticles

Made by `python benchmarks/lisi.py --page docs/lisi.md` from {count}; `rheode run lisi-c` and `rheode run lisi-c-5` run one bed each.
The layer is that of Sung et al.: {silicon:g} mg of silicon and {carbon:g} mg of carbon nanotubes on {area:g} cm2, {dry:g} um thick, lithiated to
Li15Si4 under 64 MPa to {thickness:g} um and {low:g} to {high:g} % of pores; under 5 MPa it stays visibly more porous. Silicon fills
{fraction:.1%} of the dry layer, carbon {carbon_share:.1%}, which leaves {void:.1%}.

Under 5 MPa the bed is as coated: discs of 25 nm that fall in and stick (`microstructure.placement: deposited`), joined by necks at their contacts
(`skeleton: cohesive`), {particles} in a piece of {width:g} x {height:g} um. Discs that only stick fill what silicon does here: the bed has no free parameter. Such beds
buckle under some 30 MPa before any lithium enters. Under 64 MPa the layer is therefore taken as pressed until its particles jam: a random packing of
{fraction_pressed:.1%}, half as high. Growth to {growth:.2f} times the volume, plane strain, sides without friction; lithiated silicon flows at 1 GPa
(`silicon-viscoplastic`). The thickness is that of as much silicon as the printed layer holds; carbon keeps its volume and counts as solid.

![Thickness and porosity against pressure](lisi.png)

| pressure | bed | seed | thickness clamped | porosity clamped | thickness lithiated | porosity lithiated | farthest beyond a side wall |
|---|---|---|---|---|---|---|---|
{rows}

{says}

## What is assumed

- **Cohesion.** Without it a bed of 58 % pores bears nothing; with necks of silicon at all contacts, as wide as a side of the mesh, it stands 5 MPa
  and not 64. What carbon nanotubes do lies between none and these: the two beds are the ends, not a fit.
- **Two dimensions.** Porosity counts as area; discs jam at about 20 % of pores where spheres leave 36 to 40 %, so the pressed layer is thinner here
  than a bed of spheres, and stays so until swelling has closed the pores. All swelling goes into the plane.
- **Contact by a medium.** The layer grows to two to four times its clamped height while its particles slide along the side walls. The medium between them
  is sheared beyond use: it folds, holds some particles off a wall and lets others pass through it, as the last column says. Thickness and porosity
  and the difference between the pressures are therefore **not** predictions that can be held against the measurement yet.
- **A piece of the layer**, nine diameters high as coated; other sizes of the piece were not compared.
- Lithium arrives everywhere at once; the flow stress of nanoparticles is that of films.
"""


def finished(out, example, seed, stored):
    """The run of a bed, made if it is not there (unless only `stored` ones are wanted); None where it stopped."""
    name = f"{example}-{seed}"
    try:
        result = Result(out / name)
        if result.complete or result.stopped:
            return result if result.complete else None
    except ResultError:
        if stored:
            return None
    try:
        return Simulation(Study.load(example, [f"name={name}", f"microstructure.seed={seed}", "cycling.delithiation=0.99"])).run(out / name, overwrite=True)
    except RunStopped as reason:
        print(reason, flush=True)
        return None


def fractions():
    """Area fractions of silicon and carbon in the layer as coated."""
    volume = {name: mass / (1e3 * load(name).value("density")) * 1e4 / AREA for name, mass in (("silicon", SILICON), ("cnt", CARBON))}  # um
    return volume["silicon"] / DRY, volume["cnt"] / DRY


def measured(result):
    """Thickness [um] and porosity of the layer clamped and lithiated: as much silicon as was printed, carbon as solid."""
    micro, phase = result.study.microstructure, result.study.phases["si"]
    silicon, carbon = (DRY * share for share in fractions())
    scale = silicon / (micro.box[1] * phase.fraction)
    heights = scale * result.history["thickness [um]"][0], scale * result.cycles["thickness [um]"][0]
    pores = result.history["porosity []"][0], result.cycles["porosity []"][0]
    return heights[0], pores[0] - carbon / heights[0], heights[1], pores[1] - carbon / heights[1]


def beyond(result):
    """How far particles have passed through a side wall at full lithiation, um: what the medium failed to hold."""
    frame = [frame for frame in result.frames if frame.half == "lithiation"][-1]
    across = (result.mesh.nodes + frame.displacement)[np.unique(result.mesh.surface.edges), 0]
    return max(0.0, float(-across.min()), float(across.max() - result.mesh.box[0]))


def figure(path, found):
    from matplotlib.lines import Line2D

    from rheode.report import style

    with style.look():
        fig = style.figure(style.DOUBLE * 0.8, 68 * style.MM)
        axes = fig.subplots(1, 2)
        for ax, column, scale, letter, label in zip(axes, (2, 3), (1, 100), "ab", ("Thickness, lithiated (µm)", "Porosity, lithiated (%)")):
            for k, (example, values) in enumerate(found.items()):
                load = 1e3 * Study.load(example).walls.pressure
                ax.plot(load * np.ones(len(values)), scale * np.array(values)[:, column], "o", ms=4.5, alpha=0.8, mew=0, color=style.RUNS[k])
            low, high = (MEASURED[0], MEASURED[0]) if column == 2 else MEASURED[1]
            ax.plot([64, 64], [low, high], color=style.INK, lw=1.0)
            ax.plot([64], [0.5 * (low + high)], **style.open_marker(style.INK) | {"clip_on": True})
            ax.set_xscale("log")
            ax.set_xlim(3, 110)
            ax.set_xticks([5, 64], ["5", "64"])
            ax.minorticks_off()
            ax.set_ylim(0, 1.08 * ax.get_ylim()[1])
            ax.set_xlabel("Stack pressure (MPa)")
            ax.set_ylabel(label)
            style.title(ax, letter)
        keys = [Line2D([], [], marker="o", linestyle="none", ms=4.5, color=style.RUNS[k], label=CASES[example].split(",")[0]) for k, example in enumerate(found)]
        keys.append(Line2D([], [], label="measured", **style.open_marker(style.INK)))
        fig.legend(handles=keys, loc="outside lower center", ncols=3)
        style.settle(fig)
        fig.savefig(path, dpi=style.SCREEN_DPI)


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--out", type=Path, default=Path("runs/lisi"))
    options.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    options.add_argument("--stored", action="store_true", help="make no runs, use those that the folder holds")
    options.add_argument("--page", type=Path)
    options = options.parse_args()
    found, rows = {}, []
    for example, bed in CASES.items():
        pressure = f"{1e3 * Study.load(example).walls.pressure:g} MPa"
        for seed in options.seeds:
            result = finished(options.out, example, seed, options.stored)
            if result is None and options.stored:
                continue
            cells = ["stopped"] + [""] * 4
            if result is not None:
                values = measured(result)
                found.setdefault(example, []).append(values)
                cells = [f"{values[0]:.2f} um", f"{values[1]:.1%}", f"{values[2]:.2f} um", f"{values[3]:.1%}", f"{1e3 * beyond(result):.0f} nm"]
            rows.append("| " + " | ".join([pressure, bed, str(seed), *cells]) + " |")
            print(rows[-1], flush=True)
    says = []
    for example, values in found.items():
        thickness, porosity = np.array(values)[:, 2], 100 * np.array(values)[:, 3]
        spread = [f" +- {v.std(ddof=1):.2g}" if len(v) > 1 else "" for v in (thickness, porosity)]
        beds = f"{len(values)} beds" if len(values) > 1 else "1 bed"
        says.append(f"- {1e3 * Study.load(example).walls.pressure:g} MPa: {thickness.mean():.2f}{spread[0]} um and {porosity.mean():.1f}{spread[1]} % over {beds}"
                    + (f"; measured {MEASURED[0]:g} um and {MEASURED[1][0]:g} to {MEASURED[1][1]:g} %." if example == "lisi-c" else "; measured: more porous than under 64 MPa, in words only."))
    print("\n".join(says))
    if options.page and found:
        standing, pressed, (silicon, carbon) = Study.load("lisi-c-5"), Study.load("lisi-c"), fractions()
        micro = standing.microstructure
        options.page.write_text(PAGE.format(
            count=" and ".join(f"{len(values)} bed{'s' * (len(values) > 1)} of `{example}`" for example, values in found.items()), silicon=SILICON, carbon=CARBON, area=AREA, dry=DRY, thickness=MEASURED[0], low=MEASURED[1][0], high=MEASURED[1][1],
            fraction=silicon, carbon_share=carbon, void=1 - silicon - carbon, particles=micro.particles, width=micro.box[0], height=micro.box[1],
            fraction_pressed=pressed.phases["si"].fraction, growth=1 + load("silicon").dV, rows="\n".join(rows), says="\n".join(says),
        ), encoding="utf-8")  # fmt: skip
        figure(options.page.with_suffix(".png"), found)


if __name__ == "__main__":
    main()
