def rotate(items, steps):
    """Move ``steps`` items from the end to the front; negative steps go the other way."""
    if not items:
        return []
    steps %= len(items)
    cut = len(items) - steps
    return items[cut:] + items[:cut]
