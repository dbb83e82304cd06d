import asyncio

import pytest

from aiopool import Pool, PoolEmpty


async def connect():
    await asyncio.sleep(0)
    return object()


async def same(connection):
    return connection


async def fail(connection):
    raise OSError("reset")


def test_reuse():
    async def work():
        pool = Pool(connect)
        return await pool.use(same) is await pool.use(same), pool.made

    assert asyncio.run(work()) == (True, 1)


def test_limit():
    async def work():
        pool = Pool(connect, size=1)
        await pool.acquire()
        with pytest.raises(PoolEmpty):
            await pool.acquire()
        return pool.free

    assert asyncio.run(work()) == 0


def test_failures_do_not_empty_the_pool():
    async def work():
        pool = Pool(connect, size=2)
        for _ in range(3):
            with pytest.raises(OSError, match="reset"):
                await pool.use(fail)
        return pool.free

    assert asyncio.run(work()) == 2


def test_fresh_pool():
    assert Pool(connect, size=3).free == 3
