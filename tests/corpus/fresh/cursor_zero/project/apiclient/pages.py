class TooManyPages(RuntimeError):
    pass


def fetch_all(get_page, start=None, limit=1000):
    """Yield the items of all pages. ``get_page(cursor)`` returns (items, next cursor); None ends the list."""
    cursor = start
    for _ in range(limit):
        items, cursor = get_page(cursor)
        yield from items
        if not cursor:
            return
    raise TooManyPages(f"more than {limit} pages")
