def chunked(items, size):
    """Yield lists of ``size`` items; the last one may be shorter."""
    if size < 1:
        raise ValueError("size must be positive")
    chunk = []
    for item in items:
        chunk.append(item)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def windowed(items, size):
    """Yield tuples of ``size`` neighbours."""
    window = []
    for item in items:
        window.append(item)
        if len(window) == size:
            yield tuple(window)
            window.pop(0)
