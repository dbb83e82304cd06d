from describe.stats import describe


def line(name, values):
    found = describe(values)
    if not found["count"]:
        return f"{name}: nothing"
    return "{}: {count} from {min} to {max}, mean {mean:.2f} (sd {sd:.2f})".format(name, **found)
