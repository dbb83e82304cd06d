from money.amount import Money
from money.text import format_cents, parse_cents

__all__ = ["Money", "format_cents", "parse_cents"]
