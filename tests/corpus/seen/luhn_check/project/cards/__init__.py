from cards.luhn import check_digit, is_valid
from cards.mask import mask

__all__ = ["check_digit", "is_valid", "mask"]
