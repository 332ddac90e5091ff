import copy
import types

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rheode import publications
from rheode.reading import parse_yaml
from rheode.reference import json_schema, study_page
from rheode.study import EXAMPLES, Study, StudyError, example_names

TEXT = (EXAMPLES / "se-60mse.yaml").read_text(encoding="utf-8")


def faults_of(*overrides, text=TEXT):
    with pytest.raises(StudyError) as error:
        Study.from_mapping(parse_yaml(text, "study.yaml"), overrides=overrides)
    assert all(fault.isprintable() and fault for fault in error.value.faults)
    return error.value.faults


# --- what a study says ------------------------------------------------------------------------------


def test_values_arrive_in_the_units_inside():
    study = Study.load("se-60mse", ["cycling.rest={lithiated: 1 h, delithiated: 30 min}", "output.contact_gap=0.02 um", "microstructure.box=[10 um, 20 um]"])
    assert study.temperature == pytest.approx(343.15)
    assert study.walls.pressure == pytest.approx(0.1)
    assert study.cycling.rate == pytest.approx(1 / 36000)
    assert (study.cycling.rest.lithiated, study.cycling.rest.delithiated) == (3600, 1800)
    assert study.microstructure.box == (10.0, 20.0)
    assert study.output.contact_gap.of(mean_radius=5.0) == 0.02
    assert Study.load("se-60mse").output.contact_gap.of(mean_radius=5.0) == pytest.approx(0.05)


def test_a_rate_is_a_current():
    """0.1 C takes 10 h for x from 0 to 1 and 7.8 h from 1 to 0.22."""
    cycling = Study.load("se-60mse", ["cycling.cycles=1"]).cycling
    assert cycling.duration == pytest.approx(17.8 * 3600)
    assert Study.load("se-60mse", ["cycling.cycles=2", "cycling.rest=1 h"]).cycling.duration == pytest.approx((17.8 + 15.6 + 4) * 3600)


PACKED = [name for name in example_names() if "-60mse" in name]


@pytest.mark.parametrize("name", PACKED)
def test_bundled_studies_keep_what_they_promise(name):
    study = Study.load(name)
    assert study.name == name and study.title
    assert study.microstructure.particles >= 28
    assert [phase.fraction for phase in study.phases.values()] == [0.356, 0.397]
    assert study.cycling.cycles == 20 and study.cycling.rate == pytest.approx(1 / 36000)
    assert (study.cycling.start, study.cycling.lithiation) == (0, 1)
    assert study.cycling.delithiation == (0 if name == "se-60mse-rigid" else 0.22)


def test_bundled_studies_differ_where_their_names_say():
    assert set(example_names()) >= {"se-60mse", "se-60mse-rigid", "se-60mse-pouch", "lco-60mse", "fes-60mse", "li-in-pores"}
    assert Study.load("se-60mse-rigid").walls.kind == "rigid"
    assert Study.load("se-60mse-pouch").walls.pressure == pytest.approx(0.01)
    assert not Study.load("lco-60mse").materials()["lco"].creeps


def test_the_silicon_studies_share_their_microstructure():
    """Soft and stiff electrolytes can be compared because all else is the same."""
    names = ["si-elastic", "si-elastic-pouch", "si-lpsc", "si-lpsc-2", "si-lpsc-50"]
    studies = [Study.load(name) for name in names]
    assert all(study.microstructure == studies[0].microstructure and study.cycling == studies[0].cycling for study in studies)
    assert all(study.fractions() == studies[0].fractions() and study.microstructure.particles >= 20 for study in studies)
    assert [1e3 * study.walls.pressure for study in studies] == pytest.approx([0.546, 0.052, 10, 2, 50])
    assert {study.phases["electrolyte"].material for study in studies} == {"copolymer", "li6ps5cl"}
    assert studies[0].materials()["si"].dV == 2.68


