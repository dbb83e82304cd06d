import asyncio

from aiopool import Pool


async def connect():
    return object()


def test_cancelled_work_gives_the_connection_back():
    async def work():
        pool = Pool(connect, size=1)
        task = asyncio.ensure_future(pool.use(lambda connection: asyncio.sleep(3600)))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        busy = pool.free
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return busy, pool.free

    assert asyncio.run(work()) == (0, 1)


def test_result():
    async def value(connection):
        return 42

    assert asyncio.run(Pool(connect).use(value)) == 42
