"""Equivalent circuits from short texts: `R0-p(R1,C1)-p(R2-Wo1,C2)` is R0 in series with R1 beside C1, and so on.

`-` is series, `p(a,b,...)` parallel; an element is a kind with a number. Kinds and parameters:

| kind | impedance | parameters |
| --- | --- | --- |
| R | R | R [ohm] |
| C | 1/(j w C) | C [F] |
| L | j w L | L [H] |
| CPE | 1/(Q (j w)^alpha) | Q [F s^(alpha-1)], alpha |
| W | A (1 - j)/sqrt(w) | A [ohm s^-1/2], semi-infinite diffusion |
| Wo | R coth(sqrt(j w tau))/sqrt(j w tau) | R [ohm], tau [s], diffusion to a blocked end |
| Ws | R tanh(sqrt(j w tau))/sqrt(j w tau) | R [ohm], tau [s], diffusion to a reservoir |
"""

import re
from dataclasses import dataclass

import numpy as np

from ..analysis import LabError


def _root(w, tau):
    return np.sqrt(1j * w * tau)


def _coth_over(x):
    """coth(x)/x, with 1/x^2 + 1/3 where the argument is small; tanh saturates, so large arguments are safe."""
    return np.where(np.abs(x) < 1e-4, 1 / x**2 + 1 / 3, 1 / (x * np.tanh(x)))


KINDS = {
    "R": (("", "ohm"),),
    "C": (("", "F"),),
    "L": (("", "H"),),
    "CPE": (("Q", "F s^(alpha-1)"), ("alpha", "")),
    "W": (("A", "ohm s^-1/2"),),
    "Wo": (("R", "ohm"), ("tau", "s")),
    "Ws": (("R", "ohm"), ("tau", "s")),
}
_IMPEDANCE = {
    "R": lambda w, R: R + 0j * w,
    "C": lambda w, C: 1 / (1j * w * C),
    "L": lambda w, L: 1j * w * L,
    "CPE": lambda w, Q, alpha: 1 / (Q * (1j * w) ** alpha),
    "W": lambda w, A: A * (1 - 1j) / np.sqrt(w),
    "Wo": lambda w, R, tau: R * _coth_over(_root(w, tau)),
    "Ws": lambda w, R, tau: R * np.tanh(_root(w, tau)) / _root(w, tau),
}


@dataclass(frozen=True)
class Element:
    """An element: its kind, its name such as "R1", and the places of its parameters among the circuit's."""

    kind: str
    name: str
    places: tuple[int, ...]

    def impedance(self, w, values):
        return _IMPEDANCE[self.kind](w, *(values[place] for place in self.places))

    def form(self):
        return self.kind


@dataclass(frozen=True)
class Group:
    """Parts in series, or in parallel."""

    parallel: bool
    parts: tuple

    def impedance(self, w, values):
        each = [part.impedance(w, values) for part in self.parts]
        return 1 / sum(1 / z for z in each) if self.parallel else sum(each)

    def form(self):
        """What is left of the text without the numbers: equal for parts that can stand for one another."""
        return ("p" if self.parallel else "s") + "(" + ",".join(sorted(part.form() for part in self.parts)) + ")"

    @property
    def places(self):
        return tuple(place for part in self.parts for place in part.places)


@dataclass(frozen=True)
class Circuit:
    """A circuit: its text, its tree, and of each parameter the name, the unit and the kind of quantity."""

    text: str
    tree: Element | Group
    names: tuple[str, ...]
    units: tuple[str, ...]
    quantities: tuple[str, ...]

    def impedance(self, frequency, values):
        """Z (n,) ohm, complex, at `frequency` (n,) Hz for parameters in the order of `names`."""
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            return self.tree.impedance(2 * np.pi * np.asarray(frequency, float), values)


def parse(text: str) -> Circuit:
    """A Circuit from its text. Raises LabError that says where the text goes wrong."""
    tokens = re.findall(r"[A-Za-z]+\d*|[-(),]|\S", text)
    names, units, quantities, seen = [], [], [], set()
    position = 0

    def fail(why):
        raise LabError(f"circuit {text!r}: {why}; an example is R0-p(R1,C1)-p(R2-Wo1,C2), the elements are {', '.join(KINDS)}")

    def peek():
        return tokens[position] if position < len(tokens) else ""

    def take(wanted=None):
        nonlocal position
        token = peek()
        if wanted is not None and token != wanted:
            fail(f"expected {wanted!r} before {token!r}" if token else f"it ends where {wanted!r} is expected")
        position += 1
        return token

    def series():
        parts = [item()]
        while peek() == "-":
            take()
            parts.append(item())
        return parts[0] if len(parts) == 1 else Group(False, tuple(parts))

    def item():
        if peek() == "p" and tokens[position + 1 : position + 2] == ["("]:
            take()
            take("(")
            parts = [series()]
            while peek() == ",":
                take()
                parts.append(series())
            take(")")
            if len(parts) < 2:
                fail("p(...) needs two parts at least, with a comma between them")
            return Group(True, tuple(parts))
        return element(take())

    def element(token):
        match = re.fullmatch(r"(Wo|Ws|CPE|[RCLW])(\d*)", token)
        if match is None:
            fail(f"no element is called {token!r}" if token else "it ends where an element is expected")
        if token in seen:
            fail(f"{token} stands there twice; give each element its own number")
        seen.add(token)
        places = []
        for parameter, unit in KINDS[match[1]]:
            places.append(len(names))
            names.append(f"{token} {parameter}".strip())
            units.append(unit)
            quantities.append(parameter or match[1])
        return Element(match[1], token, tuple(places))

    tree = series()
    if position < len(tokens):
        fail(f"nothing may stand before {peek()!r}" if position == 0 else f"{peek()!r} is not expected after {''.join(tokens[:position])!r}")
    return Circuit(text, tree, tuple(names), tuple(units), tuple(quantities))


def ordered(circuit: Circuit, values, frequency):
    """The same circuit with equal parts in one order, the fastest first: R1 C1 and R2 C2 of two like loops may be
    exchanged without changing the impedance. values: in the order of `circuit.names`; returns the same."""
    values = np.array(values, dtype=float)
    span = np.geomspace(frequency.min() / 1e3, frequency.max() * 1e3, 400)

    def sort(part):
        if isinstance(part, Element):
            return
        for inner in part.parts:
            sort(inner)
        forms = [inner.form() for inner in part.parts]
        for form in set(forms):
            alike = [inner for inner, own in zip(part.parts, forms) if own == form]
            if len(alike) > 1:
                keys = [_speed(inner.impedance(2 * np.pi * span, values), span) for inner in alike]
                places = [_canonical(inner) for inner in alike]
                held = [values[list(place)].copy() for place in places]
                for place, key in zip(places, np.argsort(keys, kind="stable")):
                    values[list(place)] = held[key]

    sort(circuit.tree)
    return values


def _canonical(part):
    """Places of a part's parameters in an order that is the same for all parts of one form."""
    if isinstance(part, Element):
        return part.places
    return tuple(place for inner in sorted(part.parts, key=lambda inner: inner.form()) for place in _canonical(inner))


def _speed(impedance, frequency):
    """Sorting key of a part: fast arcs first, then by size."""
    with np.errstate(all="ignore"):
        minus = np.nan_to_num(-impedance.imag, nan=-np.inf)
    return (-np.log(frequency[np.argmax(minus)]) if minus.max() > 0 else 0.0) + 1e-6 * np.log(np.abs(impedance[len(frequency) // 2]) + 1e-300)
