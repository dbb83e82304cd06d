"""Opening model engines. The only place that names a concrete back end."""

from __future__ import annotations

import contextlib
import importlib.util
import shutil
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from covey.agents.desk import Engines
from covey.app.measured import measured_context
from covey.app.sources import source_policy
from covey.core.errors import ReplayDivergence, UnusableModel
from covey.core.protocols import ModelBackend
from covey.models.sourcepolicy import Provenance
from covey.models.spec import EngineSpec
from covey.settings import Settings, model_key, search_path

if TYPE_CHECKING:
    from covey.models.catalogue import ModelRole
    from covey.models.local import LocalBackend
    from covey.models.names import ModelEndpoint, ModelFile, ModelTeam
    from covey.models.plan import MemoryPlan
    from covey.models.pool import ModelPool

Engine = Literal["embedded", "llama-server"]
_GB = 1 << 30


def _silent(_message: str) -> None:
    """Nobody listens."""


def local_backend(
    spec: EngineSpec, *, engine: Engine = "embedded", binary: str = "", on_event: Callable[[str], None] = _silent
) -> LocalBackend:
    """Make an engine on this machine for one model; it starts with the first request, and ``aclose()`` ends it.

    ``binary`` is the user's own llama-server. ``on_event`` is told about restarts and smaller contexts.
    Raises UnusableModel when the engine is not installed.
    """
    if engine == "llama-server":
        from covey.models.backends.llama_server import LlamaServerBackend

        return LlamaServerBackend(spec, binary, on_event=on_event)
    from covey.models.backends.embedded import EmbeddedBackend

    return EmbeddedBackend(spec, on_event=on_event)


@contextlib.asynccontextmanager
async def open_local(
    spec: EngineSpec, *, engine: Engine = "embedded", binary: str = "", on_event: Callable[[str], None] = _silent
) -> AsyncIterator[LocalBackend]:
    """Open an engine as :func:`local_backend` does; it has ended after the block."""
    async with local_backend(spec, engine=engine, binary=binary, on_event=on_event) as backend:
        yield backend


@dataclass(frozen=True)
class OneEngine:
    """One model for all roles."""

    backend: ModelBackend
    provenance: list[Provenance] = field(default_factory=list)

    @asynccontextmanager
    async def use(self, role: str) -> AsyncIterator[ModelBackend]:  # noqa: ARG002 - all roles have the same model
        """Lend the model."""
        yield self.backend

    def drain_provenance(self) -> tuple[Provenance, ...]:
        """Return where answers came from, each once."""
        found = tuple(self.provenance)
        self.provenance.clear()
        return found


@dataclass(frozen=True)
class NoEngine:
    """What a replay has: nothing is asked, everything comes from the log."""

    def use(self, role: str) -> AbstractAsyncContextManager[ModelBackend]:
        """Raise ReplayDivergence."""
        raise ReplayDivergence(f"The replay wanted to ask a model for the {role}, which is not in the log.")

    def drain_provenance(self) -> tuple[Provenance, ...]:
        """Nothing was asked."""
        return ()


@asynccontextmanager
async def open_engines(settings: Settings, on_event: Callable[[str], None] = _silent) -> AsyncIterator[Engines | None]:
    """Open what ``settings.model`` names, for one run; None when that is no model.

    Nothing is started before a role asks. Raises UnusableModel for names, files and addresses that cannot be used and
    DoesNotFit when the memory is too small.
    """
    from covey.models.names import ModelEndpoint, ModelFile, ModelFolder, NoModel, resolve_model

    source = resolve_model(settings.model, settings.models_dir)
    if isinstance(source, NoModel):
        yield None
    elif isinstance(source, ModelEndpoint):
        provenance: list[Provenance] = []
        backend = endpoint_backend(source, settings, provenance.append)
        try:
            yield OneEngine(backend, provenance)
        finally:
            await backend.aclose()
    elif isinstance(source, ModelFolder):
        from covey.models.backends.transformers import TransformersBackend

        local = TransformersBackend(source.path, context=settings.context)
        try:
            yield OneEngine(local)
        finally:
            await local.aclose()
    elif isinstance(source, ModelFile):
        engine, binary = choose_engine(settings)
        spec = plan_file(source, settings, engine)[1]
        async with open_local(spec, engine=engine, binary=binary, on_event=on_event) as started:
            yield OneEngine(started)
    else:
        async with open_team(source, settings, on_event) as team:
            yield team


