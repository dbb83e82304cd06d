import re


def normalise(tag):
    """Lower-case, words joined by a hyphen, no leading ``#``."""
    words = re.findall(r"\w+", tag.lower())
    return "-".join(words)


def parse_tags(text):
    """All ``#tags`` in a text, in order, without repetition."""
    return list(dict.fromkeys(normalise(tag) for tag in re.findall(r"#\w[\w-]*", text)))
