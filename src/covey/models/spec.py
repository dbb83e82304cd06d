"""What to start an engine with. The memory plan fills it in; every local engine understands it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from covey.core.canonical import Frozen

KvType = Literal["f16", "q8_0", "q4_0"]


class EngineSpec(Frozen):
    """One model, loaded in one way.

    ``context`` is the window of one slot in tokens, ``parallel`` the number of slots; the engine is started with
    ``context * parallel`` cells. ``gpu_layers``: layers kept on the GPU (0: none). ``cpu_experts``: so many layers keep
    their experts in RAM, counted from the first. ``ubatch``: tokens of one physical batch; it decides the size of the
    compute buffer. ``cache_ram_mib``: host memory for prompts that lost their slot (0: none). ``threads`` 0: the
    number of cores at hand.
    """

    path: str
    alias: str = ""
    context: int = Field(8192, ge=64)
    parallel: int = Field(1, ge=1, le=64)
    kv_type: KvType = "f16"
    gpu_layers: int = Field(0, ge=0)
    cpu_experts: int = Field(0, ge=0)
    batch: int = Field(2048, ge=1)
    ubatch: int = Field(512, ge=1)
    flash_attention: bool = True
    swa_full: bool = False
    cache_ram_mib: int = Field(0, ge=0)
    threads: int = Field(0, ge=0)
    mmproj: str = ""
    slots_folder: str = ""  # where slot states are saved; none are without it

    @property
    def name(self) -> str:
        """The alias, or the file's name without its ending."""
        return self.alias or self.path.rsplit("/", 1)[-1].removesuffix(".gguf")
