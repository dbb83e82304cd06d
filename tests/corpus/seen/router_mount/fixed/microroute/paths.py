def join(*parts):
    """Join parts of a URL path with single slashes; the result starts with one and does not end with one."""
    result = ""
    for part in parts:
        part = part.strip("/")
        if part:
            result += "/" + part
    return result or "/"


def split(path):
    return [part for part in path.split("/") if part]
