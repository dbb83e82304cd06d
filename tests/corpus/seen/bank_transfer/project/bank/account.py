from bank.errors import InsufficientFunds


class Account:
    """Amounts are whole cents."""

    def __init__(self, owner, balance=0, overdraft=0):
        self.owner = owner
        self.balance = balance
        self.overdraft = overdraft
        self.history = []

    def deposit(self, amount, note="deposit"):
        self._check(amount)
        self.balance += amount
        self.history.append((note, amount))

    def withdraw(self, amount, note="withdrawal"):
        self._check(amount)
        if amount > self.balance + self.overdraft:
            raise InsufficientFunds(amount, self.balance + self.overdraft)
        self.balance -= amount
        self.history.append((note, -amount))

    def transfer(self, other, amount):
        self.withdraw(amount, note=f"to {other.owner}")
        self.deposit(amount, note=f"from {self.owner}")

    @staticmethod
    def _check(amount):
        if amount <= 0:
            raise ValueError("amount must be positive")
