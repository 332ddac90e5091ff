"""How close the electrical analyses come to models of known truth and to published files: measures it and writes a page.

    python benchmarks/electrical.py [--page docs/electrical.md]

Real files are taken from RHEODE_DATA, or shared/data beside the checkout.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))
os.environ["PYBAMM_DISABLE_TELEMETRY"] = "true"

from bench import DATA  # noqa: E402
from test_lab_conductivity import TABLE_S3, vtf  # noqa: E402
from test_lab_eis import EXAMPLE, noisy  # noqa: E402
from test_lab_transference import answer, cell  # noqa: E402

from rheode.lab import conductivity, conductivity_tables, cyclers, gitt, thermal  # noqa: E402
from rheode.lab.impedance import kramers_kronig, read  # noqa: E402
from rheode.lab.impedance.analysis import analyse  # noqa: E402
from rheode.lab.impedance.circuit import parse  # noqa: E402
from rheode.lab.impedance.fit import fit  # noqa: E402

PAGE = """# Titration, impedance, conductivity, transference

Four kinds of `rheode lab`, for what a potentiostat or a cycler measures besides cycles. They need `pip install 'rheode[lab]'`. All take `--json FILE` (values with uncertainties, tables, every choice made), `--csv FILE` (the main table), `--figure FILE` (PDF and PNG) and `--column "QUANTITY=COLUMN [UNIT]"` where a table's header does not say what a column is. This page is written by `python benchmarks/electrical.py --page docs/electrical.md`, numbers and all.

## Titration (GITT)

```
rheode lab gitt titration.ndax --radius "1.8 um" --figure gitt.png
```

The file is any cycler's ([cycling.md](cycling.md)). Pulses are found without options: every run of current with a rest before or after it. Each gets a row: where it lies, the equilibrium voltage before it, dEs, the part of the pulse that was fitted, the diffusivity D with its standard uncertainty, and the verdict. A refused pulse says why: no rest on one side, cut off, current not constant, dEs not clear of 0 or of the wrong sign, a rest that is not relaxed (by its own drift, or against l^2/D), too few records, a pulse too long against l^2/D, a curve that is not diffusion's, an overpotential that changes as much as the equilibrium voltage does, an uncertainty that is too large. The second table of the JSON has the straight lines in sqrt(t): their windows, slopes and R^2.

**What length.** l is the *radius* of the particles. Give `--radius`, or `--diameter` (a D50 is one), or the volume/area form: `--area` with `--volume`, or with `--mass`, `--molar-volume` and `--molar-mass`. The area is the surface of all particles; then l = 3 V/A. The geometric area of an electrode belongs to a dense film only, with `--shape film` and l = V/A. Mixing these up costs factors of 4, 9 or far more. Without any of them D/l^2 is reported.

**Which formula.** Weppner and Huggins' D = 4/(pi tau) (m V_m/(M A))^2 (dEs/dEt)^2, for spheres 4/(9 pi) R^2 [(dEs/tau)/(dE/dsqrt(t))]^2, takes the voltage for a straight line in sqrt(t). It is one only for t << R^2/D: fitted over t, D comes out too low by about 1.8 sqrt(D t/R^2), that is by 30 % at t = 0.03 R^2/D, which many published pulses exceed. So D is fitted with the whole response of a sphere (or film) whose surface is read on the E(q) that the rests trace; the straight line is its beginning and is reported beside it, uncorrected. Neither long pulses nor a curved E(q) matter then:

{particles}

Particles of PyBaMM's single-particle half cell (`{parameters}`, E(q) and kinetics included) with the diffusivity changed; medians over the accepted pulses, over the true D. 30 mesh points are close to PyBaMM's default, and part of what is off there is the mesh's.

{recording}

**What it takes for granted**: the voltage is the working electrode's; a counter electrode that moves (a full cell) enters D. Particles have one size. Kinetics that change with composition are not corrected for, but widen the uncertainty, and refuse a pulse where they are as large as dEs itself.

## Impedance

```
rheode lab eis spectrum.mpt --circuit "{example}" --figure eis.png
```

Read are BioLogic `.mpt`, Gamry `.DTA`, ZPlot and ZView `.z`, and any table with frequency and Z', Z'' (or -Z''), or |Z| and phase: CH Instruments, Autolab, CSV with or without a header.

