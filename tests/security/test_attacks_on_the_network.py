"""Attacks over the network and over local sockets, each against a live listener of the host."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from covey.core.protocols import Sandbox
from support_sandbox import CONTAINING, attack, holds, make, python, succeeds_unsandboxed, text

_CONNECT = attack("s = socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=3)\ns.sendall(b'out')")


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scratch")


@pytest.fixture(params=CONTAINING)
async def sandbox(request: pytest.FixtureRequest, scratch: Path) -> Sandbox:
    return await make(request.param, scratch)


def _listener(family: socket.AddressFamily, kind: socket.SocketKind, address: object) -> socket.socket:
    try:
        listener = socket.socket(family, kind)
        listener.bind(address)  # type: ignore[arg-type]
    except OSError as error:
        pytest.skip(f"this machine cannot listen there: {error}")
    if kind == socket.SOCK_STREAM:
        listener.listen()
    listener.setblocking(False)
    return listener


def _drain(listener: socket.socket) -> int:
    """Take what has arrived, and say how much it was."""
    arrived = 0
    while True:
        try:
            if listener.type == socket.SOCK_STREAM:
                listener.accept()[0].close()
            else:
                listener.recvfrom(100)
        except BlockingIOError:
            return arrived
        arrived += 1


@pytest.fixture(params=["127.0.0.1", "::1"])
def tcp(request: pytest.FixtureRequest) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in request.param else socket.AF_INET
    with _listener(family, socket.SOCK_STREAM, (request.param, 0)) as listener:
        yield listener


async def test_a_server_on_the_hosts_loopback_cannot_be_reached(sandbox: Sandbox, tcp: socket.socket) -> None:
    host, port = tcp.getsockname()[:2]
    succeeds_unsandboxed(_CONNECT, host, str(port))
    assert _drain(tcp) == 1
    await holds(sandbox, python(_CONNECT, host, str(port)))
    assert _drain(tcp) == 0


async def test_a_datagram_does_not_reach_the_host(sandbox: Sandbox) -> None:
    script = attack(
        "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\ns.sendto(b'x', ('127.0.0.1', int(sys.argv[1])))"
    )
    with _listener(socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
        succeeds_unsandboxed(script, port)
        assert _drain(listener) == 1
        assert (await sandbox.exec(python(script, port))).exit_code == 0
        assert _drain(listener) == 0


@pytest.mark.parametrize("place", ["abstract", "path", "path in the system's temporary folder"])
async def test_local_sockets_of_the_host_cannot_be_reached(sandbox: Sandbox, tmp_path: Path, place: str) -> None:
    own = f"covey-test-attack-{os.getpid()}-{sandbox.name}"  # other workers run this test at the same time
    outside = Path(f"/tmp/{own}.sock")
    address = {"abstract": f"\0{own}", "path": str(tmp_path / "s")}.get(place, str(outside))
    script = attack("s = socket.socket(socket.AF_UNIX)\ns.connect(sys.argv[1].replace('@', chr(0)))\ns.sendall(b'out')")
    outside.unlink(missing_ok=True)
    word = address.replace("\0", "@")
    try:
        with _listener(socket.AF_UNIX, socket.SOCK_STREAM, address) as listener:
            succeeds_unsandboxed(script, word)
            assert _drain(listener) == 1
            await holds(sandbox, python(script, word))
            await holds(sandbox, python(script, word, network=True))
            assert _drain(listener) == 0
    finally:
        outside.unlink(missing_ok=True)


@pytest.mark.parametrize("address", ["169.254.169.254", "192.0.2.1", "2001:db8::1"])
async def test_there_is_no_way_out_for_any_address(sandbox: Sandbox, address: str) -> None:
    result = await sandbox.exec(python(_CONNECT, address, "80"))
    assert "timed out" not in text(result)
    assert text(result).startswith("HELD")


async def test_names_cannot_be_looked_up(sandbox: Sandbox) -> None:
    script = attack(
        "try:\n    socket.getaddrinfo('example.org', 80)\nexcept socket.gaierror as e:\n    raise OSError(e)"
    )
    await holds(sandbox, python(script))
    result = await sandbox.exec(python("import os; print(os.path.exists('/etc/resolv.conf'))"))
    if sandbox.name == "bubblewrap":
        assert text(result) == "False\n"


@pytest.mark.parametrize(
    ("what", "making"),
    [
        ("raw", "socket.AF_INET, socket.SOCK_RAW, 1"),
        ("raw IPv6", "socket.AF_INET6, socket.SOCK_RAW, 58"),
        ("packet", "socket.AF_PACKET, socket.SOCK_RAW, 0"),
        ("vsock", "socket.AF_VSOCK, socket.SOCK_STREAM, 0"),
        ("crypto", "38, socket.SOCK_SEQPACKET, 0"),
        ("netlink audit", "socket.AF_NETLINK, socket.SOCK_RAW, 9"),
        ("netlink netfilter", "socket.AF_NETLINK, socket.SOCK_RAW, 12"),
    ],
)
async def test_special_sockets_cannot_be_made(sandbox: Sandbox, what: str, making: str) -> None:
    script = attack(f"socket.socket({making})")
    said = attack(f"try:\n    socket.socket({making})\nexcept OSError as e:\n    assert e.errno in (93, 94, 97), e")
    succeeds_unsandboxed(said)  # or this kernel has no such protocol at all
    await holds(sandbox, python(script))


async def test_a_private_loopback_works_inside_bubblewrap(scratch: Path) -> None:
    sandbox = await make("bubblewrap", scratch)
    script = """
import asyncio, multiprocessing, socket
for host in ("127.0.0.1", "localhost"):
    with socket.create_server((host, 0)) as server, socket.create_connection(server.getsockname()[:2]) as client:
        client.sendall(b"x")
        assert server.accept()[0].recv(1) == b"x"
asyncio.run(asyncio.sleep(0))
with multiprocessing.Pool(2) as pool, multiprocessing.Manager() as manager:
    print(pool.map(abs, [-1, -2]), list(manager.list([3])))
"""
    result = await sandbox.exec(python(script))
    assert (text(result), result.stderr) == ("[1, 2] [3]\n", b"")


async def test_socket_pairs_and_event_loops_work_everywhere(sandbox: Sandbox) -> None:
    script = "import asyncio, socket; socket.socketpair(); asyncio.run(asyncio.sleep(0)); print('works')"
    assert text(await sandbox.exec(python(script))) == "works\n"


async def test_an_installer_gets_the_network_when_it_is_asked_for(sandbox: Sandbox, tcp: socket.socket) -> None:
    host, port = tcp.getsockname()[:2]
    result = await sandbox.exec(python(_CONNECT, host, str(port), network=True))
    assert _drain(tcp) == 1
    assert result.applied.mechanisms["network"] == "none"
