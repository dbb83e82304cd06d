"""The user's own ``llama-server`` of llama.cpp, for GPU builds and for the newest models.

Flags are those of llama.cpp's ``tools/server/README.md`` (November 2026). The key goes in over standard input
(``--api-key-file /dev/stdin``), so neither arguments nor environment show it. Tried with a llama-server of that month
built for CPUs; builds for GPUs have not been seen running.
"""

from __future__ import annotations

import shutil
import socket
import sys
from collections.abc import Callable

from covey.core.errors import UnusableModel
from covey.models.local import LocalBackend, Supervision
from covey.models.process import EngineProcess
from covey.models.spec import EngineSpec
from covey.models.worker import cores


class LlamaServerBackend(LocalBackend):
    """A model served by ``binary``, a path or a name on PATH (default: ``llama-server``).

    Raises UnusableModel when there is no such program.
    """

    def __init__(
        self,
        spec: EngineSpec,
        binary: str = "",
        *,
        on_event: Callable[[str], None],
        supervision: Supervision | None = None,
    ) -> None:
        found = shutil.which(binary or "llama-server")
        if found is None:
            raise UnusableModel(
                f"There is no program {binary or 'llama-server'}. Give the path of llama.cpp's llama-server, or take "
                'the embedded engine: pip install "covey[local]"'
            )
        self._binary = found
        super().__init__(spec, self._start_binary, on_event=on_event, supervision=supervision)

    async def _start_binary(self, spec: EngineSpec, key: str, load_s: float) -> tuple[EngineProcess, str]:
        del load_s  # its address is known at once
        port = _free_port()
        process = await EngineProcess.start(
            # The leash ends it with Covey, however Covey ends; -P: never import from the directory it is started in.
            [sys.executable, "-P", "-m", "covey.models.leash", self._binary, *flags(spec, port)],
            line=f"{key}\n".encode(),
            title=f"The engine {self._binary}",
            keep_input=False,
        )
        return process, f"http://127.0.0.1:{port}"


def flags(spec: EngineSpec, port: int) -> list[str]:
    """Translate ``spec`` into command-line flags."""
    attention = "off" if not spec.flash_attention else "auto" if spec.kv_type == "f16" else "on"
    found = ["--host", "127.0.0.1", "--port", str(port), "--api-key-file", "/dev/stdin", "--no-webui", "--jinja"]
    found += ["--model", spec.path, "--alias", spec.name]
    found += ["--ctx-size", str(spec.context * spec.parallel), "--parallel", str(spec.parallel), "--fit", "off"]
    found += ["--batch-size", str(spec.batch), "--ubatch-size", str(spec.ubatch), "--flash-attn", attention]
    found += ["--cache-type-k", spec.kv_type, "--cache-type-v", spec.kv_type, "--cache-ram", str(spec.cache_ram_mib)]
    found += ["--n-gpu-layers", str(spec.gpu_layers), "--threads", str(spec.threads or cores())]
    found += ["--no-context-shift"]
    if spec.cpu_experts:
        found += ["--n-cpu-moe", str(spec.cpu_experts)]
    if spec.swa_full:
        found += ["--swa-full"]
    if spec.mmproj:
        found += ["--mmproj", spec.mmproj]
    if spec.slots_folder:
        found += ["--slot-save-path", spec.slots_folder]
    return found


def _free_port() -> int:
    """Return a port that was free a moment ago; if somebody takes it, the engine ends and is started again."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])
