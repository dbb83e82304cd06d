"""Playlists that can be saved and resumed."""

from playlists.player import Player
from playlists.playlist import Playlist, Song

__all__ = ["Player", "Playlist", "Song"]
