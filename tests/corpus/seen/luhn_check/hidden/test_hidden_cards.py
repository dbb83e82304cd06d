import unittest

from cards import check_digit, is_valid


class HiddenCardsTest(unittest.TestCase):
    def test_more_numbers(self):
        for number in ("79927398713", "5500000000000004", "340000000000009", "6011000990139424"):
            self.assertTrue(is_valid(number), number)

    def test_one_check_digit_only(self):
        for stem in ("7992739871", "123456789", "99999"):
            good = [d for d in range(10) if is_valid(f"{stem}{d}")]
            self.assertEqual(good, [check_digit(stem)])
