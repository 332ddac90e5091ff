"""The pressure that pushes lithium out of pores of a lithium silicide layer, by size and rate, simulated and in closed form.

    python benchmarks/lithium_in_pores.py [--out runs/pores] [--page docs/lithium-in-pores.md]

Runs the bundled study li-in-pores in pores of other sizes, at other rates and with other laws, where the folder does not
hold the run already, and writes the page with its figure beside it. Plating speeds, sizes and laws are the library's.
"""

import argparse
from pathlib import Path

import numpy as np
from scipy.optimize import brentq

from rheode import Result, Simulation, Study
from rheode.electrode.extrusion import channel, plating_speed, plug
from rheode.materials import load, mechanisms
from rheode.result import ResultError

STUDY = Study.load("li-in-pores")
DEPTH, POROSITY, TEMPERATURE = STUDY.microstructure.depth, STUDY.microstructure.porosity, STUDY.temperature
LITHIUM, SET = load("lithium"), mechanisms.load("lithium")
MOVED = 0.1  # of the pore's width, what leaves through the mouth in a run: the flow is steady long before
PAPER = 0.13  # mA/cm2
SIZES = (0.01, 0.03, 0.1, 0.3, 1.0)  # um
RATES = (0.92, 10.0)  # mA/cm2: the highest of the paper, and far beyond
SLIDING = (1.0, 3.0, 7.0, 8.0, 9.0, 20.0, 50.0)  # um: around the crossover
SPEED = plating_speed(PAPER, LITHIUM) / POROSITY  # um/s at the pores' mouths
HARDNESS = load("silicon").value("hardness", "lithiated")  # GPa, of LiSi
SOFT, YIELD = (7e-3, 43e-3), (0.6e-3, 1.3e-3)  # GPa: hardness and yield strength of lithium in Sung et al.
PAGE = """# Lithium in the pores of a lithium silicide layer

Made by `python benchmarks/lithium_in_pores.py --page docs/lithium-in-pores.md`; `rheode run li-in-pores` runs the case of
100 nm with its report. The layer is that of Sung et al. (interlayer of lithium silicide and carbon nanotubes): 3.25 um thick, 11 %
porous, plated through at 0.13 mA/cm2, which is {speed:.3f} nm/s of lithium and {mouth:.2f} nm/s at the mouths of the pores.
All of it is plated inside straight pores of one width, closed below and open above, sticks to their walls, and leaves by
creep at 25 degC. Lithium creeps by dislocations and by diffusion side by side, with the numbers of `rheode map li` and grains as large
as the pore; nothing is fitted. The pressure is that at the closed end above that at the mouth.

![Pressure against the width of the pore](lithium-in-pores.png)

## Pressure by size

| width | simulated | closed form | deviation | over the hardness of LiSi, {hardness:g} GPa | diffusivity of boundaries a factor of {factor:.0f} less, more (closed form) | dislocations alone (closed form) | law of the bulk (closed form) |
|---|---|---|---|---|---|---|---|
{sizes}

## Rate, and the power law by itself

| width | current | creep | simulated | closed form | deviation |
|---|---|---|---|---|---|
{rates}

## Crossover

Lithium that slides along the walls of its pore is stressed by the lateral confinement alone; its flow stress at {strain:.2g} 1/s, two
thirds of the rate at which plating fills the pores:

| size | simulated | closed form | deviation | share of diffusion |
|---|---|---|---|---|
{plugs}

Dislocations and diffusion carry half of that rate each at {crossover:.2f} um in the simulated flow stresses (interpolated), at {bisected:.2f} um
by `rheode map li --size-effect --rate "{strain:.2g} 1/s"` ({low:.1f} to {high:.1f} um over the range of boundary diffusivities), and with
s_ref sqrt(h/d) for the resistance of dislocations and Coble creep alone for diffusion at
(2 C s_ref sqrt(h) (r/2A)^(1/n) / r)^(2/7) = {estimate:.2f} um, r the rate and C/d^3 the fluidity: {off:+.0f} % of the simulated one.
In a pore whose walls hold the lithium both would by themselves need the same pressure at {even:.1f} um.

## What it says

- Below the crossover diffusion carries the flow, and smaller pores need less pressure, in proportion to their width: the fluidity
  grows as d^-3, the resistance of the channel as d^-2 at a given velocity. In pores of 10 nm to 1 um it takes {least:.1g} to {most:.1g} MPa,
  four to six orders of magnitude below the hardness of LiSi, and less than the yield strength of lithium ({soft}): the layer
  keeps its shape. The pressure grows in proportion to the current.
- It is diffusion that does it. Dislocations alone, resisted in small samples as their hardness says, would need
  {alone100:.2g} GPa in pores of 100 nm, as much as LiSi bears, and far more below; with the law of bulk lithium it would be {bulk100:.0f} MPa.
- The assumption that matters most is the diffusivity along boundaries, here those between lithium and the layer: molecular
  dynamics leave three decades, and with it all pressures where diffusion carries the flow. At its lower end they are up to {factor:.0f} times
  as high, and stay below {worst:.2g} MPa.

## Closed form

In a pore much deeper than wide the shear stress is g z at the distance z from the middle, g the gradient of the pressure. With
a creep rate A (s/s_ref)^n + m s, s = sqrt(3) tau and a shear rate of sqrt(3) times the creep rate, the flow through a section of
width w = 2 h is

    F(g) = 2 sqrt(3) A (sqrt(3) g / s_ref)^n h^(n+2) / (n+2) + 2 m g h^3,

Poiseuille's law for the viscosity 1/(3 m) and that of a power-law fluid side by side. What is plated below a section passes it:
F(g) = v w y / L at the distance y from the closed end, v the velocity at the mouth. Integrated over the depth L,

    p = L [g_L - (a g_L^(n+1)/(n+1) + b g_L^2/2) / (v w)],    F(g) = a g^n + b g,  F(g_L) = v w.

Sliding lithium takes all growth in length, creeps at 2/3 of the rate of its volume and bears the flow stress at that rate
(`rheode.electrode.extrusion`). The simulation has the mouth, the pinned edge of the free surface, compressibility and elastic
walls besides, and follows each pore until a tenth of its width has left it, or more where lithium must first be compressed.

## What is left out

Pores are straight and of one width, filled from the start, and lithium is plated evenly in them. Stripping would pull: lithium
then loses the walls or voids open, which is not followed. The walls stick perfectly; where they do not, it takes less.
"""


