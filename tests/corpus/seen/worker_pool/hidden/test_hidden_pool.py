import asyncio

from pool import Stats, run_all


def failing(error):
    async def work():
        await asyncio.sleep(0)
        raise error

    return work


def test_all_fail():
    errors = [KeyError("a"), OSError("b"), ZeroDivisionError()]
    stats = Stats()
    assert asyncio.run(run_all(map(failing, errors), limit=1, stats=stats)) == errors
    assert (stats.failed, stats.finished, stats.running) == (3, 0, 0)
