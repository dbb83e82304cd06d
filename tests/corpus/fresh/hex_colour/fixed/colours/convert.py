def to_hex(rgb):
    red, green, blue = rgb
    if not all(0 <= part <= 255 for part in rgb):
        raise ValueError(f"not a colour: {rgb}")
    return f"#{red:02x}{green:02x}{blue:02x}"


def from_hex(text):
    digits = text.removeprefix("#")
    if len(digits) == 3:
        digits = "".join(2 * c for c in digits)
    if len(digits) != 6:
        raise ValueError(f"not a colour: {text!r}")
    return tuple(int(digits[i : i + 2], 16) for i in (0, 2, 4))
