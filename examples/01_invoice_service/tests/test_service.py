from datetime import date

import pytest

from invoicing import BillingService, Customer, Money, Plan, Tier
from invoicing.plans import Catalogue

TIERS = (Tier(100, Money(0)), Tier(None, Money(3)))


@pytest.fixture
def service():
    return BillingService(
        Catalogue(
            Plan("basic", Money(900)),
            Plan("team", Money(6000), "quarterly", TIERS),
            Plan("site", Money(50000), "yearly"),
        )
    )


def test_first_invoice(service):
    subscription = service.subscribe(Customer("ann"), "basic", date(2024, 3, 10))
    invoice = service.bill(subscription)
    assert invoice.number == "2024-0001"
    assert invoice.lines[0].text == "basic, 2024-03-10 to 2024-04-09"
    assert invoice.total == Money(1071)
    assert subscription.next_renewal == date(2024, 4, 10)


def test_unknown_plan(service):
    with pytest.raises(LookupError):
        service.subscribe(Customer("ann"), "gold", date(2024, 1, 1))


def test_business_abroad_pays_no_tax(service):
    subscription = service.subscribe(Customer("sa", "FR", business=True), "site", date(2024, 1, 1))
    assert service.bill(subscription).total == Money(50000)


def test_usage_is_billed_afterwards(service):
    subscription = service.subscribe(Customer("ann"), "team", date(2024, 1, 1))
    service.bill(subscription)
    service.meter.record("ann", date(2024, 3, 31), 110)
    service.meter.record("ann", date(2024, 4, 1), 999)
    invoice = service.bill(subscription)
    assert [line.amount for line in invoice.lines] == [Money(6000), Money(30)]


def test_renewal_run_catches_up(service):
    service.subscribe(Customer("ann"), "basic", date(2024, 1, 31))
    service.subscribe(Customer("bob"), "team", date(2024, 2, 10))
    invoices = service.renew(date(2024, 4, 1))
    assert [(invoice.customer, invoice.issued) for invoice in invoices] == [
        ("ann", date(2024, 1, 31)),
        ("bob", date(2024, 2, 10)),
        ("ann", date(2024, 2, 29)),
        ("ann", date(2024, 3, 31)),
    ]
    assert service.renew(date(2024, 4, 1)) == []


def test_quarterly_renewal_at_the_end_of_february(service):
    subscription = service.subscribe(Customer("eve"), "team", date(2024, 11, 30))
    first = service.bill(subscription)
    assert first.lines[0].text == "team, 2024-11-30 to 2025-02-27"
    assert subscription.next_renewal == date(2025, 2, 28)


def test_renewal_run_over_the_turn_of_the_year(service):
    service.subscribe(Customer("eve"), "team", date(2024, 11, 30))
    service.subscribe(Customer("zoe"), "basic", date(2025, 2, 1))
    invoices = service.renew(date(2025, 3, 1))
    assert [(invoice.customer, invoice.issued) for invoice in invoices] == [
        ("eve", date(2024, 11, 30)),
        ("zoe", date(2025, 2, 1)),
        ("eve", date(2025, 2, 28)),
        ("zoe", date(2025, 3, 1)),
    ]


def test_refund(service):
    subscription = service.subscribe(Customer("ann"), "basic", date(2024, 4, 1))
    assert service.refund(subscription, date(2024, 4, 30)) == Money(0)
    assert service.refund(subscription, date(2024, 4, 15)) == Money(450)