def test_the_interlayers_differ_in_their_pressure_alone():
    pressed, standing = Study.load("lisi-c"), Study.load("lisi-c-5")
    assert (1e3 * pressed.walls.pressure, 1e3 * standing.walls.pressure) == pytest.approx((64, 5))
    given = [study.model_dump(exclude={"name", "title", "walls"}) for study in (pressed, standing)]
    assert given[0] == given[1]
    assert standing.microstructure.placement == "deposited" and standing.microstructure.skeleton == "cohesive"
    assert standing.microstructure.mean_radius(0.369) == pytest.approx(0.025, rel=0.02)


@pytest.mark.parametrize("name", example_names())
def test_every_bundled_study_is_stored_as_it_is(name):
    study = Study.load(name)
    again = Study.from_mapping(yaml.safe_load(study.dump()))
    assert again == study and again.dump() == study.dump()


@pytest.mark.parametrize("name", PACKED)
def test_what_is_stored_is_the_same_study(name, tmp_path):
    study = Study.load(name, ["cycling.rest=1000 s", "output.contact_gap=0.013 um", "microstructure.skeleton=welded"])
    path = tmp_path / "study.yaml"
    path.write_text(study.dump(), encoding="utf-8")
    assert Study.load(path) == study
    assert Study.load(path).dump() == study.dump()
    stored = yaml.safe_load(study.dump())
    assert stored["stepping"]["largest_step"] == 0.015 and stored["versions"]["rheode"]
    assert stored["materials"]["mo6se8"]["young_modulus"]["unlithiated"]["value"] == "37.6 GPa"


def test_element_sizes_follow_the_particles_unless_given():
    wide = Study.load("se-60mse", ["microstructure={kind: packing, box: 100 um}"]).microstructure
    assert 6 < wide.mesh_size < 7 and 2.8 < wide.contact_size < 3.3
    fine = Study.load("se-60mse", ["microstructure={kind: packing, mesh_size: 0.1 um}"]).microstructure
    assert fine.mesh_size == fine.contact_size == pytest.approx(0.1)


def test_an_override_makes_the_sections_it_needs_and_leaves_the_data_alone():
    data = parse_yaml(TEXT, "")
    before = copy.deepcopy(data)
    study = Study.from_mapping(data, overrides=["mechanics.medium.length=1 um", "cycling.cycles=3", "title=Mine"])
    assert study.mechanics.medium.length == 1.0 and study.cycling.cycles == 3 and study.title == "Mine"
    assert data == before


def test_studies_compare_by_what_they_describe():
    assert Study.load("se-60mse") == Study.load("se-60mse")
    assert Study.load("se-60mse") != Study.load("se-60mse", ["microstructure.seed=2"])


def test_scalars_are_read_as_people_mean_them():
    assert parse_yaml("{a: 1e-6, b: no, c: 1:30, d: 010, e: 2024-01-01, f: true, g: .inf}", "") == {"a": 1e-6, "b": "no", "c": "1:30", "d": 10, "e": "2024-01-01", "f": True, "g": float("inf")}


@pytest.mark.parametrize("text", ["0E0", "1e-6", "12", "no", "true", "~", "2024-01-01", "a: b", "# x", "é\u2028\n", ""])
def test_any_title_survives_being_stored(text):
    study = Study.from_mapping(parse_yaml(TEXT, "") | {"title": text})
    assert Study.from_mapping(parse_yaml(study.dump(), "")).title == text


# --- warnings ---------------------------------------------------------------------------------------


def warned(name, *overrides):
    return " ".join(Study.load(name, overrides).warnings())


def test_warns_of_a_creep_law_from_another_temperature():
    assert "belongs to 25 degC" in warned("se-60mse")
    assert "belongs to" not in warned("se-60mse", "temperature=25 degC")
    shifted = ["materials={mine: {extends: selenium, activation_energy: 80 kJ/mol}}", "phases.se.material=mine"]
    assert "belongs to" not in warned("se-60mse", *shifted)
    assert warned("lco-60mse") == ""


def test_warns_of_an_overfull_rigid_box():
    assert "overfull: at x = 1 the phases would take 1.102" in warned("se-60mse-rigid")
    assert "overfull" not in warned("se-60mse-rigid", "cycling.lithiation=0.5")
    assert "overfull" not in warned("se-60mse")


