_NOTHING = object()


class Peekable:
    """An iterator whose next item can be looked at."""

    def __init__(self, items):
        self._items = iter(items)
        self._buffer = []

    def __iter__(self):
        return self

    def __next__(self):
        if any(self._buffer):
            return self._buffer.pop()
        self._buffer.clear()
        return next(self._items)

    def peek(self, default=None):
        if not self._buffer:
            item = next(self._items, _NOTHING)
            if item is _NOTHING:
                return default
            self._buffer.append(item)
        return self._buffer[0]

    def __bool__(self):
        return self.peek(_NOTHING) is not _NOTHING
