from datetime import datetime, timedelta

from websession.store import Session, SessionStore

START = datetime(2024, 5, 1, 12, 0)


def test_age_in_days():
    session = Session("k", START)
    assert session.age(START + timedelta(days=3, hours=1)) == 3 * 86400 + 3600
    assert session.age_text(START + timedelta(days=3, seconds=5)) == "3 d"


def test_purge_after_a_week():
    now = [START]
    store = SessionStore(max_age=timedelta(days=6), clock=lambda: now[0])
    store.create("a")
    now[0] += timedelta(days=5)
    assert store.purge() == 0
    now[0] += timedelta(days=2)
    assert store.purge() == 1
