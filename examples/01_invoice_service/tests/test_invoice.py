from datetime import date

from invoicing.invoice import Invoice, Numbering
from invoicing.money import Money
from invoicing.statement import WIDTH, render

DAY = date(2024, 12, 20)


def make(**options):
    invoice = Invoice("2024-0001", "ann", DAY, **options)
    invoice.add("plan", Money(1000), 190)
    invoice.add("book", Money(2000), 70)
    return invoice


def test_total():
    invoice = make()
    assert invoice.net == Money(3000)
    assert invoice.taxes == {70: Money(140), 190: Money(190)}
    assert invoice.total == Money(3330)


def test_discount_is_taken_before_tax():
    invoice = make(discount_percent=10)
    assert invoice.net == Money(2700)
    assert invoice.total == Money(2700 + 126 + 171)


def test_tax_on_the_sum():
    invoice = Invoice("1", "ann", DAY)
    for _ in range(3):
        invoice.add("x", Money(3), 190)
    assert invoice.taxes == {190: Money(2)}


def test_lines_of_nothing_are_left_out():
    invoice = Invoice("1", "ann", DAY)
    invoice.add("free", Money(0), 190)
    assert invoice.lines == [] and invoice.total == Money(0)


def test_no_tax_line_without_tax():
    invoice = Invoice("1", "ann", DAY)
    invoice.add("x", Money(3), 0)
    assert invoice.taxes == {}


def test_due():
    assert make().due == date(2025, 1, 3)


def test_numbering():
    numbering = Numbering()
    days = (date(2023, 12, 31), date(2024, 1, 1), date(2024, 1, 1), date(2023, 12, 31))
    assert [numbering.next(day) for day in days] == ["2023-0001", "2024-0001", "2024-0002", "2023-0002"]


def test_statement():
    text = render(make(discount_percent=10))
    assert "after 10 % discount" in text and "27.00 EUR" in text
    assert text.splitlines()[-1].startswith("total, due 03.01.2025")
    assert text.splitlines()[-1].endswith(" 29.97 EUR")


def test_statement_width():
    invoice = make()
    invoice.add("a very long description " * 5, Money(1), 0)
    assert max(map(len, render(invoice).splitlines())) == WIDTH
