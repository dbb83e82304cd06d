class Song:
    def __init__(self, title, seconds):
        if seconds <= 0:
            raise ValueError("a song has a length")
        self.title = title
        self.seconds = seconds

    def __repr__(self):
        return f"Song({self.title!r}, {self.seconds})"


class Playlist:
    def __init__(self, songs=()):
        self.songs = list(songs)

    def __len__(self):
        return len(self.songs)

    def __getitem__(self, position):
        return self.songs[position]

    def add(self, song):
        self.songs.append(song)

    @property
    def seconds(self):
        return sum(song.seconds for song in self.songs)

    def position_at(self, seconds):
        """Index of the song that plays after ``seconds``, and how far into it that is."""
        for position, song in enumerate(self.songs):
            if seconds < song.seconds:
                return position, seconds
            seconds -= song.seconds
        raise IndexError("the playlist is over")
