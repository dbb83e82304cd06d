STAMP = "%Y-%m-%d %H:%M:%S"


class Formatter:
    def __init__(self, name, width=5):
        self.name = name
        self.width = width

    def line(self, when, level, message):
        text = message.replace("\n", "\\n")
        return f"{when.strftime(STAMP)} {level.upper():<{self.width}} [{self.name}] {text}"
