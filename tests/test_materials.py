import numpy as np
import pytest

from rheode import materials
from rheode.reading import to_yaml
from rheode.reference import WORKS, materials_page
from rheode.study import Study, StudyError


@pytest.mark.parametrize(
    "name, parameter, unlithiated, lithiated",
    [
        ("selenium", "E", 18.0, 12.7),
        ("selenium", "nu", 0.3, 0.3),
        ("selenium", "A", 1e3, 1e3),
        ("selenium", "n", 7.0, 4.9),
        ("selenium", "s_ref", 6.9, 4.8),
        ("mo6se8", "E", 37.6, 22.5),
        ("mo6se8", "A", 0.0, 0.0),
        ("lco", "E", 191.0, 191.0),
        ("lco", "A", 0.0, 0.0),
    ],
)
def test_library_has_the_published_values_at_both_ends(name, parameter, unlithiated, lithiated):
    at = materials.load(name).at(np.array([0.0, 0.25, 1.0]), 343.15)
    assert at[parameter] == pytest.approx([unlithiated, 0.75 * unlithiated + 0.25 * lithiated, lithiated])


@pytest.mark.parametrize("name, dV", [("selenium", 0.98), ("mo6se8", 0.112), ("lco", 0.02)])
def test_growth(name, dV):
    assert materials.load(name).growth([0, 0.5, 1]) == pytest.approx([1, 1 + dV / 2, 1 + dV])


def test_moduli_belong_together():
    at = materials.load("selenium").at(np.linspace(0, 1, 7).reshape(7, 1), 300.0)
    assert all(values.shape == (7, 1) for values in at.values())
    assert at["E"] == pytest.approx(9 * at["K"] * at["G"] / (3 * at["K"] + at["G"]))
    assert at["nu"] == pytest.approx((3 * at["K"] - 2 * at["G"]) / (6 * at["K"] + 2 * at["G"]))


def test_lithiated_selenium_creeps_as_fast_as_ten_hours_ask_for():
    at = materials.load("selenium").at(np.array(1.0), 343.15)
    assert at["A"] * (0.1 / at["s_ref"]) ** at["n"] == pytest.approx(6e-6, rel=0.1)


@pytest.mark.parametrize("name", materials.names())
def test_every_value_of_the_library_has_a_source(name):
    for key, known in materials.load(name).statements():
        assert any(known["source"].removeprefix("derived from ").startswith(work) for work in WORKS), key


def test_the_library_holds_what_the_papers_tabulate():
    wanted = "Se Li2Se S Li2S Te Li2Te Si Li15Si4 Li3.75Si Sn Ga Ge Sb In Li LCO NCM111 NCM811 LMO LFP FeS Mo6Se8 Li4Mo6Se8 Li6PS5Cl Super-P CNT copolymer PVDF"
    for name in wanted.split():
        assert materials.load(name).title, name
    assert {group: len(members) for group, members in materials.grouped().items()} == {
        "conversion": 4, "alloy": 8, "insertion": 5, "framework": 1, "electrolyte": 3, "additive": 3, "variant": 2,
    }  # fmt: skip
    assert len({*materials.names(), *materials.other_names()}) == len(materials.names()) + len(materials.other_names())


def test_a_lithiated_end_is_a_material_of_its_own():
    li2se = materials.load("Li2Se")
    assert li2se.name == "li2se" and li2se.growth(1.0) == 1.0
    assert li2se.at(np.array([0.0, 1.0]), 298)["n"] == pytest.approx([4.9, 4.9])
    assert li2se.value("density") == 2.87 and li2se.value("capacity") == 578
    assert li2se.known("melting_temperature") is None  # that of Se is not that of Li2Se
    assert materials.load("li3.75si") == materials.load("Li15Si4") == materials.load("silicon").lithiated()
    own = study({"mine": {"extends": "li2se", "volume_change": 0.1}}).materials()["a"]
    assert own.at(0.0, 298)["E"] == 12.7


