"""Every scale is a pair of functions to and from Celsius."""

SCALES = {
    "C": (lambda t: t, lambda c: c),
    "F": (lambda t: t - 32 * 5 / 9, lambda c: c * 9 / 5 + 32),
    "K": (lambda t: t - 273.15, lambda c: c + 273.15),
}
