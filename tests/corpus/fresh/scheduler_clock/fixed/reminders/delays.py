import re

_PATTERN = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|min|h)")
_SECONDS = {"ms": 0.001, "s": 1, "min": 60, "h": 3600}


def to_milliseconds(text):
    match = _PATTERN.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"not a delay: {text!r}")
    return round(float(match[1]) * _SECONDS[match[2]] * 1000)


def to_seconds(text):
    """Whole and broken seconds."""
    return to_milliseconds(text) / 1000
