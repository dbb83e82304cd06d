"""The coordinator's loop and the journal that makes it resumable and replayable."""
