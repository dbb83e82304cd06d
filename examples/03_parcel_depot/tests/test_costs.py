import unittest

from depot.costs import cost, vans


class CostTest(unittest.TestCase):
    def test_each_van_and_every_ten_kilograms_begun(self):
        self.assertEqual(cost([[10, 11], [5]]), 2 * 40 + 3 * 3 + 3)

    def test_no_van(self):
        self.assertEqual(cost([]), 0)

    def test_vans_of_all_zones(self):
        self.assertEqual(vans({"A": [[1], [2]], "B": [[3]]}), 3)
