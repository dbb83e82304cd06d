from __future__ import annotations

import asyncio
import json
import socket
from contextlib import aclosing
from typing import Any

import pytest

from covey.core.errors import ContextOverflow, EngineError, UnusableModel
from covey.models.http import HttpClient
from covey.models.httperrors import HttpFailure, HttpLimits, NotFound, Unreachable, clip, context_overflow, well_formed
from support_engine import Exchange, Handler, serving

KEY = "covey-test-key-4711"
QUICK = HttpLimits(loading_s=2, rate_s=5)
IMPATIENT = HttpLimits(first_s=0.3, silence_s=0.3)


async def _slept(seconds: float) -> None:
    await asyncio.sleep(0)


async def _asked(handler: Handler, limits: HttpLimits | None = None) -> Any:
    async with serving(handler) as server:
        client = HttpClient(server.url, KEY, limits=limits, sleep=_slept)
        try:
            return await client.post_json("/x", {"a": 1})
        finally:
            await client.aclose()


async def _streamed(handler: Handler, limits: HttpLimits | None = None) -> list[Any]:
    async with serving(handler) as server:
        client = HttpClient(server.url, KEY, limits=limits, sleep=_slept)
        try:
            async with aclosing(client.stream("/x", {})) as events:
                return [event async for event in events]
        finally:
            await client.aclose()


def _answering(status: int, body: Any, headers: str = "") -> Handler:
    async def handler(exchange: Exchange) -> None:
        await exchange.answer(status, body, headers)

    return handler


def _streaming(*parts: bytes) -> Handler:
    async def handler(exchange: Exchange) -> None:
        await exchange.begin_stream()
        for part in parts:
            await exchange.send(part)

    return handler


async def test_json_goes_out_with_the_key_and_comes_back() -> None:
    async def echo(exchange: Exchange) -> None:
        await exchange.answer(200, {"key": exchange.headers["authorization"], "body": json.loads(exchange.body)})

    assert await _asked(echo) == {"key": f"Bearer {KEY}", "body": {"a": 1}}


async def test_a_stream_yields_its_events_until_done() -> None:
    parts = (
        b': ping\n\ndata: {"n"',
        b': 1}\r\n\r\nevent: x\nid: 7\ndata: {\ndata: "n": 2}\n\n',
        b"data: [DONE]\n\ndata: {}\n\n",
    )
    assert await _streamed(_streaming(*parts)) == [{"n": 1}, {"n": 2}]


async def test_an_event_cut_through_a_character_is_put_together() -> None:
    raw = 'data: {"t": "é€😀"}\n\n'.encode()
    assert await _streamed(_streaming(*(raw[i : i + 1] for i in range(len(raw))))) == [{"t": "é€😀"}]


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (400, {"error": {"message": "bad field"}}, HttpFailure),
        (401, {"error": {"message": "Invalid API Key"}}, UnusableModel),
        (403, {}, UnusableModel),
        (404, {"error": {"message": "model 'x' not found"}}, NotFound),
        (307, {}, UnusableModel),
        (413, {}, ContextOverflow),
        (429, {"error": {"code": "insufficient_quota"}}, UnusableModel),
        (500, {"error": {"message": "boom"}}, HttpFailure),
        (502, b"<html>", HttpFailure),
        (200, b"<html>login</html>", EngineError),
        (200, b"[" * 100_000, EngineError),
    ],
)
async def test_each_refusal_has_its_name(status: int, body: Any, error: type[Exception]) -> None:
    with pytest.raises(error) as caught:
        await _asked(_answering(status, body))
    assert type(caught.value) is error
    assert str(caught.value)[-1] in ".?"


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        (
            '{"error":{"code":400,"message":"request exceeds the available context size",'  # noqa: ISC004 - one text
            '"type":"exceed_context_size_error","n_prompt_tokens":600,"n_ctx":512}}',
            (600, 512),
        ),
        (
            "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens",
            (5000, 4096),
        ),
        ('{"error":{"code":"context_length_exceeded","message":"too long"}}', (0, 0)),
        ("the input length exceeds the context length", (0, 0)),
    ],
)
async def test_overflow_of_the_window_is_recognised_whatever_its_words(text: str, counts: tuple[int, int]) -> None:
    assert context_overflow(400, text) == counts
    with pytest.raises(ContextOverflow) as caught:
        await _asked(_answering(400, text.encode()))
    assert (caught.value.tokens, caught.value.context) == counts


def test_other_refusals_are_no_overflow() -> None:
    assert context_overflow(400, "unknown field response_format in this context") is None
    assert context_overflow(401, "context_length_exceeded") is None


async def test_a_server_that_loads_is_waited_for() -> None:
    answers = iter([503, 503, 503, 200])

    async def loading(exchange: Exchange) -> None:
        await exchange.answer(next(answers), {"ok": True})

    assert await _asked(loading) == {"ok": True}


async def test_a_server_that_loads_for_ever_is_given_up() -> None:
    with pytest.raises(HttpFailure, match="still loads") as caught:
        await _asked(_answering(503, {"error": {"message": "Loading model"}}), QUICK)
    assert caught.value.status == 503


async def test_retry_after_is_kept_and_bounded() -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    async with serving(_answering(429, {}, "retry-after: 2\r\n")) as server:
        client = HttpClient(server.url, limits=QUICK, sleep=sleep)
        with pytest.raises(HttpFailure, match="limits the rate"):
            await client.get_json("/x")
        await client.aclose()
    assert waits == [2.0, 2.0]


