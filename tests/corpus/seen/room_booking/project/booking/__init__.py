from .calendar import Booking, Conflict, Room

__all__ = ["Booking", "Conflict", "Room"]
