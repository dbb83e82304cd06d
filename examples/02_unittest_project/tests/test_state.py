import unittest

from playlists.state import load, save


class StateTest(unittest.TestCase):
    def test_round_trip(self):
        self.assertEqual(load(save(1, 7), 3), (1, 7))

    def test_nonsense(self):
        for text in ("", "1", "a:b", "1:2:3", "-1:0", "0:-5"):
            self.assertEqual(load(text, 3), (0, 0), text)

    def test_list_became_shorter(self):
        self.assertEqual(load("3:5", 3), (0, 0))
        self.assertEqual(load("0:0", 0), (0, 0))

    def test_list_of_one_song(self):
        self.assertEqual(load("0:12", 1), (0, 12))
