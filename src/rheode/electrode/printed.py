"""Numbers that three papers print in their text, recomputed from other numbers that they print.

Areal capacities, C-rates, efficiencies and utilisations, energies. Tables are recomputed cell by cell by
`rheode.electrode.audit`. `python -m rheode.electrode.printed` prints the page docs/printed-numbers.md.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

from . import formulas

FARADAY = 26_801.5  # mAh/mol
MOLAR_MASS = {"Li": 6.94, "Se": 78.971, "Mo6Se8": 6 * 95.95 + 8 * 78.971, "FeS": 87.91, "Si": 28.085, "In": 114.818}  # g/mol
LITHIUM, INDIUM = 0.534, 7.31  # g/cm3
ABOUT = 0.1  # relative: what "about" may mean
CREEP = "Xiong et al. 2024, creep-type cathode (doi 10.1038/s41467-024-48174-8)"
INTERLAYER = "Sung et al., lithium silicide interlayer"
SILICON = "Pan et al. 2024, micron-sized silicon (doi 10.1038/s41467-024-46472-9)"


@dataclass(frozen=True)
class Number:
    """A number as printed: `text`, and half a unit of its last digit; 0 for what is set rather than measured."""

    text: str
    half: float

    @property
    def value(self):
        return float(self.text)


def read(text: str) -> Number:
    """A measured number, known to half of its last digit."""
    return Number(text, 0.5 * 10.0 ** -len(text.partition(".")[2]))


def set_(text: str) -> Number:
    """A number that the experimenter set, or that a formula fixes."""
    return Number(text, 0.0)


@dataclass(frozen=True)
class Claim:
    """A printed number, the numbers it should follow from, and where both stand. `about`: it is printed as approximate."""

    paper: str
    quantity: str
    printed: Number
    unit: str
    inputs: tuple[Number, ...]
    formula: Callable
    how: str
    where: str
    remark: str = ""
    about: bool = False

    @property
    def range(self) -> tuple[float, float]:
        """What the inputs give, each within its rounding."""
        corners = [self.formula(*values) for values in product(*({n.value - n.half, n.value + n.half} for n in self.inputs))]
        return min(corners), max(corners)

    @property
    def value(self) -> float:
        return self.formula(*(n.value for n in self.inputs))

    @property
    def off(self) -> float:
        """The printed number against what follows, relative."""
        return self.printed.value / self.value - 1

    @property
    def follows(self) -> bool:
        """Whether the rounded inputs can give the printed digits; whether it is near, where it is printed as approximate."""
        if self.about:
            return abs(self.off) <= ABOUT
        low, high = self.range
        slack = 1e-9 * abs(self.printed.value)
        return low <= self.printed.value + self.printed.half + slack and high >= self.printed.value - self.printed.half - slack


def _loading(capacity, loading):
    return formulas.areal_capacity(capacity, loading)


def _per_volume(capacity, voltage, loading, thickness):
    return formulas.energy_density(formulas.specific_energy(capacity, voltage), formulas.density(loading, thickness))


def _theoretical(electrons, molar_mass):
    return electrons * FARADAY / molar_mass


def claims() -> list[Claim]:
    """The numbers that can be checked, paper by paper."""
    mixture = (set_("0.4"), set_("675"), set_("0.6"))
    return [
        Claim(CREEP, "areal capacity at 3 mg/cm2", read("0.97"), "mAh/cm2", (read("323.4"), set_("3")), _loading, "323.4 mAh/g x 3 mg/cm2", "SI Table S7"),
        Claim(CREEP, "areal capacity at 5 mg/cm2", read("1.61"), "mAh/cm2", (read("321.9"), set_("5")), _loading, "321.9 mAh/g x 5 mg/cm2", "text to Fig. 6"),
        Claim(CREEP, "areal capacity at 10 mg/cm2", read("2.86"), "mAh/cm2", (read("286"), set_("10")), _loading, "286 mAh/g x 10 mg/cm2", "text to Fig. 6"),
        Claim(CREEP, "areal capacity at 20 mg/cm2", read("5.28"), "mAh/cm2", (read("264"), set_("20")), _loading, "264 mAh/g x 20 mg/cm2", "text to Fig. 6"),
        Claim(CREEP, "current of 1 C", read("0.96"), "mA/cm2", (*mixture, set_("89"), set_("3")), lambda w, a, v, b, m: _loading(formulas.specific_capacity((w, v), (a, b)), m), "(40 % x 675 + 60 % x 89 mAh/g) x 3 mg/cm2", "Fig. 5a",
              "with the 80 mAh/g that Mo6Se8 keeps it is 0.95; the printed current lies between, and the loading of that figure is not printed"),
        Claim(CREEP, "first utilisation of Se", read("76.8"), "%", (read("518.2"), set_("675")), lambda c, t: 100 * formulas.utilisation(c, t, 1.0), "518.2 / 675 mAh/g", "text to Fig. 5a"),
        Claim(CREEP, "later utilisation of Se", read("90.1"), "%", (read("608.2"), set_("675")), lambda c, t: 100 * formulas.utilisation(c, t, 1.0), "608.2 / 675 mAh/g", "text to Fig. 5a"),
        Claim(CREEP, "pores left when 22 % stays lithiated", read("78"), "%", (set_("22"), set_("98")), lambda x, dV: 100 - x * dV / 100, "100 % - 22 % x 98 %", "Fig. S10"),
        Claim(CREEP, "specific energy, 3 mg/cm2", read("688.8"), "Wh/kg", (read("323.4"), read("2.08")), formulas.specific_energy, "Eq. 9: 323.4 mAh/g x 2.08 V", "SI Table S7",
              "the energy density printed beside it follows from the capacity and the voltage, not from this"),
        Claim(CREEP, "energy density, 3 mg/cm2", read("2460"), "Wh/L", (read("323.4"), read("2.08"), set_("3"), read("8.2")), _per_volume, "Eqs 9, 10: 323.4 mAh/g x 2.08 V x 3 mg/cm2 / 8.2 um", "abstract, SI Table S7"),
        Claim(CREEP, "specific energy, 5 mg/cm2", read("672.8"), "Wh/kg", (read("321.9"), read("2.04")), formulas.specific_energy, "Eq. 9: 321.9 mAh/g x 2.04 V", "SI Table S7"),
        Claim(CREEP, "energy density, 5 mg/cm2", read("2432"), "Wh/L", (read("321.9"), read("2.04"), set_("5"), read("13.5")), _per_volume, "Eqs 9, 10: 321.9 mAh/g x 2.04 V x 5 mg/cm2 / 13.5 um", "SI Table S7"),
        Claim(CREEP, "specific energy, 10 mg/cm2", read("569.3"), "Wh/kg", (read("286"), read("1.97")), formulas.specific_energy, "Eq. 9: 286 mAh/g x 1.97 V", "SI Table S7"),
        Claim(CREEP, "energy density, 10 mg/cm2", read("2505"), "Wh/L", (read("286"), read("1.97"), set_("10"), set_("21")), _per_volume, "Eqs 9, 10: 286 mAh/g x 1.97 V x 10 mg/cm2 / 21 um", "SI Table S7",
              "the thickness is printed without decimals and taken as it stands"),
        Claim(CREEP, "areal capacity of the pouch cell", read("1.66"), "mAh/cm2", (read("26.53"), set_("16")), lambda q, a: q / a, "26.53 mAh / (4 cm x 4 cm)", "SI Table S8"),
        Claim(CREEP, "loading of the pouch cell", read("4.69"), "mg/cm2", (read("76.53"), set_("16")), formulas.mass_loading, "76.53 mg / (4 cm x 4 cm)", "SI Table S8"),
        Claim(CREEP, "voltage against Li of the pouch cell", read("1.899"), "V", (read("1.299"), set_("0.6")), lambda v, r: v + r, "1.299 V + 0.6 V", "SI Table S8"),
        Claim(CREEP, "specific energy of the pouch cell", read("658.3"), "Wh/kg", (read("26.53"), read("1.899"), read("76.53")), lambda q, v, m: 1e3 * q * v / m, "26.53 mAh x 1.899 V / 76.53 mg", "text to Fig. 6, SI Table S8"),
        Claim(CREEP, "energy density of the pouch cell", read("1749.3"), "Wh/L", (read("26.53"), read("1.899"), set_("16"), set_("18")), lambda q, v, a, h: q * v / formulas.electrode_volume(a, h), "26.53 mAh x 1.899 V / (16 cm2 x 18 um)", "SI Table S8"),
        Claim(CREEP, "what the pouch cell's electrode can hold", read("26.53"), "mAh", (read("76.53"), *mixture, set_("89")), lambda m, w, a, v, b: m * 1e-3 * formulas.specific_capacity((w, v), (a, b)), "76.53 mg x (40 % x 675 + 60 % x 89 mAh/g)", "SI Table S8",
              "more than the printed mass of 40 % Se and 60 % Mo6Se8 can hold, and 1 % of it is binder"),
        Claim(CREEP, "theoretical capacity of Se", read("675"), "mAh/g", (set_("2"), set_(str(MOLAR_MASS["Se"]))), _theoretical, "2 electrons x F / M(Se)", "SI, below Eq. 3"),
        Claim(CREEP, "theoretical capacity of Mo6Se8", read("89"), "mAh/g", (set_("4"), set_(str(MOLAR_MASS["Mo6Se8"]))), _theoretical, "4 electrons x F / M(Mo6Se8)", "SI Table S2"),
        Claim(CREEP, "theoretical capacity of FeS", read("609"), "mAh/g", (set_("2"), set_(str(MOLAR_MASS["FeS"]))), _theoretical, "2 electrons x F / M(FeS)", "text to Fig. 5", "cut off, not rounded"),
        Claim(CREEP, "volumetric capacity of Se", read("3253"), "mAh/cm3", (read("675"), read("4.81")), formulas.volumetric_capacity, "675 mAh/g x 4.81 g/cm3", "text to Fig. 2"),
        Claim(CREEP, "In by Li in the counter electrode of the pressed cells", read("1.3"), "", (set_("10"), set_("100"), set_("9"), set_("80")), lambda d, h, e, k: (INDIUM * d**2 * h / MOLAR_MASS["In"]) / (LITHIUM * e**2 * k / MOLAR_MASS["Li"]), "foils of In 10 mm x 100 um, Li 9 mm x 80 um", "Methods"),
        Claim(CREEP, "In by Li in the counter electrode of the pouch cell", read("1.24"), "", (set_("30"), set_("20")), lambda h, k: (INDIUM * h / MOLAR_MASS["In"]) / (LITHIUM * k / MOLAR_MASS["Li"]), "foils of In 30 um, Li 20 um", "Methods"),
        Claim(INTERLAYER, "areal capacity plated", read("2.55"), "mAh/cm2", (read("0.13"), set_("20")), lambda i, t: i * t, "0.13 mA/cm2 x 20 h", "text to Fig. 3", "within the two digits of the current"),
        Claim(INTERLAYER, "areal capacity plated on LiSi-C", read("3.0"), "mAh/cm2", (set_("0.92"), set_("3.3")), lambda i, t: i * t, "0.92 mA/cm2 x 3.3 h", "Methods", about=True),
        Claim(INTERLAYER, "areal capacity plated without the interlayer", read("1.0"), "mAh/cm2", (set_("0.3"), set_("3.3")), lambda i, t: i * t, "0.3 mA/cm2 x 3.3 h", "Methods", about=True),
        Claim(INTERLAYER, "areal capacity of the silicon", read("0.68"), "mAh/cm2", (read("0.21"), set_("0.9"), set_("3.75"), set_(str(MOLAR_MASS["Si"]))), lambda m, w, n, M: _loading(w * _theoretical(n, M), m), "0.21 mg/cm2 x 90 % x 3.75 electrons x F / M(Si)", "text to Fig. 3, Methods"),
        Claim(INTERLAYER, "areal capacity of the silicon, from the table's mass", read("0.68"), "mAh/cm2", (read("0.000135"), set_("0.785"), set_("3.75"), set_(str(MOLAR_MASS["Si"]))), lambda m, a, n, M: m / a * _theoretical(n, M), "0.135 mg / 0.785 cm2 x 3.75 electrons x F / M(Si)", "SI Table S1",
              "the mass in Table S1 is less than the loading of the Methods, which is printed as an upper bound"),
        Claim(INTERLAYER, "rate of 0.3 mA/cm2 on silicon", read("0.45"), "C", (set_("0.3"), read("0.68")), lambda i, q: i / q, "0.3 mA/cm2 / 0.68 mAh/cm2", "Methods"),
        Claim(INTERLAYER, "areal capacity of the full cell", read("2.8"), "mAh/cm2", (set_("20"), set_("0.67"), read("207.8")), lambda m, w, c: _loading(w * c, m), "20 mg/cm2 x 67 % x 207.8 mAh/g", "Methods, abstract", "printed as 0.28 mA/cm2 at 0.1 C"),
        Claim(INTERLAYER, "rate of 0.98 mA/cm2 on the full cell", read("0.35"), "C", (set_("0.98"), set_("0.28"), set_("0.1")), lambda i, j, c: i / j * c, "0.98 / 0.28 mA/cm2 x 0.1 C", "Methods"),
        Claim(INTERLAYER, "capacity at 20 degC against 60 degC", read("85.8"), "%", (read("2.4"), set_("2.8")), lambda a, b: 100 * a / b, "2.4 / 2.8 mAh/cm2", "text to Fig. 5"),
        Claim(INTERLAYER, "capacity at 5 C", read("75"), "%", (read("76"),), lambda a: a, "the text to Fig. 5 says 76 %", "abstract", "printed twice, with two values, which one number between them would round to"),
        Claim(INTERLAYER, "lithium of 3 mAh/cm2", read("15"), "um", (set_("3"), set_("3860")), lambda q, c: q / (c * LITHIUM) / formulas.UM_IN_CM, "3 mAh/cm2 / (3860 mAh/g x 0.534 g/cm3)", "text to Fig. 4", about=True),
        Claim(SILICON, "current of 1 C of silicon", read("3579"), "mA/g", (set_("3.75"), set_(str(MOLAR_MASS["Si"]))), _theoretical, "3.75 electrons x F / M(Si)", "text to Fig. 4"),
        Claim(SILICON, "current of 0.2 C at 1.3 mg/cm2", read("0.9"), "mA/cm2", (set_("0.2"), set_("3579"), read("1.3")), lambda r, c, m: r * _loading(c, m), "0.2 C x 3579 mA/g x 1.3 mg/cm2", "text to Fig. 5"),
        Claim(SILICON, "current of 0.3 C at 1.3 mg/cm2", read("1.4"), "mA/cm2", (set_("0.3"), set_("3579"), read("1.3")), lambda r, c, m: r * _loading(c, m), "0.3 C x 3579 mA/g x 1.3 mg/cm2", "text to Fig. 5"),
        Claim(SILICON, "current of 0.1 C of silicon", read("376"), "mA/g", (set_("0.1"), set_("3579")), lambda r, c: r * c, "0.1 C x 3579 mA/g", "text to Fig. 4j", "the smallest current of the rate test, beside a first cycle at 0.1 C"),
        Claim(SILICON, "current of 5 C of LiFePO4", read("875"), "mA/g", (set_("5"), set_("175")), lambda r, c: r * c, "5 C x 175 mA/g", "text to Fig. 5"),
        Claim(SILICON, "retention of LiFePO4 after 400 cycles", read("97.3"), "%", (read("143.3"), read("147.4")), lambda a, b: 100 * a / b, "143.3 / 147.4 mAh/g", "abstract, text to Fig. 5"),
        Claim(SILICON, "loading of LiFePO4 in the pouch cell", read("6"), "mg/cm2", (read("11.7"), read("140"), set_("16")), lambda q, c, a: 1e3 * q / c / a, "11.7 mAh / 140 mAh/g / (4 cm x 4 cm)", "text to Fig. 5, Methods", "printed as around 6 mg/cm2", about=True),
    ]  # fmt: skip


def page() -> str:
    """The page docs/printed-numbers.md."""
    made = claims()
    lines = [
        "# Numbers that the papers print",
        "",
        "Areal capacities, C-rates, efficiencies and energies that three papers print in their text, recomputed from other numbers that they print. "
        "A number follows if its printed digits are among what the others give, each within half of its own last digit; what was set (currents, times, areas, loadings, fractions) counts as exact. "
        f"Where a number is printed as approximate, {100 * ABOUT:.0f} % either way will do. Whole tables are recomputed cell by cell in [audit.md](audit.md). "
        "This page is written by `python -m rheode.electrode.printed`.",
        "",
        f"{len(made)} numbers, {sum(not claim.follows for claim in made)} do not follow. "
        "The papers' coulombic efficiencies and most of their retentions can't be checked: the capacities that they rest on stand in figures only.",
    ]
    for paper in dict.fromkeys(claim.paper for claim in made):
        lines += ["", f"## {paper}", "", "| quantity | printed | follows | from | where | |", "| --- | --- | --- | --- | --- | --- |"]
        for claim in made:
            if claim.paper == paper:
                verdict = "" if claim.follows else f"**{100 * claim.off:+.1f} %**"
                note = "; ".join(filter(None, (verdict, claim.remark)))
                about = "about " if claim.about else ""
                lines.append(f"| {claim.quantity} | {about}{claim.printed.text} {claim.unit} | {_shown(claim)} {claim.unit} | {claim.how} | {claim.where} | {note} |".replace("  |", " |"))
    return "\n".join(lines) + "\n"


def _shown(claim):
    """What follows, with one digit more than is printed."""
    decimals = len(claim.printed.text.partition(".")[2]) + 1
    return f"{claim.value:.{decimals}f}"


if __name__ == "__main__":
    print(page(), end="")
