import re


class Pattern:
    """A path with ``<name>`` or ``<int:name>`` placeholders."""

    def __init__(self, text):
        self.text = text
        self._types = {}
        parts = []
        for part in re.split(r"(<[^>]+>)", text):
            if part.startswith("<"):
                kind, _, name = part[1:-1].rpartition(":")
                self._types[name] = int if kind == "int" else str
                parts.append(f"(?P<{name}>\\d+)" if kind == "int" else f"(?P<{name}>[^/]+)")
            else:
                parts.append(re.escape(part))
        self._regex = re.compile("".join(parts))

    def match(self, path):
        found = self._regex.fullmatch(path)
        if found is None:
            return None
        return {name: self._types[name](value) for name, value in found.groupdict().items()}
