"""Deformation mechanisms: rates against hand computations, the map, and the size effect of lithium."""

import csv

import numpy as np
import pytest

from rheode import cli
from rheode.electrode import screening
from rheode.materials import mechanisms as m
from rheode.reading import StudyError


@pytest.fixture
def call(tmp_path, monkeypatch, capsys):
    """Call the command line in an empty folder: (exit code, lines of stdout, lines of stderr)."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        with pytest.raises(SystemExit) as end:
            cli.main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return end.value.code or 0, out.splitlines(), err.splitlines()

    return call

@pytest.fixture(scope="module")
def lithium():
    return m.load("Li")


@pytest.fixture(scope="module")
def simple():
    """Round numbers: kT at 300 K is 4.14195e-12 GPa um^3."""
    return m.CreepSet.model_validate(
        {
            "material": "made-up",
            "shear_modulus": "10 GPa",
            "melting_temperature": "600 K",
            "creep_rate": {"value": "1e-6 1/s", "temperature": "300 K"},
            "reference_stress": "10 MPa",
            "stress_exponent": 5,
            "activation_energy": "50 kJ/mol",
            "lattice_diffusivity": {"value": "1e-4 um^2/s", "temperature": "300 K"},
            "lattice_energy": "60 kJ/mol",
            "boundary_diffusivity": {"value": "10 um^2/s", "temperature": "300 K"},
            "boundary_energy": "40 kJ/mol",
            "boundary_width": "0.5 nm",
            "atomic_volume": "0.02 nm^3",
            "boundary_decades": 1,
            "strengthening_length": "30 um",
        }
    )


# --- rates by hand ---------------------------------------------------------------------------------


def test_nabarro_herring_by_hand(simple):
    """14 s Omega D / (k T d^2) in SI: s = 1e7 Pa, Omega = 2e-29 m^3, D = 1e-16 m^2/s, kT = 4.14195e-21 J, d = 2e-6 m."""
    by_hand = 14 * 1e7 * 2e-29 * 1e-16 / (4.14195e-21 * 4e-12)
    assert by_hand == pytest.approx(1.690e-5, rel=1e-3)
    assert m.herring_rate(simple, 0.01, 300.0, 2.0) == pytest.approx(by_hand, rel=1e-5)


def test_coble_by_hand(simple):
    """47 s Omega delta D_b / (k T d^3) in SI: delta = 5e-10 m, D_b = 1e-11 m^2/s, the rest as above."""
    by_hand = 47 * 1e7 * 2e-29 * 5e-10 * 1e-11 / (4.14195e-21 * 8e-18)
    assert by_hand == pytest.approx(1.4184e-3, rel=1e-3)
    assert m.coble_rate(simple, 0.01, 300.0, 2.0) == pytest.approx(by_hand, rel=1e-5)


def test_lithium_by_hand(lithium):
    """At 298.15 K, 1 MPa, 1 um: D = 1.25e-5 exp(-53000/(8.31446 298.15)) = 6.46e-15 m^2/s, kT = 4.1164e-21 J."""
    diffusivity = 1.25e-5 * np.exp(-53000 / (8.31446 * 298.15))
    assert diffusivity == pytest.approx(6.46e-15, rel=0.01)
    herring = 14 * 1e6 * 2.16e-29 * diffusivity / (4.1164e-21 * 1e-12)
    coble = 47 * 1e6 * 2.16e-29 * 6.1e-10 * 2e-10 / (4.1164e-21 * 1e-18)
    assert (herring, coble) == pytest.approx((4.762e-4, 3.009e-2), rel=1e-3)
    assert m.herring_rate(lithium, 1e-3, 298.15, 1.0) == pytest.approx(herring, rel=1e-4)
    assert m.coble_rate(lithium, 1e-3, 298.15, 1.0) == pytest.approx(coble, rel=1e-4)
    dislocation = 4.25e4 * np.exp(-37000 / (8.31446 * 298.15)) * 0.5**6.67
    assert m.dislocation_rate(lithium, 1e-3, 298.15) == pytest.approx(dislocation, rel=1e-4)


def test_rates_scale_with_stress_size_and_temperature(simple):
    assert m.herring_rate(simple, 0.02, 300.0, 2.0) / m.herring_rate(simple, 0.01, 300.0, 4.0) == pytest.approx(8)
    assert m.coble_rate(simple, 0.02, 300.0, 2.0) / m.coble_rate(simple, 0.01, 300.0, 4.0) == pytest.approx(16)
    assert m.coble_rate(simple, 0.01, 300.0, 2.0, decades=1) / m.coble_rate(simple, 0.01, 300.0, 2.0) == pytest.approx(10)
    assert m.dislocation_rate(simple, 0.01, 300.0) == pytest.approx(1e-6) and m.dislocation_rate(simple, 0.02, 300.0) == pytest.approx(32e-6)
    assert m.dislocation_rate(simple, 0.01, 400.0) == pytest.approx(1e-6 * np.exp(-50e3 / 8.314462618 * (1 / 400 - 1 / 300)))
    warmed = m.herring_rate(simple, 0.01, 400.0, 2.0) / m.herring_rate(simple, 0.01, 300.0, 2.0)
    assert warmed == pytest.approx(0.75 * np.exp(-60e3 / 8.314462618 * (1 / 400 - 1 / 300)))


# --- the map ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0.1, 1.0, 30.0, 300.0])
def test_the_map_separates_what_is_fastest(lithium, size):
    found = m.deformation_map(lithium, size, np.linspace(0.3, 1, 15))
    for homologous, boundary, coble in zip(found.homologous, found.boundary, found.coble):
        temperature, unit = homologous * 453.15, np.sqrt(3) * 2.83
        slow = m.COBLE_CREEP if coble else m.NABARRO_HERRING
        assert m.fastest(lithium, 0.99 * boundary * unit, temperature, size) == slow
        if 1.01 * boundary < m.IDEAL:
            assert m.fastest(lithium, 1.01 * boundary * unit, temperature, size) == m.DISLOCATION
    assert m.fastest(lithium, 0.11 * np.sqrt(3) * 2.83, 300.0, size) == "theoretical limit"


def test_the_maps_rate_is_the_sum(lithium):
    found = m.deformation_map(lithium, 1.0, [0.5, 0.8], [1e-6, 1e-3])
    for row, shear in enumerate(found.shear):
        for column, homologous in enumerate(found.homologous):
            each = m.rates(lithium, shear * np.sqrt(3) * 2.83, homologous * 453.15, 1.0)
            assert found.rate[row, column] == pytest.approx(sum(each.values()))


def test_coble_gives_way_to_nabarro_herring_in_large_grains(lithium):
    """D d / (D_b delta) grows with size: by hand, equal at d = 47 delta D_b / (14 D) = 63 um at 298.15 K."""
    equal = 47 * 6.1e-10 * 2e-10 / (14 * 6.46e-15) * 1e6
    assert equal == pytest.approx(63, rel=0.01)
    here = [298.15 / 453.15]
    assert m.deformation_map(lithium, 0.95 * equal, here).coble[0] and not m.deformation_map(lithium, 1.05 * equal, here).coble[0]


# --- the size effect -------------------------------------------------------------------------------


def test_strength_against_size(lithium):
    """Bulk at the published yield, a strongest size, and d^3 below it: smaller is stronger, then much weaker."""
    effect = m.size_effect(lithium, 1e-4, 298.15)
    assert 0.6e-3 < effect.strength[-1] < 1.3e-3  # GPa: the yield strength that Sung et al. print
    peak = effect.strength.argmax()
    assert np.all(np.diff(effect.strength[:peak]) > 0) and np.all(np.diff(effect.strength[peak:]) < 0)
    slope = np.diff(np.log(effect.strength[:10])) / np.diff(np.log(effect.size[:10]))
    assert slope == pytest.approx(3, abs=0.01)
    assert np.all(effect.strength <= 1.0001 * np.minimum(np.minimum(effect.dislocation, effect.herring), effect.coble))
    assert np.all(effect.weakest <= effect.strength) and np.all(effect.strength <= effect.strongest)


def test_the_crossover_is_where_both_carry_half(lithium):
    cross = m.crossover(lithium, 1e-4, 298.15)
    each = m.rates(lithium, cross.strength, 298.15, cross.size, factor=m.strengthening(lithium, cross.size))
    assert each[m.DISLOCATION] == pytest.approx(0.5e-4, rel=1e-6) and sum(each.values()) == pytest.approx(1e-4, rel=1e-6)
    assert cross.mechanism == m.COBLE_CREEP and cross.range[0] < cross.size < cross.range[1]
    assert cross.size == pytest.approx(11.1, rel=0.01)  # with the parameters of the set as it stands
    assert m.crossover(lithium, 1e-2, 298.15).size < cross.size < m.crossover(lithium, 1e-4, 333.15).size


def test_no_crossover_beyond_the_theoretical_limit_or_melting(lithium):
    with pytest.raises(StudyError, match="theoretical limit before diffusion takes over"):
        m.crossover(lithium, 1e30, 298.15)
    for ask in (m.crossover, m.size_effect, lambda creep, rate, temperature: m.told_map(creep, temperature, 1.0)):
        with pytest.raises(StudyError, match="got '200 degC'; lithium melts at 180 degC"):
            ask(lithium, 1e-4, 473.15)


def test_strength_is_at_most_the_theoretical_limit(simple):
    effect = m.size_effect(simple, 1e12, 300.0, [1e2, 1e3])
    assert effect.strength == pytest.approx(np.sqrt(3) * 0.1 * 10)


def test_strengthening_through_the_published_hardness(lithium):
    """Hardness 43 MPa at 250 nm over 7.5 MPa at 10 um."""
    assert m.strengthening(lithium, 0.25) / m.strengthening(lithium, 10.0) == pytest.approx(43 / 7.5, rel=0.01)
    far = lithium.strengthening_factor.value
    assert m.strengthening(lithium, 0.25, far) / m.strengthening(lithium, 10.0, far) == pytest.approx(43 / 7, rel=0.01)


def test_the_strengthening_length_moves_the_strength_at_the_crossover(lithium):
    """Requirement: what rests on the length is told with its range, which the docs have, and the band holds it."""
    cross, effect = m.crossover(lithium, 1e-4, 298.15), m.size_effect(lithium, 1e-4, 298.15)
    assert np.array(cross.strengths) * 1000 == pytest.approx([1.30, 3.13], abs=0.01)
    assert effect.weakest.max() < cross.strengths[0] and effect.strongest.max() > cross.strengths[1]
    without = lithium.model_copy(update={"strengthening_factor": None})
    assert m.crossover(without, 1e-4, 298.15).strengths == pytest.approx([cross.strength] * 2)
    assert "strengthening length" not in m.told_size_effect(without, 1e-4, 298.15)


# --- a law for the solver ---------------------------------------------------------------------------


def test_the_solvers_parameters_give_the_rates_of_the_mechanisms(lithium):
    """Requirement: power law and fluidity together are the rates of all mechanisms in a sample of that size."""
    stress = np.geomspace(1e-5, 1e-1, 9)
    for size, temperature in ((0.05, 298.0), (3.0, 343.0)):
        law = m.creep_law(lithium, temperature, size)
        each = m.rates(lithium, stress, temperature, size, factor=m.strengthening(lithium, size))
        assert law["A"] * (stress / law["s_ref"]) ** law["n"] + law["fluidity"] * stress == pytest.approx(sum(each.values()))
    bulk = m.creep_law(lithium, 298.0)
    assert bulk["fluidity"] == 0.0
    assert bulk["A"] * (1e-3 / bulk["s_ref"]) ** bulk["n"] == pytest.approx(float(m.dislocation_rate(lithium, 1e-3, 298.0)))


# --- sets ------------------------------------------------------------------------------------------


def test_every_parameter_of_a_set_has_a_source():
    for name in m.sets():
        found = m.load(name)
        for parameter in found.names:
            assert getattr(found, parameter).source, f"{name}.{parameter}"
        assert found.material == name


def test_a_set_in_a_file(tmp_path, simple):
    from rheode.reading import to_yaml

    (tmp_path / "mine.yaml").write_text(to_yaml({k: v for k, v in simple.model_dump(mode="json").items() if v is not None}))
    assert m.load(tmp_path / "mine.yaml") == simple
    (tmp_path / "bad.yaml").write_text("material: x\nshear_modulus: 3 um\nlatice_energy: 1 kJ/mol\n")
    with pytest.raises(StudyError) as error:
        m.load(tmp_path / "bad.yaml")
    faults = "\n".join(error.value.faults)
    assert "shear_modulus: got '3 um'" in faults and "did you mean 'lattice_energy'?" in faults and "atomic_volume: missing; volume of an atom" in faults


def test_the_set_of_the_docs_can_be_read(pytestconfig, tmp_path):
    page = (pytestconfig.rootpath / "docs" / "screening.md").read_text(encoding="utf-8")
    (tmp_path / "mine.yaml").write_text(page.partition("```yaml\n")[2].partition("```")[0])
    assert m.load(tmp_path / "mine.yaml").material == "selenium"


def test_a_diffusivity_says_which_it_is(lithium, simple):
    """A value needs its temperature and a prefactor has none; the statement names which one is printed."""
    text = lithium.text()
    assert "lattice_diffusivity, prefactor" in text and "boundary_diffusivity at 25 degC" in text and "creep_rate, prefactor" in text
    given = simple.model_dump(mode="json", exclude_none=True)
    for wrong, fault in (
        ("1 um^2/s", "temperature"),
        ({"value": "1 um^2/s"}, "temperature"),
        ({"prefactor": "1 um^2/s", "temperature": "300 K"}, "temperature"),
        ({"value": "1 um^2/s", "prefactor": "1 um^2/s", "temperature": "300 K"}, "value"),
        ({"temperature": "300 K"}, "value"),
    ):
        with pytest.raises(ValueError, match=fault):
            m.CreepSet.model_validate(given | {"lattice_diffusivity": wrong})
    prefactor = float(simple.lattice_diffusivity.value * np.exp(simple.lattice_energy.value / m.GAS_CONSTANT / 300))
    same = m.CreepSet.model_validate(given | {"lattice_diffusivity": {"prefactor": f"{prefactor!r} um^2/s"}})
    assert m.herring_rate(same, 0.01, 350.0, 1.0) == pytest.approx(m.herring_rate(simple, 0.01, 350.0, 1.0))


def test_no_size_effect_without_its_length(simple):
    with pytest.raises(StudyError, match="made-up: strengthening_length is not known"):
        m.size_effect(simple.model_copy(update={"strengthening_length": None}), 1e-4, 300.0)


# --- the command -----------------------------------------------------------------------------------


def test_command_maps(call):
    code, out, err = call("map", "li", "--grain", "1 um", "--temperature", "25 degC", "--csv", "m.csv", "--figure", "m.pdf")
    assert code == 0 and not err
    assert out[0].startswith("25 degC (T/Tm = 0.66), grains of 1 um: Coble creep below 2.6 MPa von Mises (tau/G = 0.00053), dislocation creep above")
    assert out[-3:] == ["m.csv", "m.pdf", "m.png"] and any("Anand and Narayan 2019" in line for line in out)
    with open("m.csv") as file:
        rows = list(csv.DictReader(file))
    middle = rows[len(rows) // 2]
    stress = float(middle["stress at 1e0 1/s [MPa]"]) / 1000
    assert sum(m.rates(m.load("li"), stress, float(middle["temperature [K]"]), 1.0).values()) == pytest.approx(1, rel=0.02)


def test_command_tells_the_crossover(call):
    code, out, err = call("map", "lithium", "--size-effect", "--rate", "1e-4 1/s", "--temperature", "25 degC", "--csv", "s.csv", "--figure", "s")
    assert code == 0 and not err
    assert out[0].startswith("At 0.0001 1/s and 25 degC smaller is stronger down to about 11 um (5.7 um to 30 um over 1.5 decades of boundary diffusivity either way)")
    assert "Coble creep makes smaller much weaker" in out[0] and out[-3:] == ["s.csv", "s.pdf", "s.png"]
    with open("s.csv") as file:
        assert len(list(csv.DictReader(file))) == 251


def test_a_run_on_the_map(call, tmp_path, pytestconfig):
    from synthetic import make_run

    make_run(tmp_path / "made", cycles=1, increments=2, frames=1, size=1.5)
    page = (pytestconfig.rootpath / "docs" / "screening.md").read_text(encoding="utf-8")
    (tmp_path / "se.yaml").write_text(page.partition("```yaml\n")[2].partition("```")[0])
    code, out, _ = call("map", "se.yaml", "--run", "made", "--figure", "se.png")
    assert code == 0 and out[1].startswith("se in the run: ") and "von Mises on average at 70 degC" in out[1]
    code, _, err = call("map", "li", "--run", "made")
    assert code == 2 and err == ["--run: made has no phase of lithium; its phases are of selenium, mo6se8"]


@pytest.mark.parametrize(
    "arguments, says",
    [
        (["selenium"], "selenium: no set of creep mechanisms; missing are activation energy, lattice diffusivity"),
        (["ghots"], "material: got 'ghots'"),
        (["lithum"], "material: got 'lithum' (did you mean 'lithium'?)"),
        (["li", "--grain", "0 um"], "--grain: got '0 um'"),
        (["li", "--temperature", "200 degC"], "--temperature: got '200 degC'; lithium melts at 180 degC"),
        (["li", "--temperature", "1 K"], "--temperature: got '1 K'; so cold"),
        (["li", "--size-effect", "--temperature", "200 degC"], "--temperature: got '200 degC'; lithium melts at 180 degC"),
        (["li", "--size-effect", "--grain", "1 um"], "--grain: the size is what --size-effect varies"),
        (["li", "--size-effect", "--run", "gone"], "--run: a run is placed on the map"),
        (["li", "--rate", "1 1/s"], "--rate: the map shows all strain rates"),
        (["li", "--size-effect", "--rate", "1e30 1/s"], "--rate: got '1e+30 1/s' at 298 K, where lithium reaches its theoretical limit"),
        (["li", "--size-effect", "--rate", "1e-4"], "--rate: got '1e-4'; a creep rate such as '1000 1/s': the unit is missing"),
        (["gone.yaml"], "gone.yaml: no such file"),
    ],
)
def test_bad_input_is_told_in_a_line(call, arguments, says):
    code, _, err = call("map", *arguments)
    assert code == 2 and len(err) == 1 and err[0].startswith(says), err


def test_states_need_a_run_that_cycles(tmp_path):
    class Clamped:
        directory = tmp_path
        history = {"half []": np.array(["clamp"])}

    with pytest.raises(StudyError, match="has not begun to cycle"):
        screening.states(Clamped())


@pytest.mark.parametrize("size, temperature", [(6.0, 298.0), (10.0, 298.0), (100.0, 440.0), (1000.0, 200.0)])
def test_names_on_the_map_are_apart(lithium, size, temperature):
    """Requirement: charts are fit for print; each field has its name, and no name, number or mark lies on another."""
    from rheode.report import atlas, style

    found = m.deformation_map(lithium, size)
    with style.look():
        ax = atlas.mechanism_map(found, temperature).axes[0]
        texts = [text for text in ax.texts if text.get_text()]
        boxes = {text.get_text(): atlas._box(text) for text in texts}
        marked = ax.transData.transform((temperature / 453.15, 1e-4))[0]
    assert len(boxes) == len(texts)  # nothing is named twice
    names = {" ".join(name.replace("-\n", "-").split()) for name in boxes}
    wanted = {m.DISLOCATION} | ({m.COBLE_CREEP} if found.coble.any() else set()) | ({m.NABARRO_HERRING} if not found.coble.all() else set())
    assert wanted <= names and len(names) > len(wanted) + 4
    each = list(boxes.values())
    assert not any(atlas._overlap(a, b) for i, a in enumerate(each) for b in each[:i])
    assert not any(box[0] < marked < box[2] for name, box in boxes.items() if "K" not in name and "°" not in name)


@pytest.mark.parametrize("rate, temperature", [(1e-4, 298.0), (1.0, 298.0), (100.0, 298.0), (1e3, 250.0), (1e-8, 440.0), (1e4, 400.0)])
def test_names_of_the_size_effect_are_inside(lithium, rate, temperature):
    """Requirement: charts are fit for print; a name along a curve stays in the axes, off every other text and curve."""
    from rheode.report import atlas, style

    with style.look():
        fig = atlas.size_effect(lithium, m.size_effect(lithium, rate, temperature), m.crossover(lithium, rate, temperature), m.published_strength(lithium))
        ax = fig.axes[0]
        frame = ax.get_window_extent()
        boxes = {text.get_text(): atlas._box(text) for text in ax.texts}
    named = [box for name, box in boxes.items() if name.endswith("alone")]
    assert len(named) >= 2 and all(frame.x0 < box[0] and box[2] < frame.x1 and frame.y0 < box[1] and box[3] < frame.y1 for box in named)
    level = [box for name, box in boxes.items() if not name.endswith("alone")]  # boxes of inclined names are wider than these
    assert not any(atlas._overlap(a, b) for i, a in enumerate(level) for b in level[:i] + named)
    for marked in [text for text in ax.texts if text.get_text() == "dislocations alone"]:
        with style.look():
            centre = np.mean(np.reshape(atlas._box(marked), (2, 2)), axis=0)
            angle = np.radians(marked.get_rotation())
            marked.set_rotation(0)
            half = np.diff(np.reshape(atlas._box(marked), (2, 2)), axis=0)[0] / 2
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        for line in ax.lines:
            if len(line.get_xdata()) > 2:
                assert not atlas.crosses((*-half, *half), (atlas.curve_in_pixels(ax, *line.get_data()) - centre) @ turn)


def test_the_published_strength_has_no_size(lithium):
    """Requirement: a strength printed without a size or a rate stands at the margin and says so, its ends as printed."""
    from rheode.report import atlas

    ax = atlas.size_effect(lithium, m.size_effect(lithium, 1.0, 298.15), m.crossover(lithium, 1.0, 298.15), m.published_strength(lithium)).axes[0]
    (bar,) = [line for line in ax.lines if line.get_linewidth() == 3]
    assert bar.get_ydata() == pytest.approx([0.6, 1.3], rel=0.02)
    assert any("0.6 to 1.3 MPa" in text.get_text() and "rate not stated" in text.get_text() for text in ax.texts)
