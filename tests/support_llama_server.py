"""A stand-in for upstream's llama-server: takes its documented flags, and refuses others, over the embedded engine."""

from __future__ import annotations

import sys
from pathlib import Path

_PROGRAM = """#!{python} -P
import sys, threading
import xllamacpp

params = xllamacpp.CommonParams()
params.fit_params = params.ui = False
words = iter(sys.argv[1:])
numbers = dict(zip(
    ["--port", "--ctx-size", "--parallel", "--batch-size", "--ubatch-size", "--cache-ram", "--n-gpu-layers"],
    ["port", "n_ctx", "n_parallel", "n_batch", "n_ubatch", "cache_ram_mib", "n_gpu_layers"],
))
for word in words:
    if word in numbers:
        setattr(params, numbers[word], int(next(words)))
    elif word == "--threads":
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = int(next(words))
    elif word == "--host":
        params.hostnames = [next(words)]
    elif word == "--api-key-file":
        params.api_keys = open(next(words)).read().split()
    elif word == "--model":
        params.model.path = next(words)
    elif word == "--alias":
        params.model_alias = {{next(words)}}
    elif word == "--slot-save-path":
        params.slot_save_path = next(words) + "/"
    elif word in ("--fit", "--flash-attn", "--cache-type-k", "--cache-type-v"):
        next(words)
    elif word not in ("--no-webui", "--jinja", "--no-context-shift"):
        sys.exit("error: invalid argument: " + word)
try:
    server = xllamacpp.Server(params)
except RuntimeError as error:
    sys.exit(str(error))
threading.Event().wait()
"""


def write_llama_server(path: Path) -> Path:
    """Write the program to ``path`` and return it."""
    path.write_text(_PROGRAM.format(python=sys.executable))
    path.chmod(0o755)
    return path
