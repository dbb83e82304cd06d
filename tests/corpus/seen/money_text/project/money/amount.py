from money.text import format_cents


class Money:
    def __init__(self, cents, currency="EUR"):
        self.cents = cents
        self.currency = currency

    def __add__(self, other):
        if self.currency != other.currency:
            raise ValueError("different currencies")
        return Money(self.cents + other.cents, self.currency)

    def split(self, parts):
        """Split without losing a cent; the first parts are the larger ones."""
        share, rest = divmod(self.cents, parts)
        return [Money(share + (i < rest), self.currency) for i in range(parts)]

    def __str__(self):
        return f"{format_cents(self.cents)} {self.currency}"