def test_a_value_is_that_of_the_end_it_is_made_as():
    assert materials.load("se").value("density") == 4.81 and materials.load("se").value("density", "lithiated") == 2.87
    assert materials.load("LiCoO2").value("density") == 4.97 and materials.load("lco").known("density", "unlithiated") is None
    lithium = materials.load("li")
    assert (lithium.known("strength").value, lithium.known("strength").uncertainty) == pytest.approx((0.95e-3, 0.35e-3))
    assert lithium.known("hardness").uncertainty is None and "43 MPa of the smallest" in lithium.known("hardness").conditions  # a size effect, no scatter


@pytest.mark.parametrize("name", ["silicon", "li6ps5cl"])
def test_a_variant_is_the_material_with_another_law(name):
    """Requirement: a study chooses elastic or viscoplastic by the material's name; all but what makes it flow is the same."""
    stiff, soft = (materials.load(each).definition() for each in (name, f"{name}-viscoplastic"))
    own = {"name", "title", "group", "formula", "lithiated_formula", "creep_rate", "stress_exponent", "reference_stress", "hardness"}
    assert {key: value for key, value in stiff.items() if key not in own} == {key: value for key, value in soft.items() if key not in own}
    assert materials.load(name).behaviour == "elastic" and materials.load(f"{name}-viscoplastic").behaviour == "creeps"


def test_derived_values_say_so():
    """Requirement: what no source prints but follows from what they print is not ascribed to them as printed."""
    mse = materials.load("mo6se8")
    for parameter in ("density", "capacity"):
        assert mse.known(parameter, "lithiated").source.startswith("derived from ") and not mse.known(parameter, "unlithiated").source.startswith("derived")


@pytest.mark.parametrize(
    "name, parameter, end, says",
    [
        ("li2se", "melting_temperature", None, "li2se: melting_temperature is not known; give it in a material of your own"),
        ("sulfur", "density", None, "sulfur: density.unlithiated is not known"),
        ("ncm811", "density", None, "ncm811: density is not known; give it"),
        ("fes", "voltage", None, "fes: voltage is not known"),
    ],
)
def test_a_missing_value_is_named(name, parameter, end, says):
    with pytest.raises(StudyError) as error:
        materials.load(name).value(parameter, end)
    assert len(error.value.faults) == 1 and error.value.faults[0].startswith(says)


@pytest.mark.parametrize(
    "material, keys",
    [
        ("sulfur", ["materials.sulfur.young_modulus: missing; Young's modulus E, which the solver needs", "materials.sulfur.poisson_ratio: missing"]),
        ("tin", ["materials.tin.young_modulus: missing", "materials.tin.poisson_ratio: missing"]),
    ],
)
def test_a_study_says_what_its_material_lacks(material, keys):
    with pytest.raises(StudyError) as error:
        study({}, material=material)
    assert len(error.value.faults) == len(keys)
    assert all(fault.startswith(key) for fault, key in zip(error.value.faults, keys))


def test_what_does_not_lithiate_needs_no_lithiated_end():
    own = {"mine": {"young_modulus": {"unlithiated": "9 GPa"}, "poisson_ratio": 0.2}}
    phases = {"a": {"material": "selenium", "role": "active", "fraction": 0.4}, "f": {"material": "mine", "role": "framework", "fraction": 0.3}}
    data = study({}, material="selenium").model_dump(mode="json", by_alias=True) | {"materials": own, "phases": phases}
    assert Study.from_mapping(data).materials()["f"].at(np.array([0.0, 0.7]), 300)["E"] == pytest.approx([9, 9])
    phases["f"]["lithiates"] = True
    with pytest.raises(StudyError, match="materials.mine.young_modulus.lithiated: missing"):
        Study.from_mapping(data)


@pytest.mark.parametrize("name", [*materials.names(), "li2se", "li15si4"])
def test_what_is_written_is_read_back(name, tmp_path):
    (tmp_path / "copy.yaml").write_text(to_yaml(materials.load(name).definition()))
    assert materials.load(tmp_path / "copy.yaml") == materials.load(name)


def test_the_materials_page_is_up_to_date(pytestconfig):
    page = pytestconfig.rootpath / "docs" / "materials.md"
    assert page.read_text(encoding="utf-8") == materials_page(), "run `rheode materials --markdown > docs/materials.md`"


def study(own, **phase):
    data = {
        "temperature": "70 degC",
        "materials": own,
        "phases": {"a": {"material": "mine", "role": "active", "fraction": 0.5} | phase},
        "microstructure": {"kind": "packing"},
        "walls": {"kind": "rigid"},
        "cycling": {"rate": "0.1 C", "cycles": 1},
    }
    return Study.from_mapping(data)