def law(size, kind="both"):
    """Creep law of lithium in a pore of `size` [um]: of both mechanisms, of dislocations alone, of those in the bulk."""
    if kind == "bulk":
        return mechanisms.creep_law(SET, TEMPERATURE)
    both = mechanisms.creep_law(SET, TEMPERATURE, size)
    return both if kind == "both" else both | {"fluidity": 0.0}


def simulated(out, size, current=PAPER, kind="both", sliding=False):
    """Pressure [GPa] at the closed end, or the flow stress of lithium that slides, at the end of a run."""
    speed = plating_speed(current, LITHIUM) / POROSITY
    swelling = 0.01 if sliding else MOVED * size / DEPTH
    if kind != "both":  # a stress so high compresses lithium before it flows
        swelling = max(swelling, 20 * channel(law(size, kind), size, DEPTH, speed)[0] / float(LITHIUM.at(0.0, TEMPERATURE)["K"]))
    full = max(swelling, speed / DEPTH / 0.25)  # that of x = 1, which no current reaches in less than 4 s
    lithium = {"extends": "lithium", "volume_change": full, "sample_size": f"{size} um"}
    if kind == "bulk":
        lithium["sample_size"] = None
    elif kind == "dislocations":
        alone = law(size, kind)
        lithium |= {"sample_size": None, "mechanisms": None, "creep_rate": f"{alone['A']} 1/s", "stress_exponent": alone["n"],
                    "reference_stress": f"{alone['s_ref']} GPa"}  # fmt: skip
    data = STUDY.model_dump(mode="json", by_alias=True) | {
        "name": f"{1000 * size:g}nm-{current:g}-{kind}{'-sliding' * sliding}",
        "materials": {"plated": lithium, "layer": STUDY.definitions["layer"].definition()},
    }
    data["microstructure"] |= {"width": f"{size} um", "gap": f"{size} um"}
    data["mechanics"]["medium"]["length"] = f"{0.5 * size} um"
    x = swelling / full
    data["cycling"] |= {"rate": f"{speed / DEPTH / full} 1/s", "lithiation": x, "delithiation": 0.99 * x}
    data["stepping"] = {"first_step": 0.01 * x, "largest_step": 0.05 * x, "smallest_step": 1e-6 * x}
    if sliding:
        data["microstructure"] |= {"porosity": 1.0, "width": "1 um", "gap": "1 um"}  # no width matters where nothing sticks
        data["phases"].pop("lisi")
        data["materials"].pop("layer")
    study = Study.from_mapping({key: value for key, value in data.items() if key != "versions"})
    try:
        result = Result(out / study.name)
        result = result if result.complete else None
    except ResultError:
        result = None
    result = result or Simulation(study).run(out / study.name, overwrite=True)
    frame = [frame for frame in result.frames if frame.half == "lithiation"][-1]
    if sliding:
        return float(frame.von_mises.mean())
    mesh = result.mesh
    middle = mesh.nodes[mesh.cells[mesh.solid][:, :3]].mean(axis=1)
    filling = mesh.phase[mesh.solid] == mesh.phase_names.index("li")
    end = filling & (middle[:, 1] < 2.1 * middle[filling, 1].min())  # the lowest row of cells
    return float(np.average(frame.pressure[end], weights=mesh.areas[mesh.solid][end]))




