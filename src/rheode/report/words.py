"""What a report says in words: what was run, under which conditions, and what each figure shows."""

from html import escape

import numpy as np

from rheode import units

from .fields import CLIP
from .numbers import shown
from .run import DELITHIATED, LITHIATED, formula, label


def name(run, phase):
    """A phase's name for HTML."""
    return formula(plain(run, phase), "html")


def plain(run, phase):
    """The same for plain text: a name that is a word, not a formula, is small inside a sentence."""
    return escape(_small(label(run.study, phase)))


def _small(text):
    return text[0].lower() + text[1:] if text[1:].islower() and text.isalpha() and len(text) > 3 else text


def _begin(text):
    return text[0].upper() + text[1:]


def listed(items, last="and"):
    items = list(items)
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} {last} {items[-1]}"


def per_cent(share, digits=1):
    return f"{100 * share:.{digits}f}&nbsp;%".replace("-", "−")


def quantity(value, kind):
    return units.show(value, kind).replace(" ", "&nbsp;").replace("degC", "°C").replace("um", "µm")


def walls(run):
    """The walls as a clause."""
    w, rub = run.study.walls, "without friction"
    if run.study.mechanics.contact == "barrier" and run.study.mechanics.barrier.friction:
        rub = "that rub as particles do"
    if w.kind == "rigid":
        return f"four rigid walls {rub}"
    if w.kind == "pressure":
        return f"rigid side walls and floor {rub}, the top wall free to move under a constant {quantity(w.pressure, 'pressure')}"
    return (f"rigid side walls and floor {rub}, the top wall held by a fixture of {quantity(w.stiffness, 'stiffness')} per unit "
            f"strain of the electrode's thickness with a preload of {quantity(w.preload, 'pressure')}")


def plane(run):
    m = run.study.mechanics
    if m.plane == "plane_strain":
        return "plane strain (no stretch out of plane, so swelling is held back in that direction too)"
    return f"generalized plane strain (one out-of-plane stretch for the whole electrode, mean pressure {quantity(m.out_of_plane_pressure, 'pressure')})"


def protocol(run):
    c = run.study.cycling
    hours = [f"{(b - a) / c.rate / 3600:.3g}&nbsp;h" for a, b in ((c.start, c.lithiation), (c.delithiation, c.lithiation))]
    cycles = "one cycle" if c.cycles == 1 else f"{c.cycles} cycles"
    rest = ""
    if c.rest.lithiated or c.rest.delithiated:
        rest = f", resting {quantity(c.rest.lithiated, 'time')} lithiated and {quantity(c.rest.delithiated, 'time')} delithiated"
    return (f"{cycles} at {quantity(c.rate, 'rate')}: from <i>x</i> = {c.start:g} to {c.lithiation:g} in {hours[0]}, back to {c.delithiation:g} "
            f"in {hours[1]}{rest}")


def conditions(run):
    """The conditions in a few words, for captions."""
    w, m, c = run.study.walls, run.study.mechanics, run.study.cycling
    wall = {"rigid": lambda: "rigid box", "pressure": lambda: f"top wall under {quantity(w.pressure, 'pressure')}",
            "fixture": lambda: f"fixture, preload {quantity(w.preload, 'pressure')}"}[w.kind]()
    return f"{wall}, {m.plane.replace('_', ' ')}, {quantity(c.rate, 'rate')}, {quantity(run.study.temperature, 'temperature')}"


