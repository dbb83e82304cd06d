import re

from durations.units import SECONDS

_PART = re.compile(r"\s*(\d+)\s*([a-z])", re.IGNORECASE)


def parse_duration(text):
    """Parse texts such as ``1h 30m`` to seconds; a plain number is seconds."""
    if text.strip().isdigit():
        return int(text)
    total = 0
    position = 0
    while position < len(text.rstrip()):
        match = _PART.match(text, position)
        if match is None or match[2].lower() not in SECONDS:
            raise ValueError(f"not a duration: {text!r}")
        total += int(match[1]) * SECONDS[match[2].lower()]
        position = match.end()
    if position == 0:
        raise ValueError("empty duration")
    return total