def expected(size, current=PAPER, kind="both"):
    """Pressure [GPa] at the closed end in closed form."""
    return channel(law(size, kind), size, DEPTH, plating_speed(current, LITHIUM) / POROSITY)[0]


def told(pressure):
    """A pressure [GPa] in words."""
    return f"{1e3 * pressure:.3g} MPa" if pressure < 1.0 else f"{pressure:.3g} GPa"


def shown_width(size):
    return f"{1000 * size:g} nm" if size < 1 else f"{size:g} um"


def row(*cells):
    return "| " + " | ".join(cells) + " |"


def figure(path, sizes, points, decades):
    """Pressure against size: simulated points on closed forms, hardness and strength beside them."""
    from rheode.report import style

    metal, layer, quiet = "#d0691b", "#4d6f94", style.QUIET
    width = np.geomspace(sizes[0] / 1.3, 12.0, 120)
    curves = {kind: np.array([1e3 * expected(w, kind=kind) for w in width]) for kind in ("both", "dislocations", "bulk")}
    band = [[1e3 * channel(slower(w, sign * decades), w, DEPTH, SPEED)[0] for w in width] for sign in (-1, 1)]
    with style.look():
        fig = style.figure(style.DOUBLE * 0.72, 88 * style.MM)
        ax = fig.subplots()
        ax.set(xscale="log", yscale="log", xlim=(width[0], width[-1]), ylim=(1e-4, 3e5),
               xlabel="Width of the pore (µm)", ylabel="Pressure at its closed end (MPa)")  # fmt: skip
        ax.axhline(1e3 * HARDNESS, color=layer, lw=1.0)
        for low, high in (SOFT, YIELD):
            ax.axhspan(1e3 * low, 1e3 * high, color=style.tint(quiet, 0.75), lw=0, zorder=0)
        ax.fill_between(width, *band, color=style.tint(metal, 0.72), lw=0, zorder=1)
        ax.plot(width, curves["both"], color=metal, zorder=4)
        ax.plot(width, curves["dislocations"], color=style.INK, ls="--", lw=1.0, zorder=3)
        ax.plot(width, curves["bulk"], color=quiet, ls=":", lw=1.2, zorder=3)
        for kind, colour in (("both", metal), ("dislocations", style.INK), ("bulk", quiet)):
            found = [(size, 1e3 * pressure) for size, kind_, pressure in points if kind_ == kind]
            ax.plot(*zip(*found), "o", color=colour, mec="white", mew=0.6, ms=5, zorder=5)
        words = [
            (0.0088, 2.9e3, "hardness of LiSi, 1.9 GPa", layer, "left"),
            (0.0088, 17, "hardness of lithium", quiet, "left"),
            (0.0088, 0.88, "yield strength of lithium", quiet, "left"),
            (0.033, 3e4, "dislocations alone", style.INK, "left"),
            (0.045, 5.5e2, "law of the bulk", quiet, "left"),
            (0.0105, 4.5e-2, "dislocations and diffusion", metal, "left"),
            (0.6, 8e-4, f"band: diffusivity of boundaries\n{decades:g} decades either way", metal, "left"),
            (1.0, 3e4, "dots: simulated\nlines: closed form", style.INK, "left"),
        ]
        for x, y, text, colour, side in words:
            ax.text(x, y, text, color=colour, ha=side, va="center", fontsize=7)
        style.settle(fig)
        fig.savefig(path, dpi=style.SCREEN_DPI)


