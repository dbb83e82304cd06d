import pytest

from discounts.invoice import Invoice
from discounts.steps import StepTable


@pytest.mark.parametrize(
    ("amount", "total"), [(999, 999), (1_000, 950), (4_999, 4_750), (5_000, 4_500), (10_000, 8_500), (20_000, 17_000)]
)
def test_discount(amount, total):
    invoice = Invoice("c")
    invoice.add("goods", amount)
    assert invoice.total == total


def test_empty():
    assert Invoice("c").total == 0


def test_quantity():
    invoice = Invoice("c")
    invoice.add("a", 10, 3)
    assert invoice.net == 30


def test_order_of_steps():
    with pytest.raises(ValueError):
        StepTable([(2, "a"), (1, "b")], None)
