import asyncio

from pool import Stats, run_all


def job(value, turns=1):
    async def work():
        for _ in range(turns):
            await asyncio.sleep(0)
        return value

    return work


async def broken():
    raise ValueError("broken")


def test_order():
    assert asyncio.run(run_all([job("slow", 5), job("fast")])) == ["slow", "fast"]


def test_none():
    assert asyncio.run(run_all([])) == []


def test_limit():
    stats = Stats()
    asyncio.run(run_all([job(n, 3) for n in range(9)], limit=2, stats=stats))
    assert stats.most == 2
    assert stats.finished == 9


def test_failed_job():
    stats = Stats()
    one, two, three = asyncio.run(run_all([job(1), broken, job(3, 4)], stats=stats))
    assert (one, three) == (1, 3)
    assert isinstance(two, ValueError)
    assert (stats.failed, stats.finished) == (1, 2)
