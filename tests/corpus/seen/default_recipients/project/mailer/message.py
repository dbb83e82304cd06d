class Message:
    def __init__(self, subject, body="", recipients=[]):
        self.subject = subject
        self.body = body
        self.recipients = recipients

    def to(self, *names):
        for name in names:
            if name not in self.recipients:
                self.recipients.append(name)
        return self

    def as_text(self):
        to = ", ".join(self.recipients) or "undisclosed"
        return f"To: {to}\nSubject: {self.subject}\n\n{self.body}"
