from datetime import datetime, timedelta

from tzparse.offset import parse_offset


def to_utc(text):
    """Convert ``2024-05-01T12:00+02:00`` to a naive time in UTC."""
    for position in range(len(text) - 1, 9, -1):
        if text[position] in "+-Z":
            local = datetime.fromisoformat(text[:position])
            return local - timedelta(minutes=parse_offset(text[position:]))
    raise ValueError(f"no offset in {text!r}")
