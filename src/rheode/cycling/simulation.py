"""Protocol + mesh + potentials -> result: clamp the electrode, cycle it, store every increment."""

from __future__ import annotations

import logging
import signal
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from rheode.cycling.jamming import jam, loose
from rheode.cycling.model import Model, build_mesh
from rheode.cycling.protocol import halves
from rheode.measures import Pores
from rheode.mechanics.stepping import Memory, Steps, Stopped, march
from rheode.result import Record, Result, ResultError

log = logging.getLogger("rheode.run")

# Time over which the stack pressure is applied before cycling; a pellet is pressed for 3 min
# (Xiong et al. 2024, Methods).
CLAMPING_TIME = 180.0

WALL_WORK = "wall work [GPa um2]"


class RunStopped(RuntimeError):
    """The run could not be carried on; the message says why, where and what to try."""


@dataclass(frozen=True)
class Progress:
    """What a callback is told after each increment. fraction: share of the protocol that is done, 0 to 1."""

    cycle: int
    cycles: int
    half: str
    increment: int
    lithiation: float
    iterations: int
    fraction: float


class Simulation:
    """A study, ready to run.

    >>> result = Simulation(Study.load("se-60mse")).run("runs/mine")
    """

    def __init__(self, study, mesh=None, jammed=False):
        """mesh: a `Mesh` in place of the one that the study describes; jammed: its particles bear load as they are."""
        self.study, self.jammed = study, jammed
        if mesh is not None:
            self.mesh = mesh

    @cached_property
    def mesh(self):
        """The mesh that will be run. Raises PackingError, MeshError."""
        return build_mesh(self.study)

    def outline(self) -> str:
        """How large the run will be, in a sentence."""
        mesh, states = self.mesh, sum(_frames(self.study, half) for half in halves(self.study.cycling))
        raw = 4 * (mesh.nodes.size + 7 * int(mesh.solid.sum()))  # bytes of a state's fields
        # Fields are stored twice, for reading as they are and for ParaView compressed, which does little; a report takes 20 MB.
        megabytes = (1.9 * states * raw + 20e6) / 1e6
        return (
            f"{mesh.grains.sum()} particles, {2 * len(mesh.nodes)} displacements; about {states} stored states,"
            f" {float(f'{megabytes:.2g}'):.0f} MB"
        )

    def run(self, directory=None, callback=None, overwrite=False) -> Result:
        """Clamp and cycle the electrode; every increment is on disk before the next begins.

        directory: where to write, by default runs/<name of the study>. callback(Progress) is called
        after each increment; whatever it raises ends the run, which `resume` can continue.
        Raises RecordError (the folder holds a run, the disk is full), PackingError, MeshError, RunStopped.
        """
        directory = Path(directory or Path("runs") / self.study.name)
        Record.check(directory, overwrite)  # before anything that takes time
        mesh = jam(self.study, self.mesh) if loose(self.study, self.mesh) and not self.jammed else self.mesh
        stored = self.study.model_copy(update={"versions": {}}).dump()  # with the versions of today
        record = Record.create(directory, stored, mesh, overwrite=overwrite)
        return _Run(self.study, mesh, record, callback).start()


def resume(directory, callback=None) -> Result:
    """Continue the run in a folder from its last increment; nothing happens to a complete one.

    Raises RecordError where there is nothing to continue, RunStopped.
    """
    result = Result(directory)
    record = Record.open(directory)
    if record.complete:
        record.close()
        return result
    return _Run(result.study, result.mesh, record, callback).resume()


def _frames(study, half) -> int:
    """How often the fields are stored in a half cycle; the first cycle is also the movie."""
    return study.output.frames_per_half_cycle * (3 if half.cycle == 1 else 1)


@contextmanager
def _held_interrupts():
    """Ctrl-C waits for the increment under way to be stored; a second one does not.

    Yields a function that raises KeyboardInterrupt if one is waiting. Compiled code does not
    pass an interrupt on cleanly, so it is not left to strike there.
    """
    waiting = []

    def hold(signum, frame):
        if waiting:
            raise KeyboardInterrupt
        waiting.append(signum)

    def check():
        if waiting:
            raise KeyboardInterrupt

    try:
        before = signal.signal(signal.SIGINT, hold)
    except ValueError:  # not the main thread, which alone may handle signals
        yield check
        return
    try:
        yield check
    finally:
        signal.signal(signal.SIGINT, before)


