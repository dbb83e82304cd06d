"""A model server of the OpenAI kind on loopback that says what it is told to say, faults included.

Without a script it answers everything: a schema with its smallest valid value, all else with ``ok``. Ordered answers
are used up one by one, each request is kept, and requests that only probe (:mod:`covey.models.probe`) are answered
from ``schema`` without using one up::

    with Endpoint(["first", Reply("second", cut=1)]) as server:
        ...  # talk to server.url
    assert server.requests[0].body["max_tokens"] == 64

It serves ``/v1/models``, ``/v1/chat/completions`` (streamed or whole), ``/v1/responses`` (whole) and, with ``llama``,
the extras of llama-server. Everything is plain HTTP/1.1, one connection a request, in threads of this process.
"""

from __future__ import annotations

import json
import math
import select
import socket
import ssl
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Literal, Self

from covey.testing import endpointbodies as bodies

FOREVER = math.inf
"""A delay that ends only when the client hangs up or the endpoint closes."""


@dataclass(frozen=True)
class Reply:
    """One answer, or one fault.

    ``status`` other than 200 or a ``raw`` body replaces the answer. Delays are in seconds: ``first_s`` before the head,
    ``pause_s`` before every chunk but the first. ``cut``: so many chunks are sent, then the connection breaks; with
    ``clean`` the stream ends properly there, only too early. ``endless`` repeats the text until the client hangs up.
    ``prompt_tokens`` and ``usage`` say what is claimed about tokens. ``tool_calls`` are (name, JSON arguments).
    ``output`` are items that a Responses answer holds before its message, ``annotations`` those of its message.
    """

    text: str = "ok"
    reasoning: str = ""
    finish: str = "stop"
    tool_calls: tuple[tuple[str, str], ...] = ()
    usage: bool = True
    prompt_tokens: int | None = None
    cached_tokens: int | None = None
    status: int = 200
    message: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    first_s: float = 0.0
    pause_s: float = 0.0
    cut: int | None = None
    clean: bool = False
    endless: bool = False
    chunk: int = 16
    output: tuple[Mapping[str, Any], ...] = ()
    annotations: tuple[Mapping[str, Any], ...] = ()


@dataclass
class Request:
    """What a client asked. ``hung_up`` is set once it was seen to break the connection before its answer was whole."""

    method: str
    path: str
    headers: dict[str, str]
    data: bytes
    hung_up: threading.Event = field(default_factory=threading.Event)

    @property
    def body(self) -> dict[str, Any]:
        """The JSON object sent; empty when it was none."""
        try:
            parsed = json.loads(self.data)
        except ValueError:
            return {}
        return parsed if isinstance(parsed, dict) else {}

    @property
    def schema(self) -> dict[str, Any] | None:
        """The JSON schema that the answer should fit, if any."""
        return bodies.schema_of(self.body)

    @property
    def prompt(self) -> str:
        """All contents of the prompt, joined by line ends."""
        return bodies.prompt_of(self.body)


Answer = Reply | str
Script = Sequence[Answer] | Callable[[Request], Answer]


