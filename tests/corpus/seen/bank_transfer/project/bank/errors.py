class InsufficientFunds(Exception):
    def __init__(self, needed, available):
        super().__init__(f"{needed} needed, {available} available")
        self.needed = needed
        self.available = available
