from histo.bins import bin_of, histogram
from histo.draw import draw

__all__ = ["bin_of", "draw", "histogram"]
