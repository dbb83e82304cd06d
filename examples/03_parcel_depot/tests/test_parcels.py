import unittest

from depot.parcels import Parcel, by_zone, read_parcels


class ReadingTest(unittest.TestCase):
    def test_lines(self):
        self.assertEqual(read_parcels("p1 20\n\np2 5 C\n"), [Parcel("p1", 20), Parcel("p2", 5, "C")])

    def test_a_line_that_is_no_parcel(self):
        with self.assertRaisesRegex(ValueError, "line 2"):
            read_parcels("p1 20\np2 heavy")

    def test_nothing(self):
        self.assertEqual(read_parcels(""), [])


class ZonesTest(unittest.TestCase):
    def test_zones_are_sorted_and_parcels_keep_their_order(self):
        parcels = [Parcel("p1", 1, "B"), Parcel("p2", 2, "A"), Parcel("p3", 3, "B")]
        self.assertEqual(by_zone(parcels), {"A": [parcels[1]], "B": [parcels[0], parcels[2]]})
