"""CalculiX on the same meshes: mean stresses and CPU seconds of both programs, side by side.

    python benchmarks/calculix.py [stress] [race] [far] [--baseline DIR] [--out runs/calculix] [--page docs/calculix.md]

Needs the meshes and decks of the baseline (by default ../shared/baseline, or the folder that RHEODE_BASELINE names), and
`ccx` (Debian package calculix-ccx) for CalculiX's part; what is missing is skipped with its reason.

stress  mean von Mises stress in selenium after 2 and 5 % of swelling on two meshes, on one free element, and the area of
        a free disc after 98 %
race    CPU seconds of both programs for the full cycle of 5 % on N20, two passes each in turn
far     98 % on all meshes: how far each program comes

CalculiX's results of `stress` and `far` are kept in the folder and not computed again; they take an hour. The race is
always run.
"""

import argparse
import gzip
import os
import re
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.optimize import brentq

from rheode import Result, Simulation, Study
from rheode.mechanics.elements import POINTS, shape_t6
from rheode.mechanics import linear
from rheode.mechanics.laws import hencky_norton
from rheode.mechanics.linear import linear_solver
from rheode.mechanics.minimiser import Minimiser
from rheode.mechanics.potential import unknowns
from rheode.mechanics.solid import Solid, von_mises
from rheode.mechanics.stepping import Memory, Steps, march
from rheode.mechanics.system import System
from rheode.microstructure import read_mesh
from rheode.microstructure.mesh import triangle_areas

BASELINE = Path(os.environ.get("RHEODE_BASELINE", Path(__file__).parents[2] / "shared" / "baseline"))
HALF = 36000.0  # s, a half cycle of the decks
FULL = 0.98  # swelling of Se to Li2Se
# Largest swelling: the largest increment [s] of both programs. The decks ask for at most 1800 s.
INCREMENTS = {0.02: 1800.0, 0.05: 100.0}
DECKS = {"N10": "N10_dV5_NTS", "N20": "N20_dV5_NTS", "N40": "N40_dV2_NTS"}
MESHES = ("N4", "N10", "N20", "N40")
CONTACTS = ("third-medium", "barrier")
# GPa/um and GPa um of penalty and ground springs, where the deck's own stop CalculiX on the way: N40's 200 and 0.01
# do so at 4.2 %, the 20 and 0.05 of the other decks at 3.7 %.
HELPED = {("N40", 0.05): (5.0, 0.05)}
# The race: rheode's largest change of x in an increment by that of the half cycle, chosen so that the error of the
# stress in Se at full lithiation is no larger than that of CalculiX with the deck's own increments.
RACE_STEP = 0.05
PASSES = 2
LIMIT = 1200.0  # CPU s that CalculiX gets for `far`


def study(mesh, swelling, *changes):
    """rheode's study of a baseline mesh in a rigid box: x up to the one that swells by `swelling`, in the decks' times."""
    x = swelling / FULL
    return Study.load(
        "se-60mse-rigid",
        [f"microstructure={{kind: mesh, file: {mesh}}}", "cycling.cycles=1", f"cycling.lithiation={x!r}",
         f"cycling.rate={x / HALF!r} 1/s", f"name=calculix-{Path(mesh).stem}", *changes],
    )  # fmt: skip


# -- decks --


def selenium():
    """The material that the decks tabulate."""
    return Study.load("se-60mse-rigid").materials()["se"]


def tables(swelling):
    """The deck's tables of selenium over the share 0, 0.1, ... 1 of the largest swelling, from rheode's library.

    CalculiX knows no swelling: it is given as thermal expansion, the "temperature" running from 0 to 1. The coefficient is
    the mean one from 0 on, so that the thermal stretch is Jl^(1/3).
    """
    share = np.linspace(0, 1, 11)
    material, x = selenium(), share * swelling / FULL
    values = material.at(x, 298.15)
    grown = material.growth(x) ** (1 / 3) - 1
    alpha = np.append(swelling / 3, grown[1:] / share[1:])
    rate = values["A"] / values["s_ref"] ** values["n"]
    return "".join(
        f"*{head}\n" + "".join(", ".join(f"{v:.10g}" for v in row) + "\n" for row in zip(*columns, strict=True))
        for head, columns in (
            ("ELASTIC", (values["E"], values["nu"], share)),
            ("EXPANSION, ZERO=0.", (alpha, share)),
            ("CREEP, LAW=NORTON", (rate, values["n"], 0 * share, share)),
        )
    )


