import unittest

from cards import check_digit, is_valid, mask


class CardsTest(unittest.TestCase):
    def test_small_digits(self):
        self.assertTrue(is_valid("4111 1111 1111 1111"))

    def test_wrong_number(self):
        self.assertFalse(is_valid("4111 1111 1111 1112"))

    def test_well_known_number(self):
        self.assertTrue(is_valid("4539-1488-0343-6467"))

    def test_letters(self):
        with self.assertRaises(ValueError):
            is_valid("4111x")

    def test_check_digit(self):
        self.assertEqual(check_digit("411111111111111"), 1)

    def test_mask(self):
        self.assertEqual(mask("4111 1111 1111 1234"), "**** **** **** 1234")
