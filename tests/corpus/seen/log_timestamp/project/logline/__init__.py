from logline.formatter import Formatter
from logline.reader import parse_line

__all__ = ["Formatter", "parse_line"]
