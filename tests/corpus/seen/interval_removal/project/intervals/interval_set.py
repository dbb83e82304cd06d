class IntervalSet:
    """A set of half-open intervals of numbers, kept sorted and disjoint."""

    def __init__(self, pairs=()):
        self._pairs = []
        for start, end in pairs:
            self.add(start, end)

    def __iter__(self):
        return iter(self._pairs)

    def __contains__(self, number):
        return any(start <= number < end for start, end in self._pairs)

    @property
    def measure(self):
        return sum(end - start for start, end in self._pairs)

    def add(self, start, end):
        if start >= end:
            return
        kept = []
        for a, b in self._pairs:
            if b < start or end < a:
                kept.append((a, b))
            else:
                start, end = min(start, a), max(end, b)
        self._pairs = sorted([*kept, (start, end)])

    def remove(self, start, end):
        if start >= end:
            return
        kept = []
        for a, b in self._pairs:
            if b <= start or end <= a:
                kept.append((a, b))
            elif a < start:
                kept.append((a, start))
            elif end < b:
                kept.append((end, b))
        self._pairs = kept
