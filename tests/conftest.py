"""What holds for every test: nothing of the user's configuration, and no connection that leaves this machine."""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("covey", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("covey")  # the same examples every time, however busy the machine is


@pytest.fixture(autouse=True, scope="session")
def no_outside_network() -> Iterator[None]:
    """Refuse connections of this process to anything but loopback."""
    real = socket.socket.connect

    def connect(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and not ipaddress.ip_address(address[0]).is_loopback:
            raise AssertionError(f"a test wanted to connect to {address}")
        real(self, address)

    patch = pytest.MonkeyPatch()
    patch.setattr(socket.socket, "connect", connect)
    yield
    patch.undo()


@pytest.fixture(autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Each test has a Covey of its own: no user configuration, no shared store."""
    home = tmp_path_factory.mktemp("covey-home")
    for name in [name for name in os.environ if name.startswith("COVEY_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("COVEY_HOME", str(home))
    monkeypatch.setenv("COVEY_CONFIG", str(home / "no-config.yaml"))
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    return home
