def to_text(rows, columns, empty="-"):
    """Render rows as aligned text."""
    cells = [list(columns)]
    for row in rows:
        cells.append([empty if row.get(name) is None else str(row[name]) for name in columns])
    widths = [max(len(line[i]) for line in cells) for i in range(len(columns))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in cells)
