from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal

_CENT = Decimal("0.01")


def to_cents(amount, half_up=False):
    """Round a Decimal to cents; to even unless ``half_up``."""
    return Decimal(amount).quantize(_CENT, ROUND_HALF_UP if half_up else ROUND_HALF_EVEN)
