def _digits(text):
    digits = [int(c) for c in text if c.isdigit()]
    if len(digits) != len(text.replace(" ", "").replace("-", "")):
        raise ValueError("a card number holds digits, blanks and hyphens only")
    return digits


def _checksum(digits):
    total = 0
    for position, digit in enumerate(reversed(digits)):
        if position % 2 == 1:
            digit *= 2
            if digit > 9:
                digit -= 10
        total += digit
    return total % 10


def is_valid(text):
    digits = _digits(text)
    return len(digits) > 1 and _checksum(digits) == 0


def check_digit(text):
    """The digit to append so that the number is valid."""
    return (10 - _checksum([*_digits(text), 0])) % 10
