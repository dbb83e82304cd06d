from datetime import datetime, timedelta

_DAY = datetime(2024, 1, 1)


class Shift:
    def __init__(self, start, hours=0, minutes=0, pause=0):
        hour, minute = map(int, start.split(":"))
        self.start = _DAY.replace(hour=hour, minute=minute)
        self.length = timedelta(hours, minutes)
        self.pause = timedelta(minutes=pause)
        if self.pause > self.length:
            raise ValueError("the pause is longer than the shift")

    @property
    def end(self):
        return self.start + self.length

    @property
    def paid_minutes(self):
        return int((self.length - self.pause).total_seconds() // 60)

    def overlaps(self, other):
        return self.start < other.end and other.start < self.end

    def __str__(self):
        return f"{self.start:%H:%M}-{self.end:%H:%M}"
