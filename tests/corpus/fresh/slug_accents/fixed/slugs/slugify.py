import re
import unicodedata

_SPECIAL = str.maketrans({"ß": "ss", "æ": "ae", "Æ": "AE", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L"})


def to_ascii(text):
    """Plain letters for accented ones; what has no plain form is dropped."""
    text = unicodedata.normalize("NFKD", text.translate(_SPECIAL))
    return text.encode("ascii", "ignore").decode("ascii")


def slugify(text, separator="-"):
    words = re.findall(r"[a-z0-9]+", to_ascii(text).lower().replace("'", ""))
    return separator.join(words)


def unique_slug(text, taken):
    base = slugify(text) or "untitled"
    slug, number = base, 2
    while slug in taken:
        slug = f"{base}-{number}"
        number += 1
    return slug