**Circuits**: `-` in series, `p(a,b)` parallel, elements with a number: R, C, L, CPE (Q, alpha), W (semi-infinite), Wo (blocked end) and Ws (reservoir). Residuals are divided by |Z|; `--weight unit` leaves them as they are. The fit starts from 60 places drawn from the spectrum itself and keeps every minimum. Where another one fits alike (r.m.s. misfit within a quarter), a note says so with its parameters; `--minimum 2` reports that one. Parameters that the spectrum does not determine are named. Like loops are numbered from fast to slow.

**Kramers-Kronig** (linear test, after Schoenleber et al. 2014) comes with every spectrum, with or without a circuit: residuals above 1 % that hang together are a violation (drift, non-linearity, wiring), residuals that don't are noise.

{circuits}

Worst error of any parameter, 0.5 % noise on Z' and Z'', ten spectra of 81 points each. Q of a CPE trades with its exponent: its error is what the noise leaves, and the stated uncertainty says so.

{minima}

## Conductivity

```
rheode lab conductivity cell-25.mpt cell-40.mpt cell-55.mpt --thickness "0.51 +- 0.01 mm" --diameter "12 mm" \\
    --temperature "25 degC" --temperature "40 degC" --temperature "55 degC" --figure arrhenius.png
rheode lab conductivity table.csv --theoretical-density "6.52 g/cm^3"
```

Spectra give the bulk resistance R1 of the simplest circuit that Akaike's criterion keeps (its arc in view or not, cables' inductance or not; `--circuit` and `--element` choose another), and thickness/(R1 x area). Tables hold conductivities, or resistances with thickness and area or diameter; `--probe-spacing "3 mm"` makes V/I of four probes in line into conductivities, with the corrections for thickness and diameter. Rows that differ in nothing but the sample are replicates: mean, standard deviation, 95 % interval of the mean.

**Over temperature** Arrhenius and VTF, sigma = A T^-1/2 exp(-Ea/k(T - T0)) as Pan et al. have it (`--vtf-prefactor A` leaves the root out). VTF's intervals are profile likelihoods, since its parameters trade with each other far beyond what a covariance says. Where 0 K (Arrhenius) lies within the interval of T0, or it is wider than 100 K, or the data do not scatter about VTF, T0 is not identified and a note says so: A, Ea and T0 are then no material's.

{coverage}

{collection}

**Under pressure**: power laws of conductivity and density, porosity where `--theoretical-density` is given, and rows whose density x thickness does not keep the mass. Table S3 of the creep-type cathode's paper (doi 10.1038/s41467-024-48174-8, SI):

{pressure}

## Transference number

```
rheode lab transference transient.csv before.mpt after.mpt --voltage "10 mV" --figure t.png
```

t = I_s (dV - I_0 R_0)/(I_0 (dV - I_s R_s)) of Bruce and Vincent. R_0 and R_s are the *interfaces'* resistances, R1 of `R0-p(R1,CPE1)` unless `--circuit`, `--interface` and `--electrolyte` say otherwise. I_0 and I_s come from decaying exponentials fitted to the whole transient, followed back to the step. I_0 must agree with dV/(R0 + R1) of the first spectrum; where it does, their weighted mean is used, and where it doesn't a note says by how much and what t would be with the other (`--first ohm`): the first record is often late. A current that is not steady yet is told as well.

