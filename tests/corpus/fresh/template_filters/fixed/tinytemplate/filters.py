FILTERS = {}


def register(function):
    FILTERS[function.__name__] = function
    return function


@register
def upper(value):
    return str(value).upper()


@register
def truncate(value, length):
    text = str(value)
    length = int(length)
    return text if len(text) <= length else text[: length - 1] + "…"


@register
def default(value, fallback):
    return fallback if value is None or value == "" else value


@register
def plural(value, suffix="s"):
    return "" if value == 1 else suffix
