from decimal import Decimal

from till.lines import line_total
from till.receipt import receipt
from till.tax import tax_of


def test_more_half_cents():
    assert line_total("0.005", 1) == Decimal("0.01")
    assert line_total("2.345", 1) == Decimal("2.35")
    assert tax_of("0.45", 10) == Decimal("0.05")
    assert receipt([("0.065", 1)], percent=50) == (Decimal("0.07"), Decimal("0.04"), Decimal("0.11"))