def deck(template, swelling, largest, cycle=True, contact=None):
    """A deck of the baseline for another largest swelling and other increments [s], or its first half cycle only.

    contact: (penalty, springs) in place of the deck's own. Output is cut down to stresses and displacements at the end of each step,
    so that CalculiX's time is that of solving.
    """
    text = re.sub(r"(\*MATERIAL, NAME=MA\n).*?(?=\*MATERIAL)", lambda m: m[1] + tables(swelling), template, flags=re.S)
    if contact:
        text = re.sub(r"(?<=PRESSURE-OVERCLOSURE=LINEAR\n).*", f"{contact[0]:e}", text)
        text = re.sub(r"(\*SPRING, .*\n\d\n).*", lambda m: f"{m[1]}{contact[1]:.3e}", text)
    head, *steps = re.split(r"(?=^\*STEP)", text, flags=re.M)
    for k, step in enumerate(steps):
        step = re.sub(r"(?<=\*VISCO, CETOL=0.01\n).*", f"{min(100.0, largest)!r}, {HALF!r}, 0.0036, {largest!r}", step)
        step = re.sub(r"\*(EL|NODE) FILE.*\n.*\n", "", step)
        step = re.sub(r"INC=\d+", "INC=1000000", step).replace("FREQUENCY=1\n", "FREQUENCY=1000000\n")
        steps[k] = step.replace("*END STEP", "*NODE PRINT, NSET=NALL, FREQUENCY=1000000\nU\n*END STEP")
    return head + "".join(steps if cycle else steps[:1])


def one_element(swelling, largest):
    """Deck of one element that swells freely in the plane: what a particle that touches nothing does."""
    nodes = ((0, 0), (1, 0), (0, 1), (0.5, 0), (0.5, 0.5), (0, 0.5))
    return (
        "*NODE, NSET=NALL\n" + "".join(f"{k}, {x}, {y}, 0.\n" for k, (x, y) in enumerate(nodes, 1))
        + "*ELEMENT, TYPE=CPE6, ELSET=EA\n1, 1, 2, 3, 4, 5, 6\n*MATERIAL, NAME=MA\n" + tables(swelling)
        + "*SOLID SECTION, ELSET=EA, MATERIAL=MA\n1.\n*AMPLITUDE, NAME=AUP\n0., 0., 36000.0, 1.\n"
        + "*BOUNDARY\n" + "".join(f"{k}, {axis}\n" for axis, on in ((1, (1, 3, 6)), (2, (1, 2, 4))) for k in on)
        + "*INITIAL CONDITIONS, TYPE=TEMPERATURE\nNALL, 0.\n*STEP, NLGEOM, INC=1000000\n*VISCO, CETOL=0.01\n"
        + f"{min(100.0, largest)!r}, {HALF!r}, 0.0036, {largest!r}\n*TEMPERATURE, AMPLITUDE=AUP\nNALL, 1.0\n"
        + "*EL PRINT, ELSET=EA, FREQUENCY=1000000\nS\n*NODE PRINT, NSET=NALL, FREQUENCY=1000000\nU\n*END STEP\n"
    )  # fmt: skip


# -- CalculiX --


@dataclass
class Ccx:
    """A run of CalculiX: its folder and name, CPU seconds (user and system), and the time [s] that it reached."""

    stem: Path
    cpu: float
    reached: float
    increments: int
    iterations: int

    def mean_stress(self, nodes, cells, elements="EA", at=HALF):
        """Mean von Mises stress [GPa] of a set of elements, and its deformed area by the initial one.

        nodes, cells: of the mesh, numbered as in the deck. Every integration point counts with its deformed area, as in
        rheode's means.
        """
        stress = self._printed("stresses", elements, at)
        element, inverse = np.unique(stress[:, 0].astype(int), return_inverse=True)
        # An element in plane strain is a wedge with three layers of three points; within a layer they are rheode's.
        point = (stress[:, 1].astype(int) - 1) % 3
        xx, yy, zz, xy, xz, yz = stress[:, 2:].T
        layers = np.zeros((len(element), 3))
        np.add.at(layers, (inverse, point), von_mises(np.stack([xx, yy, zz, np.sqrt(xy**2 + xz**2 + yz**2)], -1)) / 3)
        moved = np.zeros_like(nodes)
        displacement = self._printed("displacements", "NALL", at)
        own = displacement[:, 0] <= len(nodes)
        moved[displacement[own, 0].astype(int) - 1] = displacement[own, 1:3]
        weights = point_areas(nodes + moved, cells[element - 1])
        return np.average(layers, weights=weights), weights.sum() / point_areas(nodes, cells[element - 1]).sum()

    def _printed(self, what, name, at):
        """Rows of a table in the .dat file."""
        with open(self.stem.with_suffix(".dat")) as file:
            for line in file:
                head = re.match(rf" {what} .* for set {name} and time\s+(\S+)", line)
                if head and abs(float(head[1]) - at) < 1e-3 * at:
                    break
            else:
                raise ValueError(f"{self.stem.name}.dat has no {what} of {name} at {at:g} s")
            next(file)
            rows = []
            for line in file:
                if not line.strip():
                    break
                rows.append([number(word) for word in line.split()])
        return np.array(rows)


