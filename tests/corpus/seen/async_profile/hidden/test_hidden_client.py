import asyncio

import pytest

from profiles import Client
from profiles.client import NotFound

USERS = {"ann": {"name": "Ann"}, "bob": {"name": ""}}


def test_names():
    async def transport(path):
        return USERS.get(path.removeprefix("/users/"))

    client = Client(transport)
    assert asyncio.run(client.all_names("ann", "bob", "ann")) == ["Ann", "bob", "Ann"]


def test_failures_are_not_cached():
    answers = [None, {"name": "Late"}]

    async def transport(path):
        return answers.pop(0)

    client = Client(transport)

    async def work():
        with pytest.raises(NotFound):
            await client.load_profile("x")
        return await client.display_name("x")

    assert asyncio.run(work()) == "Late"
