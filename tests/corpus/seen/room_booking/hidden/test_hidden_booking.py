import unittest

from booking import Booking, Conflict, Room


class HiddenRoomTest(unittest.TestCase):
    def test_a_full_day_of_neighbours(self):
        room = Room("Elm")
        for start in (600, 480, 540, 720, 660):
            room.book(start, start + 60, "x")
        self.assertEqual(len(room.agenda()), 5)

    def test_one_minute_is_an_overlap(self):
        room = Room("Elm")
        room.book(600, 660, "x")
        for start, end in ((599, 601), (659, 661), (600, 660), (500, 800)):
            with self.assertRaises(Conflict):
                room.book(start, end, "y")

    def test_overlaps_is_symmetric(self):
        a, b, c = Booking(0, 10, "a"), Booking(10, 20, "b"), Booking(9, 11, "c")
        self.assertEqual([a.overlaps(b), b.overlaps(a)], [False, False])
        self.assertEqual([a.overlaps(c), c.overlaps(a), b.overlaps(c)], [True, True, True])