def slower(size, decades):
    """The law of both mechanisms with the boundary diffusivity shifted by `decades`."""
    slow = SET.model_copy(update={"boundary_diffusivity": SET.boundary_diffusivity.model_copy(update={"value": SET.boundary_diffusivity.value * 10.0**decades})})
    return mechanisms.creep_law(slow, TEMPERATURE, size)


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--out", type=Path, default=Path("runs/pores"))
    options.add_argument("--page", type=Path)
    options = options.parse_args()
    decades, points, sizes, rates, plugs = SET.boundary_decades.value, [], [], [], []

    def compare(size, current, kind):
        found, wanted = simulated(options.out, size, current, kind), expected(size, current, kind)
        print(f"{shown_width(size)}, {current:g} mA/cm2, {kind}: {told(found)}, closed form {told(wanted)}, {found / wanted - 1:+.1%}", flush=True)
        if current == PAPER:
            points.append((size, kind, found))
        return told(found), told(wanted), f"{found / wanted - 1:+.1%}"

    for size in SIZES:
        cells = compare(size, PAPER, "both")
        ends = [told(channel(slower(size, sign * decades), size, DEPTH, SPEED)[0]) for sign in (-1, 1)]
        sizes.append(row(shown_width(size), *cells, f"{expected(size) / HARDNESS:.1e}", ", ".join(ends),
                         told(expected(size, kind="dislocations")), told(expected(size, kind="bulk"))))  # fmt: skip
    for size, current, kind in [*((s, c, "both") for c in RATES for s in (0.1, 1.0)), (1.0, PAPER, "dislocations"), (0.3, PAPER, "bulk"), (1.0, PAPER, "bulk")]:
        words = {"both": "both mechanisms", "dislocations": "dislocations alone", "bulk": "law of the bulk"}[kind]
        rates.append(row(shown_width(size), f"{current:g} mA/cm2", words, *compare(size, current, kind)))
    shares, strain = [], 2 / 3 * SPEED / DEPTH
    for size in SLIDING:
        found, wanted = simulated(options.out, size, sliding=True), plug(law(size), DEPTH, SPEED)
        of = law(size)
        diffusion, glide = of["fluidity"] * found, of["A"] * (found / of["s_ref"]) ** of["n"]
        shares.append(diffusion / (diffusion + glide))
        plugs.append(row(shown_width(size), told(found), told(wanted), f"{found / wanted - 1:+.1%}", f"{shares[-1]:.0%}"))
        print(plugs[-1], flush=True)
    crossover = float(np.exp(np.interp(-0.5, -np.array(shares), np.log(SLIDING))))
    cross, bulk = mechanisms.crossover(SET, strain, TEMPERATURE), law(None, "bulk")
    coble = mechanisms.coble_rate(SET, 1.0, TEMPERATURE, 1.0)
    h = SET.strengthening_length.value
    estimate = float((2 * coble * bulk["s_ref"] * np.sqrt(h) * (strain / 2 / bulk["A"]) ** (1 / bulk["n"]) / strain) ** (2 / 7))
    even = brentq(lambda s: np.log(expected(np.exp(s), kind="dislocations") / channel(law(np.exp(s)) | {"A": 0.0}, np.exp(s), DEPTH, SPEED)[0]), -3.0, 4.0)
    print(f"crossover {crossover:.2f} um, bisected {cross.size:.2f}, estimated {estimate:.2f}")
    if options.page:
        options.page.write_text(PAGE.format(
            speed=1e3 * SPEED * POROSITY, mouth=1e3 * SPEED, hardness=HARDNESS, factor=10**decades, sizes="\n".join(sizes), rates="\n".join(rates),
            plugs="\n".join(plugs), strain=strain, crossover=crossover, bisected=cross.size, low=cross.range[0], high=cross.range[1],
            estimate=estimate, off=100 * (estimate / crossover - 1), even=np.exp(even), least=1e3 * expected(SIZES[0]), most=1e3 * expected(SIZES[-1]),
            soft="0.6 to 1.3 MPa", alone100=expected(0.1, kind="dislocations"), bulk100=1e3 * expected(0.1, kind="bulk"),
            worst=1e3 * channel(slower(SIZES[-1], -decades), SIZES[-1], DEPTH, SPEED)[0],
        ), encoding="utf-8")  # fmt: skip
        figure(options.page.with_suffix(".png"), SIZES, points, decades)


if __name__ == "__main__":
    main()
