import re

_RELEASE = re.compile(r"v?(\d+(?:\.\d+)*)(?:(a|b|rc)(\d+))?")


def sort_key(text):
    """A key that sorts releases; pre-releases come before the final one."""
    match = _RELEASE.fullmatch(text)
    if match is None:
        raise ValueError(f"not a release: {text!r}")
    numbers, stage, number = match.groups()
    release = tuple(part for part in numbers.split("."))
    return release, (stage or "z", int(number or 0))
