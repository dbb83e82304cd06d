"""Downloads against a real loopback server that cuts, lies, changes the file, refuses and hangs."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import hashlib
import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from covey.core.errors import RunError, UnusableModel
from covey.models.download import pull
from covey.models.partfile import PartState, bad_path, open_part, part_path
from covey.models.transfer import Clock, Fetch, Patience, Pulled
from support_download import CONTENT, Plan, serving

pytestmark = pytest.mark.requirement("D13")

BIG = CONTENT * 100  # about one MB


class Naps:
    """Takes the place of sleeping; keeps what was asked for."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.clock = Clock(sleep=self._sleep, chance=lambda: 1.0)

    async def _sleep(self, seconds: float) -> None:
        self.seconds.append(seconds)


@pytest.fixture
def naps() -> Naps:
    return Naps()


@pytest.fixture
def dest(tmp_path: Path) -> Path:
    return tmp_path / "models" / "model.gguf"


def leftovers(dest: Path) -> list[str]:
    return sorted(path.name for path in dest.parent.iterdir())


async def test_a_file_comes_whole_and_leaves_nothing_beside_it(dest: Path, naps: Naps) -> None:
    seen: list[Fetch] = []
    async with serving(content=BIG) as server:
        got = await pull(server.url, dest, observer=seen.append, clock=naps.clock)
    assert dest.read_bytes() == BIG
    assert got == Pulled(
        path=str(dest), size=len(BIG), sha256=hashlib.sha256(BIG).hexdigest(), checked="none", fetched=len(BIG), tries=1
    )
    assert leftovers(dest) == ["model.gguf"]
    assert seen[0].state == "checking"
    assert seen[-1] == Fetch(state="done", done=len(BIG), total=len(BIG))
    assert [fetch.done for fetch in seen] == sorted(fetch.done for fetch in seen)
    assert naps.seconds == []