def summary(run):
    """One paragraph: materials, fractions, porosity, walls, protocol, size of the model."""
    study, mesh = run.study, run.mesh
    materials = study.materials()
    parts = []
    for n in run.phases:
        phase = study.phases[n]
        grows = f", swells by {per_cent(materials[n].dV, 0)} at <i>x</i> = 1" if phase.lithiates else ""
        behaviour = materials[n].behaviour
        parts.append(f"{name(run, n)} ({phase.role}, {per_cent(mesh.area_fraction(n))} of the box as meshed, {behaviour}{grows})")
    porosity, start = mesh.area_fraction(-1), run.clamped("porosity []")
    if not (mesh.phase < 0).any():
        porosity = 1 - sum(mesh.area_fraction(n) for n in run.phases)
    thickness = run.clamped("thickness [um]")
    pores = f"Porosity {per_cent(porosity)} as meshed"
    if study.walls.kind != "rigid":
        pores += (f" and {per_cent(start)} once clamped, the thickness going from {mesh.box[1]:.4g} to {thickness:.4g}&nbsp;µm; "
                  "all changes are measured from the clamped state")
    packing = f"{mesh.grains.sum()} particles in a box of {mesh.box[0]:g} × {mesh.box[1]:g}&nbsp;µm"
    if study.microstructure.kind == "packing":
        kind = "bed of fallen discs" if study.microstructure.placement == "deposited" else "random packing"
        packing += f" ({kind}, seed {study.microstructure.seed}, {study.microstructure.skeleton} skeleton)"
    medium, film = study.mechanics.medium, study.mechanics.barrier
    if study.mechanics.contact == "barrier":
        contact = f"Contact is carried by a barrier on the particles' surfaces ({quantity(film.stiffness, 'pressure')} at half the distance of {quantity(film.distance, 'length')}, where it begins), {f'with a coefficient of friction of {film.friction:g}' if film.friction else 'without friction'}"
        if film.drag:
            of = "100&nbsp;MPa" if study.walls.kind == "rigid" else "the stack pressure"
            contact += f"; a particle that moves by its radius in a half cycle relative to the walls meets a drag of {100 * film.drag:g}&nbsp;% of {of}"
    else:
        contact = f"Contact is carried by a third medium in the pores (stiffness ratio {medium.stiffness_ratio:g}, length {quantity(medium.length, 'length')}{f', viscosity {medium.viscosity:g} or less' if medium.viscosity else ''})"
    return (f"{_begin(listed(parts))}; {packing}. {pores}. Walls: {walls(run)}. {_begin(plane(run))}. "
            f"{_begin(protocol(run))}, at {quantity(study.temperature, 'temperature')}. Lithiation is uniform in the active phase. "
            f"{contact}. "
            f"The mesh has {len(mesh.nodes):,} nodes, {2 * len(mesh.nodes):,} displacements.")


def beyond(run):
    """A sentence where particles lie beyond a wall by more than the contact gap in a stored state, else none."""
    from rheode.measures import wall_positions

    mesh, worst = run.mesh, (0.0, "", None)
    nodes = np.unique(mesh.surface.edges)
    for frame in run.result.frames:
        displacement = np.asarray(frame.displacement, float)
        walls, position = wall_positions(mesh, displacement), (mesh.nodes + displacement)[nodes]
        (x0, y0), (x1, y1) = position.min(axis=0), position.max(axis=0)
        passed = {"left": walls.left - x0, "right": x1 - walls.right, "lower": walls.bottom - y0, "top": y1 - walls.top}
        side = max(passed, key=passed.get)
        if passed[side] > worst[0]:
            worst = passed[side], side, frame
    far, side, frame = worst
    if far <= run.study.output.contact_gap.of(mesh.mean_radius):
        return []
    far = units.show(float(f"{far:.2g}"), "length")
    return [f"Particles lie up to {far} beyond the {side} wall (cycle {frame.cycle}, {frame.half}, x = {frame.lithiation:.2f}), so thickness and porosity are not to be trusted; mechanics.contact: barrier lets none pass."]


def warnings(run):
    """Everything a reader must know before believing the numbers: sentences."""
    said = []
    result = run.result
    if not result.complete:
        where = run.history
        at = f"cycle {int(where['cycle []'][-1])}, {where['half []'][-1]}, x = {where['lithiation []'][-1]:.3g}"
        why = f" ({result.stopped})" if result.stopped else ""
        said.append(f"The run is not complete: it stands at {at}{why}. {run.last} of {run.study.cycling.cycles} lithiations have ended; "
                    "the last cycle shown here is the last one that ended.")
    said += beyond(run)
    said += run.study.warnings(run.mesh)
    said += list(getattr(run.mesh, "notes", ()))
    return [escape(s).replace(" degC", "&nbsp;°C") for s in said]


def gap(run):
    """The contact gap in words."""
    g = run.study.output.contact_gap
    mean = run.mesh.mean_radius
    share = f"{100 * g.share:g}&nbsp;% of the mean particle radius, " if g.share is not None else ""
    return f"{share}{quantity(g.of(mean), 'length')}"


def _both_definitions(run):
    """How much of a surface is in contact by gap and by pressure, and how much either threshold matters."""
    phases = [a for a in run.phases if f"contact {a}-any pressed []" in run.cycles]
    if not phases:
        return ""

    def told(a, *suffixes):
        middle, low, high = (run.at(f"contact {a}-any{suffix} []", run.last, LITHIATED) for suffix in suffixes)
        return f"{per_cent(middle)} ({per_cent(low)}, {per_cent(high)})"

    lines = "; ".join(
        f"{name(run, a)} {told(a, '', ' gap/2', ' gap*2')} by gap, {told(a, ' pressed', ' pressed/2', ' pressed*2')} by pressure" for a in phases
    )
    pressure = quantity(run.study.output.contact_pressure, "pressure")
    return (
        f" Two definitions of contact with anything at full lithiation of the last cycle, in brackets with half and with twice the threshold:"
        f" within the gap, and under a pressure of more than {pressure}: {lines}."
    )