{transference}
"""


def table(heads, rows):
    return "\n".join(["| " + " | ".join(heads) + " |", "| " + " | ".join("---" for _ in heads) + " |", *("| " + " | ".join(map(str, row)) + " |" for row in rows)])


PARAMETERS = "Xu2019"
MODELS = (("10 minutes", "1 second", 1e-14, 100), ("10 minutes", "1 second", 1e-14, 30), ("10 minutes", "10 seconds", 1e-15, 30), ("1 hour", "10 seconds", 1e-14, 30), ("1 hour", "10 seconds", 3e-14, 30))


def particles():
    import pybamm

    rows = []
    for pulse, period, D, mesh in MODELS:
        model = pybamm.lithium_ion.SPM({"working electrode": "positive"})
        values = pybamm.ParameterValues(PARAMETERS)
        values["Positive particle diffusivity [m2.s-1]"] = D
        radius = values["Positive particle radius [m]"]
        rest = f"{max(2.0, 0.6 * radius**2 / D / 3600):.2f} hours"
        steps = ["Rest for 10 minutes (1 minute period)"] + [f"Discharge at C/20 for {pulse} ({period} period)", f"Rest for {rest} (30 second period)"] * 12
        solver = pybamm.IDAKLUSolver(rtol=1e-9, atol=1e-10)
        simulation = pybamm.Simulation(model, experiment=pybamm.Experiment(steps), parameter_values=values, var_pts={**model.default_var_pts, "r_p": mesh}, solver=solver)
        solution = simulation.solve()
        analysis = gitt.analyse(solution["Time [s]"].entries, solution["Voltage [V]"].entries, -solution["Current [A]"].entries, length=1e6 * radius)
        good = [verdict == "accepted" for verdict in analysis.tables["pulses"]["verdict"]]
        found = np.array(analysis.tables["pulses"]["D [cm^2/s]"])[good] / (1e4 * D)
        straight = np.array(analysis.tables["straight lines in sqrt(t)"]["D of the straight line, uncorrected [cm^2/s]"])[good] / (1e4 * D)
        theta = np.median(analysis.tables["pulses"]["duration [s]"]) * D / radius**2
        line = np.nanmedian(straight) if np.isfinite(straight).any() else np.nan
        rows.append((f"{pulse}, every {period}", f"{D:g} m^2/s", mesh, f"{theta:.2g}", f"{sum(good)} of {len(good)}", f"{np.median(found):.3f} ({found.min():.3f} to {found.max():.3f})", "none" if np.isnan(line) else f"{line:.2f}"))
    return table(("pulses", "true D", "mesh points", "tau D/R^2", "accepted", "D / true", "straight line / true"), rows)


def recording():
    path = DATA / "gitt/ampworks_gitt_discharge.parquet"
    began = time.perf_counter()
    data = cyclers.read(path)
    analysis = gitt.analyse(data["time [s]"], data["voltage [V]"], data["current [A]"], length=1.8)
    took = time.perf_counter() - began
    pulses = analysis.tables["pulses"]
    refused = "; ".join(f"pulse {number}: {reason}" for number, reason in zip(pulses["pulse"], pulses["reason"]) if reason)
    low, high = (analysis.values[name].value for name in ("diffusivity, lowest", "diffusivity, highest"))
    tau = np.array(analysis.tables["straight lines in sqrt(t)"]["D tau/l^2"])
    return (f"The recording of {len(data):,} rows in ampworks 0.1.0 (C/20 pulses of 11 min, R = 1.8 um): {len(pulses['pulse'])} pulses found, {int(analysis.values['pulses accepted'].value)} accepted "
            f"({refused}), read and analysed in {took:.1f} s. D lies between {low:.2g} and {high:.2g} cm^2/s, the pulses last {np.nanmedian(tau):.2g} R^2/D.").replace(",", "\u202f", 1)  # fmt: skip


CIRCUITS = (("R0-p(R1,C1)", [10, 100, 1e-6]), ("R0-p(R1,CPE1)", [10, 100, 1e-5, 0.85]), ("R0-p(R1,C1)-p(R2,C2)", [10, 50, 1e-6, 100, 1e-3]), ("R0-p(R1,CPE1)-p(R2,CPE2)", [10, 50, 1e-6, 0.9, 100, 1e-3, 0.85]), ("R0-p(R1-W1,C1)", [10, 100, 20, 1e-5]), (EXAMPLE, [20, 40, 1e-6, 30, 200, 10, 1e-3]))


def circuits():
    rows = []
    for text, values in CIRCUITS:
        circuit = parse(text)
        found = [fit(noisy(text, values, seed=seed), circuit, starts=30)[0] for seed in range(10)]
        worst = np.max([np.abs(best.values / values - 1) for best in found], axis=0)
        others = [i for i, quantity in enumerate(circuit.quantities) if quantity != "Q"]
        stated = np.mean([best.uncertainties / best.values for best in found], axis=0)
        rows.append((f"`{text}`", f"{100 * worst[others].max():.2f} %", "" if len(others) == len(worst) else f"{100 * np.delete(worst, others).max():.1f} % (stated u {100 * np.delete(stated, others).max():.1f} %)"))
    return table(("circuit", "all but Q", "Q of a CPE"), rows)


def minima():
    spectrum = read(DATA / "eis/impedance_exampleData.csv")[0].between(capacitive=True)
    analysis = analyse([spectrum], parse(EXAMPLE), weight="unit")
    found = analysis.tables["minima"]
    names = list(found)[4:]
    rows = [(rank, f"{misfit:.2f} %", *(f"{found[name][i]:.3g}" for name in names)) for i, (rank, misfit) in enumerate(zip(found["minimum"], found["misfit [%]"]))]
    gamry = read(DATA / "eis/impedance_exampleDataGamry.DTA")[0]
    check = kramers_kronig.test(gamry.frequency, gamry.impedance)
    return ("The example of impedance.py (`impedance_exampleData.csv`, `--capacitive --weight unit`), whose published answer is 1.65e-2, 8.68e-3, 3.32, 5.39e-3, 6.31e-2, 233, 0.22: that minimum is found, and lower ones with it.\n\n"
            + table(("minimum", "misfit", *names), rows) + f"\n\nIts Gamry file violates Kramers and Kronig by {100 * check.rms:.1f} % r.m.s., most at its low frequencies: the cell drifted.")  # fmt: skip


def coverage():
    rows = []
    for T, noise, truth in ((np.linspace(263, 353, 10), 0.02, (1.0, 1200.0, 180.0)), (np.linspace(233, 353, 13), 0.05, (5.0, 900.0, 205.0)), (np.linspace(298, 343, 6), 0.05, (2.0, 1000.0, 190.0))):
        inside, told, width = np.zeros(3), 0, []
        for seed in range(100):
            found = thermal.fit_vtf(T, vtf(T, *truth) * np.exp(noise * np.random.default_rng(7000 + seed).standard_normal(len(T))))
            ends = found.log_a_interval, found.b_interval, found.t0_interval
            inside += [low <= true <= high for (low, high), true in zip(ends, (np.log(truth[0]), *truth[1:]))]
            told += found.identified
            width.append(found.t0_interval[1] - found.t0_interval[0])
        rows.append((f"{len(T)} from {T[0]:.0f} to {T[-1]:.0f} K, {100 * noise:g} %", *map(int, inside), f"{np.median(width):.0f} K", told))
    return "How often the truth lies in the 95 % interval, of 100 draws:\n\n" + table(("temperatures, noise", "A", "Ea", "T0", "width of T0's", "T0 identified"), rows)


def collection():
    analysis = conductivity.analyse(conductivity_tables.read(DATA / "conductivity/clean_train_data.csv"))
    fitted, told = (int(analysis.values[name].value) for name in ("series fitted", "series with T0 identified"))
    return f"Of {fitted} series of polymer electrolytes with two temperatures and more (learningmatter-mit/Chem-prop-pred), {told} identify T0; the others do not, and say why."


def pressure():
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "s3.csv"
        path.write_text(TABLE_S3)
        analysis = conductivity.analyse(conductivity_tables.read(path))
    laws = analysis.tables["power laws"]
    rows = [(name, f"{m:.3f} +- {u:.3f}", f"{k:.3f} +- {v:.3f}") for name, m, u, k, v in zip(*(laws[head] for head in ("series", "d ln sigma/d ln p", "u", "d ln density/d ln p", "u ")))]
    return table(("powder", "conductivity ~ p^", "density ~ p^"), rows) + "\n\nnote: " + " ".join(analysis.notes)


def transference():
    rows = []
    for kind in ("one", "two", "diffusion"):
        for noise in (0.0, 0.001, 0.005):
            errors, stated = [], []
            for seed in range(12):
                rng = np.random.default_rng(seed)
                true, before = rng.uniform(0.1, 0.8), rng.uniform(60, 240)
                value = answer(cell(true, bulk=rng.uniform(40, 100), before=before, after=before * rng.uniform(0.95, 1.2), tau=rng.uniform(500, 2000), kind=kind, seed=seed, noise=noise)).values["transference number"]
                errors.append(abs(value.value - true))
                stated.append(value.uncertainty)
            rows.append(({"one": "one interface", "two": "two processes", "diffusion": "diffusion"}[kind], f"{100 * noise:g} %", f"{np.median(errors):.4f}", f"{max(errors):.4f}", f"{np.median(stated):.4f}"))
    return "Made cells with t between 0.1 and 0.8, spectra with 0.3 % noise, twelve each:\n\n" + table(("current relaxes by", "noise of the current", "median error of t", "largest", "median u(t)"), rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--page", type=Path, help="write the page here instead of printing it")
    page = parser.parse_args().page
    parts = {made.__name__: made() for made in (particles, recording, circuits, minima, coverage, collection, pressure, transference)}
    text = PAGE.format(parameters=PARAMETERS, example=EXAMPLE, **parts)
    if page is None:
        print(text)
    else:
        page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
