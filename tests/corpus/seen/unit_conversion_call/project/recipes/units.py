_GRAMS = {"g": 1.0, "kg": 1000.0, "oz": 28.349523125, "lb": 453.59237}


def convert(amount, source, target):
    """Convert an amount of ``source`` units to ``target`` units."""
    try:
        return amount * _GRAMS[source] / _GRAMS[target]
    except KeyError as error:
        raise ValueError(f"unknown unit: {error.args[0]}") from None
