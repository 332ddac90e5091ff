"""What it takes to push a creeping metal out of the pores it is plated in.

The metal appears everywhere in a straight pore of a stiff layer and leaves through the mouth. Its creep rate is
A (s/s_ref)^n + fluidity s under a von Mises stress s (`materials.mechanisms.creep_law`). Two bounds in plane strain:

`channel`: it sticks to the walls. In a pore much deeper than wide the shear stress is g z at a distance z from the
middle, g the pressure gradient, and in simple shear s = sqrt(3) tau and the shear rate is sqrt(3) times the creep rate.
Integrated twice across the width w, h = w/2, the flow through a section is

    F(g) = 2 sqrt(3) A (sqrt(3) g/s_ref)^n h^(n+2)/(n+2) + 2 fluidity g h^3,

Poiseuille's law for a fluid of viscosity 1/(3 fluidity), and that of a power law beside it. What is plated below a section
passes it, so F grows in proportion to the distance from the closed end, up to speed times w at the mouth.

`plug`: it slides. Nothing but lateral confinement stresses it: volume grows at r, all of it goes into length, the
creep rate is 2/3 r and the walls bear the flow stress at that rate.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import brentq


def plating_speed(current: float, metal) -> float:
    """Thickness of metal plated per time [um/s] at a current density [mA/cm2]; `metal` a Material with capacity and density."""
    return current / (metal.value("capacity") * metal.value("density")) * 1e4 / 3600


def channel(law: dict, width: float, depth: float, speed: float) -> tuple[float, float]:
    """(pressure at the closed end, mean pressure) [GPa] above that at the mouth of a pore whose walls hold the metal.

    law: A [1/s], n, s_ref [GPa], fluidity [1/(GPa s)]. width, depth of the pore [um]; speed: mean velocity at the mouth
    [um/s], the plating speed over the porosity.
    """
    h, n, root = 0.5 * width, law["n"], np.sqrt(3.0)
    a = 2 * root * law["A"] * (root / law["s_ref"]) ** n * h ** (n + 2) / (n + 2)
    b = 2 * law["fluidity"] * h**3
    flow = speed * width
    g = _both(a, n, b, flow)
    # F(g(y)) = flow y/depth, so that integrals of g over y are integrals of F over g.
    first = a * g ** (n + 1) / (n + 1) + b * g**2 / 2
    second = a**2 * g ** (2 * n + 1) / (2 * n + 1) + 2 * a * b * g ** (n + 2) / (n + 2) + b**2 * g**3 / 3
    return depth * (g - first / flow), 0.5 * depth * (g - second / flow**2)


def plug(law: dict, depth: float, speed: float) -> float:
    """Flow stress [GPa, von Mises] of a metal that slides in the pore, which its walls bear; arguments as of `channel`."""
    return _both(law["A"] / law["s_ref"] ** law["n"], law["n"], law["fluidity"], 2 / 3 * speed / depth)


def _both(a, n, b, total):
    """x with a x^n + b x = total."""
    alone = (total / a) ** (1 / n) if a > 0 else np.inf, total / b if b > 0 else np.inf  # either alone takes more than both
    return brentq(lambda x: a * x**n + b * x - total, 0.0, min(alone) * (1 + 1e-12), xtol=1e-300, rtol=1e-14)
