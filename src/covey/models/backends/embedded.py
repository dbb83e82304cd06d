"""The engine that comes with ``pip install "covey[local]"``: xllamacpp in a process of its own."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Callable

from covey.core.errors import EngineError, UnusableModel
from covey.models.local import LocalBackend, Supervision
from covey.models.process import EngineProcess
from covey.models.spec import EngineSpec

TITLE = "The embedded engine"


class EmbeddedBackend(LocalBackend):
    """A model served by :mod:`covey.models.worker`. Raises UnusableModel when xllamacpp is not installed."""

    def __init__(
        self, spec: EngineSpec, *, on_event: Callable[[str], None], supervision: Supervision | None = None
    ) -> None:
        if importlib.util.find_spec("xllamacpp") is None:
            raise UnusableModel('The embedded engine is not installed. Install it with: pip install "covey[local]"')
        super().__init__(spec, launch, on_event=on_event, supervision=supervision)


async def launch(spec: EngineSpec, key: str, load_s: float, *, port: int = 0) -> tuple[EngineProcess, str]:
    """Start a worker that listens on ``port`` (0: any free one); see :class:`covey.models.local.Launcher`."""
    order = json.dumps({"spec": spec.model_dump(), "key": key, "port": port})
    process = await EngineProcess.start(
        [sys.executable, "-P", "-m", "covey.models.worker"],  # -P: never import from the directory it is started in
        line=f"{order}\n".encode(),
        title=TITLE,
        keep_input=True,
    )
    try:
        line = await process.ready_line(load_s)
        return process, _address(line)
    except BaseException:
        await process.stop()
        raise


def _address(line: bytes) -> str:
    try:
        return str(json.loads(line)["address"])
    except (ValueError, KeyError, TypeError) as error:
        raise EngineError(f"{TITLE} did not say where it listens. Install xllamacpp again.") from error
