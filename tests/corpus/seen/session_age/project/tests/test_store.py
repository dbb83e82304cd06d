from datetime import datetime, timedelta

import pytest

from websession.store import SessionStore

START = datetime(2024, 5, 1, 12, 0)


@pytest.fixture
def now():
    return [START]


@pytest.fixture
def store(now):
    return SessionStore(clock=lambda: now[0])


def test_fresh_session(store, now):
    session = store.create("k")
    now[0] += timedelta(minutes=59)
    assert store.get("k") is session


def test_expires_after_an_hour(store, now):
    store.create("k")
    now[0] += timedelta(hours=1, seconds=1)
    assert store.get("k") is None


def test_expires_after_days(store, now):
    store.create("k")
    now[0] += timedelta(days=2, seconds=10)
    assert store.get("k") is None


def test_unknown(store):
    assert store.get("nope") is None


def test_purge(store, now):
    store.create("a")
    now[0] += timedelta(hours=2)
    store.create("b")
    assert store.purge() == 1
    assert store.get("b") is not None


def test_age_text(store):
    session = store.create("k")
    assert session.age_text(START + timedelta(seconds=59)) == "59 s"
    assert session.age_text(START + timedelta(hours=3)) == "3 h"
