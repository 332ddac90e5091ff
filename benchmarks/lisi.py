"""Thickness and porosity of the silicide interlayer under 64 and 5 MPa, over several beds, beside what was measured.

    python benchmarks/lisi.py [--out runs/lisi] [--seeds 1 2 3 4 5] [--page docs/lisi.md]

Runs the bundled studies lisi-c and lisi-c-5 up to full lithiation, with beds of other seeds and with both assumptions on
cohesion, where the folder does not hold the run already, and writes the page with its figure beside it. A run that stops is
counted as such. Nothing is fitted.
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
CASES = (("lisi-c", "loose"), ("lisi-c-5", "cohesive"), ("lisi-c-5", "loose"))
COHESION = {"loose": "none: pressed until it jams", "cohesive": "necks at all contacts, unbreakable"}

PAGE = """# A silicide interlayer from a bed of nanoparticles

Made by `python benchmarks/lisi.py --page docs/lisi.md --seeds {seeds}`; `rheode run lisi-c` and `rheode run lisi-c-5` run one bed each.
The layer is that of Sung et al.: {silicon:g} mg of silicon and {carbon:g} mg of carbon nanotubes on {area:g} cm2, {dry:g} um thick, lithiated to
Li15Si4 under 64 MPa to {thickness:g} um and {low:g} to {high:g} % of pores; under 5 MPa it stays visibly more porous. Silicon fills
{fraction:.1%} of the dry layer, carbon {carbon_share:.1%}, which leaves {void:.1%}.

Beds: discs of 25 nm that fall in and stick (`microstructure.placement: deposited`), {particles} in a piece of the layer of {width:g} x {height:g} um.
Discs that only stick fill what silicon does here: the bed has no free parameter. Growth to {growth:.2f} times the volume, plane strain, sides without
friction; lithiated silicon flows at 1 GPa (`silicon-viscoplastic`). Thickness: that of the dry layer by the ratio of heights; carbon keeps its
volume and counts as solid afterwards.

![Thickness and porosity against pressure](lisi.png)

| pressure | cohesion | bed | pressed height, of the dry one | porosity pressed | thickness lithiated | porosity lithiated |
|---|---|---|---|---|---|---|
{rows}

{says}

## What is assumed

- **Cohesion.** Without it a bed of 58 % pores bears nothing: frictionless discs slide until they jam. With necks at all contacts, of silicon and
  as wide as a side of the mesh, {stands}.
  What carbon nanotubes do lies between. The two are the ends of what cohesion can be, not a fit.
- **Two dimensions.** Porosity counts as area; discs jam at about 20 % of pores where spheres leave 36 to 40 %, so the pressed layer is thinner here
  than a bed of spheres, and stays so until swelling has closed the pores. All swelling goes into the plane.
