import re

from rle.runs import runs


def compress(text):
    if any(c.isdigit() for c in text):
        raise ValueError("digits cannot be compressed")
    return "".join(item if count == 1 else f"{count}{item}" for item, count in runs(text))


def expand(text):
    return "".join(letter * int(count or 1) for count, letter in re.findall(r"(\d*)(\D)", text))
