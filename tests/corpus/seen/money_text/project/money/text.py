def format_cents(cents, separator=","):
    """Format cents as units with two decimals and thousands separators."""
    sign = "-" if cents < 0 else ""
    units, rest = divmod(abs(cents), 100)
    return f"{sign}{units:,}.{rest}".replace(",", separator)


def parse_cents(text):
    text = text.strip().replace(",", "")
    sign = -1 if text.startswith("-") else 1
    units, _, rest = text.lstrip("+-").partition(".")
    if len(rest) > 2 or not (units + rest).isdigit():
        raise ValueError(f"not an amount: {text!r}")
    return sign * (int(units or 0) * 100 + int(rest.ljust(2, "0")))
