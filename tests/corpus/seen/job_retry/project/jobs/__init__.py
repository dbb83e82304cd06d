from jobs.queue import Job, Queue

__all__ = ["Job", "Queue"]