def test_warns_of_a_medium_that_bears_the_load():
    medium = ("se-60mse-pouch", "mechanics.contact=third-medium")
    assert "6% of the stack pressure" in warned(*medium, "mechanics.medium.stiffness_ratio=2e-4")
    assert "the medium in the pores hinders" in warned(*medium)
    assert "medium" not in warned(*medium, "walls.pressure=60 MPa")
    assert "medium" not in warned(*medium, "phases.se.material=lco")
    assert "medium" not in warned("se-60mse-pouch", "mechanics.medium.stiffness_ratio=1e-4")
    assert "little flow under 100 MPa in fes" in warned("fes-60mse", "mechanics.contact=third-medium")
    assert "medium" not in warned("fes-60mse")


def test_warns_of_elements_larger_than_particles():
    assert "not resolved" in warned("se-60mse", "microstructure.mesh_size=2 um")


def test_warns_of_fractions_that_a_mesh_does_not_use(tmp_path):
    (tmp_path / "m.npz").touch()
    study = Study.from_mapping(parse_yaml(TEXT, ""), folder=tmp_path, overrides=["microstructure={kind: mesh, file: m.npz}"])
    assert any("se, mse are not used" in text for text in study.warnings())
    assert study.microstructure.file == str(tmp_path / "m.npz")


def test_a_stored_study_outlives_its_mesh_file(tmp_path):
    mesh = tmp_path / "m.npz"
    mesh.touch()
    study = Study.from_mapping(parse_yaml(TEXT, ""), folder=tmp_path, overrides=["microstructure={kind: mesh, file: m.npz}"])
    mesh.unlink()
    (tmp_path / "study.yaml").write_text(study.dump())
    assert Study.load(tmp_path / "study.yaml") == study


def test_warns_of_a_publication_that_says_nothing_of_these_materials():
    assert "xiong-2024 has no values" in warned("se-60mse", "materials={mine: {extends: selenium}}", "phases.se.material=mine")


# --- publications -----------------------------------------------------------------------------------


def test_published_values_stand_in_the_columns_of_the_study():
    values = {(value.column, value.cycle): value.value for value in Study.load("se-60mse").published()}
    assert values["von Mises se mean [GPa]", 1] == 0.099 and values["von Mises se mean [GPa]", 20] == 0.067
    assert values["von Mises mse mean [GPa]", 1] == 0.171 and values["von Mises mse mean [GPa]", 20] == 0.156
    assert values["contact se-se []", 20] == 0.844 and values["contact se-mse []", 1] == 0.670
    assert len(values) == 8
    control = {value.column: value.value for value in Study.load("lco-60mse").published()}
    assert control == {"contact lco-lco []": 0.0384, "contact lco-mse []": 0.091, "von Mises lco max [GPa]": 3.0}
    assert Study.load("se-60mse", ["publication=null"]).published() == []


def test_every_published_value_says_where_it_is_printed():
    for name in publications.names():
        publication = publications.load(name)
        assert publication.doi.startswith("10.")
        assert all(value.where and value.half in ("lithiation", "delithiation") for value in publication.values)


# --- faults -----------------------------------------------------------------------------------------

