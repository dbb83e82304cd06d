"""Invoices as plain text."""

from __future__ import annotations

from invoicing.invoice import Invoice

WIDTH = 60


def _row(text: str, amount: object) -> str:
    right = str(amount)
    room = WIDTH - len(right) - 1
    if len(text) > room:
        text = text[: room - 3].rstrip() + "..."
    return f"{text:<{room}} {right}"


def render(invoice: Invoice) -> str:
    """Return the statement, one line of at most 60 characters for each item."""
    rows = [f"Invoice {invoice.number} for {invoice.customer}", f"{invoice.issued:%d.%m.%Y}", "-" * WIDTH]
    rows += [_row(line.text, line.amount) for line in invoice.lines]
    rows.append("-" * WIDTH)
    if invoice.discount_percent:
        rows.append(_row(f"after {invoice.discount_percent} % discount", invoice.net))
    rows += [_row(f"tax {rate / 10:g} %", amount) for rate, amount in invoice.taxes.items()]
    rows.append(_row(f"total, due {invoice.due:%d.%m.%Y}", invoice.total))
    return "\n".join(rows)
