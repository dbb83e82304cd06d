from shapes.figures import Circle, Rectangle, Square
from shapes.text import describe, total_area

__all__ = ["Circle", "Rectangle", "Square", "describe", "total_area"]
