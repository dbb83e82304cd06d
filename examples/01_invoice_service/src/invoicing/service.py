"""The service: customers, their subscriptions, and the renewal run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from invoicing.invoice import Invoice, Numbering
from invoicing.periods import Period, period_at, period_with
from invoicing.plans import Catalogue, Plan
from invoicing.tax import rate
from invoicing.usage import Meter, charge


@dataclass
class Customer:
    name: str
    country: str = "DE"
    discount_percent: int = 0
    business: bool = False  # a business abroad owes the tax itself


@dataclass
class Subscription:
    customer: Customer
    plan: Plan
    anchor: date
    billed: int = 0  # periods that were billed so far

    def period(self, number: int) -> Period:
        return period_at(self.anchor, self.plan.months, number)

    @property
    def next_renewal(self) -> date:
        """First day of the next period that is not billed yet."""
        return self.period(self.billed).first

    def begun(self, day: date) -> int:
        """How many periods have begun up to ``day``."""
        if day < self.anchor:
            return 0
        return period_with(self.anchor, self.plan.months, day)[0] + 1


class BillingService:
    def __init__(self, catalogue: Catalogue, home: str = "DE") -> None:
        self.catalogue = catalogue
        self.home = home
        self.meter = Meter()
        self.numbering = Numbering()
        self.subscriptions: list[Subscription] = []

    def subscribe(self, customer: Customer, plan: str, day: date) -> Subscription:
        subscription = Subscription(customer, self.catalogue[plan], day)
        self.subscriptions.append(subscription)
        return subscription

    def bill(self, subscription: Subscription) -> Invoice:
        """Bill the next period in advance, and the usage of the one before."""
        number = subscription.billed
        period = subscription.period(number)
        customer, plan = subscription.customer, subscription.plan
        invoice = Invoice(
            self.numbering.next(period.first),
            customer.name,
            period.first,
            discount_percent=customer.discount_percent,
        )
        tax_rate = self._tax_rate(customer, plan)
        invoice.add(f"{plan.name}, {period}", plan.price, tax_rate)
        if number > 0 and plan.tiers:
            units = self.meter.units(customer.name, subscription.period(number - 1))
            invoice.add(f"{units} units", charge(units, plan.tiers), tax_rate)
        subscription.billed += 1
        return invoice

    def renew(self, today: date) -> list[Invoice]:
        """Bill everything that is due up to ``today``, oldest renewal first."""
        due = [
            (subscription.period(number).first, index)
            for index, subscription in enumerate(self.subscriptions)
            for number in range(subscription.billed, subscription.begun(today))
        ]
        return [self.bill(self.subscriptions[index]) for _, index in sorted(due)]

    def refund(self, subscription: Subscription, day: date):
        """What is given back when a subscription ends on ``day``: the days after it."""
        _, period = period_with(subscription.anchor, subscription.plan.months, day)
        return subscription.plan.price.share(period.days_from(day) - 1, period.days)

    def _tax_rate(self, customer: Customer, plan: Plan) -> int:
        abroad = customer.country != self.home
        return rate(customer.country, plan.category, reverse_charge=abroad and customer.business)