def _published_clause(run, what):
    if not any(p.column.startswith(what) for p in run.published):
        return ""
    return f" Open markers: published ({_published_conditions(run, what)})."


def _published_conditions(run, what=""):
    return "; ".join(dict.fromkeys(escape(p.conditions) for p in run.published if p.column.startswith(what)))


def source(run):
    """Where the published values are from, and under which conditions, set against this run's."""
    return (f"Published: {escape(run.publication.citation)} ({_published_conditions(run)}). "
            f"This run: {conditions(run)}.")


def _baseline(run):
    disc = f"a single disc of {listed([name(run, n) for n in run.active], 'or')} that touches nothing"
    if run.study.mechanics.plane != "plane_strain":
        return f"Under generalized plane strain {disc} is free of stress, so no baseline is drawn."
    return (f"Dotted: {disc}, in plane strain, in its first lithiation; what the active phase carries beyond it comes from its neighbours "
            "and the walls.")


def captions(run):
    """Heading, caption (HTML) and alternative text (plain) of each figure by name."""
    where = conditions(run)
    active = listed(name(run, n) for n in run.active)
    last = run.last
    both = "the first and the last cycle" if last > 1 else "the cycle"
    when = f"at the ends of the half cycles of {both}" if last else "where the run stands"
    out = {}

    def add(key, heading, caption, alt):
        out[key] = {"heading": heading, "caption": caption, "alt": alt}

    def span(column, scale, unit, half=LITHIATED):
        a, b = scale * run.at(column, 1, half), scale * run.at(column, last, half)
        return f"{shown(a, unit)} {unit} in cycle 1" + (f" and {shown(b, unit)} {unit} in cycle {last}" if last > 1 else "")

    dotted = "" if run.study.walls.kind == "rigid" else " Dotted: height of the clamped electrode."
    add("electrode", "The electrode as simulated",
        f"Particles on the deformed mesh, all panels on one scale ({where}).{dotted}",
        f"Cross-sections of the electrode with {run.mesh.grains.sum()} particles coloured by phase, before cycling and at the ends of the half cycles.")
    add("von_mises", "Stress in the particles",
        f"Von Mises stress in all solids {when}, one colour scale ({where}). "
        "Cell means, averaged to the nodes within each phase. {clip}",
        "Maps of the von Mises stress on the deformed particles: "
        + "; ".join(f"mean in {plain(run, n)} {span(f'von Mises {n} mean [GPa]', 1, 'GPa')}" for n in run.phases if last) + ".")
    add("creep", "Creep strain in the active phase",
        f"Size (colour) and direction (arrows) of the creep strain in {active} ({where}). The size is √(2/3 <i>E</i>:<i>E</i>) of the logarithmic creep strain. "
        "Arrows follow the direction in the plane in which creep has drawn the material out; their length is the difference of the two in-plane "
        "principal values, so that there is none where creep is the same in all directions. {clip}",
        "Maps of the creep strain in the active particles with arrows along its stretched direction.")
    sensitivity = ""
    if any("gap*2" in c for c in run.cycles):
        sensitivity = " Bands: the same with half and with twice that gap."
    sensitivity += _both_definitions(run)
    start = "; ".join(f"{name(run, a)}–{name(run, b)} {per_cent(run.clamped(f'contact {a}-{b} []'))}" for a, b in run.pairs)
    add("contact", "Contact between the particles",
        f"Contact ratio of each ordered pair: the share of the surface of the first phase that lies within {gap(run)} of the second, in deformed lengths ({where}). "
        f"Solid lines: contact within a phase; dashed: with another phase; colour: the phase whose surface is counted. Dots at cycle 0: the clamped state at <i>x</i> = {run.clamped('lithiation []'):g} "
        f"({start}).{sensitivity} <b>c</b>, Each pair as a share of its own largest value over the run. <b>d</b>, Surfaces of the active phase only."
        + _published_clause(run, "contact ")
        + (" Published ratios of one surface add up to more than 100&nbsp;%, so their denominators differ from a plain share; in <b>c</b> they are divided by their own largest value."
           if any(p.column.startswith("contact ") for p in run.published) else ""),
        "Contact ratios against cycles and against lithiation. At full lithiation "
        + "; ".join(f"{plain(run, a)}–{plain(run, b)} {span(f'contact {a}-{b} []', 100, '%')}" for a, b in run.pairs) + ".")
    add("stress", "Mean stress of each phase",
        f"Mean von Mises stress, weighted by deformed volume ({where}): over the cycles (top; band: 5th to 95th percentile over the volume at full lithiation) and against "
        f"lithiation within {both} (bottom{', first cycle pale' if last > 1 else ''}). {_baseline(run)}" + _published_clause(run, "von Mises"),
        "Mean von Mises stress at full lithiation: "
        + "; ".join(f"{plain(run, n)} {span(f'von Mises {n} mean [GPa]', 1, 'GPa')}" for n in run.phases) + ".")
    rigid = np.ptp(run.history["thickness [um]"]) < 1e-6 * run.clamped("thickness [um]")
    add("box", "Porosity, thickness and pressure" if not rigid else "Porosity and pressure",
        f"Porosity, {'' if rigid else 'thickness change since clamping, '}and pressure on the walls ({where}): at the ends of the half cycles (top, delithiated pale; dots: clamped state) and "
        f"against lithiation within {both} (bottom{', first cycle pale' if last > 1 else ''}). “Sides” is the mean pressure on the two side walls."
        + (" The box is rigid: its thickness stays as it is." if rigid else ""),
        f"Porosity at full lithiation {span('porosity []', 100, '%')}, at the end of delithiation {span('porosity []', 100, '%', DELITHIATED)}.")
    add("pores", "What becomes of each pore",
        f"Area of each pore relative to the clamped state ({where}). <b>a</b>, Along the first cycle, one thin line a pore, with their median. <b>b</b>, At full lithiation (dark) and at the end of "
        "delithiation (pale), sorted; the size of a dot grows with the pore. <b>c</b>, Median and quartiles over the cycles. Red: pure expansion, the pores losing just what the active phase gains; "
        "dotted, the estimate 1 − <i>x</i> that was put beside the in-situ microscopy ({paper} at the end of delithiation); dashed, from this electrode's own volume fractions ({own}). "
        "A pore below its line has lost more than swelling took.{beyond}",
        "Relative area of the individual pores over the first cycle and over all cycles, with the lines of pure expansion.")
    add("energies", "Where the work goes",
        f"Energies per volume of the clamped electrode ({where}). <b>a</b>, Over each whole cycle: dissipated by creep, done by the chemistry (growth and stiffness that change with <i>x</i>), "
        "done by the walls, and, where there are any, taken by drag on the way (the medium's viscosity, or that of particles that rearrange) and by friction (what the medium forgets in open pores is not drawn). <b>b</b>, Along the first cycle, with the elastic energy and that of the medium in the pores (a numerical leftover: it should be small).",
        "Energy dissipated by creep, chemical work and work of the walls per cycle and along the first cycle.")
    add("movie", "The first cycle",
        f"Von Mises stress on the deforming electrode through the first cycle, one frame a stored state ({where}). {{clip}}",
        "Animation of the first cycle: particles swell and shrink, coloured by von Mises stress, beside curves of mean stress, porosity and contact.")
    return out


