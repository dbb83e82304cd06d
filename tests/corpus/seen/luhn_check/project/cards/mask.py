def mask(text, keep=4):
    """Hide all digits but the last ``keep``."""
    hidden = sum(c.isdigit() for c in text) - keep
    result = []
    for c in text:
        if c.isdigit() and hidden > 0:
            hidden -= 1
            c = "*"
        result.append(c)
    return "".join(result)
