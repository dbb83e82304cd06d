from records.clean import clean


def to_lines(record, prefix=""):
    lines = []
    for name, value in clean(record).items():
        if isinstance(value, dict):
            lines.extend(to_lines(value, f"{prefix}{name}."))
        else:
            lines.append(f"{prefix}{name}={value}")
    return lines
