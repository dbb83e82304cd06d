from bisect import bisect_right


class StepTable:
    """A value for each range of amounts: steps are (from, value), sorted; amounts below the first step have none."""

    def __init__(self, steps, default):
        self.starts = [start for start, _ in steps]
        self.values = [value for _, value in steps]
        self.default = default
        if self.starts != sorted(set(self.starts)):
            raise ValueError("steps must be ascending")

    def lookup(self, amount):
        position = bisect_right(self.starts, amount)
        if position == 0:
            return self.default
        return self.values[position - 1]
