"""Escaping for HTML: the five characters ``& < > " '`` become entities."""

_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"}


def escape(text):
    return "".join(_ENTITIES.get(character, character) for character in str(text))


class Safe(str):
    """Text that is HTML already and is not escaped again."""


def escaped(value):
    return value if isinstance(value, Safe) else Safe(escape(value))
