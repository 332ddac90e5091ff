import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rheode import units

READ = [
    ("18 GPa", "stress", 18.0),
    ("100 MPa", "pressure", 0.1),
    ("100MPa", "pressure", 0.1),
    ("1.0e8 Pa", "pressure", 0.1),
    ("1 kbar", "pressure", 0.1),
    ("2 N/mm^2", "pressure", 0.002),
    ("10 um", "length", 10.0),
    ("10 µm", "length", 10.0),
    ("10 μm", "length", 10.0),
    ("50 nm", "length", 0.05),
    (".5 mm", "length", 500.0),
    ("10 h", "time", 36000.0),
    ("2 min", "time", 120.0),
    ("70 degC", "temperature", 343.15),
    ("70 °C", "temperature", 343.15),
    ("343.15 K", "temperature", 343.15),
    ("0.1 C", "rate", 1 / 36000),
    ("0.1C", "rate", 1 / 36000),
    ("C/10", "rate", 1 / 36000),
    ("C / 3", "rate", 1 / 10800),
    ("0.1 1/h", "rate", 1 / 36000),
    ("1e-5 s^-1", "rate", 1e-5),
    ("1000 1/s", "creep rate", 1000.0),
    ("50 kJ/mol", "molar energy", 50000.0),
    ("4.8 g/cm^3", "density", 4.8),
    ("22 %", "share", 0.22),
    ("0.22", "share", 0.22),
    (0.22, "share", 0.22),
    (1, "share", 1.0),
]


@pytest.mark.parametrize("text, kind, value", READ)
def test_reads_quantities_into_the_units_inside(text, kind, value):
    assert units.parse(text, kind) == pytest.approx(value, rel=1e-14)


REFUSED = [
    (100, "pressure", "the unit is missing"),
    (0, "length", "the unit is missing"),
    ("0", "time", "the unit is missing"),
    ("100 bananas", "pressure", "'bananas' is not a unit of it"),
    ("10 um", "pressure", "'um' is not a unit of it"),
    ("100 mpa", "pressure", "a pressure such as '100 MPa'"),
    ("0.1 C", "time", "is not a unit of it"),
    ("70 C", "temperature", "write 'degC'"),
    ("70 GPa", "temperature", "a temperature such as"),
    ("0,5 um", "length", "with a point for the decimals"),
    ("1e999 um", "length", "and finite"),
    ("C/0", "rate", "and finite"),
    ("nan um", "length", "a length such as"),
    (float("nan"), "share", "and finite"),
    (float("inf"), "share", "and finite"),
    (10**400, "share", "and finite"),
    (True, "share", "a number such as"),
    (None, "length", "a length such as"),
    (["10 um"], "length", "a length such as"),
    ("9**9**9**9 um", "length", "a length such as"),
    ("10 um**999999999", "length", "a length such as"),
    ("__import__('os') um", "length", "a length such as"),
    ("22 um", "share", "a number such as"),
    ("", "length", "a length such as"),
    ("1" * 5000 + " um", "length", "a length such as"),
]


@pytest.mark.parametrize("given, kind, says", REFUSED)
def test_refuses_what_is_no_such_quantity_and_says_what_is(given, kind, says):
    with pytest.raises(units.UnitError) as refusal:
        units.parse(given, kind)
    assert says in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_unit_of_another_dimension_is_named_with_the_one_that_is_wanted():
    with pytest.raises(units.UnitError, match="'V' is not a unit of the dimension of um"):
        units.measure("1.8 V", "um")


@given(st.text(max_size=40), st.sampled_from(list(units.KINDS)))
def test_any_text_is_read_or_refused(text, kind):
    try:
        assert math.isfinite(units.parse(text, kind))
    except units.UnitError as refusal:
        assert units.KINDS[kind].name in str(refusal)


@given(st.floats(1e-12, 1e12), st.sampled_from(list(units.KINDS)))
def test_what_is_written_is_read_back_exactly(value, kind):
    assert units.parse(units.write(value, kind), kind) == value


@pytest.mark.parametrize(
    "value, kind, text",
    [(0.1, "pressure", "100 MPa"), (18.0, "stress", "18 GPa"), (1 / 36000, "rate", "0.1 C"), (343.15, "temperature", "70 degC"), (36000.0, "time", "10 h"), (0.65, "length", "0.65 um")],
)
def test_writes_as_a_person_would(value, kind, text):
    assert units.write(value, kind) == text
    assert units.show(value, kind) == text


@given(st.floats(0, 1))
def test_percentages_are_read_back_exactly(share):
    assert units.parse(units.percent(share), "share") == share
