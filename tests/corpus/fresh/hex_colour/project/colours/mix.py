from colours.convert import from_hex, to_hex


def mix(one, other, share=0.5):
    """Mix two colours given as hex texts."""
    pairs = zip(from_hex(one), from_hex(other))
    return to_hex(tuple(round(a * (1 - share) + b * share) for a, b in pairs))


def gradient(one, other, steps):
    return [mix(one, other, step / (steps - 1)) for step in range(steps)]
