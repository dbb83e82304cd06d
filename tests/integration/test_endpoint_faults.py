"""Everything that an endpoint can do wrong ends in a typed error that says what to do, soon, and never in a hang."""

from __future__ import annotations

import asyncio
import shutil
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from covey.core.errors import ContextOverflow, CoveyError, EngineError, UnusableModel
from covey.core.model import Completion, Sampling
from covey.core.protocols import ModelBackend
from covey.models.backends.openai_compatible import TRIES, OpenAICompatibleBackend
from covey.models.backends.openai_responses import OpenAIResponsesBackend
from covey.models.httperrors import HttpLimits
from covey.testing.endpoint import FOREVER, Endpoint, Reply
from support_models import CARD, CARD_TEXT, HELLO, user

HASTY = HttpLimits(first_s=0.5, silence_s=0.5, loading_s=0.3, rate_s=1.0)
"""Where the fault is silence, so that the test need not wait; never used where an answer is expected."""


class Waits:
    """Waits for nothing and remembers for how long it would have."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


@asynccontextmanager
async def talking(endpoint: Endpoint, url: str = "", **options: Any) -> AsyncIterator[OpenAICompatibleBackend]:
    async with AsyncExitStack() as stack:
        stack.enter_context(endpoint)
        backend = OpenAICompatibleBackend(url or endpoint.url, **({"sleep": Waits()} | options))
        stack.push_async_callback(backend.aclose)
        yield backend


async def ask(backend: ModelBackend, **options: Any) -> Completion:
    async with asyncio.timeout(60):
        return await backend.complete(HELLO, None, Sampling(**options))


async def test_the_control_a_healthy_endpoint_answers() -> None:
    async with talking(Endpoint(["fine"])) as backend:
        assert (await ask(backend)).text == "fine"


@pytest.mark.parametrize(
    "url", ["127.0.0.1:80", "ftp://x/v1", "http://", "", "http://user:secret@h/v1", "http://h:99999"]
)
def test_a_wrong_address_is_refused_at_once(url: str) -> None:
    with pytest.raises(UnusableModel) as caught:
        OpenAICompatibleBackend(url)
    assert "secret" not in str(caught.value)


async def test_nothing_listens_at_the_address() -> None:
    with socket.socket() as taken:  # bound, so that nobody else listens there
        taken.bind(("127.0.0.1", 0))
        backend = OpenAICompatibleBackend(f"http://127.0.0.1:{taken.getsockname()[1]}/v1")
        with pytest.raises(UnusableModel, match="Nothing answers"):
            await ask(backend)
        await backend.aclose()


async def test_the_address_is_of_another_kind_of_server() -> None:
    async with talking(Endpoint(routes={"/v1/models": "<html>"})) as backend:
        with pytest.raises(EngineError, match="does not list models"):
            await ask(backend)
    endpoint = Endpoint()
    async with talking(endpoint):
        backend = OpenAICompatibleBackend(endpoint.url.replace("/v1", "/v2"))
        with pytest.raises(UnusableModel, match="usually ends with /v1"):
            await ask(backend)
        await backend.aclose()


async def test_a_wrong_key_is_said_to_be_one() -> None:
    async with talking(Endpoint(key="right"), key="wrong") as backend:
        with pytest.raises(UnusableModel, match="does not accept the key"):
            await ask(backend)


async def test_tls_is_not_spoken_there() -> None:
    endpoint = Endpoint()
    async with talking(endpoint):
        backend = OpenAICompatibleBackend(endpoint.url.replace("http:", "https:"))
        with pytest.raises(UnusableModel, match="TLS"):
            await ask(backend)
        await backend.aclose()


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """Files of a certificate for 127.0.0.1 that nobody has signed, and of its key."""
    if shutil.which("openssl") is None:
        pytest.skip("the program openssl is needed to make a certificate")
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    kind = "-x509 -nodes -days 2 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -subj /CN=127.0.0.1"
    command = ["openssl", "req", *kind.split(), "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*command, "-keyout", str(key), "-out", str(cert)], check=True, capture_output=True)
    return cert, key


async def test_an_untrusted_certificate_is_refused_and_a_given_one_trusted(certificate: tuple[Path, Path]) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificate)
    endpoint = Endpoint(["fine"], tls=context)
    async with talking(endpoint) as untrusting:
        with pytest.raises(UnusableModel, match="certificate"):
            await ask(untrusting)
        trusting = OpenAICompatibleBackend(endpoint.url, verify=str(certificate[0]))
        assert (await ask(trusting)).text == "fine"
        await trusting.aclose()


@pytest.mark.parametrize(
    "reply",
    [Reply(first_s=FOREVER), Reply("x" * 100, pause_s=FOREVER)],
    ids=["never begins", "stops in the middle"],
)
async def test_an_endpoint_that_hangs_is_left_after_the_time_limit(reply: Reply) -> None:
    endpoint = Endpoint(lambda _request: reply)
    async with talking(endpoint, limits=HASTY) as backend:
        with pytest.raises(EngineError, match="hangs"):
            await ask(backend)
        assert len(endpoint.asked()) == 1  # whoever hangs once is not asked again
        assert await asyncio.to_thread(endpoint.requests[-1].hung_up.wait, 60)


GARBAGE = {
    "nothing": b"",
    "not events": b"<html>welcome</html>",
    "not JSON": b"data: {never\n\n",
    "truncated JSON": b'data: {"choices": [{"index": 0, "delta": {"content": "he',
    "not an object": b"data: 5\n\n",
    "not a completion": b'data: {"object": "list"}\n\n',
    "not UTF-8": b'data: {"a": "\xff\xfe"}\n\n',
    "only the end": b"data: [DONE]\n\n",
    "no end": b'data: {"choices": [{"index": 0, "delta": {"content": "hi"}}]}\n\n',
    "an error": b'data: {"error": {"message": "out of luck", "code": 500}}\n\n',
    "deep": b"data: " + b"[" * 200_000 + b"\n\n",
    "text of another type": b'data: {"choices": [{"index": 0, "delta": {"content": ["hi"]}}]}\n\n',
}


@pytest.mark.parametrize("name", GARBAGE)
async def test_garbage_is_an_engine_error_after_few_tries(name: str) -> None:
    endpoint = Endpoint(lambda _request: Reply(raw=GARBAGE[name]))
    async with talking(endpoint) as backend:
        with pytest.raises(EngineError):
            await ask(backend)
        assert len(endpoint.asked()) == TRIES


@pytest.mark.parametrize("clean", [False, True], ids=["broken", "ended early"])
async def test_a_stream_cut_at_any_chunk_never_gives_a_partial_answer(*, clean: bool) -> None:
    whole = "abcdefgh" * 4
    for cut in range(6):
        endpoint = Endpoint([Reply(whole, chunk=8, cut=cut, clean=clean), Reply(whole, chunk=8)])
        async with talking(endpoint) as backend:
            assert (await ask(backend)).text == whole
            assert len(endpoint.asked()) == 2
    endpoint = Endpoint(lambda _request: Reply(whole, chunk=8, cut=3, clean=clean))
    async with talking(endpoint) as backend:
        with pytest.raises(EngineError):
            await ask(backend)


async def test_an_answer_that_is_whole_is_kept_when_the_connection_breaks_behind_it() -> None:
    for cut in (3, 4):  # role, text and finish have come, then usage; [DONE] has not
        endpoint = Endpoint([Reply("whole", cut=cut)])
        async with talking(endpoint) as backend:
            assert (await ask(backend)).text == "whole"
            assert len(endpoint.asked()) == 1


async def test_a_failure_under_a_schema_degrades_to_a_schema_in_words() -> None:
    endpoint = Endpoint([CARD_TEXT], schema="broken")
    async with talking(endpoint) as backend:
        assert (await backend.capabilities()).schema_support == "none"
        completion = await backend.complete(HELLO, CARD, Sampling())
        assert completion.text == CARD_TEXT
        assert '"colour"' in endpoint.asked()[-1].prompt


async def test_failing_again_and_again_ends_after_few_tries() -> None:
    waits = Waits()
    endpoint = Endpoint(lambda _request: Reply(status=502, message="bad gateway"))
    async with talking(endpoint, sleep=waits) as backend:
        with pytest.raises(EngineError, match="502"):
            await ask(backend)
        assert len(endpoint.asked()) == TRIES
        assert waits.seconds == sorted(waits.seconds)


async def test_an_empty_answer_is_an_empty_text_and_no_error() -> None:
    async with talking(Endpoint([Reply("")])) as backend:
        completion = await ask(backend)
        assert (completion.text, completion.finish) == ("", "stop")


async def test_an_endless_answer_is_cut_off_and_said_to_be() -> None:
    endpoint = Endpoint([Reply("on and on ", endless=True)])
    async with talking(endpoint) as backend:
        completion = await ask(backend, max_tokens=20)
        assert completion.finish == "length"
        assert completion.usage.generated <= 20
        assert len(completion.text) < 10_000
        assert await asyncio.to_thread(endpoint.requests[-1].hung_up.wait, 60)


async def test_a_server_that_loads_is_waited_for() -> None:
    waits = Waits()
    async with talking(Endpoint(["fine"], loading=3), sleep=waits) as backend:
        assert (await ask(backend)).text == "fine"
        assert len(waits.seconds) == 3


async def test_a_server_that_loads_for_ever_is_given_up() -> None:
    async with talking(Endpoint(loading=10_000), limits=HASTY) as backend:
        with pytest.raises(EngineError, match="still loads"):
            await ask(backend)


async def test_a_rate_limit_is_waited_for_as_long_as_the_server_says() -> None:
    waits = Waits()
    limited = Reply(status=429, message="slow down", headers={"retry-after": "7"})
    async with talking(Endpoint([limited, "fine"]), sleep=waits) as backend:
        assert (await ask(backend)).text == "fine"
        assert waits.seconds == [7.0]
    endpoint = Endpoint([Reply(status=429, message="later", headers={"retry-after": "86400"})])
    async with talking(endpoint, sleep=waits) as backend:
        with pytest.raises(EngineError, match="rate"):
            await ask(backend)


async def test_a_prompt_beyond_the_window_is_told_with_the_servers_numbers() -> None:
    async with talking(Endpoint(context=300)) as backend:
        with pytest.raises(ContextOverflow) as caught:
            await backend.complete(user("0a" * 1000), None, Sampling())
        assert (caught.value.tokens, caught.value.context) == (500, 300)


@pytest.mark.parametrize("name", ["gpt5-mini", "GPT-5-mini", "gpt-5-mini-2"])
async def test_an_unknown_model_gets_the_nearest_names(name: str) -> None:
    async with talking(Endpoint(models=["gpt-5-mini", "other"]), model=name) as backend:
        with pytest.raises(UnusableModel, match="nearest names are: gpt-5-mini"):
            await ask(backend)


async def test_a_model_that_vanishes_later_is_the_users_to_know() -> None:
    endpoint = Endpoint([Reply(status=404, message="model 'stub' was removed")])
    async with talking(endpoint) as backend:
        with pytest.raises(UnusableModel, match="was removed"):
            await ask(backend)
        assert len(endpoint.asked()) == 1


RESPONSES: dict[str, tuple[Callable[[], Endpoint], type[CoveyError]]] = {
    "wrong key": (lambda: Endpoint(key="right"), UnusableModel),
    "unknown model": (lambda: Endpoint(models=["other"]), UnusableModel),
    "garbage": (lambda: Endpoint([Reply(raw=b"<html>")]), EngineError),
    "another shape": (lambda: Endpoint([Reply(raw=b'{"id": 1}')]), EngineError),
    "refused": (lambda: Endpoint([Reply(status=400, message="no")]), EngineError),
    "hangs": (lambda: Endpoint(lambda _request: Reply(first_s=FOREVER)), EngineError),
    "filtered": (lambda: Endpoint([Reply(finish="content_filter")]), EngineError),
    "overflow": (lambda: Endpoint(context=2), ContextOverflow),
}


@pytest.mark.parametrize("name", RESPONSES)
async def test_the_responses_api_fails_typed_too(name: str) -> None:
    make, error = RESPONSES[name]
    with make() as endpoint:
        limits = HASTY.model_copy(update={"overall_s": 1.0}) if name == "hangs" else None
        backend = OpenAIResponsesBackend(endpoint.url, model="stub", limits=limits)
        with pytest.raises(error):
            await ask(backend)
        await backend.aclose()