async def test_a_connection_cut_at_each_chunk_is_resumed_to_the_same_file(dest: Path, naps: Naps) -> None:
    chunk = 700
    async with serving(Plan(cut=chunk)) as server:
        got = await pull(
            server.url, dest, sha256=server.sha256, clock=naps.clock, patience=Patience(progress=chunk, tries=2)
        )
    assert dest.read_bytes() == CONTENT
    assert got.checked == "given"
    assert got.tries == -(-len(CONTENT) // chunk)
    starts = [headers.get("range") for _, headers in server.requests]
    assert starts == [None, *(f"bytes={n * chunk}-" for n in range(1, got.tries))]
    assert all(headers["if-range"] == server.etag for _, headers in server.requests[1:])


@pytest.mark.parametrize("cut", [*range(9), 4095, len(CONTENT) - 1])
async def test_a_cut_at_any_byte_is_mended_by_one_more_try(dest: Path, naps: Naps, cut: int) -> None:
    async with serving(Plan(cut=cut), Plan()) as server:
        got = await pull(server.url, dest, sha256=server.sha256, clock=naps.clock)
    assert (dest.read_bytes(), got.tries) == (CONTENT, 2)


async def test_a_chunked_answer_that_is_cut_is_not_taken_for_whole(dest: Path, naps: Naps) -> None:
    async with serving(Plan(cut=100, chunked=True), Plan(chunked=True)) as server:
        await pull(server.url, dest, clock=naps.clock)
    assert dest.read_bytes() == CONTENT


async def test_a_second_call_goes_on_where_the_first_gave_up(dest: Path, naps: Naps) -> None:
    async with serving(Plan(cut=3000), Plan(status=500), Plan(status=500), Plan()) as server:
        with pytest.raises(RunError, match=r"500, after 2 tries. 3000 bytes are kept in .*give the same command"):
            await pull(server.url, dest, clock=naps.clock, patience=Patience(tries=2, progress=1000))
        assert part_path(dest).stat().st_size == 3000
        server.plans = [Plan()]
        got = await pull(server.url, dest, sha256=server.sha256, clock=naps.clock)
    assert (got.resumed, got.fetched) == (3000, len(CONTENT) - 3000)
    assert dest.read_bytes() == CONTENT


async def test_the_checksum_of_a_resumed_file_is_that_of_the_whole(dest: Path, naps: Naps) -> None:
    async with serving(Plan(cut=3000), Plan(status=500)) as server:
        with pytest.raises(RunError):
            await pull(server.url, dest, clock=naps.clock, patience=Patience(tries=1))
        part = part_path(dest)
        part.write_bytes(b"GGUF" + b"x" * 2996)  # what was there is not what came
        server.plans = [Plan()]
        with pytest.raises(UnusableModel, match=r"not the right file.*set aside as .*model.gguf.bad"):
            await pull(server.url, dest, sha256=server.sha256, clock=naps.clock)
        assert leftovers(dest) == ["model.gguf.bad"]
        await pull(server.url, dest, sha256=server.sha256, clock=naps.clock)
    assert leftovers(dest) == ["model.gguf"], "a good download takes the bad one away"


async def test_a_file_that_changed_meanwhile_starts_again(dest: Path, naps: Naps) -> None:
    newer = b"GGUF" + b"newer" * 1000
    async with serving(Plan(cut=3000), Plan()) as server:
        server.plans[1].before = lambda: setattr(server, "content", newer)
        got = await pull(server.url, dest, clock=naps.clock)
    assert dest.read_bytes() == newer
    assert got.sha256 == hashlib.sha256(newer).hexdigest()


async def test_a_changed_file_is_noticed_when_the_server_ignores_if_range(dest: Path, naps: Naps) -> None:
    async with serving(Plan(cut=3000, etag='"one"'), Plan(etag='"one"'), Plan()) as server:
        server.plans[1].headers = {"ETag": '"two"'}
        got = await pull(server.url, dest, clock=naps.clock)
    assert dest.read_bytes() == CONTENT
    assert got.tries == 3


async def test_a_server_without_ranges_is_started_again_and_bounded(dest: Path, naps: Naps) -> None:
    async with serving(Plan(cut=3000), Plan(ranges=False)) as server:
        await pull(server.url, dest, clock=naps.clock)
        assert dest.read_bytes() == CONTENT
        server.plans = [Plan(cut=3000, ranges=False)]
        dest.unlink()
        with pytest.raises(RunError, match="started from nothing 5 times"):
            await pull(server.url, dest, clock=naps.clock, patience=Patience(tries=5, progress=1))


async def test_a_part_from_another_place_of_the_file_is_not_appended(dest: Path, naps: Naps) -> None:
    async with serving(Plan(cut=3000), Plan(offset=5), Plan()) as server:
        await pull(server.url, dest, clock=naps.clock)
    assert dest.read_bytes() == CONTENT


async def test_a_range_that_does_not_exist_starts_again(dest: Path, naps: Naps) -> None:
    async with serving(Plan(cut=3000), Plan(status=416), Plan()) as server:
        await pull(server.url, dest, clock=naps.clock)
    assert dest.read_bytes() == CONTENT
    assert "range" not in server.requests[2][1]


async def test_a_part_that_was_complete_already_is_only_checked_and_moved(dest: Path, naps: Naps) -> None:
    dest.parent.mkdir()
    async with serving() as server:
        part_path(dest).write_bytes(CONTENT)
        state = PartState(url=server.url, total=len(CONTENT), digest=server.sha256)
        part_path(dest).with_name("model.gguf.part.json").write_text(state.model_dump_json())
        got = await pull(server.url, dest, sha256=server.sha256, clock=naps.clock)
    assert (server.requests, got.tries, got.resumed) == ([], 0, len(CONTENT))
    assert leftovers(dest) == ["model.gguf"]


@pytest.mark.parametrize("sidecar", ["", "{", '{"url": 3}', "\x00" * 100])
async def test_a_part_of_which_nothing_is_known_is_not_used(dest: Path, naps: Naps, sidecar: str) -> None:
    dest.parent.mkdir()
    part_path(dest).write_bytes(b"x" * 3000)
    part_path(dest).with_name("model.gguf.part.json").write_text(sidecar)
    async with serving() as server:
        got = await pull(server.url, dest, clock=naps.clock)
    assert (dest.read_bytes(), got.resumed) == (CONTENT, 0)


async def test_a_length_that_is_a_lie_never_gives_a_file(dest: Path, naps: Naps) -> None:
    async with serving(Plan(length=len(CONTENT) + 50)) as server:
        with pytest.raises(RunError):
            await pull(server.url, dest, clock=naps.clock, patience=Patience(tries=3))
        server.plans = [Plan(length=100)]
        with pytest.raises(UnusableModel, match="not the right file"):
            await pull(server.url, dest, sha256=server.sha256, clock=naps.clock)
        with pytest.raises(UnusableModel, match="has 100 bytes, expected 10244"):
            await pull(server.url, dest, size=len(CONTENT), clock=naps.clock)
    assert not dest.exists()


async def test_wrong_bytes_are_set_aside_and_said(dest: Path, naps: Naps) -> None:
    other = CONTENT[:-1] + b"?"
    async with serving(content=other) as server:
        with pytest.raises(UnusableModel, match=f"SHA-256 {server.sha256}, expected {'0' * 64}"):
            await pull(server.url, dest, sha256="0" * 64, clock=naps.clock)
    assert not dest.exists()
    assert bad_path(dest).read_bytes() == other


async def test_what_is_no_gguf_file_is_refused_at_its_first_bytes(dest: Path, naps: Naps) -> None:
    async with serving(Plan(body=b"<!DOCTYPE html><title>Log in</title>")) as server:
        with pytest.raises(UnusableModel, match="did not send a GGUF file: it begins with '<!DOCTYPE html"):
            await pull(server.url, dest, clock=naps.clock)
    assert leftovers(dest) == []


async def test_an_empty_file_is_never_put_in_place(dest: Path, naps: Naps) -> None:
    async with serving(Plan(body=b"")) as server:
        with pytest.raises(RunError, match="empty file"):
            await pull(server.url, dest, clock=naps.clock, patience=Patience(tries=2))
    assert leftovers(dest) == []


async def test_the_hubs_own_checksum_is_used_when_none_is_given(dest: Path, naps: Naps) -> None:
    right = hashlib.sha256(CONTENT).hexdigest()
    async with serving(Plan(location="/elsewhere", linked=f'"{right}"'), Plan()) as server:
        got = await pull(server.url, dest, clock=naps.clock)
        assert got.checked == "hub"
        dest.unlink()
        server.plans = [Plan(location="/elsewhere", linked=f'"{"1" * 64}"'), Plan()]
        with pytest.raises(UnusableModel, match="not the right file"):
            await pull(server.url, dest, clock=naps.clock)
        server.plans = [Plan(location="/elsewhere", linked=f'"{"1" * 64}"'), Plan()]
        with pytest.raises(UnusableModel, match="another file by now"):
            await pull(server.url, dest, sha256=right, clock=naps.clock)
    assert not dest.exists()


async def test_an_entity_tag_is_not_taken_for_a_checksum(dest: Path, naps: Naps) -> None:
    async with serving(Plan(etag=f'"{"2" * 64}"')) as server:
        got = await pull(server.url, dest, clock=naps.clock)
    assert got.checked == "none"


async def test_waits_grow_and_a_server_may_ask_for_more(dest: Path, naps: Naps) -> None:
    plans = [Plan(status=500), Plan(status=429, headers={"Retry-After": "30"}), Plan(status=503), Plan()]
    async with serving(*plans) as server:
        await pull(server.url, dest, clock=naps.clock)
    assert naps.seconds == [1.0, 30.0, 4.0]
    assert dest.read_bytes() == CONTENT


async def test_a_server_that_asks_to_wait_for_hours_is_not_waited_for(dest: Path, naps: Naps) -> None:
    async with serving(Plan(status=429, headers={"Retry-After": "86400"})) as server:
        with pytest.raises(RunError, match="asks to wait 86400 s"):
            await pull(server.url, dest, clock=naps.clock)
    assert naps.seconds == []


@pytest.mark.parametrize(("status", "words"), [(401, "log in"), (403, "licence"), (404, "not there"), (418, "no file")])
async def test_a_refusal_is_said_at_once(dest: Path, naps: Naps, status: int, words: str) -> None:
    async with serving(Plan(status=status)) as server:
        with pytest.raises(UnusableModel, match=words):
            await pull(server.url, dest, clock=naps.clock)
        assert len(server.requests) == 1
    assert leftovers(dest) == []


async def test_a_server_that_hangs_is_given_up(dest: Path, naps: Naps) -> None:
    async with serving(Plan(hang=True)) as server:
        with pytest.raises(RunError, match="silent"):
            await pull(server.url, dest, clock=naps.clock, patience=Patience(tries=2, silence_s=0.2))
        assert len(server.requests) == 2


async def test_a_machine_that_is_offline_is_told_what_to_do(dest: Path, naps: Naps) -> None:
    async with serving() as server:
        url = server.url
    with pytest.raises(RunError, match=f"seems to be offline: 127.0.0.1 cannot be reached.*copy it to {dest}"):
        await pull(url, dest, clock=naps.clock)
    assert len(naps.seconds) == 2, "few tries, so that nobody waits for minutes"
    with pytest.raises(RunError, match=r"the name nowhere.invalid cannot be looked up"):
        await pull("http://nowhere.invalid/model.gguf", dest, clock=naps.clock, patience=Patience(reach_tries=1))


async def test_a_redirect_is_followed_and_the_original_address_is_asked_again_after_a_cut(
    dest: Path, naps: Naps
) -> None:
    async with serving(Plan(location="/one"), Plan(cut=3000), Plan(location="/two"), Plan()) as server:
        await pull(server.url, dest, clock=naps.clock)
    assert [path for path, _ in server.requests] == ["/model.gguf", "/one", "/model.gguf", "/two"]
    assert dest.read_bytes() == CONTENT


async def test_redirects_end(dest: Path, naps: Naps) -> None:
    async with serving(Plan(location="/again")) as server:
        with pytest.raises(UnusableModel, match="redirects more than 10 times"):
            await pull(server.url, dest, clock=naps.clock)


async def test_a_file_larger_than_allowed_is_refused_announced_or_not(dest: Path, naps: Naps) -> None:
    async with serving() as server:
        with pytest.raises(UnusableModel, match="downloads 1000 at most"):
            await pull(server.url, dest, clock=naps.clock, limit=1000)
        server.plans = [Plan(chunked=True)]
        with pytest.raises(UnusableModel, match="downloads 1000 at most"):
            await pull(server.url, dest, clock=naps.clock, limit=1000)
    assert not dest.exists()


async def test_a_disk_without_room_is_noticed_before_the_first_byte(
    dest: Path, naps: Naps, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage._replace(free=1000))
    async with serving() as server:
        with pytest.raises(RunError, match=r"needs 0.00 GB more and .* has 0.00 GB free"):
            await pull(server.url, dest, clock=naps.clock)
    assert leftovers(dest) == []


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_a_disk_that_fills_up_keeps_what_came_and_goes_on_later(dest: Path, naps: Naps) -> None:
    assert signal.getsignal(signal.SIGXFSZ) == signal.SIG_IGN, "Python turns the signal into an error"
    async with serving(content=BIG) as server:
        with file_size_limit(300_000), pytest.raises(RunError, match=os.strerror(errno.EFBIG)) as caught:
            await pull(server.url, dest, sha256=server.sha256, clock=naps.clock)
        assert "give the same command again to go on" in str(caught.value)
        assert part_path(dest).stat().st_size == 300_000
        got = await pull(server.url, dest, sha256=server.sha256, clock=naps.clock)
    assert got.resumed == 300_000
    assert dest.read_bytes() == BIG


async def test_two_downloads_of_one_file_exclude_each_other(dest: Path, naps: Naps) -> None:
    async with serving(Plan(hang=True)) as server:
        first = asyncio.create_task(pull(server.url, dest, clock=naps.clock))
        await server.arrived.wait()
        with pytest.raises(UnusableModel, match="being downloaded already"):
            await pull(server.url, dest, clock=naps.clock)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        server.plans = [Plan()]
        await pull(server.url, dest, clock=naps.clock)
    assert dest.read_bytes() == CONTENT


async def test_a_download_that_is_killed_goes_on_afterwards(dest: Path, naps: Naps) -> None:
    program = (
        "import asyncio, pathlib, sys; from covey.models.download import pull\n"
        "asyncio.run(pull(sys.argv[1], pathlib.Path(sys.argv[2]), observer=lambda f: print(f.done, flush=True)))"
    )
    async with serving(Plan(cut=600_000, length=len(BIG)), Plan(hang=True), content=BIG) as server:
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-c", program, server.url, str(dest), stdout=subprocess.PIPE
        )
        while len(server.requests) < 2:
            server.arrived.clear()
            await asyncio.wait_for(server.arrived.wait(), 60)
        child.kill()
        await child.communicate()
        assert part_path(dest).stat().st_size == 600_000
        server.plans = [Plan()]
        got = await pull(server.url, dest, sha256=server.sha256, clock=naps.clock)
    assert got.resumed == 600_000
    assert dest.read_bytes() == BIG


