import unittest

from booking import Conflict, Room


class RoomTest(unittest.TestCase):
    def setUp(self):
        self.room = Room("Oak")
        self.room.book(540, 600, "ann")

    def test_overlap_at_the_start(self):
        with self.assertRaises(Conflict):
            self.room.book(510, 541, "bob")

    def test_overlap_inside(self):
        with self.assertRaises(Conflict):
            self.room.book(550, 560, "bob")

    def test_directly_after(self):
        self.room.book(600, 660, "bob")
        self.assertEqual(self.room.agenda(), [(540, 600, "ann"), (600, 660, "bob")])

    def test_directly_before(self):
        self.room.book(480, 540, "bob")
        self.assertEqual([who for _, _, who in self.room.agenda()], ["bob", "ann"])

    def test_cancel_frees_the_room(self):
        booking = self.room.book(700, 760, "eve")
        self.room.cancel(booking)
        self.room.book(710, 730, "bob")

    def test_wrong_order(self):
        with self.assertRaises(ValueError):
            self.room.book(600, 600, "bob")
