from smoothing.averages import exponential, moving_average
from smoothing.peaks import peaks

__all__ = ["exponential", "moving_average", "peaks"]
