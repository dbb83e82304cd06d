class SortedIndex:
    """Maps keys to values in two parallel sorted lists, searched by bisection."""

    def __init__(self, pairs=()):
        self._keys = []
        self._values = []
        for key, value in pairs:
            self.add(key, value)

    def __len__(self):
        return len(self._keys)

    def __contains__(self, key):
        return self._search(key) >= 0

    def add(self, key, value):
        position = 0
        while position < len(self._keys) and self._keys[position] < key:
            position += 1
        if position < len(self._keys) and self._keys[position] == key:
            self._values[position] = value
            return
        self._keys.insert(position, key)
        self._values.insert(position, value)

    def find(self, key, default=None):
        position = self._search(key)
        return default if position < 0 else self._values[position]

    def _search(self, key):
        low, high = 0, len(self._keys) - 1
        while low < high:
            middle = (low + high) // 2
            found = self._keys[middle]
            if found == key:
                return middle
            if found < key:
                low = middle + 1
            else:
                high = middle - 1
        return -1
