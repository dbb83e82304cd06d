from bisect import insort
from dataclasses import dataclass, field


class Conflict(Exception):
    pass


@dataclass(order=True, frozen=True)
class Booking:
    """Half-open: the room is free again at ``end``. Times are minutes since midnight."""

    start: int
    end: int
    who: str = field(compare=False)

    def overlaps(self, other):
        return self.start < other.end and other.start < self.end


class Room:
    def __init__(self, name):
        self.name = name
        self._bookings = []

    def book(self, start, end, who):
        if end <= start:
            raise ValueError("a booking must end after it starts")
        new = Booking(start, end, who)
        for booking in self._bookings:
            if booking.overlaps(new):
                raise Conflict(f"{self.name} is taken by {booking.who}")
        insort(self._bookings, new)
        return new

    def cancel(self, booking):
        self._bookings.remove(booking)

    def agenda(self):
        return [(b.start, b.end, b.who) for b in self._bookings]
