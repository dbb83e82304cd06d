from editor.history import History


class Document:
    def __init__(self, text=""):
        self.text = text
        self.history = History()

    def insert(self, text, position=None):
        position = len(self.text) if position is None else position
        self.history.remember(self.text)
        self.text = self.text[:position] + text + self.text[position:]

    def delete(self, start, end):
        self.history.remember(self.text)
        self.text = self.text[:start] + self.text[end:]

    def undo(self):
        self.text = self.history.back(self.text)

    def redo(self):
        self.text = self.history.forward(self.text)
