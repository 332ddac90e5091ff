"""Contact against known answers: the patch test and Hertz's contact, both potentials, errors by elements per half-width.

    python benchmarks/hertz.py [--page FILE]

The cases are those of tests/test_contact.py: two blocks whose meshes do not match, pressed together by 1 % (every point
counts), and a cylinder on a rigid flat, or two equal ones, at light load (half-width a fiftieth of the radius, plane
strain; the medium's length is the half-width, as a length in um would mean something else at this scale). Peak pressure and half-width are those of Hertz's ellipse fitted to the contact pressure.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from test_contact import E_PATCH, HALF_WIDTH, hertz, patch

from rheode.mechanics.stepping import Stopped
from rheode.study import Medium

RESOLUTIONS = (5, 10, 20)
RATIOS = sorted({1e-4, 5e-6, 1e-6, Medium().stiffness_ratio}, reverse=True)


def cases():
    """(name, cylinders, options of `hertz`)."""
    yield "barrier, on a flat", 1, {}
    yield "barrier, two cylinders", 2, {}
    for ratio in RATIOS:
        default = " (default)" if ratio == Medium().stiffness_ratio else ""
        yield f"third medium {ratio:g}{default}, on a flat", 1, {"gamma": ratio, "length": HALF_WIDTH, "viscosity": Medium().viscosity if default else 0.2}


def patches():
    lines = ["| patch test, 1 % | largest error at any point |", "| --- | --- |"]
    for name, contact, gap in [("barrier", "barrier", 1e-5), *((f"third medium {ratio:g}", ratio, 1e-3) for ratio in RATIOS)]:
        error = np.abs(patch(0.01, contact, gap) / (E_PATCH * np.log(0.99) / 0.99) - 1).max()
        lines.append(f"| {name} | {error:.3%} |")
    return "\n".join(lines)


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--page", type=Path)
    options = options.parse_args()
    lines = ["| contact | elements per half-width | peak pressure / Hertz | half-width / Hertz | CPU s |", "| --- | --- | --- | --- | --- |"]
    print("\n".join(lines), flush=True)
    for name, cylinders, how in cases():
        for resolution in RESOLUTIONS:
            start = time.process_time()
            try:
                found = "{:.3f} | {:.3f}".format(*hertz(cylinders, resolution, **how))
            except Stopped:
                found = "stopped | -"
            lines.append(f"| {name} | {resolution} | {found} | {time.process_time() - start:.1f} |")
            print(lines[-1], flush=True)
    second = patches()
    print("\n" + second)
    if options.page:
        options.page.write_text("\n".join(lines) + "\n\n" + second + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
