from decimal import Decimal

import pytest

from invoicing.money import CurrencyMismatch, Money, total


@pytest.mark.parametrize(
    ("text", "cents"), [("12.50", 1250), ("0.005", 1), ("0.004", 0), ("-3", -300), ("1e3", 100_000)]
)
def test_reading(text, cents):
    assert Money.of(text) == Money(cents)


@pytest.mark.parametrize(
    ("cents", "text"), [(5, "0.05 EUR"), (-1250, "-12.50 EUR"), (123456789, "1,234,567.89 EUR")]
)
def test_printing(cents, text):
    assert str(Money(cents)) == text


def test_arithmetic():
    assert Money(100) + Money(20) - Money(50) == Money(70)
    assert -Money(5) == Money(-5)


def test_multiplication_rounds_half_up():
    assert Money(5) * Decimal("0.5") == Money(3)


def test_currencies_do_not_mix():
    with pytest.raises(CurrencyMismatch):
        Money(1, "EUR") + Money(1, "USD")


def test_total_of_nothing():
    assert total([]) == Money(0)


def test_share():
    assert Money(1000).share(1, 3) == Money(333)
    assert Money(1000).share(2, 3) == Money(667)


def test_share_of_nothing():
    with pytest.raises(ValueError):
        Money(1).share(1, 0)
