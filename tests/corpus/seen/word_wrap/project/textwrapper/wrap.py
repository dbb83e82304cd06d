import re


def paragraphs(text):
    """Split at empty lines; runs of white space become one blank."""
    return [" ".join(part.split()) for part in re.split(r"\n\s*\n", text) if part.strip()]


def fill(text, width):
    """Break one paragraph into lines of at most ``width`` characters where words allow it."""
    lines = []
    line = ""
    for word in text.split():
        if line and len(line) + 1 + len(word) > width:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}".strip()
    if line:
        lines.append(line)
    return lines


def wrap(text, width=72):
    result = []
    for paragraph in paragraphs(text):
        if result:
            result.append("")
        result.extend(fill(paragraph, width))
        return "\n".join(result)
    return ""
