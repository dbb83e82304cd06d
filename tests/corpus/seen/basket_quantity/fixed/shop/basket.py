from dataclasses import dataclass


@dataclass
class Line:
    name: str
    price: int
    quantity: int = 1

    @property
    def total(self):
        return self.price * self.quantity


class Basket:
    """Prices are in cents; the quantity of a line is one unless given."""

    def __init__(self):
        self.lines = []

    def add(self, name, price, **options):
        for line in self.lines:
            if line.name == name and line.price == price:
                line.quantity += options.get("quantity", 1)
                return line
        line = Line(name, price, **options)
        self.lines.append(line)
        return line

    def remove(self, name):
        self.lines = [line for line in self.lines if line.name != name]

    @property
    def total(self):
        return sum(line.total for line in self.lines)

    def discounted(self, percent):
        """Total after a discount, rounded half up to a cent."""
        return (self.total * (100 - percent) + 50) // 100
