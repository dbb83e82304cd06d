class MalformedHeader(ValueError):
    pass


class Headers:
    """Header fields; names are case-insensitive, repeated fields are joined by a comma."""

    def __init__(self):
        self._fields = {}

    def add(self, name, value):
        key = name.lower()
        if key in self._fields:
            self._fields[key] = f"{self._fields[key]}, {value}"
        else:
            self._fields[key] = value

    def __getitem__(self, name):
        return self._fields[name.lower()]

    def __contains__(self, name):
        return name.lower() in self._fields

    def __len__(self):
        return len(self._fields)


def parse_headers(text):
    headers = Headers()
    for line in text.splitlines():
        if not line.strip():
            break
        try:
            name, value = line.split(":")
        except ValueError:
            raise MalformedHeader(f"malformed header: {line!r}") from None
        if not name or name != name.strip():
            raise MalformedHeader(f"malformed header: {line!r}")
        headers.add(name, value.strip())
    return headers
