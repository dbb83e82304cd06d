from decimal import Decimal

from till.lines import line_total
from till.receipt import receipt
from till.rounding import to_cents
from till.tax import tax_of


def test_rounding():
    assert to_cents("0.125") == Decimal("0.12")
    assert to_cents("0.125", half_up=True) == Decimal("0.13")


def test_plain_line():
    assert line_total("1.20", 3) == Decimal("3.60")


def test_half_cent_line():
    assert line_total("0.25", "0.5") == Decimal("0.13")


def test_half_cent_tax():
    assert tax_of("0.25", 50) == Decimal("0.13")


def test_receipt():
    assert receipt([("1.00", 2), ("0.50", 4)]) == (Decimal("4.00"), Decimal("0.80"), Decimal("4.80"))
