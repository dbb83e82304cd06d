from ratelimit import SlidingWindow


def test_one_call_each_window():
    now = [0]
    limiter = SlidingWindow(1, 5, lambda: now[0])
    answers = []
    for now[0] in range(16):
        answers.append(limiter.allow("x"))
    assert [t for t, ok in enumerate(answers) if ok] == [0, 5, 10, 15]


def test_retry_after_counts_down_to_zero():
    now = [3]
    limiter = SlidingWindow(1, 4, lambda: now[0])
    limiter.allow("x")
    seen = []
    for now[0] in (3, 5, 6, 7, 8):
        seen.append(limiter.retry_after("x"))
    assert seen == [4, 2, 1, 0, 0]
