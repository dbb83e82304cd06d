class PoolEmpty(RuntimeError):
    pass


class Pool:
    """Keeps up to ``size`` connections made by the async callable ``connect``."""

    def __init__(self, connect, size=2):
        self._connect = connect
        self.size = size
        self.made = 0
        self._free = []

    async def acquire(self):
        if self._free:
            return self._free.pop()
        if self.made >= self.size:
            raise PoolEmpty(f"all {self.size} connections are in use")
        self.made += 1
        return await self._connect()

    def release(self, connection):
        self._free.append(connection)

    @property
    def free(self):
        return self.size - self.made + len(self._free)

    async def use(self, work):
        """Run the async callable ``work`` with a connection."""
        connection = await self.acquire()
        try:
            return await work(connection)
        finally:
            self.release(connection)
