_TYPES = {"css": "text/css", "html": "text/html", "js": "text/javascript", "txt": "text/plain"}


def content_type(path, default="application/octet-stream"):
    name = path.rsplit("/", 1)[-1]
    if "." not in name:
        return default
    return _TYPES.get(name.rsplit(".", 1)[1].lower(), default)
