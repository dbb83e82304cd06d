import unittest

from depot.loads import plan, split_loads
from depot.parcels import Parcel


class SplitTest(unittest.TestCase):
    def test_one_load(self):
        self.assertEqual(split_loads([60, 30], 100), [[60, 30]])

    def test_nothing_to_load(self):
        self.assertEqual(split_loads([], 100), [])

    def test_a_load_is_closed_before_it_is_too_heavy(self):
        self.assertEqual(split_loads([60, 30, 20], 100), [[60, 30], [20]])

    def test_a_load_may_be_exactly_as_heavy_as_the_limit(self):
        self.assertEqual(split_loads([50, 50, 50], 100), [[50, 50], [50]])

    def test_no_parcel_is_lost(self):
        weights = [70, 40, 90, 10, 10, 80, 5]
        self.assertEqual([weight for load in split_loads(weights, 100) for weight in load], weights)
        self.assertLessEqual(max(map(sum, split_loads(weights, 100))), 100)

    def test_a_parcel_that_no_van_carries(self):
        with self.assertRaisesRegex(ValueError, "101 kg"):
            split_loads([20, 101], 100)


class PlanTest(unittest.TestCase):
    def test_zones_have_vans_of_their_own(self):
        parcels = [Parcel("p1", 60, "B"), Parcel("p2", 60), Parcel("p3", 60, "B")]
        self.assertEqual(plan(parcels, 100), {"A": [[60]], "B": [[60], [60]]})