class _Run:
    """The state of a run between increments, and how it goes on."""

    def __init__(self, study, mesh, record, callback):
        self.study, self.record, self.callback = study, record, callback or (lambda progress: None)
        self.model = Model(study, mesh)
        self.protocol = halves(study.cycling)
        self.way = np.cumsum([0.0] + [max(abs(h.end - h.start), 1e-3) for h in self.protocol])
        self.x = self.model.unknowns.start()
        self.half, self.memory = 0, Memory()
        # Contacts that open and close take iterations whatever the increment's length: shorter ones would not help.
        self.pace = {"easy": 14, "hard": 30} if study.mechanics.contact == "barrier" else {}
        self.wall_work, self.position, self.force = 0.0, np.zeros(3), np.zeros(3)
        self.clock, self.cpu = time.perf_counter(), time.process_time()
        handler = logging.FileHandler(record.directory / "run.log", encoding="utf-8")
        handler.setFormatter(logging.Formatter("%(asctime)s  %(message)s", "%Y-%m-%d %H:%M:%S"))
        handler.setLevel(logging.INFO)
        self._handler = handler

    # -- from the beginning, or from the record --

    def start(self):
        with self._watched():
            mesh = self.model.mesh
            log.info("rheode run of %s: %d particles, %d unknowns, linear solver %s", self.study.name,
                     mesh.grains.sum(), self.model.unknowns.free, self.model.minimise.solver.name)  # fmt: skip
            for text in (*self.study.warnings(mesh), *mesh.notes):
                log.info("note: %s", text)
            iterations, cutbacks = self._clamp()
            self.origin = self.x.copy()
            state = self.model.observe(self.x)
            self.position, self.force = state.position, state.force
            self._open_measures()
            self._store(0, "clamp", self.study.cycling.start, 0.0, iterations, cutbacks, keep=True)
            return self._go_on()

    def resume(self):
        with self._watched():
            row, restart = self.record.last()
            log.info("resumed after increment %d", row["increment []"])
            self.x, self.origin = restart["x"], restart["origin"]
            self.half = restart["half"]
            self.memory = Memory(**restart["memory"])
            another = ResultError(f"the run in {self.record.directory} was begun by another version of rheode: run its study anew")
            try:
                self.model.system.restore(restart["system"])
            except KeyError:
                raise another from None
            if self.model.row(self.model.observe(self.x)).keys() - row.keys():
                raise another
            self.wall_work, self.position, self.force = row[WALL_WORK], restart["position"], restart["force"]
            self.clock -= row["wall time [s]"]
            self.cpu -= row["cpu time [s]"]
            self._open_measures()
            return self._go_on()

    def _open_measures(self):
        self.pores = Pores(self.model.surfaces, self.model.displacement(self.origin), gap=self.model.gap)

    @contextmanager
    def _watched(self):
        """With the run's log open and interrupts held back; what was opened is closed at the end."""
        level = log.level
        log.addHandler(self._handler)
        if log.getEffectiveLevel() > logging.INFO:
            log.setLevel(logging.INFO)
        try:
            with _held_interrupts() as self.check_interrupt:
                yield
        except SystemError as error:  # numba's wrapping of a second Ctrl-C
            if isinstance(error.__cause__, KeyboardInterrupt):
                raise KeyboardInterrupt from None
            raise
        finally:
            log.removeHandler(self._handler)
            log.setLevel(level)
            self._handler.close()
            self.record.close()

    # -- the electrode under way --

    def _clamp(self):
        """Apply the stack pressure at the starting lithiation; the loose packing jams on the way."""
        walls, model, start = self.study.walls, self.model, self.study.cycling.start
        if walls.kind == "rigid" and self.study.mechanics.plane == "plane_strain":
            self._settle(start)
            return 0, 0
        iterations = cutbacks = 0

        steps = Steps(0.01, 0.1, 1e-6)
        if self.study.mechanics.contact == "barrier":
            # Particles that nothing holds move until they jam, under the smallest load as under the largest.
            steps = Steps(0.3, 0.3, 1e-6, easy=30, hard=60)

        def begin(fraction, step, x):
            model.begin(step * CLAMPING_TIME, start, self._loads(fraction), step)

        for x, increment in self._march(begin, steps, Memory(), "while clamping"):
            self.x = x
            iterations += increment.iterations
            cutbacks += increment.cutbacks
            log.info("clamping %5.1f %%  %d iterations", 100 * increment.fraction, increment.iterations)
            self.callback(Progress(0, self.study.cycling.cycles, "clamp", 0, start, increment.iterations, 0.0))
            self.check_interrupt()
        if walls.kind == "fixture":
            origin = model.scalar(self.x, "wall top")
            fixture = {"preload": walls.preload, "origin": origin, "stiffness": walls.stiffness}
            model.begin(0.0, start, {"fixture": fixture})
            self._settle(start)
        return iterations, cutbacks

    def _settle(self, lithiation):
        self.model.begin(0.0, lithiation)
        self.model.system.commit(self.x)

    def _loads(self, fraction=1.0):
        walls = self.study.walls
        if walls.kind == "pressure":
            return {"stack": {"pressure": fraction * walls.pressure, "out_of_plane": fraction * self.study.mechanics.out_of_plane_pressure}}
        if walls.kind == "fixture":
            return {"fixture": {"preload": fraction * walls.preload}}
        return {}

    def _march(self, begin, steps, memory, where):
        try:
            yield from march(self.model.system, self.model.minimise, self.x, begin, steps, memory, self.model.strain)
        except Stopped as stop:
            barrier = self.study.mechanics.contact == "barrier"
            softer = "a larger mechanics.barrier.drag or distance" if barrier else "a larger mechanics.medium.stiffness_ratio"
            message = (
                f"The run stopped {where}: {stop}. All increments before are stored in {self.record.directory}. Try a smaller"
                f" stepping.largest_step, {softer}, or another seed; `rheode resume` tries the increment again."
            )
            log.info(message)
            self.record.finish(stopped=message)
            raise RunStopped(message) from None

    def _go_on(self):
        model, stepping = self.model, self.study.stepping
        while self.half < len(self.protocol):
            half = self.protocol[self.half]
            span = abs(half.end - half.start)
            if half.kind == "rest":
                steps = Steps(1e-3, 0.25, 1e-9, **self.pace)
            else:
                lengths = (min(1.0, s / span) for s in (stepping.first_step, stepping.largest_step, stepping.smallest_step))
                steps = Steps(*lengths, tolerance=stepping.creep_tolerance, second_order=stepping.second_order, **self.pace)

            def begin(fraction, step, x):
                model.begin(step * half.duration, half.lithiation(fraction), share=step)

            elapsed = sum(h.duration for h in self.protocol[: self.half])
            where = f"in cycle {half.cycle}, {half.kind}"
            before = self.memory.fraction
            for x, increment in self._march(begin, steps, self.memory, where):
                self.x = x
                every = _frames(self.study, half)
                keep = int(increment.fraction * every + 1e-9) > int(before * every + 1e-9)
                before = increment.fraction
                ended = increment.fraction == 1.0
                if ended:
                    self.half, self.memory = self.half + 1, Memory()
                x_now = half.lithiation(increment.fraction)
                self._store(half.cycle, half.kind, x_now, elapsed + half.duration * increment.fraction,
                            increment.iterations, increment.cutbacks, keep or ended)  # fmt: skip
                way = self.way[self.half] if ended else self.way[self.half] + (self.way[self.half + 1] - self.way[self.half]) * increment.fraction
                self.callback(Progress(half.cycle, self.study.cycling.cycles, half.kind, len(self.record.rows) - 1,
                                       x_now, increment.iterations, float(way / self.way[-1])))  # fmt: skip
                self.check_interrupt()
        log.info("complete")
        self.record.finish()
        return Result(self.record.directory)

    def _store(self, cycle, kind, lithiation, elapsed, iterations, cutbacks, keep):
        model = self.model
        state = model.observe(self.x)
        row = {"increment []": len(self.record.rows), "cycle []": cycle, "half []": kind,
               "time [s]": elapsed, "lithiation []": lithiation}  # fmt: skip
        row |= model.row(state)
        self.wall_work += 0.5 * float((self.force + state.force) @ (state.position - self.position))
        self.position, self.force = state.position, state.force
        row[WALL_WORK] = self.wall_work
        pores = self.pores.at(state.displacement) if keep else None
        row["pores []"] = pores.count if keep else None
        row["newton iterations []"] = iterations
        row["cutbacks []"] = cutbacks
        row["wall time [s]"] = time.perf_counter() - self.clock
        row["cpu time [s]"] = time.process_time() - self.cpu
        restart = {
            "x": self.x,
            "origin": self.origin,
            "half": self.half,
            "memory": asdict(self.memory),
            "system": model.system.state(),
            "position": self.position,
            "force": self.force,
        }
        self.record.append(row, model.fields(state, lithiation) if keep else None, restart, pores.areas if keep else None)
        log.info("cycle %d %s x = %.4f  %d iterations%s  thickness %.3f um", cycle, kind, lithiation, iterations,
                 f"  {cutbacks} cutbacks" if cutbacks else "", row["thickness [um]"])  # fmt: skip
