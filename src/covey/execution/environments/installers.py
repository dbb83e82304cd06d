"""Command lines of package installers: uv, and pip where there is no uv.

On the host an installer only unpacks wheels: neither uv nor pip runs any code of a wheel then, as long as the
environment was empty when it started (a ``.pth`` file runs at every start of its interpreter, so an environment that
holds packages is never started outside a sandbox). Everything that builds happens inside a sandbox.
"""

from __future__ import annotations

import configparser
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from covey.core.execution import Mount
from covey.execution.interpreters import Interpreter, always_there, holds_a_home
from covey.execution.requirementfiles import named
from covey.execution.tools import find_uv, uv_version

# What may be handed to an installer of the user's environment: where packages come from and how to reach them.
_WANTED = re.compile(
    r"INDEX|FIND_LINKS|CERT|KEYRING|TIMEOUT|RETRIES|OFFLINE|HOST|PROXY|CONSTRAINT|EXCLUDE_NEWER|_PRE|RESOLUTION|TLS",
    re.IGNORECASE,
)
_SECRET = re.compile(r"://[^/\s@]+@|PASSWORD|USERNAME|TOKEN|KEYRING|CLIENT_CERT", re.IGNORECASE)
_OFFLINE = re.compile(
    r"dns error|error sending request|client error \(connect\)|connection refused|network is unreachable"
    r"|temporary failure in name resolution|name or service not known|operation timed out|no route to host"
    r"|newconnectionerror|network was disabled|max retries exceeded",
    re.IGNORECASE,
)


class Installer(Protocol):
    """Builds command lines. ``python`` is the environment's own interpreter, ``venv`` the environment's folder."""

    @property
    def name(self) -> str:
        """Name and version, part of the cache key."""
        ...

    def create(self, venv: Path, interpreter: Interpreter) -> list[str]:
        """Make an empty environment."""
        ...

    def wheels(self, python: str, listed: Sequence[str], *, target: Path | None = None, offline: bool) -> list[str]:
        """Install from wheels only, with ``listed`` as ``-r``/``-c`` options; into ``target`` if given."""
        ...

    def anything(self, python: str, listed: Sequence[str]) -> list[str]:
        """Install from wheels or sources. For use inside a sandbox only."""
        ...

    def project(self, python: str, root: str, *, isolated: bool) -> list[str]:
        """Install the project itself in editable mode, without its dependencies. For use inside a sandbox only."""
        ...

    def mounts(self) -> tuple[Mount, ...]:
        """What a sandbox must show so that this installer runs there."""
        ...


@dataclass(frozen=True, slots=True)
class Uv:
    """uv: fast, and works for every Python that Covey supports."""

    path: str
    version: str
    no_index: bool = False  # uv has an option for it and no variable

    @property
    def name(self) -> str:
        """Name and version."""
        return f"uv {self.version}"

    def create(self, venv: Path, interpreter: Interpreter) -> list[str]:
        """See :class:`Installer`."""
        return [self.path, "venv", "--no-python-downloads", "--python", str(interpreter.path), str(venv)]

    def wheels(self, python: str, listed: Sequence[str], *, target: Path | None = None, offline: bool) -> list[str]:
        """See :class:`Installer`."""
        argv = [*self._install(python), "--only-binary", ":all:"]
        argv += ["--target", str(target)] if target else []
        return [*argv, *(["--offline"] if offline else []), *listed]

    def anything(self, python: str, listed: Sequence[str]) -> list[str]:
        """See :class:`Installer`."""
        return [*self._install(python), "--no-config", "--no-sources", *listed]

    def project(self, python: str, root: str, *, isolated: bool) -> list[str]:
        """See :class:`Installer`."""
        options = [] if isolated else ["--no-build-isolation", "--offline"]
        return [*self._install(python), "--no-config", "--no-sources", "--no-deps", *options, "--editable", root]

    def mounts(self) -> tuple[Mount, ...]:
        """See :class:`Installer`."""
        return () if always_there(Path(self.path)) else (Mount(source=self.path, target=self.path),)

    def _install(self, python: str) -> list[str]:
        argv = [self.path, "pip", "install", "--python", python, "--link-mode", "copy", "--no-progress"]
        return [*argv, *(["--no-index"] if self.no_index else [])]


