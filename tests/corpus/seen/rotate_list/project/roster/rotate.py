def rotate(items, steps):
    """Move ``steps`` items from the end to the front; negative steps go the other way."""
    steps = steps % len(items)
    return items[-steps:] + items[: -steps or None]
