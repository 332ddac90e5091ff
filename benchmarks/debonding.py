"""What an interface does: its law, and particles that let go of a soft electrolyte and are met again.

    python benchmarks/debonding.py [--out docs/debonding]

Prints the shares of the interface over strength and energy, and draws the figure of docs/debonding.md.
"""

import argparse
from pathlib import Path

import numpy as np

from rheode import Study
from rheode.cycling.model import Model, build_mesh
from rheode.mechanics.cohesion import Cohesion
from rheode.mechanics.potential import unknowns
from rheode.mechanics.stepping import Memory, Steps, march
from rheode.report import style
from rheode.report.fields import Canvas

STRENGTH, ENERGY, STIFFNESS = 1e-3, 2e-5, 0.1  # GPa, GPa um, GPa/um: 1 MPa, 20 mJ/m2
MADE, LEAST = 0.3, 0.0  # lithiation
CASES = [("0.2 MPa", "5 mJ/m^2"), ("0.2 MPa", "20 mJ/m^2"), ("0.5 MPa", "5 mJ/m^2"), ("0.5 MPa", "20 mJ/m^2"), ("1 MPa", "20 mJ/m^2"), ("2 MPa", "20 mJ/m^2")]
STATES = {"bonded": "#6a737d", "tearing": "#c99a1c", "lost": "#a63446", "in contact again": "#4059ad"}


def study(strength, energy):
    """Three silicon discs, made at MADE, in a soft electrolyte (elastic, 10 MPa) that fills the pores, under 0.1 MPa."""
    return Study.from_mapping({
        "temperature": "25 degC",
        "materials": {"soft": {"young_modulus": "10 MPa", "poisson_ratio": 0.45}},
        "phases": {
            "si": {"material": "silicon", "role": "active", "fraction": 0.25},
            "electrolyte": {"material": "soft", "role": "electrolyte", "fills": 1},
        },
        "microstructure": {"kind": "packing", "particles": 3, "box": "4 um", "seed": 3, "gap": "0.3 um", "mesh_size": "0.4 um", "contact_size": "0.14 um"},
        "walls": {"kind": "pressure", "pressure": "0.1 MPa"},
        "cycling": {"rate": "0.1 C", "cycles": 1, "start": MADE, "lithiation": MADE + 0.01, "delithiation": LEAST},
        "interfaces": {"si-electrolyte": {"strength": strength, "energy": energy}},
    })  # fmt: skip


def breathe(model):
    """Clamp, delithiate to LEAST, lithiate to MADE; yields (x, lithiation) after each increment."""
    load = {"stack": {"pressure": model.study.walls.pressure, "out_of_plane": 0.0}}
    x, rate = model.unknowns.start(), model.study.cycling.rate
    for start, end in ((MADE, MADE), (MADE, LEAST), (LEAST, MADE)):
        time = abs(end - start) / rate

        def begin(fraction, step, x):
            model.begin(step * time, start + (end - start) * fraction, load, step)

        for x, increment in march(model.system, model.minimise, x, begin, Steps(0.01, 0.05, 1e-6), Memory()):
            yield x, start + (end - start) * increment.fraction


def law():
    """Opening and traction of one element: half way out, closed, pressed, out to the end."""
    nodes = np.array([[1.0, 0.0], [0.5, 0.0], [0.0, 0.0]] * 2)
    u = unknowns(6, fixed_scalars=["stretch zz"])
    cohesion = Cohesion(nodes, [[[0, 1, 2], [3, 4, 5]]], u, STIFFNESS, STRENGTH, ENERGY)
    end = 2 * ENERGY / STRENGTH
    opening = np.concatenate([np.linspace(a, b, 200) for a, b in ((0, 0.5 * end), (0.5 * end, -0.006), (-0.006, 0.5 * end), (0.5 * end, 1.2 * end))])
    x, traction = u.start(), []
    for d in opening:
        x[u.displacement[3:, 1]] = d
        traction.append(cohesion.evaluate(x, 1).gradient[0, 7::2].sum())
        cohesion.commit(x)
    return opening, np.array(traction)