def clip_sentence(end, peak, unit):
    if peak <= end:
        return f"The largest value is {shown(peak)}{unit}."
    return f"The colour scale ends near the {CLIP:g}th percentile by area, at {shown(end)}{unit}; the largest value is {shown(peak)}{unit}."


DEFINITIONS = (
    ("Lithiation <i>x</i>", "Degree of lithiation of the active phase, 0 to 1, prescribed by the current and uniform."),
    ("Von Mises stress", "Of the Cauchy stress. Means and percentiles over a phase are weighted by deformed volume."),
    ("Contact ratio <i>a</i>–<i>b</i>", "Share of the deformed surface of phase <i>a</i> that lies within the contact gap of phase <i>b</i>; “with any” counts every neighbour and the walls. “By pressure”: the share that bears more than the stated pressure, with whatever is nearest."),
    ("Porosity", "Share of the deformed box that no particle fills."),
    ("Pore", "A hollow of the pore space of the clamped state, bounded by its narrowest passages; it keeps its identity through the run. Slits thinner than the contact gap are shut."),
    ("Thickness change", "Relative to the clamped state at the start."),
    ("Pressure on a wall", "Mean normal pressure, per deformed length of the wall."),
    ("Creep strain", "½ ln(<i>F</i><sub>cr</sub><sup>T</sup><i>F</i><sub>cr</sub>), the logarithmic strain of the creep part of the deformation; its size is √(2/3 <i>E</i>:<i>E</i>). It can shrink again: it is a state, not a path length."),
    ("Creep dissipation", "Von Mises stress times equivalent creep strain rate, summed over volume and time."),
    ("Free disc", "The active phase as a disc that touches nothing, under the same plane condition and current: the stress that is there without any neighbour."),
)
