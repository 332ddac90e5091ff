"""Thickness and porosity of the silicide interlayer under 64 and 5 MPa, over several beds, beside what was measured.

    python benchmarks/lisi.py [--out runs/lisi] [--seeds 1 2 3 4 5] [--variants fine near small loose] [--stored] [--page docs/lisi.md]

Runs the bundled studies lisi-c and lisi-c-5 up to full lithiation with beds of several seeds, and one bed with one assumption
changed at a time, where the folder does not hold the run already; writes the page with its figure beside it. A run that
stops is counted as such. Nothing is fitted.
"""

import argparse
from pathlib import Path

import numpy as np

from rheode import Result, Simulation, Study
from rheode.cycling import RunStopped
from rheode.materials import load
from rheode.measures import solid_area, wall_positions
from rheode.result import ResultError

DRY, AREA = 2.0, 0.785  # um, cm2: layer and cell of Sung et al., SI Table S1
SILICON, CARBON = 0.135, 0.015  # mg
MEASURED = 3.25, (11.0, 13.6)  # um; per cent, as printed and with the carbon volume that its own weight and density give
CASES = ("lisi-c", "lisi-c-5")
# What is assumed, changed one by one, on the bed of the first seed: (overrides, in words).
VARIANTS = {
    "": ([], "as bundled"),
    "fine": (["microstructure.mesh_size=16 nm", "microstructure.contact_size=8 nm"], "elements two thirds as large, and with them the necks two thirds as wide"),
    "near": (["mechanics.barrier.distance=0.5 nm"], "contact from 0.5 nm on"),
    "small": (["microstructure.particles=12", "microstructure.box=[0.2277 um, 0.2783 um]"], "a piece of the layer two fifths as large, 12 particles, another bed"),
    "loose": (["microstructure.skeleton=loose"], "no necks: the bed falls together under any pressure"),
}

PAGE = """# A silicide interlayer from a bed of nanoparticles

Made by `python benchmarks/lisi.py --page docs/lisi.md` from {count}; `rheode run lisi-c` and `rheode run lisi-c-5` run one bed each, and
`rheode compare` draws them side by side.
The layer is that of Sung et al.: {silicon:g} mg of silicon and {carbon:g} mg of carbon nanotubes on {area:g} cm2, {dry:g} um thick, lithiated to
Li15Si4 under 64 MPa to {thickness:g} um and {low:g} to {high:g} % of pores; under 5 MPa it stays visibly more porous. Silicon fills
{fraction:.1%} of the dry layer, carbon {carbon_share:.1%}, which leaves {void:.1%}.

Discs of 25 nm fall in and stick (`microstructure.placement: deposited`), {particles} in a piece of {width:g} x {height:g} um, and are joined by necks at their
contacts (`skeleton: cohesive`). Discs that only stick fill what silicon does here: the bed has no free parameter. Both pressures act on the same beds: under
5 MPa they stand, under 64 MPa they buckle and jam before any lithium enters. Then silicon grows to {growth:.2f} times its volume, in plane strain, between
sides without friction; lithiated it flows at 1 GPa (`silicon-viscoplastic`). Contact is a film of {film:g} nm at the surfaces (`contact: barrier`).
The thickness is that of as much silicon as the printed layer holds; carbon keeps its volume and counts as solid. Nothing is fitted.

![Thickness and porosity against pressure](lisi.png)

| pressure | seed | thickness clamped | porosity clamped | thickness lithiated | porosity lithiated | farthest beyond a wall |
|---|---|---|---|---|---|---|
{rows}

{says}

![A bed clamped and lithiated under both pressures](lisi-beds.png)

The bed of seed {seed}.

## What the numbers rest on

Bed of seed {seed}, changed in one thing at a time. How a bed buckles hangs on the smallest things: at 64 MPa lines may differ as beds do, for no other reason.

| changed | thickness, 64 MPa | porosity, 64 MPa | thickness, 5 MPa | porosity, 5 MPa |
|---|---|---|---|---|
{variants}

## What is assumed

- **Cohesion.** Without it a bed of 58 % pores bears nothing. Necks are of silicon, at all contacts of the bed as it fell, as wide as a side of the mesh; they
  bend and flow and never break, and contacts that come later do not bond. Nanotubes may hold less: the last line of the table is the other end, no necks at all
  (without friction, too, and so pressed together by either pressure).
- **Two dimensions.** Porosity counts as area. Discs that stick have two or three neighbours where spheres have more; loose discs jam at about 20 % of pores
  where spheres leave 36 to 40 %. A pore between discs is closed all around, one between spheres is a channel that silicon can flow into from all sides.
  That a plane bed comes near the measured thickness is therefore no proof. Nor are thickness and porosity two findings: with the volume of silicon given,
  one follows from the other. What carries over is the sign and the order of the difference between the pressures.
- **Plane strain.** All swelling goes into the plane, as in a layer on a foil it goes into the thickness and the pores. What holds silicon back out of the
  plane is its whole flow stress: its area stays {squeezed:.1%} below that of free growth, and all of it yields all the time, so that any small stress in the plane
  makes it flow. Spheres, free at the pores on all sides, would be harder to squeeze into them.
- **A piece of the layer**, some nine diameters high as coated: at the floor and the top wall the pores are larger than between particles, and in the
  whole layer they count less. A larger piece was not followed.
- Lithium arrives everywhere at once; the flow stress of nanoparticles is that of films.
"""


