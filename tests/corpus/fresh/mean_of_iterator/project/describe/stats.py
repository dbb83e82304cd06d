import math


def spread(values):
    """Largest minus smallest."""
    values = list(values)
    return max(values) - min(values) if values else 0


def describe(values):
    """Count, smallest, largest, mean and standard deviation of any iterable of numbers."""
    smallest = min(values, default=None)
    if smallest is None:
        return {"count": 0}
    largest = max(values)
    count = sum(1 for _ in values)
    mean = sum(values) / count
    variance = sum((value - mean) ** 2 for value in values) / count
    return {"count": count, "min": smallest, "max": largest, "mean": mean, "sd": math.sqrt(variance)}
