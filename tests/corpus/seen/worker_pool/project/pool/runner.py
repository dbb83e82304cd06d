import asyncio
from dataclasses import dataclass


@dataclass
class Stats:
    started: int = 0
    finished: int = 0
    failed: int = 0
    running: int = 0
    most: int = 0


async def _guarded(job, slots, stats):
    async with slots:
        stats.started += 1
        stats.running += 1
        stats.most = max(stats.most, stats.running)
        try:
            result = await job()
        except Exception:
            stats.failed += 1
            raise
        finally:
            stats.running -= 1
        stats.finished += 1
        return result


async def run_all(jobs, limit=4, stats=None):
    """Run async callables, at most ``limit`` at once.

    Returns results in the order of ``jobs``; a failed job's result is its exception.
    """
    stats = stats if stats is not None else Stats()
    slots = asyncio.Semaphore(limit)
    tasks = [_guarded(job, slots, stats) for job in jobs]
    return await asyncio.gather(*tasks)