async def test_a_date_in_retry_after_that_has_passed_means_the_usual_wait() -> None:
    answers = iter([(429, "retry-after: Wed, 21 Oct 2015 07:28:00 GMT\r\n"), (429, "retry-after: soon\r\n"), (200, "")])

    async def limited(exchange: Exchange) -> None:
        status, headers = next(answers)
        await exchange.answer(status, {}, headers)

    assert await _asked(limited) == {}


async def test_silence_before_the_answer_ends_in_an_error() -> None:
    async def hang(exchange: Exchange) -> None:
        await asyncio.Event().wait()

    with pytest.raises(EngineError, match="was silent"):
        await _asked(hang, IMPATIENT)


async def test_comments_do_not_count_as_signs_of_life() -> None:
    async def only_pings(exchange: Exchange) -> None:
        await exchange.begin_stream()
        await exchange.event({"n": 1})
        await exchange.gone()

    with pytest.raises(EngineError, match="was silent"):
        await _streamed(only_pings, IMPATIENT)


async def test_an_endless_line_and_an_endless_answer_are_cut_off() -> None:
    async def flood(exchange: Exchange, chunk: bytes) -> None:
        await exchange.begin_stream()
        while True:
            await exchange.send(chunk)

    small = HttpLimits(line_bytes=10_000, total_bytes=100_000)
    with pytest.raises(EngineError, match="a line above"):
        await _streamed(lambda exchange: flood(exchange, b"data: " + b"x" * 1000), small)
    with pytest.raises(EngineError, match="sent more than"):
        await _streamed(lambda exchange: flood(exchange, b"data: {}\n\n" * 100), small)
    with pytest.raises(EngineError, match="sent more than"):
        await _asked(_answering(200, b"1" * 200_000), small)


@pytest.mark.parametrize(
    ("part", "words"),
    [
        (b"data: \xff\xfe\n\n", "not UTF-8"),
        (b"data: {oops\n\n", "not JSON"),
        (b"data: 17\n\n", "other than JSON objects"),
        (b'data: {"error": {"code": 500, "message": "slot failed"}}\n\n', "slot failed"),
        (b'error: {"code": 500, "message": "old style"}\n\n', "old style"),
    ],
)
async def test_garbage_in_a_stream_is_an_error_of_the_engine(part: bytes, words: str) -> None:
    with pytest.raises(EngineError, match=words):
        await _streamed(_streaming(b'data: {"n": 1}\n\n', part))


async def test_an_answer_shorter_than_its_length_is_an_error() -> None:
    async def cut(exchange: Exchange) -> None:
        await exchange.send(b'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"a": ')

    with pytest.raises(EngineError, match="closed the connection"):
        await _asked(cut)


async def test_something_that_does_not_speak_http_is_named_so() -> None:
    async def ssh(exchange: Exchange) -> None:
        await exchange.send(b"SSH-2.0-OpenSSH_9.2\r\n")

    with pytest.raises(EngineError, match="did not speak HTTP"):
        await _asked(ssh)


async def test_a_closed_port_and_an_unknown_host_are_unreachable() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        for url in (f"http://127.0.0.1:{taken.getsockname()[1]}", "http://no-such-host.invalid"):
            client = HttpClient(url)
            with pytest.raises(Unreachable, match="Check"):
                await client.get_json("/health")
            await client.aclose()


async def test_tls_against_a_plain_server_says_so() -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    listener = await asyncio.start_server(plain, "127.0.0.1", 0)
    async with listener:
        client = HttpClient(f"https://127.0.0.1:{listener.sockets[0].getsockname()[1]}")
        with pytest.raises(Unreachable, match="TLS"):
            await client.get_json("/x")
        await client.aclose()


@pytest.mark.parametrize(
    "url",
    ["", "127.0.0.1:8080", "ftp://host", "http://", "http://u:p@host", "http://h/?k=1", "http://h:x", "http://h\x01/"],
)
def test_addresses_that_cannot_be_used_are_refused(url: str) -> None:
    with pytest.raises(UnusableModel) as caught:
        HttpClient(url)
    assert "u:p" not in str(caught.value)


def test_a_key_that_no_header_can_carry_is_refused_without_being_shown() -> None:
    with pytest.raises(UnusableModel) as caught:
        HttpClient("http://127.0.0.1:1", "geheim\nx: y")
    assert "geheim" not in str(caught.value)


def test_certificates_that_cannot_be_read_are_refused() -> None:
    with pytest.raises(UnusableModel, match="PEM"):
        HttpClient("https://127.0.0.1:1", verify="/nowhere/ca.pem")


@pytest.mark.parametrize("status", [401, 404, 400, 500, 200])
async def test_the_key_is_in_no_message_even_if_the_server_repeats_it(status: int) -> None:
    with pytest.raises((EngineError, UnusableModel)) as caught:
        await _asked(_answering(status, f"no such key: {KEY} \x1b[31m".encode()))
    shown = f"{caught.value} {caught.value.detail} {caught.value!r}"
    assert KEY not in shown
    assert "\x1b" not in shown


def test_words_of_servers_are_clipped() -> None:
    assert len(clip("x" * 10_000)) < 600


def test_text_is_made_well_formed() -> None:
    assert well_formed("a\ud800b\0c\U0001f600") == "a\ufffdb\ufffdc\U0001f600"