FAULTY = [
    ("walls.pressure=100 bananas", "walls.pressure: got '100 bananas'; a pressure such as '100 MPa'; 'bananas' is not a unit of it"),
    ("walls.pressure=10 um", "walls.pressure: got '10 um'; a pressure such as '100 MPa'; 'um' is not a unit of it"),
    ("walls.pressure=100", "walls.pressure: got 100; a pressure such as '100 MPa': the unit is missing"),
    ("walls.pressure=0", "walls.pressure: got 0; a pressure such as '100 MPa': the unit is missing"),
    ("walls.pressure=-5 MPa", "walls.pressure: got '-5 MPa'; a pressure above 0 and up to 10 GPa such as '100 MPa'"),
    ("walls.pressure=100 GPa", "walls.pressure: got '100 GPa'; a pressure above 0 and up to 10 GPa"),
    ("walls.pressure=null", "walls.pressure: got nothing; a pressure"),
    ("walls.kind=rigit", "walls.kind: got 'rigit' (did you mean 'rigid'?); one of rigid, pressure, fixture"),
    ("walls.kind=rigid", "walls.pressure: unknown key; the keys of 'walls' of kind 'rigid' are kind"),
    ("walls={pressure: 10 MPa}", "walls.kind: missing; one of rigid, pressure, fixture"),
    ("walls=rigid", "walls: got 'rigid'; a mapping with `kind`, one of rigid, pressure, fixture"),
    ("walls={kind: fixture, preload: 1 MPa}", "walls.stiffness: missing; stiffness of the fixture"),
    ("walls={kind: fixture, preload: 1 MPa, stiffness: 0 GPa}", "walls.stiffness: got '0 GPa'"),
    ("wals.pressure=1 MPa", "wals: unknown key (did you mean 'walls'?); the keys of the file are name"),
    ("temperature=70", "temperature: got 70; a temperature such as '70 degC': the unit is missing"),
    ("temperature=70 C", "write 'degC'"),
    ("temperature=-300 degC", "temperature: got '-300 degC'; a temperature above 0"),
    ("temperature=.nan", "temperature: got nan"),
    ("temperature.cell=70 degC", "--set temperature.cell: temperature is '70 degC', not a mapping"),
    ("phases={}", "phases: no active phase"),
    ("phases=null", "phases: got nothing; a mapping"),
    ("phases.se.role=framework", "phases: no active phase; one phase at least needs role: active"),
    ("phases.se.role=filler", "phases.se.role: got 'filler'; one of active, framework"),
    ("phases.se.material=selenum", "phases.se.material: got 'selenum' (did you mean 'selenium'?); a name that `rheode materials` lists, or the path of a .yaml file"),
    ("phases.se.material=gone.yaml", "gone.yaml: no such file"),
    ("phases.se.material=[1]", "phases.se.material: got a list; a text"),
    ("phases.se.fraction=0", "phases.se.fraction: got 0; a number above 0 and below 1"),
    ("phases.se.fraction=-0.3", "phases.se.fraction: got -0.3"),
    ("phases.se.fraction=.inf", "phases.se.fraction: got inf"),
    ("phases.se.fraction=35 um", "phases.se.fraction: got '35 um'"),
    ("phases.se.fraction=null", "a packing needs phases.se.fraction, which is missing"),
    ("phases.se.fraction=0.6", "the phases' fractions 0.6 + 0.397 = 0.997 can't be packed; discs reach 0.84 at most"),
    ("phases.se.lithiates=false", "phases.se.lithiates: got false; an active phase lithiates"),
    ("phases.se.lithiates=perhaps", "phases.se.lithiates: got 'perhaps'; true or false"),
    ("phases.any={material: lco, role: framework, fraction: 0.01}", "phases.any: not a phase name"),
    ("phases.se-2={material: lco, role: framework, fraction: 0.01}", "phases.se-2: not a phase name"),
    ("phases.mse=3", "phases.mse: got 3; a mapping with the keys material, role, fraction, fills, lithiates"),
    ("microstructure.kind=foam", "microstructure.kind: got 'foam'; one of packing, mesh"),
    ("microstructure.particles=1", "microstructure.particles: got 1; a whole number from 2 to 5000"),
    ("microstructure.particles=28.5", "microstructure.particles: got 28.5; a whole number"),
    ("microstructure.particles=true", "microstructure.particles: got true; a whole number"),
    ("microstructure.seed=-1", "microstructure.seed: got -1; a whole number from 0"),
    ("microstructure.box=10", "microstructure.box: got 10; a length such as '10 um': the unit is missing"),
    ("microstructure.box=[1 um, 2 um, 3 um]", "microstructure.box: got a list; a length such as '10 um', or a pair [width, height]"),
    ("microstructure.gap=0 um", "microstructure.gap: got '0 um'; a length above 0"),
    ("microstructure.gap=2 um", "microstructure.gap: got '2 um'; with it the discs (mean radius 0.925 um) would fill"),
    ("microstructure.contact_size=1 um", "microstructure.contact_size: got '1 um'; a length up to mesh_size, 0.8 um"),
    ("microstructure.skeleton=weld", "microstructure.skeleton: got 'weld' (did you mean 'welded'?)"),
    ("microstructure={kind: mesh, file: gone.npz}", "microstructure.file: got 'gone.npz'; the path of a mesh file"),
    ("microstructure={kind: mesh}", "microstructure.file: missing; path of the mesh"),
    ("mechanics.plane=plane_stress", "mechanics.plane: got 'plane_stress' (did you mean 'plane_strain'?); one of plane_strain, generalized_plane_strain"),
    ("mechanics.out_of_plane_pressure=1 MPa", "(a pressure needs plane: generalized_plane_strain)"),
    ("mechanics.contact=penalty", "mechanics.contact: got 'penalty'; one of third-medium, barrier"),
    ("mechanics.barrier.distance=10 MPa", "mechanics.barrier.distance: got '10 MPa'"),
    ("mechanics.medium.stiffness_ratio=0", "mechanics.medium.stiffness_ratio: got 0"),
    ("mechanics.medium.lenght=1 um", "mechanics.medium.lenght: unknown key (did you mean 'length'?)"),
    ("cycling.rate=0.1", "cycling.rate: got 0.1; a C-rate such as '0.1 C': the unit is missing"),
    ("cycling.rate=-0.1 C", "cycling.rate: got '-0.1 C'; a C-rate above 0"),
    ("cycling.rate=1 A", "cycling.rate: got '1 A'"),
    ("cycling.cycles=0", "cycling.cycles: got 0; a whole number from 1"),
    ("cycling.cycles='20'", "cycling.cycles: got '20'; a whole number"),
    ("cycling.cylces=20", "cycling.cylces: unknown key (did you mean 'cycles'?); the keys of 'cycling' are rate"),
    ("cycling.lithiation=1.2", "cycling.lithiation: got 1.2; a number above 0 and up to 1"),
    ("cycling.delithiation=1.0", "cycling.delithiation: got 1.0; a number below lithiation, 1"),
    ("cycling.lithiation=0.1", "cycling.delithiation: got 0.22; a number below lithiation, 0.1"),
    ("cycling.start=1", "cycling.start: got 1; a number below lithiation, 1"),
    ("cycling.rest=1", "cycling.rest: got 1; a time such as '1 h': the unit is missing"),
    ("cycling.rest.lithiated=-1 h", "cycling.rest.lithiated: got '-1 h'; a time from 0"),
    ("cycling=null", "cycling: got nothing; a mapping with the keys rate, cycles"),
    ("stepping.first_step=0.5", "stepping.first_step: got 0.5; a number up to largest_step, 0.015"),
    ("stepping.smallest_step=0.01", "stepping.smallest_step: got 0.01; a number up to first_step, 0.002"),
    ("output.frames_per_half_cycle=0", "output.frames_per_half_cycle: got 0"),
    ("output.contact_gap=0.01", "output.contact_gap: got 0.01; a share of the mean particle radius such as '1 %'"),
    ("output.contact_gap=80 %", "output.contact_gap: got '80 %'"),
    ("publication=xiong", "publication: got 'xiong'; one of xiong-2024 (did you mean 'xiong-2024'?)"),
    ("title=12", "title: got 12; a text (in quotes, if it looks like a number)"),
    ("name=../evil", "name: got '../evil'; a short name"),
    ("cycles", "--set: got 'cycles'; KEY=VALUE with a dotted key path"),
    ("a..b=1", "--set: got 'a..b=1'; KEY=VALUE"),
    ("walls={kind: [", "--set walls, line 1, column"),
]