def endpoint_backend(
    endpoint: ModelEndpoint, settings: Settings, on_provenance: Callable[[Provenance], None]
) -> ModelBackend:
    """Make the client of a model URL; the key comes from the environment. Raises UnusableModel."""
    key = model_key(endpoint.url)
    host = (urlsplit(endpoint.url).hostname or "").lower()
    verify = str(settings.ca_file) if settings.ca_file else True
    responses = settings.api == "responses" or (settings.api == "auto" and host == "api.openai.com")
    if responses:
        from covey.models.backends.openai_responses import OpenAIResponsesBackend

        if endpoint.model is None:
            raise UnusableModel(f"Say which model of {endpoint.url} to use: --model {endpoint.url}#NAME")
        return OpenAIResponsesBackend(
            endpoint.url,
            model=endpoint.model,
            key=key,
            code_interpreter=settings.code_interpreter,
            web_search=settings.web_search,
            vector_stores=settings.vector_stores,
            policy=source_policy(settings.source_hosts, settings.vector_stores),
            on_provenance=on_provenance,
            verify=verify,
        )
    from covey.models.backends.openai_compatible import OpenAICompatibleBackend

    context = settings.context or measured_context(settings)
    return OpenAICompatibleBackend(endpoint.url, model=endpoint.model, key=key, verify=verify, context=context)


def choose_engine(settings: Settings) -> tuple[Engine, str]:
    """Choose what runs a GGUF file, and the path of the user's own llama-server. Raises UnusableModel.

    ``auto`` takes a llama-server that the user has named, or that is on PATH where there is a card for it; then the
    embedded engine, whose published wheel runs on the processor only; then a llama-server on PATH.
    """
    from covey.models.memory import machine_memory

    named = settings.llama_server
    binary = shutil.which(named or "llama-server", path=search_path()) or ""
    if named and not binary:
        raise UnusableModel(f"{named} is not a program that can be run. Look at the setting llama_server.")
    embedded = importlib.util.find_spec("xllamacpp") is not None
    if settings.engine == "llama-server" and not binary:
        raise UnusableModel("There is no llama-server on PATH. Set llama_server to its path.")
    if binary and settings.engine != "embedded":
        machine = machine_memory()
        if settings.engine == "llama-server" or named or not embedded or machine.gpus or machine.unified:
            return "llama-server", binary
    if not embedded:
        raise UnusableModel(
            "Nothing here can run a GGUF file. Install the embedded engine with: pip install 'covey[local]' "
            "or put llama-server on PATH."
        )
    return "embedded", ""


def plan_file(file: ModelFile, settings: Settings, engine: Engine) -> tuple[MemoryPlan, EngineSpec]:
    """Plan a model file into the memory that models may have. Raises UnusableModel and DoesNotFit, with the numbers.

    The published wheel of the embedded engine runs on the processor only; a llama-server may use cards.
    """
    from covey.app.modelplan import check_memory, engine_plan, gpu_budget
    from covey.models.memory import machine_memory

    memory = check_memory(settings.memory)
    gpu = gpu_budget(memory, machine_memory()) if engine == "llama-server" else 0
    plan = engine_plan(file, memory, gpu=gpu, context=settings.context)
    slots = settings.home / "slots"
    slots.mkdir(mode=0o700, parents=True, exist_ok=True)
    more = {"alias": file.name, "slots_folder": str(slots), "threads": settings.threads}
    return plan, plan.to_spec(file.path).model_copy(update=more)


_SEATS: Mapping[str, ModelRole] = {
    "requirements": "preprocessor",
    "narrator": "preprocessor",
    "pinpointer": "planner",
    "planner": "planner",
    "leader": "planner",
    "critic": "reviewer",
}
"""Which of a profile's seats fills which role of the flock; all others write code or tests and share the coder's."""


@dataclass(frozen=True)
class Team:
    """A model for each role, lent by a pool that keeps to the memory budget."""

    pool: ModelPool
    members: Mapping[ModelRole, str]

    def use(self, role: str) -> AbstractAsyncContextManager[ModelBackend]:
        """Lend the role's model; a role without a seat shares the coder's, or the first there is."""
        seat = _SEATS.get(role, "coder")
        name = self.members.get(seat) or self.members.get("coder") or next(iter(self.members.values()))
        return self.pool.use(name, context_key="run")

    def drain_provenance(self) -> tuple[Provenance, ...]:
        """Models on this machine bring nothing in."""
        return ()


@asynccontextmanager
async def open_team(team: ModelTeam, settings: Settings, on_event: Callable[[str], None]) -> AsyncIterator[Team]:
    """Open a profile of several models; each is planned into the whole budget, and the pool swaps them."""
    from covey.models.pool import ModelPool, Planned

    engine, binary = choose_engine(settings)
    planned: dict[str, Planned] = {}
    for file in team.members.values():
        if file.name not in planned:
            plan, spec = plan_file(file, settings, engine)
            start = partial(local_backend, spec, engine=engine, binary=binary, on_event=on_event)
            planned[file.name] = Planned(bytes=plan.total_bytes, start=start, parallel=spec.parallel)
    async with ModelPool(int(settings.memory * _GB), planned, on_event=on_event) as pool:
        yield Team(pool, {role: file.name for role, file in team.members.items()})
