from urlquery.quoting import quote, unquote


def pairs(text):
    for part in text.lstrip("?").split("&"):
        if part:
            name, _, value = part.partition("=")
            yield unquote(name), unquote(value)


def parse_query(text):
    """Map each name to the list of its values, in order."""
    result = {}
    for name, value in pairs(text):
        result.setdefault(name, []).append(value)
    return result


def first(query, name, default=None):
    values = query.get(name)
    return values[0] if values else default


def build_query(query):
    return "&".join(f"{quote(name)}={quote(value)}" for name, values in query.items() for value in values)
