from intervals.interval_set import IntervalSet

__all__ = ["IntervalSet"]
