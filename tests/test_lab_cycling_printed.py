"""The numbers that papers print: the page is what the code computes, and what does not follow is found."""

import pytest

from rheode.electrode import printed
from rheode.electrode.printed import Claim, claims, read, set_


def test_the_page_is_up_to_date(pytestconfig):
    page = pytestconfig.rootpath / "docs" / "printed-numbers.md"
    assert page.read_text(encoding="utf-8") == printed.page(), "run `python -m rheode.electrode.printed > docs/printed-numbers.md`"


def test_rounding_decides():
    """Requirement: a number follows where its digits are among what rounded inputs give, and not a digit further."""
    product = {"unit": "", "formula": lambda a, b: a * b, "how": "", "where": ""}
    assert Claim("p", "q", read("6.2"), inputs=(read("2.5"), set_("2.5")), **product).follows  # 2.45 to 2.55, by 2.5: 6.125 to 6.375
    assert not Claim("p", "q", read("6.05"), inputs=(read("2.5"), set_("2.5")), **product).follows
    assert Claim("p", "q", read("6.12"), inputs=(read("2.5"), set_("2.5")), **product).follows
    assert Claim("p", "q", read("6.6"), inputs=(set_("2.5"), set_("2.5")), about=True, **product).follows
    assert not Claim("p", "q", read("7.0"), inputs=(set_("2.5"), set_("2.5")), about=True, **product).follows


@pytest.mark.parametrize("quantity, follows", [("areal capacity at 20 mg/cm2", True), ("first utilisation of Se", True), ("energy density, 3 mg/cm2", True), ("specific energy, 3 mg/cm2", False),
                                               ("energy density of the pouch cell", True), ("loading of the pouch cell", False), ("current of 5 C of LiFePO4", True)])  # fmt: skip
def test_known_answers(quantity, follows):
    assert next(claim for claim in claims() if claim.quantity == quantity).follows is follows


def test_the_lab_and_the_page_use_one_arithmetic():
    """Requirement: utilisation and energies are those of `electrode.formulas`, which the cycling analysis uses as well."""
    from rheode.electrode import formulas

    first = next(claim for claim in claims() if claim.quantity == "first utilisation of Se")
    assert first.value == pytest.approx(100 * formulas.utilisation(518.2, 675, 1.0))