def finished(out, example, seed, stored, variant=""):
    """The run of a bed, made if it is not there (unless only `stored` ones are wanted); None where it stopped."""
    name = "-".join(filter(None, [example, str(seed), variant]))
    try:
        result = Result(out / name)
        if result.complete or result.stopped:
            return result if result.complete else None
    except ResultError:
        pass
    if stored:
        return None
    try:
        overrides = [f"name={name}", f"microstructure.seed={seed}", "cycling.delithiation=0.99", *VARIANTS[variant][0]]
        return Simulation(Study.load(example, overrides)).run(out / name, overwrite=True)
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
    """How far particles have passed through a wall at full lithiation, um."""
    frame = lithiated(result)
    walls, here = wall_positions(result.mesh, frame.displacement), (result.mesh.nodes + frame.displacement)[np.unique(result.mesh.surface.edges)]
    (left, bottom), (right, top) = here.min(axis=0), here.max(axis=0)
    return max(0.0, float(max(walls.left - left, right - walls.right, walls.bottom - bottom, top - walls.top)))


def lithiated(result):
    return [frame for frame in result.frames if frame.half == "lithiation"][-1]


def squeezed(result):
    """How much less area silicon has at full lithiation than it would have grown to freely."""
    mesh = result.mesh
    free = mesh.areas[mesh.solid].sum() * result.study.materials()["si"].growth(1.0)
    return 1 - solid_area(mesh, lithiated(result).displacement) / free


def figure(path, found):
    from matplotlib.lines import Line2D

    from rheode.report import style

    with style.look():
        fig = style.figure(style.DOUBLE * 0.8, 66 * style.MM)
        axes = fig.subplots(1, 2)
        loads = [1e3 * Study.load(example).walls.pressure for example in CASES]
        for ax, column, scale, letter, label in zip(axes, (2, 3), (1, 100), "ab", ("Thickness, lithiated (µm)", "Porosity, lithiated (%)")):
            for values in found.values():
                here = [(load, scale * values[example][column]) for load, example in zip(loads, CASES) if example in values]
                ax.plot(*zip(*here), "o-", ms=4.2, lw=0.8, mew=0, alpha=0.85, color=style.RUNS[0])
            low, high = (MEASURED[0], MEASURED[0]) if column == 2 else MEASURED[1]
            ax.plot([64, 64], [low, high], color=style.INK, lw=1.0)
            ax.plot([64], [0.5 * (low + high)], **style.open_marker(style.INK))
            ax.set_xscale("log")
            ax.set_xlim(3, 110)
            ax.set_xticks([5, 64], ["5", "64"])
            ax.minorticks_off()
            ax.set_ylim(0, 1.08 * ax.get_ylim()[1])
            ax.set_xlabel("Stack pressure (MPa)")
            ax.set_ylabel(label)
            style.title(ax, letter)
        keys = [Line2D([], [], marker="o", ms=4.2, lw=0.8, mew=0, color=style.RUNS[0], label="computed, a line a bed")]
        keys.append(Line2D([], [], label="measured", **style.open_marker(style.INK)))
        fig.legend(handles=keys, loc="outside lower center", ncols=2)
        style.settle(fig)
        fig.savefig(path, dpi=style.SCREEN_DPI)


def beds(path, results):
    """One bed clamped and lithiated under each pressure, on one scale."""
    from rheode.report import fields, style
    from rheode.report.run import Run

    panels = []
    for result in results:
        run, load = Run(result), f"{1e3 * result.study.walls.pressure:g} MPa"
        canvas = fields.Canvas(run.mesh, run.phases)
        panels += [fields.Panel(f"{load}, {state}", run, canvas, frame) for state, frame in (("clamped", result.frames[0]), ("lithiated", lithiated(result)))]
    view = fields.View([panel.position for panel in panels])
    with style.look():
        fig = style.figure(style.DOUBLE, style.DOUBLE / len(panels) * view.aspect + 8 * style.MM)
        axes = fig.subplots(1, len(panels))
        for letter, ax, panel in zip("abcd", axes, panels):
            view.panel(ax, panel.walls, True)
            panel.canvas.fill(ax, panel.position, {n: style.tint(c, fields.FILL) for n, c in panel.run.colours.items()})
            panel.canvas.outline(ax, panel.position)
            style.title(ax, letter, panel.title)
        view.scale_bar(axes[0])
        style.settle(fig)
        fig.savefig(path, dpi=style.SCREEN_DPI)