def draw(path, states):
    """states: (title, model, x) of the panels b to d."""
    with style.look():
        fig = style.figure(style.DOUBLE, 62 * style.MM)
        axes = fig.subplots(1, 4, width_ratios=[1.25, 1, 1, 1])
        ax = axes[0]
        opening, traction = law()
        whole = slice(600, 800)
        end, peak = 2 * ENERGY / STRENGTH, STRENGTH / STIFFNESS
        ax.fill_between([0, 1e3 * peak, 1e3 * end], [0, 1e3 * STRENGTH, 0], color=style.tint(STATES["tearing"], 0.75), linewidth=0)
        ax.axhline(0, color=style.FAINT, linewidth=0.6)
        ax.plot(1e3 * opening[:200], 1e3 * traction[:200], color=style.INK)
        ax.plot(1e3 * opening[whole], 1e3 * traction[whole], color=style.INK)
        ax.plot(1e3 * opening[200:600], 1e3 * traction[200:600], color=STATES["in contact again"], dashes=(3, 1.5), linewidth=1.0)
        ax.annotate("strength", (1e3 * peak, 1e3 * STRENGTH), (9, 0), textcoords="offset points", va="center")
        ax.text(22, 0.2, "energy", ha="center")
        ax.text(1.0, -0.5, "overlap\nis pressed back", color=STATES["in contact again"], ha="left", va="center", fontsize=7)
        ax.text(23, 0.7, "unloads to the\norigin from here", color=STATES["in contact again"], ha="left", fontsize=7)
        ax.set(xlabel="Opening (nm)", ylabel="Traction (MPa)", xlim=(-8, 48), ylim=(-0.65, 1.12))
        style.title(ax, "a")
        low, high = np.array([0.0, 0.0]), np.max([_position(m, x).max(axis=0) for _, m, x in states], axis=0)
        colours = {"si": style.tint(style.ROLES["active"][0], 0.45), "electrolyte": style.tint(style.ROLES["electrolyte"][0], 0.72)}
        for ax, letter, (title, model, x) in zip(axes[1:], "bcd", states):
            canvas = Canvas(model.mesh, model.mesh.phase_names)
            position = _position(model, x)
            canvas.fill(ax, position, colours)
            _interface(ax, model, x, position)
            ax.set(xlim=(low[0], high[0]), ylim=(low[1] - 0.02, high[1] + 0.02), aspect="equal")
            ax.axis("off")
            style.title(ax, letter, title)
        axes[1].plot([0.15, 1.15], [-0.17, -0.17], color=style.INK, linewidth=1.6, clip_on=False, solid_capstyle="butt")
        axes[1].text(1.25, -0.17, "1 µm", va="center", fontsize=7)
        for k, (name, colour) in enumerate(STATES.items()):
            at = axes[2] if k < 2 else axes[3]
            here = 0.0 if k % 2 == 0 else (1.55 if k < 2 else 1.05)
            at.plot([here, here + 0.35], [-0.17, -0.17], color=colour, linewidth=1.6, clip_on=False, solid_capstyle="butt")
            at.text(here + 0.45, -0.17, name, va="center", fontsize=7)
        for file in style.save(fig, path):
            if file.suffix == ".pdf":
                file.unlink()


def _position(model, x):
    return model.mesh.nodes + model.displacement(x)


def _interface(ax, model, x, position):
    """The particles' side of the interface, each piece between two nodes in the colour of its state."""
    from matplotlib.collections import LineCollection

    from rheode.microstructure import facing

    cohesion = model.interfaces["si-electrolyte"]
    sides = facing(model.mesh, "si", "electrolyte")[:, 0]
    parted, apart = cohesion.damage() == 1.0, cohesion.jumps(x)[0] > model.gap
    torn = cohesion.damage() > 0.0
    names = list(STATES)
    state = np.where(parted, np.where(apart, 2, 3), np.where(torn, 1, 0))
    lines, colours = [], []
    for side, here in zip(sides, state):
        for a, b in ((0, 1), (1, 2)):
            lines.append(position[side[[a, b]]])
            colours.append(STATES[names[here[a if a == 1 else b]]])
    ax.add_collection(LineCollection(lines, colors=colours, linewidths=1.3, capstyle="round", zorder=4))


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--out", type=Path, default=Path("docs/debonding"))
    out = options.parse_args().out
    states = []
    print("strength, energy: lost at x = 0 [%], lost and in contact again back at x = 0.3 [%]")
    for strength, energy in CASES:
        model = Model(study(strength, energy), mesh=build_mesh(study(strength, energy)))
        found, drawn = {}, (strength, energy) == CASES[0]
        for x, lithiation in breathe(model):
            shares = model.interfaces["si-electrolyte"].shares(x, model.gap)
            if drawn and not states:
                states.append((f"made, x = {MADE:g}", *_frozen(model, x)))
            if lithiation == LEAST:
                found["small"] = shares
                if drawn:
                    states.append((f"delithiated, x = {LEAST:g}", *_frozen(model, x)))
        found["large"] = shares
        if drawn:
            states.append((f"lithiated, x = {MADE:g}", *_frozen(model, x)))
        print(f"{strength:8} {energy:10} {100 * found['small'][0]:6.1f} {100 * found['large'][0]:6.1f} {100 * found['large'][1]:6.1f}", flush=True)
    draw(out, states)


def _frozen(model, x):
    """(model, x) as they are now: another model with the same history."""
    copy = Model(model.study, model.mesh)
    copy.system.restore(model.system.state())
    return copy, x.copy()


if __name__ == "__main__":
    main()
