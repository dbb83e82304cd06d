"""How much memory this machine has for models, and who holds how much of it."""

from __future__ import annotations

import platform
import re
import subprocess
from pathlib import Path

from covey.core.canonical import Frozen
from covey.core.errors import DoesNotFit


class Gpu(Frozen):
    """A graphics processor with memory of its own, in bytes."""

    name: str
    total: int
    free: int


class MachineMemory(Frozen):
    """Memory in bytes: of the machine, or of the container that the process is confined to, whichever is less.

    ``available`` can be used without swapping. ``unified``: the GPU shares this memory and is not among ``gpus``.
    """

    total: int
    available: int
    gpus: tuple[Gpu, ...] = ()
    unified: bool = False


def machine_memory(root: Path = Path("/")) -> MachineMemory:
    """Measure now. ``root``: where ``proc`` and ``sys`` are found. Blocking, some milliseconds.

    NVIDIA GPUs are asked by NVML (extra ``local``); that package or a driver being absent is normal: no GPUs then. On
    Apple machines the figures come from ``sysctl`` and ``vm_stat``; this was written from their manuals and has not
    been seen running.
    """
    if platform.system() == "Darwin":
        return _apple()
    figures = _meminfo(root / "proc/meminfo")
    total = figures.get("MemTotal", 0)
    available = figures.get("MemAvailable", figures.get("MemFree", 0))
    for limit, used in _cgroup_limits(root):
        total = min(total, limit)
        available = min(available, max(0, limit - used))
    return MachineMemory(total=total, available=available, gpus=_nvidia())


class Reservations:
    """Bytes that each model holds of a budget. Nothing is ever promised twice.

    ``budget``: bytes that all models together may take.
    """

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self._held: dict[str, int] = {}

    @property
    def held(self) -> dict[str, int]:
        """Bytes by model."""
        return dict(self._held)

    @property
    def free(self) -> int:
        """Bytes that nobody holds."""
        return self.budget - sum(self._held.values())

    def reserve(self, model: str, size: int) -> None:
        """Hold ``size`` bytes for ``model``, in place of what it held. Raises DoesNotFit and changes nothing then."""
        if size < 0:
            raise ValueError("A reservation cannot be negative.")
        free = self.free + self._held.get(model, 0)
        if size > free:
            others = ", ".join(f"{name} {_gb(held)}" for name, held in self._held.items() if name != model)
            raise DoesNotFit(
                f"{model} needs {_gb(size)}, and {_gb(free)} of {_gb(self.budget)} are free"
                f"{f' ({others})' if others else ''}. Unload a model, give this one a shorter context, or allow "
                "more memory."
            )
        self._held[model] = size

    def release(self, model: str) -> None:
        """Give back what ``model`` holds; nothing happens when it holds nothing."""
        self._held.pop(model, None)


def _gb(size: int) -> str:
    return f"{size / 1e9:.2f} GB"


def _meminfo(path: Path) -> dict[str, int]:
    found = re.findall(r"^(\w+): +(\d+) kB$", _text(path), re.MULTILINE)
    return {name: int(size) * 1024 for name, size in found}


def _cgroup_limits(root: Path) -> list[tuple[int, int]]:
    """Limit and use of each control group that this process is in; memory of files can be had back, so is not use."""
    mount = root / "sys/fs/cgroup"
    limits = []
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, controllers, name = line.split(":", 2)
        if controllers == "":
            base, limit_name, use_name, file_key = mount, "memory.max", "memory.current", "inactive_file"
        elif "memory" in controllers.split(","):
            base, limit_name, use_name = mount / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes"
            file_key = "total_inactive_file"
        else:
            continue
        folder = base / name.lstrip("/")
        # In a container the path may be that of the host and not be there: the mount itself is the group then.
        for group in (folder, *folder.parents):
            if not group.is_relative_to(base):
                break
            limit = _text(group / limit_name).strip()
            if limit.isdigit():
                cached = re.search(rf"^{file_key} (\d+)$", _text(group / "memory.stat"), re.MULTILINE)
                used = _text(group / use_name).strip()
                limits.append((int(limit), max(0, int(used or 0) - int(cached[1] if cached else 0))))
    return limits


def _text(path: Path) -> str:
    """The file's text, or nothing where the kernel has no such file."""
    try:
        return path.read_text()
    except OSError:
        return ""


def _nvidia() -> tuple[Gpu, ...]:
    try:
        import pynvml  # type: ignore[import-untyped]
    except ImportError:
        return ()
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:  # no driver
        return ()
    try:
        gpus = []
        for number in range(pynvml.nvmlDeviceGetCount()):
            handle = pynvml.nvmlDeviceGetHandleByIndex(number)
            memory, name = pynvml.nvmlDeviceGetMemoryInfo(handle), pynvml.nvmlDeviceGetName(handle)
            gpus.append(Gpu(name=str(name), total=int(memory.total), free=int(memory.free)))
        return tuple(gpus)
    except pynvml.NVMLError:  # a driver that does not tell
        return ()
    finally:
        pynvml.nvmlShutdown()


def _apple() -> MachineMemory:
    def said(*command: str) -> str:
        return subprocess.run(command, capture_output=True, text=True, timeout=10, check=False).stdout

    return apple_memory(said("sysctl", "-n", "hw.memsize"), said("vm_stat"), platform.machine())


def apple_memory(memsize: str, vm_stat: str, machine: str) -> MachineMemory:
    """Read what ``sysctl -n hw.memsize`` and ``vm_stat`` print; Apple's own processors share their memory."""
    page = re.search(r"page size of (\d+) bytes", vm_stat)
    pages = dict(re.findall(r"^Pages (free|inactive|speculative): +(\d+)\.", vm_stat, re.MULTILINE))
    total = int(memsize) if memsize.strip().isdigit() else 0
    available = sum(map(int, pages.values())) * (int(page[1]) if page else 4096)
    return MachineMemory(total=total, available=min(available, total), unified=machine == "arm64")
