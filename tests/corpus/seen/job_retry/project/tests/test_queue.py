from jobs import Queue


def fail():
    raise OSError("down")


def names(jobs):
    return [job.name for job in jobs]


def test_order():
    queue = Queue()
    queue.add("a", lambda: 1)
    queue.add("b", lambda: 2)
    assert queue.run() == 2
    assert names(queue.done) == ["a", "b"]


def test_result():
    queue = Queue()
    job = queue.add("a", lambda: 42)
    queue.run()
    assert job.result == 42 and job.error is None


def test_second_attempt():
    answers = [fail, lambda: "ok"]
    queue = Queue()
    job = queue.add("flaky", lambda: answers.pop(0)())
    queue.add("other", lambda: 1)
    queue.run()
    assert names(queue.done) == ["other", "flaky"]
    assert job.result == "ok"


def test_given_up():
    queue = Queue()
    job = queue.add("bad", fail)
    queue.add("good", lambda: 1)
    assert queue.run() == 4
    assert names(queue.dead) == ["bad"]
    assert names(queue.done) == ["good"]
    assert job.attempts == 3
    assert str(job.error) == "down"


def test_empty():
    assert Queue().run() == 0
