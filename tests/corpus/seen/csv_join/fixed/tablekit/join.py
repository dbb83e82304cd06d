"""Joins over lists of dictionaries."""


def index_by(rows, column):
    index = {}
    for row in rows:
        index.setdefault(row[column], []).append(row)
    return index


def columns_of(rows):
    seen = {}
    for row in rows:
        for name in row:
            seen.setdefault(name)
    return list(seen)


def inner_join(left, right, on):
    index = index_by(right, on)
    return [{**match, **row} for row in left for match in index.get(row[on], [])]


def left_join(left, right, on, fill=None):
    """Keep every row of ``left``; where ``right`` has no partner its columns hold ``fill``."""
    index = index_by(right, on)
    blank = {name: fill for name in columns_of(right)}
    result = []
    for row in left:
        matches = index.get(row[on])
        if not matches:
            result.append({**blank, **row})
            continue
        for match in matches:
            result.append({**match, **row})
    return result


def anti_join(left, right, on):
    index = index_by(right, on)
    return [row for row in left if row[on] not in index]
