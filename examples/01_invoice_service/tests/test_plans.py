import pytest

from invoicing.money import Money
from invoicing.plans import Catalogue, Plan, Tier


@pytest.mark.parametrize(("cycle", "months"), [("monthly", 1), ("quarterly", 3), ("yearly", 12)])
def test_cycles(cycle, months):
    assert Plan("p", Money(1), cycle).months == months


def test_unknown_cycle():
    with pytest.raises(ValueError):
        Plan("p", Money(1), "weekly")


@pytest.mark.parametrize("limits", [(10, 5), (None, 10)])
def test_order_of_tiers(limits):
    with pytest.raises(ValueError):
        Plan("p", Money(1), tiers=tuple(Tier(limit, Money(1)) for limit in limits))


def test_catalogue():
    catalogue = Catalogue(Plan("b", Money(2)), Plan("a", Money(1)))
    assert catalogue["a"].price == Money(1)
    assert catalogue.names() == ["a", "b"]
    with pytest.raises(LookupError, match="no plan 'c'; there are a, b"):
        catalogue["c"]
