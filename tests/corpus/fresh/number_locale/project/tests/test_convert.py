import pytest

from numbers_l10n.convert import format_number, format_price, parse_number


def test_english():
    assert parse_number("1,234.5") == 1234.5


def test_small_german():
    assert parse_number(" 12,5 ", "de") == 12.5


def test_german_thousands():
    assert parse_number("1.234,56", "de") == 1234.56


def test_format():
    assert format_number(1234567.891) == "1,234,567.89"
    assert format_number(1234567.891, "de") == "1.234.567,89"


def test_price():
    assert format_price(5, "$") == "$5.00"
    assert format_price(5, "€", "de") == "5,00 €"


def test_nonsense():
    with pytest.raises(ValueError):
        parse_number("x")
