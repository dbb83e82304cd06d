def delays(base, cap, attempts):
    """Seconds to wait after each of ``attempts`` failures: doubling from ``base``, never more than ``cap``."""
    if base <= 0 or cap < base:
        raise ValueError("0 < base <= cap is needed")
    for attempt in range(attempts):
        yield base * 2**attempt
