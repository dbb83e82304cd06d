import re
from collections import Counter


def count_words(text, shortest=1):
    return Counter(word for word in re.findall(r"\w+", text.lower()) if len(word) >= shortest)


def most_frequent(counts, limit):
    """Most frequent words first, then by alphabet."""
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:limit]
