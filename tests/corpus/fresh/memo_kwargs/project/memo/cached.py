from functools import wraps

from memo.keys import call_key


def cached(function):
    values = {}

    @wraps(function)
    def wrapper(*args, **kwargs):
        key = call_key(args, kwargs)
        if key not in values:
            wrapper.calls += 1
            values[key] = function(*args, **kwargs)
        return values[key]

    def forget():
        values.clear()

    wrapper.calls = 0
    wrapper.forget = forget
    return wrapper
