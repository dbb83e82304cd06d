from validators.names import is_host_name, is_user_name


def split_address(text):
    """Split ``user@host``; ValueError when one of the two is not valid."""
    user, at, host = text.partition("@")
    if not at or not is_user_name(user) or not is_host_name(host):
        raise ValueError(f"not an address: {text!r}")
    return user, host
