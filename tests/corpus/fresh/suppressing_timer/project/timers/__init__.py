from timers.timer import Timer

__all__ = ["Timer"]
