from functools import total_ordering


@total_ordering
class Version:
    """A version of whole numbers; missing parts count as zero."""

    def __init__(self, *parts):
        if not parts or any(part < 0 for part in parts):
            raise ValueError("a version needs non-negative parts")
        self.parts = tuple(parts)

    @classmethod
    def parse(cls, text):
        try:
            return cls(*(int(part) for part in text.strip().removeprefix("v").split(".")))
        except ValueError:
            raise ValueError(f"not a version: {text!r}") from None

    def _significant(self):
        parts = self.parts
        while len(parts) > 1 and parts[-1] == 0:
            parts = parts[:-1]
        return parts

    def __eq__(self, other):
        if not isinstance(other, Version):
            return NotImplemented
        return self._significant() == other._significant()

    def __lt__(self, other):
        if not isinstance(other, Version):
            return NotImplemented
        return self._significant() < other._significant()

    def __hash__(self):
        return hash(self._significant())

    def __str__(self):
        return ".".join(map(str, self.parts))


def unique_versions(texts):
    return sorted({Version.parse(text) for text in texts})


def latest(texts):
    return str(max(Version.parse(text) for text in texts))
