def moving_average(values, window):
    """Means of all runs of ``window`` neighbours."""
    if window < 1:
        raise ValueError("window must be positive")
    return [sum(values[start : start + window]) / window for start in range(len(values) - window)]


def exponential(values, alpha):
    if not 0 < alpha <= 1:
        raise ValueError("alpha must be in (0, 1]")
    result = []
    for value in values:
        result.append(value if not result else alpha * value + (1 - alpha) * result[-1])
    return result
