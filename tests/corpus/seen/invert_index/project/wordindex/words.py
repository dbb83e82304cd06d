import re

STOP = {"a", "an", "and", "of", "or", "the"}


def words(text):
    """Distinct lower-case words without stop words, in order."""
    return [word for word in dict.fromkeys(re.findall(r"[a-z']+", text.lower())) if word not in STOP]
