from releases.parse import sort_key


def newest(texts, pre=False):
    wanted = [text for text in texts if pre or not is_pre(text)]
    return max(wanted, key=sort_key, default=None)


def is_pre(text):
    return sort_key(text)[1][0] != "z"


def between(texts, low, high):
    """Releases from ``low`` up to, not including, ``high``."""
    return [text for text in sorted(texts, key=sort_key) if sort_key(low) <= sort_key(text) < sort_key(high)]
