from till.lines import line_total
from till.tax import tax_of


def receipt(items, percent=20):
    """Net, tax and gross of (price, quantity) pairs."""
    net = sum(line_total(price, quantity) for price, quantity in items)
    tax = tax_of(net, percent)
    return net, tax, net + tax
