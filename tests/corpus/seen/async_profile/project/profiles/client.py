class NotFound(Exception):
    pass


class Client:
    """Loads profiles through ``transport``, an async callable that maps a path to a dictionary or None."""

    def __init__(self, transport):
        self.transport = transport
        self._profiles = {}

    async def fetch(self, path):
        data = await self.transport(path)
        if data is None:
            raise NotFound(path)
        return data

    async def load_profile(self, user):
        if user not in self._profiles:
            self._profiles[user] = self.fetch(f"/users/{user}")
        return self._profiles[user]

    async def display_name(self, user):
        profile = await self.load_profile(user)
        return profile.get("name") or user

    async def all_names(self, *users):
        return [await self.display_name(user) for user in users]
