from datetime import datetime, timedelta


class Session:
    def __init__(self, key, created):
        self.key = key
        self.created = created
        self.data = {}

    def age(self, now):
        """Age in whole seconds."""
        return int((now - self.created).total_seconds())

    def age_text(self, now):
        seconds = self.age(now)
        for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
            if seconds >= size:
                return f"{seconds // size} {unit}"
        return f"{seconds} s"


class SessionStore:
    def __init__(self, max_age=timedelta(hours=1), clock=datetime.now):
        self.max_age = int(max_age.total_seconds())
        self.clock = clock
        self._sessions = {}

    def create(self, key):
        session = self._sessions[key] = Session(key, self.clock())
        return session

    def get(self, key):
        session = self._sessions.get(key)
        if session is None or session.age(self.clock()) > self.max_age:
            self._sessions.pop(key, None)
            return None
        return session

    def purge(self):
        now = self.clock()
        old = [key for key, session in self._sessions.items() if session.age(now) > self.max_age]
        for key in old:
            del self._sessions[key]
        return len(old)
