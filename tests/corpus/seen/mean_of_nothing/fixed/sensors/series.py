class Series:
    """Readings of one sensor; None marks a reading that was lost."""

    def __init__(self, name, unit=""):
        self.name = name
        self.unit = unit
        self._values = []

    def add(self, *values):
        self._values.extend(values)

    @property
    def values(self):
        return [value for value in self._values if value is not None]

    def mean(self):
        """Arithmetic mean of the readings, or None when there are none."""
        values = self.values
        if not values:
            return None
        return sum(values) / len(values)

    def extremes(self):
        """Smallest and largest reading, or None when there are none."""
        values = self.values
        if not values:
            return None
        return min(values), max(values)
