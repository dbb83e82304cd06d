from discounts.steps import StepTable

DISCOUNTS = StepTable([(1_000, 5), (5_000, 10), (10_000, 15)], default=0)


class Invoice:
    def __init__(self, customer, table=DISCOUNTS):
        self.customer = customer
        self.table = table
        self.lines = []

    def add(self, text, amount, quantity=1):
        self.lines.append((text, amount * quantity))

    @property
    def net(self):
        return sum(amount for _, amount in self.lines)

    @property
    def discount(self):
        return self.net * self.table.lookup(self.net) // 100

    @property
    def total(self):
        return self.net - self.discount
