"""Subscriptions, usage and invoices."""

from invoicing.invoice import Invoice, Line
from invoicing.money import Money
from invoicing.plans import Plan, Tier
from invoicing.service import BillingService, Customer

__all__ = ["BillingService", "Customer", "Invoice", "Line", "Money", "Plan", "Tier"]