- **A piece of the layer**, ten diameters high: {sizes}
- Lithium arrives everywhere at once; the flow stress of nanoparticles is that of films.
"""


def finished(out, example, skeleton, seed, extra=()):
    """The run of a bed, made if it is not there; None where it stopped."""
    name = f"{example}-{skeleton}-{seed}" + "".join(f"-{text.split('=')[1]}" for text in extra if "particles" in text)
    try:
        result = Result(out / name)
        if result.complete or result.stopped:
            return result if result.complete else None
    except ResultError:
        pass
    overrides = [f"name={name}", f"microstructure.skeleton={skeleton}", f"microstructure.seed={seed}", "cycling.delithiation=0.99", *extra]
    try:
        return Simulation(Study.load(example, overrides)).run(out / name, overwrite=True)
    except RunStopped as reason:
        print(reason, flush=True)
        return None


def measured(result):
    """Height pressed by height as drawn, porosity pressed, thickness [um] and porosity lithiated; carbon counts as solid."""
    drawn = result.study.microstructure.box[1]
    pressed, full = result.history["thickness [um]"][0], result.cycles["thickness [um]"][0]
    carbon = CARBON / (1e3 * load("cnt").value("density")) * 1e4 / AREA / DRY  # of the dry layer
    pores = [value - carbon * drawn / height for value, height in ((result.history["porosity []"][0], pressed), (result.cycles["porosity []"][0], full))]
    return pressed / drawn, pores[0], DRY * full / drawn, pores[1]


def figure(path, found):
    from rheode.report import style

    with style.look():
        fig = style.figure(style.DOUBLE * 0.8, 68 * style.MM)
        axes = fig.subplots(1, 2)
        colours = {"loose": style.RUNS[0], "cohesive": style.RUNS[1]}
        for ax, column, scale, letter, label in zip(axes, (2, 3), (1, 100), "ab", ("Thickness, lithiated (µm)", "Porosity, lithiated (%)")):
            for (pressure, skeleton), values in found.items():
                x = pressure * (0.93 if skeleton == "loose" else 1.07)
                ax.plot(x * np.ones(len(values)), scale * np.array(values)[:, column], "o", ms=4, alpha=0.8, mew=0, color=colours[skeleton])
            low, high = (MEASURED[0], MEASURED[0]) if column == 2 else MEASURED[1]
            ax.errorbar([64], [0.5 * (low + high)], [[0.5 * (high - low)]] * 2, capsize=2, elinewidth=1.0, ecolor=style.INK, **style.open_marker(style.INK))
            ax.set_xscale("log")
            ax.set_xlim(3, 110)
            ax.set_xticks([5, 64], ["5", "64"])
            ax.minorticks_off()
            ax.set_ylim(0)
            ax.set_xlabel("Stack pressure (MPa)")
            ax.set_ylabel(label)
            style.title(ax, letter)
        keys = [*((colours[k], words) for k, words in (("loose", "no cohesion"), ("cohesive", "necks at contacts")) if any(skeleton == k for _, skeleton in found))]
        for colour, words in keys:
            axes[1].plot([], [], "o", ms=4, color=colour, label=words)
        axes[1].plot([], [], label="measured", **style.open_marker(style.INK))
        fig.legend(*axes[1].get_legend_handles_labels(), loc="outside lower center", ncols=3)
        style.settle(fig)
        fig.savefig(path, dpi=style.SCREEN_DPI)


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--out", type=Path, default=Path("runs/lisi"))
    options.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    options.add_argument("--page", type=Path)
    options = options.parse_args()
    found, rows = {}, []
    for example, skeleton in CASES:
        pressure = round(1e3 * Study.load(example).walls.pressure)
        for seed in options.seeds:
            result = finished(options.out, example, skeleton, seed)
            cells = ["stopped"] + [""] * 3
            if result is not None:
                height, dry, thickness, porosity = values = measured(result)
                found.setdefault((pressure, skeleton), []).append(values)
                cells = [f"{height:.2f}", f"{dry:.1%}", f"{thickness:.2f} um", f"{porosity:.1%}"]
            rows.append("| " + " | ".join([f"{pressure} MPa", COHESION[skeleton], str(seed), *cells]) + " |")
            print(rows[-1], flush=True)
    says = []
    for (pressure, skeleton), values in found.items():
        thickness, porosity = np.array(values)[:, 2], 100 * np.array(values)[:, 3]
        spread = [f" +- {v.std(ddof=1):.2g}" if len(v) > 1 else "" for v in (thickness, porosity)]
        says.append(f"- {pressure} MPa, cohesion {COHESION[skeleton]}: {thickness.mean():.2f}{spread[0]} um and {porosity.mean():.1f}{spread[1]} % over {len(values)} beds"
                    + (f"; measured {MEASURED[0]:g} um and {MEASURED[1][0]:g} to {MEASURED[1][1]:g} %." if pressure == 64 else "."))
    print("\n".join(says))
    if options.page and found:
        micro, full = Study.load("lisi-c"), load("silicon").dV
        extra = ["microstructure.particles=60", "microstructure.box=[0.51 um, 0.62 um]"]
        larger = finished(options.out, "lisi-c-5", "cohesive", 1, extra)
        small = found.get((5, "cohesive"))
        sizes = "a larger one was not run to its end."
        if larger is not None and small:
            _, _, thickness, porosity = measured(larger)
            sizes = f"one of 60 discs, seed 1, with necks under 5 MPa gives {thickness:.2f} um and {porosity:.1%}."
        stands = "the beds stand under 5 MPa" + ("" if small else " but the runs stop") + "; under 64 MPa they buckle between about 25 and 35 MPa before any lithium enters, and the run stops there"
        fraction = micro.phases["si"].fraction
        carbon = CARBON / (1e3 * load("cnt").value("density")) * 1e4 / AREA / DRY
        options.page.write_text(PAGE.format(
            seeds=" ".join(map(str, options.seeds)), silicon=SILICON, carbon=CARBON, area=AREA, dry=DRY, thickness=MEASURED[0], low=MEASURED[1][0], high=MEASURED[1][1],
            fraction=fraction, carbon_share=carbon, void=1 - fraction - carbon, particles=micro.microstructure.particles, width=micro.microstructure.box[0],
            height=micro.microstructure.box[1], growth=1 + full, rows="\n".join(rows), says="\n".join(says), stands=stands, sizes=sizes,
        ), encoding="utf-8")  # fmt: skip
        figure(options.page.with_suffix(".png"), found)


if __name__ == "__main__":
    main()
