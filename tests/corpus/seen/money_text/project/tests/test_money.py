import pytest

from money import Money, format_cents, parse_cents


def test_two_digits():
    assert format_cents(1250) == "12.50"


def test_thousands():
    assert format_cents(123456789) == "1,234,567.89"
    assert format_cents(123456789, " ") == "1 234 567.89"


def test_few_cents():
    assert format_cents(1205) == "12.05"


def test_parse():
    assert parse_cents("1,234.5") == 123450
    assert parse_cents("-3") == -300
    with pytest.raises(ValueError):
        parse_cents("1.234")


def test_sum():
    assert str(Money(1000) + Money(250)) == "12.50 EUR"


def test_split():
    assert [m.cents for m in Money(100).split(3)] == [34, 33, 33]
