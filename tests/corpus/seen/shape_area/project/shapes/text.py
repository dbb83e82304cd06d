def _number(value):
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def describe(shape):
    return f"{shape.name} with an area of {_number(shape.area)}"


def total_area(shapes):
    return sum(shape.area for shape in shapes)
