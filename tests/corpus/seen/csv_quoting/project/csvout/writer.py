from csvout.cells import encode


def write(rows, columns, header=True):
    """Return rows (dictionaries) as CSV with CRLF line ends."""
    lines = []
    if header:
        lines.append(",".join(encode(name) for name in columns))
    for row in rows:
        lines.append(",".join(encode(row.get(name)) for name in columns))
    return "".join(line + "\r\n" for line in lines)
