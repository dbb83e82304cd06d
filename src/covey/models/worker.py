"""The embedded engine's process: ``python -m covey.models.worker``.

It reads one line from standard input, ``{"spec": EngineSpec, "key": API key, "port": number}`` (without a port, any
free one is taken), loads the model, prints one line, ``{"address": "http://127.0.0.1:PORT"}``, and serves until
standard input ends. So it never outlives its parent, however that ends; on Linux the kernel is asked to see to it as
well. Key and prompts reach neither the arguments, the environment nor the log. An engine in a process of its own may
abort, leak or hang without harm to the run.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import threading
from typing import Any

from covey.models.leash import die_with_parent
from covey.models.spec import EngineSpec

EXPERTS = r"blk\.{layer}\.ffn_(up|down|gate_up|gate)_(ch|)exps=CPU"
"""Where the experts of a layer lie in a GGUF, and where they stay: what ``--n-cpu-moe`` of llama.cpp stands for."""

LOG_LEVEL = 4
"""At this level the engine says how much memory it took for what; prompts begin to appear above it."""


def parameters(spec: EngineSpec, key: str, port: int = 0) -> Any:  # noqa: ANN401 - xllamacpp has no types
    """Translate ``spec`` into the engine's own parameters; ``port`` 0 means any free one."""
    xllamacpp = importlib.import_module("xllamacpp")
    found = xllamacpp.CommonParams()
    found.verbosity = LOG_LEVEL
    found.model.path = spec.path
    found.model_alias = {spec.name}
    found.n_ctx = spec.context * spec.parallel
    found.n_parallel = spec.parallel
    found.n_batch = spec.batch
    found.n_ubatch = spec.ubatch
    kv_type = getattr(xllamacpp.ggml_type, f"GGML_TYPE_{spec.kv_type.upper()}")
    found.cache_type_k = kv_type
    found.cache_type_v = kv_type
    # Quantised values need flash attention; otherwise the engine may do without it where a GPU lacks it.
    attention = "DISABLED" if not spec.flash_attention else "AUTO" if spec.kv_type == "f16" else "ENABLED"
    found.flash_attn_type = getattr(xllamacpp.llama_flash_attn_type, f"LLAMA_FLASH_ATTN_TYPE_{attention}")
    found.n_gpu_layers = spec.gpu_layers
    found.tensor_buft_overrides = ",".join(EXPERTS.format(layer=layer) for layer in range(spec.cpu_experts))
    found.fit_params = False  # the memory plan has decided
    found.swa_full = spec.swa_full
    found.cache_ram_mib = spec.cache_ram_mib
    if spec.slots_folder:
        found.slot_save_path = spec.slots_folder.rstrip("/") + "/"
    if spec.mmproj:
        found.mmproj.path = spec.mmproj
    threads = spec.threads or cores()
    found.cpuparams.n_threads = threads
    found.cpuparams_batch.n_threads = threads
    found.use_jinja = True
    found.ctx_shift = False  # a prompt that does not fit is an error, never cut silently
    found.hostnames = ["127.0.0.1"]
    found.port = port
    found.api_keys = [key]
    found.cors_origins = ""
    found.cors_credentials = False
    found.ui = False
    return found


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def main() -> None:
    """Serve until standard input ends."""
    die_with_parent()
    order = json.loads(_first_line())
    answers = os.dup(1)
    os.dup2(2, 1)  # whatever the engine prints is log
    threading.Thread(target=_end_with_input, daemon=True).start()
    try:
        server = importlib.import_module("xllamacpp").Server(
            parameters(EngineSpec.model_validate(order["spec"]), order["key"], order.get("port", 0))
        )
    except RuntimeError as error:
        # The engine's log says why; it is written by a thread of its own, which an ordinary exit waits for.
        sys.exit(str(error))
    os.write(answers, json.dumps({"address": server.listening_address}).encode() + b"\n")
    threading.Event().wait()


def _first_line() -> bytes:
    """Read one line from standard input and nothing after it."""
    line = b""
    while not line.endswith(b"\n"):
        part = os.read(0, 1)
        if not part:
            os._exit(0)
        line += part
    return line


def _end_with_input() -> None:
    """Leave at once when standard input ends. Without clean-up: the engine's own can hang, the kernel's cannot."""
    while os.read(0, 4096):
        pass
    os._exit(0)


if __name__ == "__main__":
    main()
