"""Roman numerals from 1 to 3999."""

_SYMBOLS = [
    (1000, "M"),
    (900, "CM"),
    (500, "D"),
    (400, "CD"),
    (100, "C"),
    (90, "XC"),
    (50, "L"),
    (40, "XL"),
    (10, "X"),
    (9, "IX"),
    (5, "V"),
    (1, "I"),
]
_VALUES = {symbol: value for value, symbol in _SYMBOLS if len(symbol) == 1}


def to_roman(number):
    if not 1 <= number <= 3999:
        raise ValueError(f"{number} has no Roman numeral")
    result = ""
    for value, symbol in _SYMBOLS:
        count, number = divmod(number, value)
        result += symbol * count
    return result


def from_roman(text):
    total = 0
    previous = 0
    for letter in reversed(text.upper()):
        try:
            value = _VALUES[letter]
        except KeyError:
            raise ValueError(f"not a Roman numeral: {text!r}") from None
        total += value if value >= previous else -value
        previous = max(previous, value)
    return total