def number(word):
    """A number as Fortran prints it: exponents of three digits come without the letter."""
    return float(re.sub(r"(?<=\d)([+-]\d{3})$", r"e\1", word))


def point_areas(nodes, cells):
    """(m, 3) areas that belong to the integration points of six-node triangles."""
    _, gradients = shape_t6(POINTS)
    return np.linalg.det(np.einsum("mai,kaj->mkij", nodes[cells], gradients)) / 6


def calculix(text, stem, limit=np.inf, keep=True):
    """Run a deck with `ccx` on one thread: (Ccx). keep: a finished run of the same deck is taken instead.

    limit: CPU seconds after which it is stopped.
    """
    stem.parent.mkdir(parents=True, exist_ok=True)
    done, source = stem.with_suffix(".done"), stem.with_suffix(".inp")
    if not (keep and done.is_file() and source.read_text() == text):
        done.unlink(missing_ok=True)
        source.write_text(text)
        environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        with open(stem.with_suffix(".log"), "w") as log:
            process = subprocess.Popen(
                ["ccx", "-i", stem.name], cwd=stem.parent, env=environment, stdout=log, stderr=log,
                preexec_fn=None if np.isinf(limit) else lambda: _limit_cpu(limit),
            )  # fmt: skip
            _, _, usage = os.wait4(process.pid, 0)
            process.returncode = 0
        done.write_text(f"{usage.ru_utime + usage.ru_stime!r}\n")
    rows = [line.split() for line in stem.with_suffix(".sta").read_text().splitlines()[2:]]
    rows = [row for row in rows if len(row) == 7]
    converged = [row for row in rows if not row[2].endswith("U")]
    reached = float(converged[-1][4]) if converged else 0.0
    return Ccx(stem, float(done.read_text()), reached, len(converged), sum(int(row[3]) for row in rows))


def _limit_cpu(seconds):
    import resource

    resource.setrlimit(resource.RLIMIT_CPU, (int(seconds), int(seconds) + 5))


# -- rheode --


class HalfWay(Exception):
    """The end of the first half cycle."""


def lithiate(study, folder, mesh):
    """The first half cycle of a study: its last row."""

    def stop(progress):
        if progress.half == "delithiation":
            raise HalfWay

    try:
        Simulation(study, mesh=mesh).run(folder, callback=stop, overwrite=True)
    except HalfWay:
        pass
    return ends(Result(folder).history)["lithiation"]


def ends(history):
    """Last row of each half: {half: {column: value}}."""
    return {half: {key: column[k] for key, column in history.items()} for k, half in enumerate(history["half []"])}


def cycle(study, folder, mesh):
    """A full cycle: (history, CPU seconds of the process, writing and measuring included)."""
    before = time.process_time()
    result = Simulation(study, mesh=mesh).run(folder, overwrite=True)
    return result.history, time.process_time() - before