@pytest.mark.parametrize("override, says", FAULTY, ids=[override for override, _ in FAULTY])
def test_a_fault_names_the_key_what_was_given_and_what_is_allowed(override, says):
    (fault,) = faults_of(override)
    assert says in fault


@pytest.mark.parametrize("name, beside", [("si-lpsc", "phases.electrolyte.fills"), ("li-in-pores", "microstructure.kind: channel")])
def test_the_barrier_is_for_particles_in_empty_pores(name, beside):
    with pytest.raises(StudyError) as error:
        Study.load(name, ["mechanics.contact=barrier"])
    assert error.value.faults == [f"mechanics.contact: got 'barrier' beside {beside}; third-medium, as the barrier is for particles in empty pores"]


def test_all_faults_are_told_at_once():
    wrong = ["walls.pressure=100 bananas", "phases.se.material=selenum", "phases.mse.fraction=2", "cycling.cylces=2", "cycling.start=1", "stepping.first_step=0.5", "materials={x: {extends: y}}", "unheard=1"]
    keys = [fault.split(":")[0] for fault in faults_of(*wrong)]
    assert sorted(keys) == sorted(["walls.pressure", "phases.se.material", "phases.mse.fraction", "cycling.cylces", "cycling.start", "stepping.first_step", "materials.x.extends", "unheard"])


