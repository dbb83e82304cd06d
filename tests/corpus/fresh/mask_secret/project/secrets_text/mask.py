def mask(text, visible=4, sign="*"):
    """Replace all but the last ``visible`` characters."""
    hidden = max(0, len(text) - visible)
    return sign * hidden + text[-visible:]


def mask_mapping(values, names=("password", "token"), **options):
    """Mask the values whose name contains one of ``names``."""
    return {
        key: mask(value, **options) if any(name in key.lower() for name in names) else value
        for key, value in values.items()
    }
