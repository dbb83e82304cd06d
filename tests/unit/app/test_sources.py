"""On which sources an answer of a hosted model may rest."""

from __future__ import annotations

import pytest

from covey.app.sources import source_policy
from covey.models.sourcepolicy import Source

pytestmark = pytest.mark.requirement("E7")

POLICY = source_policy(["docs.python.org", ".example.com"], ["store"])


@pytest.mark.parametrize(
    ("source", "allowed"),
    [
        (Source(kind="url", location="https://docs.python.org/3/library/re.html"), True),
        (Source(kind="url", location="https://www.example.com/page"), True),
        (Source(kind="url", location="https://docs.python.org.evil.net/"), False),
        (Source(kind="url", location="https://notexample.com/"), False),
        (Source(kind="url", location="https://docs.python.org@evil.net/"), False),
        (Source(kind="url", location="nonsense"), False),
        (Source(kind="url", location="https://example.com/x", licence="GPL-3.0-only"), False),
        (Source(kind="url", location="https://example.com/x", licence="MIT"), True),
        (Source(kind="file", location="notes.md"), True),
        (Source(kind="made", location="plot.png"), True),
    ],
)
def test_a_source_is_allowed_by_its_host_and_its_licence(source: Source, allowed: bool) -> None:
    decision = POLICY(source)
    assert decision.allowed is allowed
    assert decision.why


def test_without_stores_or_hosts_only_the_models_own_work_is_allowed() -> None:
    nothing = source_policy([], [])
    assert not nothing(Source(kind="file", location="notes.md")).allowed
    assert not nothing(Source(kind="url", location="https://docs.python.org/")).allowed
    assert nothing(Source(kind="made", location="plot.png")).allowed
