def runs(items):
    """Return (item, count) for each run of equal neighbours."""
    result = []
    items = list(items)
    position = 0
    while position < len(items):
        item = items[position]
        count = 0
        while position < len(items) and items[position] == item:
            count += 1
            position += 1
        result.append((item, count))
    return result
