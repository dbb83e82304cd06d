def parse(text):
    """Parse a tiny indented format into sections; a section without entries is None."""
    sections = {}
    current = None
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.split("#", 1)[0].rstrip()
        if not stripped:
            continue
        if not stripped[0].isspace():
            if not stripped.endswith(":"):
                raise ValueError(f"line {number}: a section must end with a colon")
            current = stripped[:-1]
            sections[current] = None
            continue
        if current is None:
            raise ValueError(f"line {number}: entry outside of a section")
        key, _, value = stripped.strip().partition("=")
        if sections[current] is None:
            sections[current] = {}
        sections[current][key.strip()] = value.strip()
    return sections
