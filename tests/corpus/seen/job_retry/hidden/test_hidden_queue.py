from jobs import Queue


def test_one_attempt_only():
    queue = Queue(max_attempts=1)
    queue.add("a", lambda: 1 / 0)
    assert queue.run() == 1
    assert [job.name for job in queue.dead] == ["a"]
    assert not queue.waiting


def test_last_attempt_succeeds():
    answers = [1, 1, 0]
    queue = Queue(max_attempts=3)

    def work():
        if answers.pop(0):
            raise ValueError

    job = queue.add("a", work)
    assert queue.run() == 3
    assert queue.done == [job] and queue.dead == []
    assert job.attempts == 3
