import asyncio

import pytest

from profiles import Client
from profiles.client import NotFound


class Transport:
    def __init__(self, **users):
        self.users = users
        self.calls = []

    async def __call__(self, path):
        self.calls.append(path)
        await asyncio.sleep(0)
        return self.users.get(path.rsplit("/", 1)[-1])


def test_fetch():
    client = Client(Transport(ann={"name": "Ann"}))
    assert asyncio.run(client.fetch("/users/ann")) == {"name": "Ann"}


def test_fetch_missing():
    with pytest.raises(NotFound):
        asyncio.run(Client(Transport()).fetch("/users/x"))


def test_no_users():
    assert asyncio.run(Client(Transport()).all_names()) == []


def test_profile_is_loaded_once():
    transport = Transport(ann={"name": "Ann"})
    client = Client(transport)

    async def twice():
        return [await client.load_profile("ann"), await client.load_profile("ann")]

    assert asyncio.run(twice()) == [{"name": "Ann"}, {"name": "Ann"}]
    assert transport.calls == ["/users/ann"]
