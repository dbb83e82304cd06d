from playlists.state import load, save


class Player:
    def __init__(self, playlist, saved=""):
        self.playlist = playlist
        self.position, self.seconds = load(saved, len(playlist))

    @property
    def song(self):
        return self.playlist[self.position] if len(self.playlist) else None

    def skip(self, steps=1):
        """Go to another song; the list starts again after its end."""
        if len(self.playlist):
            self.position = (self.position + steps) % len(self.playlist)
        self.seconds = 0

    def seek(self, seconds):
        """Go to a time of the whole list."""
        self.position, self.seconds = self.playlist.position_at(seconds)

    def close(self):
        return save(self.position, self.seconds)
