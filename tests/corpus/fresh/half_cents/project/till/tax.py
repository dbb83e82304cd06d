from decimal import Decimal

from till.rounding import to_cents


def tax_of(net, percent):
    return to_cents(Decimal(net) * percent / 100)
