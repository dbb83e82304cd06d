from durations.parse import parse_duration
from durations.text import format_duration

__all__ = ["format_duration", "parse_duration"]
