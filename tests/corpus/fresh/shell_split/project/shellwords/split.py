class Unbalanced(ValueError):
    pass


def split(text):
    """Split like a shell: blanks separate, quotes protect, a backslash protects one character."""
    words = []
    word = ""
    quote_mark = None
    characters = iter(text)
    for c in characters:
        if quote_mark:
            if c == quote_mark:
                quote_mark = None
            else:
                word += c
        elif c in "'\"":
            quote_mark = c
        elif c == "\\":
            word += next(characters, "")
        elif c.isspace():
            if word:
                words.append(word)
            word = ""
        else:
            word += c
    if quote_mark:
        raise Unbalanced(f"no closing {quote_mark}")
    if word:
        words.append(word)
    return words


def quote(word):
    if word and not any(c.isspace() or c in "'\"\\" for c in word):
        return word
    return "'" + word.replace("'", "'\"'\"'") + "'"
