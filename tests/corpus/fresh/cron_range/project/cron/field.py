def parse_field(text, low, high):
    """The set of values that a field such as ``*/5`` or ``1-3,7`` stands for."""
    values = set()
    for part in text.split(","):
        span, _, step = part.partition("/")
        if span == "*":
            first, end = low, high + 1
        elif "-" in span:
            first, end = (int(number) for number in span.split("-"))
        else:
            first = int(span)
            end = high + 1 if step else first + 1
        if not low <= first <= end <= high + 1:
            raise ValueError(f"{part!r} is not within {low}-{high}")
        values.update(range(first, end, int(step or 1)))
    return values
