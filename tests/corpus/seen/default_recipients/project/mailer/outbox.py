class Outbox:
    def __init__(self, transport):
        self.transport = transport
        self.failed = []

    def send(self, *messages):
        """Send all messages; return how many went out."""
        sent = 0
        for message in messages:
            try:
                self.transport(message.as_text())
            except OSError as error:
                self.failed.append((message, str(error)))
            else:
                sent += 1
        return sent