class Endpoint:
    """The server; a context manager. ``url`` is its base URL, ending in ``/v1``.

    ``models``: names, or whole entries of the listing. ``key``: asked of every request. ``schema``: how a schema is
    met when the answer is not scripted (held, only as some JSON object, ignored, refused with 400, or answered with
    500). ``context``: tokens of the window; a longer prompt is refused, or silently cut where ``truncates``.
    ``loading``: so many requests are answered with 503 first. ``refuses``: request fields that are unknown here.
    ``speed``: tokens a second of every answer. ``routes``: further paths with their JSON. ``tokens`` counts a text.
    ``tls``: serve HTTPS with this context.
    """

    def __init__(
        self,
        answers: Script = (),
        *,
        models: Sequence[str | Mapping[str, Any]] = ("stub",),
        key: str = "",
        schema: Literal["held", "object", "ignored", "refused", "broken"] = "held",
        context: int | None = None,
        truncates: bool = False,
        loading: int = 0,
        refuses: Sequence[str] = (),
        llama: bool = False,
        speed: float | None = None,
        routes: Mapping[str, Any] | None = None,
        tokens: Callable[[str], int] = lambda text: -(-len(text.encode("utf-8", "replace")) // 4),
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.requests: list[Request] = []
        self.models = [{"id": name, "object": "model"} if isinstance(name, str) else dict(name) for name in models]
        self.key, self.schema, self.context, self.truncates = key, schema, context, truncates
        self.refuses, self.llama, self.speed, self.tokens = tuple(refuses), llama, speed, tokens
        self.routes = dict(routes or {})
        self.loading = loading
        self._script = answers if callable(answers) else list(answers)
        self._scripted = callable(answers) or bool(answers)
        self._lock = threading.Lock()
        self._tls = tls
        self.stopping, self._stopper = socket.socketpair()

    def __enter__(self) -> Self:
        self._server = _Server(("127.0.0.1", 0), partial(_Handler, self))
        if self._tls:
            self._server.socket = self._tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), name="endpoint")
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopper.close()  # ends every delay
        self._server.shutdown()
        self._thread.join()
        self._server.break_connections()
        self._server.server_close()
        self.stopping.close()

    @property
    def port(self) -> int:
        """The port on 127.0.0.1."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """Base URL for clients."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}/v1"

    def asked(self, path: str = "/chat/completions", *, probes: bool = False) -> list[Request]:
        """Requests to paths that end in ``path``, in order; those that only probe are left out."""
        return [r for r in self.requests if r.path.endswith(path) and (probes or not bodies.is_probe(r.body))]

    def take_loading(self) -> bool:
        """True while the server should still say that it is loading."""
        with self._lock:
            self.loading -= 1
            return self.loading >= 0

    def reply(self, request: Request) -> Reply:
        """Return what to answer to a request for a completion."""
        if bodies.is_probe(request.body) or not self._scripted:
            return self._unscripted(request)
        with self._lock:
            if callable(self._script):
                answer = self._script(request)
            elif self._script:
                answer = self._script.pop(0)
            else:
                answer = Reply(status=418, message="The script of this endpoint has no more answers.")
        return Reply(answer) if isinstance(answer, str) else answer

    def _unscripted(self, request: Request) -> Reply:
        kind = bodies.format_of(request.body)
        if kind == "json_schema" and self.schema == "held":
            return Reply(json.dumps(bodies.smallest(request.schema or {})))
        if kind == "json_object" and self.schema in ("held", "object"):
            return Reply('{"language":"none"}')
        if kind and self.schema == "refused":
            return Reply(status=400, message="response_format is not supported")
        if kind and self.schema == "broken":
            return Reply(status=500, message="internal error while building the grammar")
        return Reply()


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    block_on_close = True
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], handler: Callable[..., BaseHTTPRequestHandler]) -> None:
        super().__init__(address, handler)
        self._open: set[socket.socket] = set()

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as the base class has it
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:  # noqa: ANN401
        self._open.discard(request)
        super().shutdown_request(request)

    def break_connections(self) -> None:
        """End handlers that wait for a client to say something."""
        for connection in tuple(self._open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:  # it is closed already
                continue

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401
        """A client that went away is what many tests are about."""


class _HungUpError(Exception):
    """The client is gone, or the endpoint closes."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, endpoint: Endpoint, *rest: Any) -> None:  # noqa: ANN401
        self.endpoint = endpoint
        super().__init__(*rest)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002, ANN401
        """Keep quiet."""

    def do_GET(self) -> None:
        self._serve("GET")

    def do_POST(self) -> None:
        self._serve("POST")

    def _serve(self, method: str) -> None:
        data = self.rfile.read(int(self.headers.get("content-length") or 0))
        request = Request(method, self.path, {k.lower(): v for k, v in self.headers.items()}, data)
        self.endpoint.requests.append(request)
        self.close_connection = True
        try:
            self._answer(request)
        except (_HungUpError, OSError):
            request.hung_up.set()

    def _answer(self, request: Request) -> None:
        ours = self.endpoint
        path = request.path.split("?", 1)[0]
        if ours.key and request.headers.get("authorization") != f"Bearer {ours.key}":
            return self._error(401, "Invalid key.", "invalid_api_key")
        if ours.take_loading():
            return self._error(503, "Loading model", "unavailable_error")
        if path in ours.routes:
            return self._json(200, ours.routes[path])
        if path == "/v1/models":
            return self._json(200, {"object": "list", "data": ours.models})
        if ours.llama and (extra := bodies.llama_extra(path, request.body, ours.models[0], ours.context, ours.tokens)):
            return self._json(200, extra)
        paths = ("/v1/chat/completions", "/v1/responses", *(("/completion",) if ours.llama else ()))
        if path in paths and request.method == "POST":
            return self._complete(request, path)
        return self._error(404, f"There is no {path} here.", "not_found")

    def _complete(self, request: Request, path: str) -> None:
        ours = self.endpoint
        if unknown := [name for name in ours.refuses if name in request.body]:
            return self._error(400, f"Unrecognized request argument supplied: {unknown[0]}", "invalid_request_error")
        named = path != "/completion"
        if named and request.body.get("model") not in [entry["id"] for entry in ours.models]:
            return self._error(404, f"The model {request.body.get('model')!r} does not exist.", "model_not_found")
        prompt = max(1, ours.tokens(request.prompt))
        if ours.context and prompt >= ours.context:
            if not ours.truncates:
                return self._json(400, bodies.overflow(prompt, ours.context))
            prompt = ours.context
        reply = ours.reply(request)
        self._wait(reply.first_s, request)
        if reply.status != 200:
            return self._error(reply.status, reply.message or "scripted", "scripted", reply.headers, reply.raw)
        if reply.raw is not None:
            return self._head(200, reply.headers, reply.raw, "text/event-stream")
        tokens = bodies.Tokens(
            reply.prompt_tokens or prompt, ours.tokens(reply.text + reply.reasoning), reply.cached_tokens
        )
        if path == "/v1/responses":
            return self._json(200, bodies.response(request.body, reply, tokens))
        if not request.body.get("stream"):
            return self._json(200, bodies.completion(request.body, reply, tokens))
        return self._stream(request, reply, tokens)

    def _stream(self, request: Request, reply: Reply, tokens: bodies.Tokens) -> None:
        self.send_response(200)
        for name, value in {
            "content-type": "text/event-stream",
            "transfer-encoding": "chunked",
            **reply.headers,
        }.items():
            self.send_header(name, value)
        self.end_headers()
        speed = self.endpoint.speed
        chunk = 4 if speed else reply.chunk
        pause = 1 / speed if speed else reply.pause_s
        chat = request.path.endswith("/chat/completions")
        events = (
            bodies.events(request.body, reply, tokens, chunk)
            if chat
            else bodies.completion_events(reply, tokens, chunk)
        )
        for number, event in enumerate(events):
            if number == reply.cut:
                if not reply.clean:
                    raise _HungUpError
                break
            if number:
                self._wait(pause, request)
            data = f"data: {event}\n\n".encode()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")

    def _wait(self, seconds: float, request: Request) -> None:
        """Let ``seconds`` pass; notice at once when the client hangs up or the endpoint closes."""
        watched = [self.connection, self.endpoint.stopping]
        ready, _, _ = select.select(watched, [], [], None if seconds == FOREVER else seconds)
        if ready:
            request.hung_up.set()
            raise _HungUpError

    def _error(
        self, status: int, message: str, code: str, headers: Mapping[str, str] | None = None, raw: bytes | None = None
    ) -> None:
        body = {"error": {"message": message, "type": code, "code": code}}
        self._head(status, headers or {}, json.dumps(body).encode() if raw is None else raw, "application/json")

    def _json(self, status: int, body: Any) -> None:  # noqa: ANN401 - any JSON
        self._head(status, {}, json.dumps(body).encode(), "application/json")

    def _head(self, status: int, headers: Mapping[str, str], data: bytes, kind: str) -> None:
        self.send_response(status)
        for name, value in {"content-type": kind, "content-length": str(len(data)), **headers}.items():
            self.send_header(name, value)
        self.send_header("connection", "close")
        self.end_headers()
        self.wfile.write(data)