@pytest.mark.parametrize("key", ["temperature", "phases", "microstructure", "walls", "cycling"])
def test_what_a_study_can_not_do_without(key):
    data = parse_yaml(TEXT, "")
    del data[key]
    with pytest.raises(StudyError) as error:
        Study.from_mapping(data)
    assert [fault.split(";")[0] for fault in error.value.faults] == [f"{key}: missing"]


FILES = {
    "empty": (b"", "empty"),
    "comment": (b"# nothing\n", "empty"),
    "list": (b"- 1\n- 2\n", "got a list; a mapping"),
    "scalar": (b"hello", "got 'hello'; a mapping"),
    "syntax": (b"walls: {kind: rigid\ntemperature: 1 K\n", "line 2"),
    "tab": (b"walls:\n\tkind: rigid\n", "line 2, column 1"),
    "twice": (b"temperature: 1 K\nwalls: {}\ntemperature: 2 K\n", "line 3, column 1: the key 'temperature' is given twice"),
    "alias": (b"a: &a [1]\nb: *a\n", "line 2, column 4: aliases are not read here"),
    "loop": (b"&a [*a]", "aliases are not read here"),
    "binary": (bytes(range(256)), "not a text file in UTF-8"),
    "zeros": (b"\0\0\0\0", "not YAML"),
    "utf16": ("temperature: 1 K".encode("utf-16"), "not a text file in UTF-8"),
    "deep": (b"[" * 5000, "nested too deeply"),
    "digits": (b"a: " + b"9" * 5000, "not YAML"),
    "object": (b"a: !!python/object/apply:os.system ['true']", "line 1, column 4"),
    "tag": (b"title: !!binary aGVsbG8=", "line 1, column 8"),
    "map tag": (b"phases: !!map [1]", "line 1, column 9"),
    "two documents": (b"a: 1\n---\nb: 2\n", "line 2"),
    "key": (b"{[1]: 2}", "a key must be a word"),
}


@pytest.mark.parametrize("name", FILES)
def test_files_that_are_no_study(name, tmp_path):
    content, says = FILES[name]
    path = tmp_path / "study.yaml"
    path.write_bytes(content)
    with pytest.raises(StudyError) as error:
        Study.load(path)
    (fault,) = error.value.faults
    assert fault.startswith(str(path)) and says in fault and fault.isprintable()


@pytest.mark.parametrize("name, says", [("gone.yaml", "no such file"), ("se-60msw", "did you mean 'se-60mse'?"), ("", "a folder"), (".", "a folder"), ("a\0b", "no such file"), ("a\0.yaml", "can't be read"), ("x" * 5000, "no such file"), ("x" * 5000 + ".yaml", "can't be read")])
def test_names_that_are_no_study(name, says, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StudyError) as error:
        Study.load(name)
    (fault,) = error.value.faults
    assert says in fault and fault.isprintable()


