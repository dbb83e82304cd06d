from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from covey.execution.capture import Bounded, Capture
from covey.execution.lines import WAITING_BYTES, Lines

_CHUNKS = st.lists(st.binary(max_size=40), max_size=20)


@given(_CHUNKS, st.integers(0, 60))
def test_a_capture_keeps_both_ends_however_the_bytes_arrive(chunks: list[bytes], limit: int) -> None:
    capture = Capture(limit)
    for chunk in chunks:
        capture.add(chunk)
    whole = b"".join(chunks)
    assert capture.truncated == (len(whole) > limit)
    if len(whole) <= limit:
        assert capture.value() == whole
    else:
        first, last = limit - limit // 2, limit // 2
        left_out = f"\n[... {len(whole) - limit} bytes left out ...]\n".encode()
        assert capture.value() == whole[:first] + left_out + whole[len(whole) - last :]


@given(_CHUNKS, st.integers(0, 60))
def test_a_bounded_capture_keeps_the_beginning(chunks: list[bytes], limit: int) -> None:
    bounded = Bounded(limit)
    for chunk in chunks:
        bounded.add(chunk)
    whole = b"".join(chunks)
    assert (bounded.value(), bounded.truncated) == (whole[:limit], len(whole) > limit)


@given(_CHUNKS)
async def test_lines_are_the_same_however_the_bytes_arrive(chunks: list[bytes]) -> None:
    lines = Lines(1000)
    for chunk in chunks:
        lines.add(chunk)
    lines.end()
    found = []
    while (line := await lines.next(5)) is not None:
        found.append(line)
    assert found == b"".join(chunks).split(b"\n")[:-1]


async def test_a_line_that_is_too_long_ends_the_channel() -> None:
    lines = Lines(10)
    lines.add(b"short\n")
    lines.add(b"x" * 11)
    lines.add(b"\nmore\n")
    assert [await lines.next(5), await lines.next(5)] == [b"short", None]
    assert lines.truncated


async def test_waiting_for_a_line_ends_with_the_time() -> None:
    with pytest.raises(TimeoutError):
        await Lines(10).next(0.01)


async def test_unread_lines_stop_the_reading_until_they_are_read() -> None:
    class Transport:
        reading = True

        def pause_reading(self) -> None:
            self.reading = False

        def resume_reading(self) -> None:
            self.reading = True

    lines, transport = Lines(10 * WAITING_BYTES), Transport()
    lines.transport = transport
    lines.add(b"x" * WAITING_BYTES + b"\ny\n")
    assert not transport.reading
    await lines.next(5)
    assert transport.reading
