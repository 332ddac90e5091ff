"""Cost against size: more particles at the same mesh size, CPU time per iteration, memory per unknown.

    python benchmarks/scaling.py [--particles 28 112 448 924] [--increments 3]

Each size runs in a process of its own, a rigid box, the first increments of se-60mse; imports, compilation, packing and
meshing are not counted. Memory is what the process holds above its state before the model is made.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np


def held():
    """Resident memory of this process, kB (Linux)."""
    return int(next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS")).split()[1])


def measure(particles, increments):
    """(unknowns, CPU s per iteration, iterations per increment, kB above the bare process per unknown)."""
    from rheode import Study
    from rheode.cycling.model import Model, build_mesh
    from rheode.mechanics.stepping import Memory, Steps, march

    def study(count):
        box = 10.0 * np.sqrt(count / 28)
        return Study.load("se-60mse", [f"microstructure.particles={count}", f"microstructure.box={box} um", "walls={kind: rigid}"])

    def run(count, increments):
        mesh = build_mesh(study(count))
        bare = held()
        model = Model(study(count), mesh)
        x, iterations, cpu = model.unknowns.start(), 0, time.process_time()

        def begin(fraction, step, x):
            model.begin(step * 36_000.0, fraction, share=step)

        for k, (x, increment) in enumerate(march(model.system, model.minimise, x, begin, Steps(0.01, 0.01, 1e-5), Memory()), 1):
            iterations += increment.iterations
            if k == increments:
                break
        cpu = time.process_time() - cpu
        return model.unknowns.free, cpu / iterations, iterations / increments, held() - bare

    run(28, 1)  # compiles
    n, cpu, each, memory = run(particles, increments)
    return n, cpu, each, memory / n


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--particles", type=int, nargs="+", default=[28, 112, 448, 924])
    options.add_argument("--increments", type=int, default=3)
    options.add_argument("--one", type=int, help=argparse.SUPPRESS)
    options = options.parse_args()
    if options.one:
        print(json.dumps(measure(options.one, options.increments)))
        return
    rows = []
    print("particles  unknowns  CPU s/iteration  iterations/increment  kB/unknown", flush=True)
    for particles in options.particles:
        command = [sys.executable, __file__, "--one", str(particles), "--increments", str(options.increments)]
        rows.append(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1]))
        n, cpu, each, memory = rows[-1]
        print(f"{particles:9d}  {n:8d}  {cpu:15.3f}  {each:20.1f}  {memory:10.2f}", flush=True)
    n, cpu = np.array(rows)[:, :2].T
    if len(rows) > 1:
        print(f"CPU time per iteration grows with unknowns^{np.polyfit(np.log(n), np.log(cpu), 1)[0]:.2f}")


if __name__ == "__main__":
    main()
