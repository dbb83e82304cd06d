from aiopool.pool import Pool, PoolEmpty

__all__ = ["Pool", "PoolEmpty"]