@dataclass(frozen=True, slots=True)
class Pip:
    """The pip that ``python -m venv`` puts into the environment; it cannot install offline from its cache."""

    name: str = "pip"

    def create(self, venv: Path, interpreter: Interpreter) -> list[str]:
        """See :class:`Installer`."""
        return [str(interpreter.path), "-I", "-m", "venv", str(venv)]

    def wheels(self, python: str, listed: Sequence[str], *, target: Path | None = None, offline: bool) -> list[str]:
        """See :class:`Installer`."""
        argv = [*self._install(python), "--only-binary", ":all:", "--no-compile"]
        argv += ["--target", str(target)] if target else []
        return [*argv, *(["--no-index"] if offline else []), *listed]

    def anything(self, python: str, listed: Sequence[str]) -> list[str]:
        """See :class:`Installer`."""
        return [*self._install(python), *listed]

    def project(self, python: str, root: str, *, isolated: bool) -> list[str]:
        """See :class:`Installer`."""
        options = [] if isolated else ["--no-build-isolation", "--no-index"]
        return [*self._install(python), "--no-deps", *options, "--editable", root]

    def mounts(self) -> tuple[Mount, ...]:
        """See :class:`Installer`."""
        return ()

    def _install(self, python: str) -> list[str]:
        return [python, "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--progress-bar", "off"]


async def choose_installer(search_path: str, settings: Mapping[str, str]) -> Installer:
    """Uv where there is one that runs, pip else. ``settings`` come from :func:`index_settings`."""
    path, version = find_uv(search_path), await uv_version(search_path)
    no_index = settings.get("UV_NO_INDEX", "").lower() in ("1", "true", "yes", "on")
    return Uv(path, version, no_index) if path and version else Pip()


def looks_offline(output: str) -> bool:
    """True when an installer failed because it could not reach the package index."""
    return bool(_OFFLINE.search(output))


def index_settings(install_env: Mapping[str, str], home: Path) -> dict[str, str]:
    """Settings of the user's package index for installers on the host.

    uv does not read pip's settings, so those that say where packages come from are translated, from ``PIP_*``
    variables and pip's own configuration files; what is set for uv itself wins.
    """
    env = {name: value for name, value in install_env.items() if _WANTED.search(name)}
    pip = {**_pip_configuration(home), **{k: v for k, v in env.items() if k.startswith("PIP_")}}
    for name, ours, separator in (
        ("PIP_INDEX_URL", "UV_DEFAULT_INDEX", " "),
        ("PIP_EXTRA_INDEX_URL", "UV_INDEX", " "),
        ("PIP_FIND_LINKS", "UV_FIND_LINKS", ","),
        ("PIP_NO_INDEX", "UV_NO_INDEX", " "),
    ):
        own = {ours, ours.replace("DEFAULT_INDEX", "INDEX_URL"), ours.replace("UV_INDEX", "UV_EXTRA_INDEX_URL")}
        if pip.get(name) and not own & env.keys():
            env[ours] = separator.join(pip[name].split())
            if ours == "UV_INDEX":  # pip looks at all indexes and takes the best version
                env.setdefault("UV_INDEX_STRATEGY", "unsafe-best-match")
    if pip.get("PIP_CERT") and not env.keys() & {"SSL_CERT_FILE", "SSL_CERT_DIR"}:
        env["SSL_CERT_FILE"] = pip["PIP_CERT"]
    return env


def _pip_configuration(home: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for path in (Path("/etc/pip.conf"), home / ".pip" / "pip.conf", home / ".config" / "pip" / "pip.conf"):
        parser = configparser.RawConfigParser(strict=False)
        try:
            parser.read(path, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError, OSError):
            continue  # pip itself will complain; Covey only borrows from it
        for section in ("global", "install"):
            for option, value in parser.items(section) if parser.has_section(section) else ():
                found[f"PIP_{option.upper().replace('-', '_')}"] = value
    return found


def without_secrets(env: Mapping[str, str]) -> dict[str, str]:
    """Drop what holds or leads to credentials: code of the repository may run beside it."""
    return {k: v for k, v in env.items() if not _SECRET.search(k) and not _SECRET.search(v)}


def local_mounts(env: Mapping[str, str]) -> tuple[Mount, ...]:
    """Local folders and files that installer settings name (``find-links``, certificates), to be shown read-only."""
    found: dict[str, None] = {}
    for value in env.values():
        for word in re.split(r"[\s,]+", value):
            path = unquote(urlsplit(word).path) if word.startswith("file://") else word
            place = Path(os.path.normpath(path))
            if place.name == "simple":  # the pages of an index link to files beside their folder
                place = place.parent
            if place.is_absolute() and not always_there(place) and place.exists() and not holds_a_home(place):
                found.setdefault(str(place))
    return tuple(Mount(source=path, target=path) for path in found)


def build_requirements(declared: Sequence[str]) -> tuple[str, ...]:
    """What must be importable to build without isolation, back ends' known run-time requirements included.

    A project without ``[build-system]`` is built by setuptools; its oldest users import ``pkg_resources``, which
    setuptools 81 dropped.
    """
    if not declared:
        return ("setuptools<81", "wheel")
    extra = {"hatchling": ("editables",), "setuptools": ("wheel",)}
    return (*declared, *(item for name in sorted(named(declared)) for item in extra.get(name, ())))