def free_body(nodes, cells, swelling, largest):
    """A body of selenium that touches nothing, in plane strain: (mean von Mises [GPa], deformed area by the initial one)."""
    material = selenium()
    pair = np.argsort(nodes[:, 0])[[0, -1]]
    tied = [(pair, 1, "fixed"), (pair[:1], 0, "fixed")]  # no rigid motion, and no force where it swells evenly
    nodes = nodes - nodes[pair[0]]
    turn = np.arctan2(*nodes[pair[1]][::-1])
    nodes = nodes @ np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    u = unknowns(len(nodes), tied, [], ["fixed", "stretch zz"])

    def fields(share):
        x = share * swelling / FULL
        values = material.at(x, 298.15)
        return {"growth": material.growth(x)} | {key: values[key] for key in hencky_norton.LAW.parameters}

    solid = Solid("se", hencky_norton.LAW, nodes, cells, u, fields(0.0))
    system = System(u, [solid])
    step = largest / HALF
    walk = march(system, Minimiser(system, linear_solver()), u.start(),
                 lambda end, step, x: system.begin(step * HALF, {"se": fields(end)}), Steps(step, step, 1e-9), Memory())  # fmt: skip
    for x, _ in walk:
        pass
    moved = nodes + u.nodes(x)
    return np.average(von_mises(solid.cauchy(x)), weights=point_areas(moved, cells)), triangle_areas(moved, cells).sum() / triangle_areas(nodes, cells).sum()


def point(swelling, steps, subtract=False, initial=False, neo_hookean=False):
    """Cauchy stress out of plane [GPa] at a point that swells freely in the plane: rheode's law, and CalculiX's choices.

    subtract: the mechanical part of F is F minus the thermal stretch, not F divided by it. initial: the energy is per
    initial volume, and the second Piola-Kirchhoff stress of the mechanical part is pushed forward with all of F.
    neo_hookean: Simo's law with U = K/2 ((J^2 - 1)/2 - ln J), creep driven by its Cauchy stress, in place of Hencky's.
    Implicit Euler in `steps` increments, as both programs; incompressible creep.
    """
    material, creep, dt = selenium(), 0.0, HALF / steps
    for share in np.arange(1, steps + 1) / steps:
        x = share * swelling / FULL
        K, G, A, n, s_ref = (float(material.at(x, 298.15)[key]) for key in ("K", "G", "A", "n", "s_ref"))
        thermal = float(material.growth(x)) ** (1 / 3)
        across = 2 - thermal if subtract else 1 / thermal

        def respond(elastic):
            """In-plane stretch that is free of stress, volume ratio, and size of the Kirchhoff stress, at an out-of-plane stretch."""

            def side(s):
                if not neo_hookean:
                    return K * np.log(s * s * elastic) + 2 / 3 * G * np.log(s / elastic)
                J = s * s * elastic
                return K / 2 * (J**2 - 1) + G / 3 * (s**2 - elastic**2) * J ** (-2 / 3)

            s = brentq(side, 0.9, 1.1, xtol=1e-15)
            J = s * s * elastic
            return s, J, G * (s**2 - elastic**2) * J ** (-2 / 3) if neo_hookean else 2 * G * np.log(s / elastic)

        def remains(slip):
            _, J, q = respond(across * np.exp(creep + slip))
            return slip - dt * A * (max(q / J if neo_hookean else q, 0.0) / s_ref) ** n

        creep += brentq(remains, 0.0, 0.1, xtol=1e-16)
        s, J, q = respond(across * np.exp(creep))
    if not initial:
        return q / J
    mechanical = s * np.exp(creep / 2)
    total = mechanical + thermal - 1 if subtract else mechanical * thermal
    return q / (across * total) ** 2


# -- the tables --


def table(head, rows):
    """A Markdown table from a list of headings and rows of text."""
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *rows)) + "\n"


