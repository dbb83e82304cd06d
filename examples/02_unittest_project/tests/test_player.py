import unittest

from playlists import Player, Playlist, Song


def three():
    return Playlist([Song("one", 10), Song("two", 20), Song("three", 30)])


class PlayerTest(unittest.TestCase):
    def test_starts_with_the_first_song(self):
        self.assertEqual(Player(three()).song.title, "one")

    def test_empty_playlist(self):
        player = Player(Playlist())
        player.skip()
        self.assertIsNone(player.song)

    def test_skip_goes_round(self):
        player = Player(three())
        player.skip(2)
        self.assertEqual(player.song.title, "three")
        player.skip()
        self.assertEqual(player.song.title, "one")
        player.skip(-1)
        self.assertEqual(player.song.title, "three")

    def test_resume_in_the_middle(self):
        player = Player(three())
        player.seek(15)
        again = Player(three(), player.close())
        self.assertEqual((again.song.title, again.seconds), ("two", 5))

    def test_resume_in_the_last_song(self):
        player = Player(three())
        player.seek(35)
        again = Player(three(), player.close())
        self.assertEqual((again.song.title, again.seconds), ("three", 5))


class PlaylistTest(unittest.TestCase):
    def test_length(self):
        self.assertEqual(three().seconds, 60)

    def test_position_at(self):
        self.assertEqual(three().position_at(0), (0, 0))
        self.assertEqual(three().position_at(10), (1, 0))
        with self.assertRaises(IndexError):
            three().position_at(60)

    def test_add(self):
        playlist = three()
        playlist.add(Song("four", 1))
        self.assertEqual(len(playlist), 4)

    def test_songs_have_a_length(self):
        with self.assertRaises(ValueError):
            Song("x", 0)
