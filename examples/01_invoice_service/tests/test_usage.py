from datetime import date

import pytest

from invoicing.money import Money
from invoicing.periods import Period
from invoicing.plans import Tier
from invoicing.usage import Meter, charge

TIERS = (Tier(100, Money(0)), Tier(1000, Money(5)), Tier(None, Money(2)))


@pytest.mark.parametrize(
    ("units", "cents"), [(0, 0), (100, 0), (101, 5), (1000, 4500), (1001, 4502), (2000, 6500)]
)
def test_charge(units, cents):
    assert charge(units, TIERS) == Money(cents)


def test_more_than_the_last_limit():
    with pytest.raises(ValueError):
        charge(11, (Tier(10, Money(1)),))


def test_usage_without_tiers_is_free():
    assert charge(500, ()) == Money(0)


def test_meter_counts_a_period():
    meter = Meter()
    meter.record("ann", date(2024, 1, 31), 1)
    meter.record("ann", date(2024, 2, 1), 2)
    meter.record("ann", date(2024, 2, 1), 3)
    meter.record("bob", date(2024, 2, 2), 50)
    assert meter.units("ann", Period(date(2024, 2, 1), date(2024, 2, 29))) == 5


def test_negative_units():
    with pytest.raises(ValueError):
        Meter().record("ann", date(2024, 1, 1), -1)
