import re

from tinytemplate.filters import FILTERS

_FIELD = re.compile(r"\{(\w+)((?:\|\w+(?::[^|}]*)?)*)\}")


def _apply(value, chain):
    for part in chain.split("|")[1:]:
        name, colon, argument = part.partition(":")
        try:
            function = FILTERS[name]
        except KeyError:
            raise ValueError(f"unknown filter: {name}") from None
        value = function(value, argument) if colon else function(value)
    return value


def render(template, **values):
    """Fill in ``{name|filter:argument|...}``; a missing value is empty."""

    def fill(match):
        value = _apply(values.get(match[1]), match[2])
        return "" if value is None else str(value)

    return _FIELD.sub(fill, template)
