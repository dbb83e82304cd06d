class HeaderDict:
    """Case-insensitive names; the spelling of the last assignment is kept for output."""

    def __init__(self, **fields):
        self._fields = {}
        for name, value in fields.items():
            self[name.replace("_", "-")] = value

    def __setitem__(self, name, value):
        self._fields[name.lower()] = (name, value)

    def __getitem__(self, name):
        return self._fields[name.lower()][1]

    def __delitem__(self, name):
        del self._fields[name]

    def __contains__(self, name):
        return name in self._fields

    def __iter__(self):
        return (name for name, _ in self._fields.values())

    def __len__(self):
        return len(self._fields)

    def get(self, name, default=None):
        try:
            return self[name]
        except KeyError:
            return default

    def as_lines(self):
        return [f"{name}: {value}" for name, value in self._fields.values()]
