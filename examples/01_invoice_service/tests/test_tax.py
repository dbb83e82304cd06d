import pytest

from invoicing.money import Money
from invoicing.tax import UnknownCountry, rate, tax


@pytest.mark.parametrize(
    ("country", "category", "expected"),
    [("DE", "service", 190), ("de", "book", 70), ("IE", "book", 230), ("FR", "book", 55)],
)
def test_rate(country, category, expected):
    assert rate(country, category) == expected


def test_reverse_charge():
    assert rate("FR", reverse_charge=True) == 0


def test_unknown_country():
    with pytest.raises(UnknownCountry):
        rate("XX", reverse_charge=True)


def test_tax_is_rounded():
    assert tax(Money(1003), 190) == Money(191)
    assert tax(Money(50), 190) == Money(10)
