from reminders.scheduler import Scheduler

__all__ = ["Scheduler"]