def test_activation_energy_shifts_the_creep_rate():
    mine = {"extends": "selenium", "activation_energy": "50 kJ/mol"}
    shifted = study({"mine": mine}).materials()["a"]
    ratio = np.exp(-50e3 / 8.314462618 * (1 / 343.15 - 1 / 298.15))
    assert ratio == pytest.approx(14.1, rel=0.01)
    assert shifted.at(0.0, 343.15)["A"] == pytest.approx(1e3 * ratio)
    assert shifted.at(0.0, 298.15)["A"] == pytest.approx(1e3)


def test_geometric_interpolation():
    mine = {"extends": "selenium", "interpolation": "geometric", "creep_rate": {"unlithiated": "1 1/s", "lithiated": "1e4 1/s"}}
    assert study({"mine": mine}).materials()["a"].at(np.array([0, 0.5, 1]), 300)["A"] == pytest.approx([1, 1e2, 1e4])


def test_extends_in_a_chain_and_null_takes_away():
    own = {
        "softer": {"extends": "selenium", "young_modulus": "9 GPa"},
        "mine": {"extends": "softer", "creep_rate": None, "stress_exponent": None, "reference_stress": None},
    }
    mine = study(own).materials()["a"]
    assert mine.name == "mine" and not mine.creeps and mine.dV == 0.98
    assert mine.at(0.5, 300)["E"] == 9.0


def test_a_study_may_change_a_library_material_under_its_own_name():
    changed = study({"selenium": {"extends": "selenium", "volume_change": 0.5}}, material="selenium").materials()["a"]
    assert changed.dV == 0.5 and changed.at(0.0, 300)["E"] == 18.0


def test_material_file_beside_the_study(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "base.yaml").write_text("extends: selenium\nvolume_change: 0.7\n")
    (tmp_path / "sub" / "mine.yaml").write_text("extends: base.yaml\nyoung_modulus: {value: 11 GPa, source: my indents}\n")
    (tmp_path / "study.yaml").write_text(
        "temperature: 70 degC\nphases: {a: {material: sub/mine.yaml, role: active, fraction: 0.5}}\n"
        "microstructure: {kind: packing}\nwalls: {kind: rigid}\ncycling: {rate: 1 C, cycles: 1}\n"
    )
    loaded = Study.load(tmp_path / "study.yaml")
    assert loaded.materials()["a"].at(0.3, 300)["E"] == 11.0 and loaded.materials()["a"].dV == 0.7
    (tmp_path / "stored.yaml").write_text(loaded.dump())
    (tmp_path / "sub" / "mine.yaml").write_text("nonsense: 1")
    assert Study.load(tmp_path / "stored.yaml") == loaded
    assert materials.load(tmp_path / "sub" / "base.yaml").dV == 0.7


def test_framework_stays_unlithiated_unless_asked():
    own = {"mine": {"extends": "selenium"}}
    base = study(own)
    phases = {"a": {"material": "mine", "role": "active", "fraction": 0.4}, "f": {"material": "mo6se8", "role": "framework", "fraction": 0.3}}
    data = base.model_dump(mode="json", by_alias=True) | {"materials": own, "phases": phases}
    still = Study.from_mapping(data).materials()["f"]
    assert still.growth(1.0) == 1.0 and still.at(np.array([0.0, 1.0]), 343)["E"] == pytest.approx([37.6, 37.6])
    phases["f"]["lithiates"] = True
    grows = Study.from_mapping(data).materials()["f"]
    assert grows.growth(1.0) == pytest.approx(1.112) and grows.at(1.0, 343)["E"] == pytest.approx(22.5)


