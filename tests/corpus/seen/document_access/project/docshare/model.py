from dataclasses import dataclass, field


@dataclass(frozen=True)
class User:
    name: str
    admin: bool = False


@dataclass
class Document:
    title: str
    owner: User
    shared: bool = False
    locked: bool = False
    editors: set = field(default_factory=set)
    readers: set = field(default_factory=set)
