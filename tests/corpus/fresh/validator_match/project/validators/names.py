import re

_USER = re.compile(r"[a-z_][a-z0-9_-]{0,30}")
_HOST = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*", re.IGNORECASE)
RESERVED = {"root", "admin"}


def is_user_name(text):
    return _USER.match(text) is not None and text not in RESERVED


def is_host_name(text):
    return len(text) <= 253 and _HOST.match(text) is not None
