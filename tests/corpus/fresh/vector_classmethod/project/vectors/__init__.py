from vectors.colour import Colour
from vectors.vector import Vector

__all__ = ["Colour", "Vector"]