class Bench:
    """Where the baseline is, where runs go, and whether CalculiX is there."""

    def __init__(self, baseline, out):
        self.baseline, self.out = baseline, out
        self.ccx = shutil.which("ccx") is not None
        self._meshes = {}

    def file(self, name):
        return self.baseline / f"rve_{name}.npz"

    def given(self, name):
        """Nodes, cells and phases of a mesh as the deck has them; elements are numbered in this order."""
        with np.load(self.file(name)) as data:
            return data["nodes"], data["tri6"], data["phase"]

    def mesh(self, name):
        """The same mesh with its pores, for rheode."""
        if name not in self._meshes:
            self._meshes[name] = read_mesh(self.file(name), ["se", "mse"])
        return self._meshes[name]

    def study(self, name, swelling, contact, largest=None):
        """A study of a mesh; largest: change of x in an increment, by that of the half cycle, or rheode's own."""
        x = swelling / FULL
        steps = [] if largest is None else [f"stepping.largest_step={x * largest!r}", f"stepping.first_step={x * min(largest, 0.04)!r}"]
        return study(self.file(name), swelling, f"mechanics.contact={contact}", *steps)

    def deck(self, name, *options, **more):
        return deck(gzip.decompress((self.baseline / f"{DECKS[name]}.inp.gz").read_bytes()).decode(), *options, **more)

    def calculix(self, text, name, **options):
        print(f"  CalculiX: {name}", flush=True)
        return calculix(text, self.out / "ccx" / name, **options)

    def element(self, swelling, largest):
        """One free element in both programs: (von Mises, area ratio) of rheode and of CalculiX."""
        nodes = np.array([[0, 0], [1, 0], [0, 1], [0.5, 0], [0.5, 0.5], [0, 0.5]], float)
        cells = np.arange(6)[None]
        run = calculix(one_element(swelling, largest), self.out / "ccx" / f"one-{100 * swelling:.0f}-{largest:.0f}")
        return free_body(nodes, cells, swelling, largest), run.mean_stress(nodes, cells)

    # -- the same stresses --

    def stress(self):
        head = ["mesh", "swelling", "increments up to", "CalculiX [GPa]", "contact", "rheode [GPa]", "ratio", "one element", "ratio without it", "area Se"]
        rows = []
        for swelling, largest in INCREMENTS.items():
            percent = f"{swelling:.0%}"
            element = np.divide(*(values[0] for values in self.element(swelling, largest))) if self.ccx else None
            for name in ("N20", "N40"):
                nodes, cells, phase = self.given(name)
                reference, stopped = None, "-"
                if self.ccx:
                    run = self.calculix(self.deck(name, swelling, largest, cycle=False, contact=HELPED.get((name, swelling))), f"{name}-{100 * swelling:.0f}-{largest:.0f}")
                    if run.reached < HALF:
                        stopped = f"stopped at {swelling * run.reached / HALF:.1%}"
                    else:
                        reference = run.mean_stress(nodes, cells)[0]
                mesh = self.mesh(name)
                share = mesh.areas[mesh.phase == 0].sum() / triangle_areas(nodes, cells[phase == 0]).sum()
                for contact in CONTACTS:
                    print(f"  rheode: {name}, {percent}, {contact}", flush=True)
                    folder = self.out / f"{name}-{100 * swelling:.0f}-{contact}"
                    mean = lithiate(self.study(name, swelling, contact, largest / HALF), folder, mesh)["von Mises se mean [GPa]"]
                    compared = [stopped, "-", "-", "-"]
                    if reference:
                        ratio = mean / reference
                        compared = [f"{reference:.4f}", f"{ratio:.4f}", f"{element:.4f}", f"{ratio / element:.4f}"]
                    rows.append([name, percent, f"{largest:.0f} s", compared[0], contact, f"{mean:.4f}", *compared[1:], f"{share:.4f}"])
        return table(head, rows)

    def elements(self):
        """One free element: rheode, CalculiX, and what lies between."""
        choices = {"subtracted": {"subtract": True}, "per initial volume": {"initial": True}, "neo-Hookean": {"neo_hookean": True}}
        head = ["swelling", "rheode [GPa]", *(f"and {name}" for name in choices), "CalculiX [GPa]", "rheode / CalculiX", "area ratio rheode", "area ratio CalculiX"]
        rows = []
        for swelling in (*INCREMENTS, FULL):
            taken, between = {}, []
            for choice in choices.values():
                taken |= choice
                between.append(f"{point(swelling, int(HALF / 100), **taken):.5f}")
            (q, area), (q_ccx, area_ccx) = self.element(swelling, 100.0)
            rows.append([f"{swelling:.0%}", f"{q:.5f}", *between, f"{q_ccx:.5f}", f"{q / q_ccx:.4f}", f"{area:.4f}", f"{area_ccx:.4f}"])
        return table(head, rows)

    def disc(self):
        """A disc of the baseline, free, to 98 % of swelling."""
        nodes, cells, phase = self.given("N4")
        with np.load(self.file("N4")) as data:
            particle = data["particle"]
        used, own = np.unique(cells[particle == particle[phase == 0][0]], return_inverse=True)
        q, area = free_body(nodes[used], own.reshape(-1, 6), FULL, 100.0)
        return f"A selenium disc of N4, free, after {FULL:.0%}: area ratio {area:.4f} (1.974 is exact, {area / 1.974 - 1:+.2%}), von Mises {q:.4f} GPa.\n"

    # -- the same cycle --

    def race(self):
        linear.THREADS = 1  # as CalculiX
        swelling, name = 0.05, "N20"
        mesh, (nodes, cells, _) = self.mesh(name), self.given(name)
        for contact in CONTACTS:  # compiles what is needed
            cycle(self.study("N4", swelling, contact, 0.5), self.out / "warm", self.mesh("N4"))
        passes, errors = [], []
        seconds = {contact: [] for contact in CONTACTS} | {"CalculiX": []}
        stresses = {}
        for k in range(PASSES):
            if self.ccx:
                run = self.calculix(self.deck(name, swelling, 1800.0), "race", keep=False)
                seconds["CalculiX"].append(run.cpu)
                stresses["CalculiX"] = [run.mean_stress(nodes, cells, at=at)[0] for at in (HALF, 2 * HALF)]
                passes.append([f"{k + 1}", "CalculiX", f"{run.cpu:.2f}", "", f"{run.increments}", f"{run.iterations}"])
            for contact in CONTACTS:
                print(f"  rheode: race, {contact}", flush=True)
                history, cpu = cycle(self.study(name, swelling, contact, RACE_STEP), self.out / f"race-{contact}", mesh)
                seconds[contact].append(cpu)
                stresses[contact] = _ends(history)
                ratio = f"{seconds['CalculiX'][-1] / cpu:.1f}" if self.ccx else "-"
                iterations = int(sum(history["newton iterations []"]))
                passes.append([f"{k + 1}", f"rheode, {contact}", f"{cpu:.2f}", ratio, f"{len(history['half []']) - 1}", f"{iterations}"])
        for contact in CONTACTS:
            print(f"  rheode: finer, {contact}", flush=True)
            history, _ = cycle(self.study(name, swelling, contact, RACE_STEP / 8), self.out / f"finer-{contact}", mesh)
            errors.append([f"rheode, {contact}", *_error(stresses[contact], _ends(history))])
        if self.ccx:
            run = self.calculix(self.deck(name, swelling, 1800.0 / 8), "race-finer")
            errors.append(["CalculiX", *_error(stresses["CalculiX"], [run.mean_stress(nodes, cells, at=at)[0] for at in (HALF, 2 * HALF)])])
        text = table(["pass", "program", "CPU s", "CalculiX / rheode", "increments", "iterations"], passes)
        text += "\nMean von Mises stress in selenium [GPa] in the race, and its error against a run with an eighth of the largest increment:\n\n"
        return text + table(["program", "after 5 %", "error", "at the end", "error"], errors)

    # -- the whole way --

    def far(self):
        head = ["mesh", "unknowns", "rheode reached", "increments", "failed", "iterations", "CPU s", "CalculiX stopped at", "after CPU s"]
        rows = []
        for name in MESHES:
            print(f"  rheode: {name}, 98 %", flush=True)
            history, cpu = cycle(self.study(name, FULL, CONTACTS[0]), self.out / f"{name}-98", self.mesh(name))
            reached = f"{FULL * max(history['lithiation []']):.0%}" + (" and back" if history["lithiation []"][-1] == 0 else "")
            row = [name, f"{2 * len(self.mesh(name).nodes)}", reached, f"{len(history['half []']) - 1}",
                   f"{int(sum(history['cutbacks []']))}", f"{int(sum(history['newton iterations []']))}", f"{cpu:.0f}"]  # fmt: skip
            if name in DECKS and self.ccx:
                run = self.calculix(self.deck(name, FULL, 1800.0), f"{name}-98", limit=LIMIT)
                row += [f"{FULL * min(run.reached / HALF, 1):.1%}", f"{run.cpu:.0f}" + (" (its limit)" if run.cpu >= LIMIT else "")]
            else:
                row += ["no deck" if self.ccx else "-", "-"]
            rows.append(row)
        return table(head, rows)


