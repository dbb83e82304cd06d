_SPECIAL = set(",\r\n")


def cell_text(value):
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    return str(value)


def encode(value):
    text = cell_text(value)
    if _SPECIAL & set(text) or text != text.strip():
        return f'"{text}"'
    return text
