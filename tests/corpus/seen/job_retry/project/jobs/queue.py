from collections import deque


class Job:
    def __init__(self, name, work):
        self.name = name
        self.work = work
        self.attempts = 0
        self.error = None


class Queue:
    """Runs jobs in turn; a failed job goes to the end and is tried ``max_attempts`` times in all."""

    def __init__(self, max_attempts=3, max_steps=50):
        self.max_attempts = max_attempts
        self.max_steps = max_steps
        self.waiting = deque()
        self.done = []
        self.dead = []

    def add(self, name, work):
        job = Job(name, work)
        self.waiting.append(job)
        return job

    def run(self):
        steps = 0
        while self.waiting and steps < self.max_steps:
            steps += 1
            job = self.waiting.popleft()
            try:
                job.result = job.work()
            except Exception as error:
                job.error = error
                self.waiting.append(job)
            else:
                self.done.append(job)
        return steps