def _ends(history):
    rows = ends(history)
    return [rows[half]["von Mises se mean [GPa]"] for half in ("lithiation", "delithiation")]


def _error(found, finer):
    return [text for a, b in zip(found, finer, strict=True) for text in (f"{a:.4f}", f"{a / b - 1:+.2%}")]


PAGE = """# Beside CalculiX

Made by `python benchmarks/calculix.py --page docs/calculix.md`. [CalculiX](http://www.calculix.de) (here 2.20) is what one would
take instead: a general finite element program with finite strain, Norton creep and contact. Both programs get the same
meshes (square boxes of 10 um with 4 to 40 whole discs of selenium and Mo6Se8, gaps of at least 0.01 um, curved six-node
triangles), rigid walls, plane strain, the moduli and creep laws of rheode's library, and one cycle of 36 000 s up and 36 000 s
down. CalculiX knows no swelling: its decks give it as thermal expansion, tabulate moduli and creep law over it, let surfaces
meet by node-to-surface penalty contact, and hold the particles by weak springs to the ground.

"""
STRESS = """## The same stresses

Mean von Mises stress in selenium at the end of the first half cycle. In both programs every integration point counts with its
deformed area, and both take increments of the same length. *One element* is the ratio of the programs on one element that
swells freely in the plane, without contact, mesh or springs: the difference between the two formulations. *Ratio without it*
is what remains of the ratio when that is taken out. *Area Se* is the area of selenium in rheode's mesh by that in the deck:
rheode keeps the curved sides, but makes a few flatter that face another particle across a slit thinner than their rise.

{table}
{disc}
Why the formulations differ: the stress of the free element in increments of 100 s, and what it becomes when a point with
rheode's law takes over CalculiX's choices one after the other. What is left to CalculiX's own result is its return map.

{elements}
- *Subtracted*: rheode multiplies, F = Fe Fl Fcr with the growth Fl = Jl^(1/3) I. CalculiX takes F minus the thermal stretch as
  the mechanical part. Blocked out of plane, the element is compressed to 1/Jl^(1/3) in the one and to 2 - Jl^(1/3) in the
  other, at 5 % by 1.6 % more strain.
- *Per initial volume*: rheode's energy is per grown volume, so that the Cauchy stress is that of the mechanical part. CalculiX
  pushes the second Piola-Kirchhoff stress of the mechanical part forward with the whole deformation. The stress that it prints is
  therefore lower than the one that makes its creep law flow, at 5 % by 1.6 %.
- *Neo-Hookean*: rheode is elastic in logarithmic strains (Hencky) and lets the Kirchhoff stress drive creep, CalculiX is
  neo-Hookean and takes the Cauchy stress. At the elastic strains here, 1.5 %, that is 0.6 %.

At large swelling the first choice also changes the volume: after 98 % the free element of CalculiX is larger than the 1.98
times that were asked for, though creep leaves it a little compressed.

"""
RACE = """## The same cycle

N20, 5 % of swelling and back, in turn on the same machine: CPU seconds, user and system, of one thread. CalculiX runs the
baseline's deck with its output cut down to the ends of the half cycles. rheode's seconds include all measures after every
increment and the writing of the result; imports, compilation and the meshing of the pores (0.1 s) are not counted. Both take
increments of at most a twentieth of the half cycle.

{table}
"""
FAR = """## The whole way

98 % and back, the swelling of Se to Li2Se, with rheode's own increments and contact; CalculiX with the same decks for this
swelling, whose authors tried 25 settings of penalty, springs, increments, controls and friction and found none that gets beyond 14 %
on any of these meshes.

{table}
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="stress|race|far", help="by default all")
    parser.add_argument("--baseline", type=Path, default=BASELINE)
    parser.add_argument("--out", type=Path, default=Path("runs/calculix"))
    parser.add_argument("--page", type=Path)
    options = parser.parse_args()
    texts = {"stress": STRESS, "race": RACE, "far": FAR}
    if unknown := set(options.parts) - set(texts):
        parser.error(f"no part {', '.join(sorted(unknown))}; there are {', '.join(texts)}")
    if not options.baseline.is_dir():
        print(f"skipped: no baseline meshes in {options.baseline}; name their folder with --baseline or RHEODE_BASELINE")
        return
    bench = Bench(options.baseline.resolve(), options.out)
    if not bench.ccx:
        print("CalculiX's part is skipped: there is no `ccx` here (Debian: apt install calculix-ccx)")
    page = PAGE
    for part in options.parts or texts:
        print(f"{part}:", flush=True)
        found = {"table": getattr(bench, part)()}
        if part == "stress":
            found |= {"disc": bench.disc(), "elements": bench.elements() if bench.ccx else ""}
        print("\n".join(found.values()), flush=True)
        page += texts[part].format(**found)
    if options.page:
        options.page.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
