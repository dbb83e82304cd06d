import re

_TOKEN = re.compile(r"\s*(?:(?P<number>\d+(?:\.\d+)?)|(?P<op>[-+*/^()]))")


def tokenise(text):
    position = 0
    text = text.rstrip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise SyntaxError(f"unexpected {text[position:].strip()[:1]!r}")
        position = match.end()
        yield (match.lastgroup, match[match.lastgroup])
    yield ("end", "")
