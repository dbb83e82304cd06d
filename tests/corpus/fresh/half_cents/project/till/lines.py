from decimal import Decimal

from till.rounding import to_cents


def line_total(price, quantity):
    return to_cents(Decimal(price) * Decimal(quantity))