def spread(values, form):
    """Mean and standard deviation in words."""
    values = np.asarray(values)
    return f"{values.mean():{form}}" + (f" +- {values.std(ddof=1):.2g}" if len(values) > 1 else "")


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--out", type=Path, default=Path("runs/lisi"))
    options.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    options.add_argument("--variants", nargs="*", choices=list(VARIANTS)[1:], default=list(VARIANTS)[1:], help="what to change on the bed of the first seed")
    options.add_argument("--stored", action="store_true", help="make no runs, use those that the folder holds")
    options.add_argument("--page", type=Path)
    options = options.parse_args()
    found, rows, less = {}, [], []
    for example in CASES:
        pressure = f"{1e3 * Study.load(example).walls.pressure:g} MPa"
        for seed in options.seeds:
            result = finished(options.out, example, seed, options.stored)
            if result is None and options.stored:
                continue
            cells = ["stopped"] + [""] * 4
            if result is not None:
                values = measured(result)
                less.append(squeezed(result))
                found.setdefault(seed, {})[example] = values
                cells = [f"{values[0]:.2f} um", f"{values[1]:.1%}", f"{values[2]:.2f} um", f"{values[3]:.1%}", f"{1e3 * beyond(result):.0f} nm"]
            rows.append("| " + " | ".join([pressure, str(seed), *cells]) + " |")
            print(rows[-1], flush=True)
    says, counts = [], []
    for example in CASES:
        thickness, porosity = (np.array([scale * v[example][k] for v in found.values() if example in v]) for k, scale in ((2, 1), (3, 100)))
        counts.append(f"{len(thickness)} beds of `{example}`")
        says.append(f"- {1e3 * Study.load(example).walls.pressure:g} MPa: {spread(thickness, '.2f')} um and {spread(porosity, '.1f')} % over {len(thickness)} beds"
                    + (f"; measured {MEASURED[0]:g} um and {MEASURED[1][0]:g} to {MEASURED[1][1]:g} %." if example == "lisi-c" else "; measured: more porous than under 64 MPa, in words only."))
    both = [v for v in found.values() if len(v) == 2]
    if both:
        thinner, denser = ([scale * (v["lisi-c-5"][k] - v["lisi-c"][k]) for v in both] for k, scale in ((2, 1), (3, 100)))
        says.append(f"- Under 5 MPa the same bed is {spread(thinner, '.2f')} um thicker and has {spread(denser, '.1f')} points more of pores.")
    print("\n".join(says))
    changed = []
    for variant in ["", *options.variants]:
        cells = []
        for example in CASES:
            result = finished(options.out, example, options.seeds[0], options.stored, variant)
            values = measured(result) if result else None
            cells += [f"{values[2]:.2f} um", f"{values[3]:.1%}"] if values else ["not known" if options.stored else "stopped", ""]
        changed.append("| " + " | ".join([VARIANTS[variant][1], *cells]) + " |")
        print(changed[-1], flush=True)
    if options.page and found:
        study, (silicon, carbon) = Study.load("lisi-c"), fractions()
        micro = study.microstructure
        options.page.write_text(PAGE.format(
            count=" and ".join(counts), silicon=SILICON, carbon=CARBON, area=AREA, dry=DRY, thickness=MEASURED[0], low=MEASURED[1][0], high=MEASURED[1][1],
            fraction=silicon, carbon_share=carbon, void=1 - silicon - carbon, particles=micro.particles, width=micro.box[0], height=micro.box[1],
            growth=1 + load("silicon").dV, film=1e3 * study.mechanics.barrier.distance, rows="\n".join(rows), says="\n".join(says),
            seed=options.seeds[0], variants="\n".join(changed), squeezed=np.mean(less),
        ), encoding="utf-8")  # fmt: skip
        figure(options.page.with_suffix(".png"), found)
        pair = [finished(options.out, example, options.seeds[0], stored=True) for example in reversed(CASES)]
        if all(pair):
            beds(options.page.with_name(f"{options.page.stem}-beds.png"), pair)


if __name__ == "__main__":
    main()
