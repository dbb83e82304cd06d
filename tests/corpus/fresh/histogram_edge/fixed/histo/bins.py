def bin_of(value, low, high, bins):
    """Number of the bin of a value; the last bin includes its upper bound, values outside have none."""
    if not low <= value <= high:
        return None
    if low == high:
        return 0
    return min(int((value - low) / (high - low) * bins), bins - 1)


def histogram(values, bins=10, bounds=None):
    """Counts for each bin between the bounds (default: the extremes of the values)."""
    values = list(values)
    counts = [0] * bins
    if not values:
        return counts
    low, high = bounds or (min(values), max(values))
    for value in values:
        number = bin_of(value, low, high, bins)
        if number is not None:
            counts[number] += 1
    return counts