FAULTY = [
    ({"mine": 3}, "materials.mine: got 3"),
    ({"mine": {"extends": "selenum"}}, "materials.mine.extends: got 'selenum' (did you mean 'selenium'?)"),
    ({"mine": {"extends": 3}}, "materials.mine.extends: got 3"),
    ({"mine": {"extends": "mine"}}, "materials.mine.extends: got 'mine'"),
    ({"mine": {"extends": "other"}, "other": {"extends": "mine"}}, "round in a circle"),
    ({"mine": {"extends": "gone.yaml"}}, "gone.yaml: no such file"),
    ({"mine": {"extends": "selenium", "young_modulus": 12}}, "materials.mine.young_modulus: got 12; a stress such as '18 GPa': the unit is missing"),
    ({"mine": {"extends": "selenium", "young_modulus": {"unlithiated": "1 GPa"}}}, "materials.mine.young_modulus.lithiated: missing"),
    ({"mine": {"extends": "selenium", "poisson_ratio": 0.5}}, "materials.mine.poisson_ratio"),
    ({"mine": {"extends": "selenium", "stress_exponent": "7 GPa"}}, "materials.mine.stress_exponent"),
    ({"mine": {"extends": "selenium", "stress_exponent": 0.5}}, "a number from 1 to 100"),
    ({"mine": {"extends": "selenium", "creep_rate": None}}, "materials.mine.creep_rate: missing; creep needs"),
    ({"mine": {"extends": "lco", "activation_energy": "1 kJ/mol"}}, "materials.mine.reference_temperature: missing"),
    ({"mine": {"extends": "selenium", "law": "hooke"}}, "materials.mine.law: got 'hooke'; one of hencky-norton, viscoelastic"),
    ({"mine": {"extends": "selenium", "yuong_modulus": "1 GPa"}}, "unknown key (did you mean 'young_modulus'?)"),
    ({"mine": {"extends": "selenium", "name": "yours"}}, "materials.mine.name: got 'yours'"),
    ({"mine": {"extends": "selenium", "volume_change": None}}, "phases.a.material: mine has no volume_change"),
    ({"mine": {"extends": "selenium", "volume_change": -0.95}}, "materials.mine.volume_change"),
    ([1], "materials: got a list"),
]


@pytest.mark.parametrize("own, says", FAULTY)
def test_faulty_materials(own, says):
    with pytest.raises(StudyError) as error:
        study(own)
    assert any(says in fault for fault in error.value.faults), error.value.faults
    assert all("\n" not in fault for fault in error.value.faults)


def test_one_fault_for_a_value_that_stands_for_both_ends():
    with pytest.raises(StudyError) as error:
        study({"mine": {"extends": "selenium", "young_modulus": "12 mm"}})
    assert error.value.faults == ["materials.mine.young_modulus: got '12 mm'; a stress such as '18 GPa'; 'mm' is not a unit of it"]


def test_lithium_creeps_by_its_mechanisms():
    """Requirement: a material with mechanisms creeps as they say, by the size of its samples; a bulk by dislocations alone."""
    from rheode.materials import mechanisms

    bulk = materials.load("lithium")
    small = bulk.model_copy(update={"sample_size": materials.Known[float](value=0.1)})
    at = small.at(np.zeros(2), 298.15)
    stress, creep = 1e-3, mechanisms.load("lithium")
    each = mechanisms.rates(creep, stress, 298.15, 0.1, factor=mechanisms.strengthening(creep, 0.1))
    assert at["A"] * (stress / at["s_ref"]) ** at["n"] + at["fluidity"] * stress == pytest.approx([float(sum(each.values()))] * 2)
    assert bulk.creeps and bulk.behaviour == "creeps" and bulk.at(0.0, 298.15)["fluidity"] == 0.0
    assert bulk.at(0.0, 298.15)["A"] > 0.0 == materials.load("lco").at(0.0, 298.15)["A"]


@pytest.mark.parametrize(
    "given, fault",
    [
        ({"mechanisms": "lithum"}, "mechanisms: got 'lithum' (did you mean 'lithium'?); one of lithium"),
        ({"extends": "lithium", "creep_rate": "1 1/s", "stress_exponent": 2, "reference_stress": "1 MPa"}, "mechanisms: it brings its own creep; leave it out, or creep_rate, stress_exponent, reference_stress"),
        ({"sample_size": "1 um"}, "sample_size: it matters to the mechanisms only, and none are given"),
    ],
)
def test_faults_of_mechanisms(given, fault):
    """Requirement: one line says what to change."""
    with pytest.raises(StudyError) as error:
        materials.resolve("mine", {"mine": given}, ".")
    assert str(error.value).split("materials.mine.")[-1] == fault
