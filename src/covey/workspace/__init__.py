"""A tree at a base: snapshot, candidate layers, edits, diffs, application to the user's files."""