# --- anything at all --------------------------------------------------------------------------------

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
    st.sampled_from(["10 um", "-1 MPa", "0.1 C", "22 %", "1e999 GPa", "70 degC", "lco", "x.yaml", "mesh", "packing", "fixture", "active", "../..", "a\nb", "\0"]),
)
KEYS = st.one_of(st.text(max_size=8), st.sampled_from(["kind", "material", "extends", "value", "unlithiated", "materials", "rest", "name", "file", "any"]))
VALUES = st.recursive(SCALARS, lambda inside: st.lists(inside, max_size=3) | st.dictionaries(KEYS, inside, max_size=3), max_leaves=6)


def places(tree):
    for key, value in tree.items():
        yield tree, key
        if isinstance(value, dict):
            yield from places(value)


def loads_or_tells(data):
    try:
        study = Study.from_mapping(data)
    except StudyError as error:
        assert error.faults and all(fault and fault.isprintable() and len(fault) < 1000 for fault in error.faults), error.faults
    else:
        assert Study.from_mapping(parse_yaml(study.dump(), "")) == study
        assert all(text.isprintable() for text in study.warnings())
        assert study.summary() and study.published() is not None and set(study.materials()) == set(study.phases)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_any_change_to_a_study_is_read_or_told(data):
    tree = parse_yaml(Study.load("se-60mse").dump(), "") if data.draw(st.booleans()) else parse_yaml(TEXT, "")
    for _ in range(data.draw(st.integers(1, 3))):
        parent, key = data.draw(st.sampled_from(list(places(tree))))
        change = data.draw(st.sampled_from(["replace", "remove", "insert", "rename"]))
        if change == "replace":
            parent[key] = data.draw(VALUES)
        elif change == "insert":
            parent[data.draw(KEYS)] = data.draw(VALUES)
        else:
            value = parent.pop(key)
            if change == "rename":
                parent[data.draw(KEYS)] = value
        if not tree:
            break
    loads_or_tells(tree)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(TEXT)), st.integers(0, 30), st.text(max_size=10))
def test_any_change_to_the_text_is_read_or_told(at, length, inserted):
    try:
        data = parse_yaml(TEXT[:at] + inserted + TEXT[at + length :], "study.yaml")
    except StudyError as error:
        assert all(fault.isprintable() for fault in error.faults)
        return
    if isinstance(data, dict):
        loads_or_tells(data)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=60))
def test_any_override_is_read_or_told(text):
    try:
        Study.load("se-60mse", [text])
    except StudyError as error:
        assert all(fault.isprintable() for fault in error.faults)


# --- reference --------------------------------------------------------------------------------------


def test_the_study_page_is_up_to_date(pytestconfig):
    page = pytestconfig.rootpath / "docs" / "study.md"
    assert page.read_text(encoding="utf-8") == study_page(), "run `rheode schema --markdown > docs/study.md`"


def test_the_schema_knows_every_key_and_says_its_unit():
    schema = json_schema()
    packing = schema["$defs"]["Packing"]["properties"]
    assert set(packing) == set(Study.load("se-60mse").microstructure.model_dump())
    assert "such as '10 um'" in packing["mesh_size"]["description"]
    assert "extends" in schema["$defs"]["Material"]["properties"]
    assert "name" not in schema["required"] and "x-allowed" not in str(schema)


def test_a_mesh_of_ones_own_that_overfills_a_rigid_box_is_told():
    """The mesh brings the area fractions, so the warning needs it."""
    study = Study.load("se-60mse-rigid")
    full = types.SimpleNamespace(area_fraction=lambda name: {"se": 0.5, "mse": 0.3}[name])
    loose = types.SimpleNamespace(area_fraction=lambda name: {"se": 0.2, "mse": 0.2}[name])
    assert any("overfull" in text and "1.290" in text for text in study.warnings(full))
    assert not any("overfull" in text for text in study.warnings(loose))
