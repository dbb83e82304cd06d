from shifts.shift import Shift

__all__ = ["Shift"]
