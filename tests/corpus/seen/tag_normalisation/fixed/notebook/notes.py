from .tags import normalise, parse_tags


class Note:
    def __init__(self, text):
        self.text = text
        self.tags = set(parse_tags(text))

    def tag(self, *names):
        self.tags.update(normalise(name) for name in names)
        return self

    def untag(self, name):
        self.tags.discard(normalise(name))


class Notebook:
    def __init__(self):
        self.notes = []

    def write(self, text):
        note = Note(text)
        self.notes.append(note)
        return note

    def with_tag(self, name):
        wanted = normalise(name)
        return [note for note in self.notes if wanted in note.tags]

    def tag_counts(self):
        counts = {}
        for note in self.notes:
            for tag in note.tags:
                counts[tag] = counts.get(tag, 0) + 1
        return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
