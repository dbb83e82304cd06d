"""What ``covey models`` does: which models there are, what fits, getting one, and serving one by hand."""

from __future__ import annotations

import asyncio
import errno
import importlib.util
import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from pydantic import Field

from covey.app.modelplan import check_memory, engine_plan
from covey.core.canonical import Frozen
from covey.core.errors import ConfigError, UnusableModel
from covey.models.catalogue import HUB, CatalogueModel, Profile, load_catalogue, suits
from covey.models.download import pull
from covey.models.memory import MachineMemory, machine_memory
from covey.models.names import ModelFile, downloaded_names, resolve_model
from covey.models.spec import EngineSpec
from covey.models.transfer import Fetch, Pulled, Watcher, check_address, unwatched
from covey.settings import Settings

if TYPE_CHECKING:
    from covey.models.process import EngineProcess

GB = 1 << 30

_LOAD_S = 600.0
_SAFE = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"


class ModelRow(Frozen):
    """A model of the catalogue, and how it stands on this machine. ``fits``: with a small context at least."""

    model: CatalogueModel
    url: str
    path: str
    downloaded: bool
    fits: bool


class ProfileRow(Frozen):
    """A profile of the catalogue; ``downloaded`` when all of its models are."""

    profile: Profile
    downloaded: bool
    fits: bool


class ModelListing(Frozen):
    """What there is. ``others``: GGUF files in ``folder`` that the catalogue does not know."""

    memory_gb: float
    memory_from: str
    folder: str
    models: tuple[ModelRow, ...]
    profiles: tuple[ProfileRow, ...]
    others: tuple[str, ...]


class Serving(Frozen):
    """A served model: an OpenAI-compatible base URL, its key, and how the engine was started."""

    url: str
    key: str = Field(repr=False)
    spec: EngineSpec


def list_models(settings: Settings, memory_gb: float | None) -> ModelListing:
    """Say what the catalogue has, what is downloaded, and what goes into the memory given, or into this machine's."""
    gigabytes, source = machine_gb(machine_memory()) if memory_gb is None else (memory_gb, "given")
    check_memory(gigabytes)
    catalogue, folder = load_catalogue(), settings.models_dir
    models = tuple(
        ModelRow(
            model=model,
            url=model.url(),
            path=str(model.path(folder)),
            downloaded=model.path(folder).is_file(),
            fits=suits(model, gigabytes),
        )
        for model in catalogue.models
    )
    here = {row.model.name for row in models if row.downloaded}
    profiles = tuple(
        ProfileRow(
            profile=profile,
            downloaded={filled.model for filled in profile.roles.values()} <= here,
            fits=profile.memory_gb <= gigabytes,
        )
        for profile in catalogue.profiles
    )
    ours = {Path(row.model.file).stem for row in models}
    return ModelListing(
        memory_gb=gigabytes,
        memory_from=source,
        folder=str(folder),
        models=models,
        profiles=profiles,
        others=tuple(name for name in downloaded_names(folder) if name not in ours),
    )


def machine_gb(machine: MachineMemory) -> tuple[float, str]:
    """GB (of 2**30 bytes) that a model can have on this machine, and what they are.

    The largest card counts; without one, two thirds of unified memory, which is what macOS lets the GPU use by default;
    else all RAM.
    """
    if machine.gpus:
        best = max(machine.gpus, key=lambda gpu: gpu.total)
        return best.total / GB, f"measured: {best.name}"
    if machine.unified:
        return machine.total * 2 / 3 / GB, "measured: two thirds of unified memory"
    return machine.total / GB, "measured: RAM, no GPU found"


async def pull_models(
    what: str,
    settings: Settings,
    *,
    to: Path | None = None,
    sha256: str | None = None,
    hub: str = HUB,
    observer: Watcher = unwatched,
) -> tuple[Pulled, ...]:
    """Download what ``what`` names: one model of the catalogue, all of a profile, or a file by its address.

    ``to`` is the folder (default: the models folder); ``hub`` the base URL of a mirror. Raises UnusableModel, RunError.
    """
    folder = (to or settings.models_dir).expanduser().absolute()
    if "://" in what:
        check_address(what)
        return (await pull(what, folder / _file_name(what), sha256=sha256, observer=observer),)
    catalogue = load_catalogue()
    profile = catalogue.profile(what)
    names = [what] if profile is None else list(dict.fromkeys(filled.model for filled in profile.roles.values()))
    models = [catalogue.get(name) for name in names]
    if sha256 and len(models) > 1:
        raise UnusableModel(f"{what} is a profile of {len(models)} models: one --sha256 cannot be that of all of them.")
    check_address(hub)
    return tuple([await _pull_one(model, folder, sha256, hub, observer) for model in models])


async def _pull_one(
    model: CatalogueModel, folder: Path, sha256: str | None, hub: str, observer: Watcher
) -> Pulled:  # fmt: skip
    observer(Fetch(state="checking", message=f"{model.name}: asking {hub} for it"))
    return await pull(
        model.url(hub),
        model.path(folder),
        size=model.size if model.exact else None,
        sha256=sha256 or model.sha256,
        observer=observer,
    )


def _file_name(url: str) -> str:
    """The file name that an address ends with. Raises UnusableModel when it is not that of a GGUF file."""
    name = unquote(urlsplit(url).path).rsplit("/", 1)[-1]
    if not name.lower().endswith(".gguf") or set(name) - set(_SAFE) or name.startswith("."):
        raise UnusableModel(
            f"{url[:200]} does not end in the plain name of a GGUF file. Give the address that the model's page has "
            "for downloading, which ends in .gguf."
        )
    return name


@asynccontextmanager
async def serving(
    what: str,
    settings: Settings,
    *,
    port: int = 0,
    context: int | None = None,
    parallel: int | None = None,
    memory_gb: float | None = None,
) -> AsyncIterator[tuple[Serving, EngineProcess]]:
    """Serve a model on loopback with the embedded engine, for the length of the block.

    The process is yielded too, so that its end can be waited for. Raises UnusableModel, DoesNotFit, EngineError.
    """
    from covey.models.backends.embedded import launch
    from covey.models.http import HttpClient
    from covey.models.llamaclient import LlamaClient

    if importlib.util.find_spec("xllamacpp") is None:
        raise UnusableModel('The embedded engine is not installed. Install it with: pip install "covey[local]"')
    source = resolve_model(what, settings.models_dir)
    if not isinstance(source, ModelFile):
        raise UnusableModel(f"{what} is not one model file. Give a GGUF file, or the name of one downloaded model.")
    budget = check_memory(settings.memory if memory_gb is None else memory_gb)
    planned = await asyncio.to_thread(engine_plan, source, budget, context=context, parallel=parallel)
    spec = planned.to_spec(source.path).model_copy(update={"alias": source.name, "threads": settings.threads})
    check_port(port)
    key = f"{secrets.token_urlsafe(32)}-key"  # engines show the end of their key in their log
    process, url = await launch(spec, key, _LOAD_S, port=port)
    try:
        client = LlamaClient(HttpClient(url, key))
        try:
            await process.unless_it_ends(client.health(), _LOAD_S)
        finally:
            await client.aclose()
        yield Serving(url=f"{url}/v1", key=key, spec=spec), process
    finally:
        await process.stop()


def check_port(port: int) -> None:
    """Raise ConfigError when ``port`` of 127.0.0.1 cannot be listened on; 0 always can."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise ConfigError(
                    f"Port {port} of 127.0.0.1 is in use. Choose another with --port, or leave it out for a free one."
                ) from None
            raise ConfigError(f"Port {port} cannot be used: {error.strerror}. Choose another with --port.") from None
