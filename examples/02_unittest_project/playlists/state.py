"""What is saved when the player is closed: ``position:seconds``."""


def save(position, seconds):
    return f"{position}:{seconds}"


def load(text, length):
    """Read a saved state. A state that does not fit a list of ``length`` songs is the beginning."""
    try:
        position, seconds = (int(part) for part in text.split(":"))
    except ValueError:
        return 0, 0
    if not 0 <= position < length - 1 or seconds < 0:
        return 0, 0
    return position, seconds
