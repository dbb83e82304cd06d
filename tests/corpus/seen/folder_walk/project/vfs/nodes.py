from dataclasses import dataclass, field


@dataclass
class File:
    name: str
    size: int = 0


@dataclass
class Folder:
    name: str
    entries: list = field(default_factory=list)

    def add(self, *entries):
        self.entries.extend(entries)
        return self