async def test_a_file_that_is_there_and_right_is_left_alone(dest: Path, naps: Naps) -> None:
    dest.parent.mkdir()
    dest.write_bytes(CONTENT)
    async with serving() as server:
        got = await pull(server.url, dest, sha256=server.sha256.upper(), size=len(CONTENT), clock=naps.clock)
        assert (got.already, got.checked, server.requests) == (True, "given", [])
        with pytest.raises(UnusableModel, match="is there but is another file"):
            await pull(server.url, dest, sha256="0" * 64, clock=naps.clock)
        with pytest.raises(UnusableModel, match="is there but is another file: it has 10244 bytes, expected 5"):
            await pull(server.url, dest, size=5, clock=naps.clock)
    assert dest.read_bytes() == CONTENT


async def test_a_folder_in_the_way_or_one_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "model.gguf").mkdir()
    with pytest.raises(UnusableModel, match="is a folder"):
        await pull("http://127.0.0.1:9/model.gguf", tmp_path / "model.gguf")
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot be written"):
        await pull("http://127.0.0.1:9/model.gguf", tmp_path / "file" / "model.gguf")


async def test_a_proxy_from_the_environment_is_used_for_other_hosts_only(
    dest: Path, naps: Naps, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving() as server:
        for name in ("HTTP_PROXY", "http_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{server.port}")
        for name in ("NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.delenv(name, raising=False)
        await pull("http://hub.invalid/model.gguf", dest, clock=naps.clock)
        assert server.requests[0][0] == "http://hub.invalid/model.gguf"
        dest.unlink()
        await pull(server.url, dest, clock=naps.clock)
        assert server.requests[1][0] == "/model.gguf"


def test_a_part_that_is_put_in_place_before_it_is_locked_is_not_written_to(
    dest: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dest.parent.mkdir()
    part_path(dest).write_bytes(b"GGUF")
    locked, real = [0], fcntl.flock

    def flock(handle: Any, operation: int) -> None:
        if not locked[0]:
            part_path(dest).replace(dest)  # another download has just finished
        locked[0] += 1
        real(handle, operation)

    monkeypatch.setattr(fcntl, "flock", flock)
    with open_part(dest) as part:
        part.write(b"other")
    assert locked[0] == 2
    assert dest.read_bytes() == b"GGUF"
    assert part_path(dest).read_bytes() == b"other"


async def test_a_proxy_that_refuses_is_not_taken_for_the_hub(
    dest: Path, naps: Naps, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(Plan(status=403)) as server:
        for name in ("HTTPS_PROXY", "https_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{server.port}")
        with pytest.raises(RunError, match=r"hub\.invalid cannot be reached"):
            await pull("https://hub.invalid/model.gguf", dest, clock=naps.clock, patience=Patience(reach_tries=1))
