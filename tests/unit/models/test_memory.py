"""Memory of the machine, and reservations of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from covey.core.errors import DoesNotFit
from covey.models.memory import Reservations, apple_memory, machine_memory

pytestmark = pytest.mark.requirement("A6")

MEMINFO = "MemTotal:       16000000 kB\nMemFree:         1000000 kB\nMemAvailable:   12000000 kB\nHugePages_Total: 0\n"
KB = 1024


def _machine(root: Path, **files: str) -> Path:
    """A machine's files; in the names, ``__`` stands for a slash and ``_`` for a dot."""
    for name, text in {"proc__meminfo": MEMINFO, **files}.items():
        path = root / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_this_machine_has_memory() -> None:
    found = machine_memory()
    assert 0 < found.available <= found.total


def test_a_machine_without_limits_is_what_meminfo_says(tmp_path: Path) -> None:
    found = machine_memory(_machine(tmp_path))
    assert (found.total, found.available, found.unified) == (16_000_000 * KB, 12_000_000 * KB, False)


def test_an_old_kernel_tells_free_memory_only(tmp_path: Path) -> None:
    found = machine_memory(_machine(tmp_path, proc__meminfo=MEMINFO.replace("MemAvailable", "Other")))
    assert found.available == 1_000_000 * KB


def test_the_tightest_control_group_counts_and_files_can_be_had_back(tmp_path: Path) -> None:
    root = _machine(tmp_path, proc__self__cgroup="0::/outer/inner\n", sys__fs__cgroup__outer__inner__x="")
    outer = root / "sys/fs/cgroup/outer"
    (outer / "memory.max").write_text("4000000000\n")
    (outer / "memory.current").write_text("3000000000\n")
    (outer / "memory.stat").write_text("anon 5\ninactive_file 1000000000\nactive_file 7\n")
    (outer / "inner/memory.max").write_text("max\n")
    found = machine_memory(root)
    assert (found.total, found.available) == (4_000_000_000, 2_000_000_000)


def test_a_container_sees_its_limit_at_the_mount(tmp_path: Path) -> None:
    root = _machine(tmp_path, proc__self__cgroup="0::/only/outside\n", sys__fs__cgroup__x="")
    (root / "sys/fs/cgroup/memory.max").write_text("2000000000\n")
    assert machine_memory(root).total == 2_000_000_000


def test_the_older_control_groups_are_read_too(tmp_path: Path) -> None:
    root = _machine(
        tmp_path, proc__self__cgroup="9:name=systemd:/\n4:cpu,memory:/job\n", sys__fs__cgroup__memory__job__x=""
    )
    (root / "sys/fs/cgroup/memory/job/memory.limit_in_bytes").write_text("3000000000\n")
    (root / "sys/fs/cgroup/memory/job/memory.usage_in_bytes").write_text("2500000000\n")
    (root / "sys/fs/cgroup/memory/memory.limit_in_bytes").write_text("9223372036854771712\n")
    found = machine_memory(root)
    assert (found.total, found.available) == (3_000_000_000, 500_000_000)


def test_an_apple_machine_shares_its_memory() -> None:
    said = (
        "Mach Virtual Memory Statistics: (page size of 16384 bytes)\n"
        "Pages free:                               10000.\n"
        "Pages active:                            500000.\n"
        "Pages inactive:                           20000.\n"
        "Pages speculative:                         5000.\n"
    )
    found = apple_memory("17179869184\n", said, "arm64")
    assert (found.total, found.available, found.unified) == (17_179_869_184, 35_000 * 16_384, True)
    assert not apple_memory("17179869184\n", said, "x86_64").unified


def test_reservations_never_exceed_their_budget() -> None:
    held = Reservations(10_000_000_000)
    held.reserve("planner", 4_000_000_000)
    held.reserve("coder", 5_500_000_000)
    with pytest.raises(DoesNotFit) as refused:
        held.reserve("reviewer", 1_000_000_000)
    assert "reviewer needs 1.00 GB, and 0.50 GB of 10.00 GB are free (planner 4.00 GB, coder 5.50 GB)" in str(
        refused.value
    )
    assert held.held == {"planner": 4_000_000_000, "coder": 5_500_000_000}
    held.release("planner")
    held.reserve("reviewer", 1_000_000_000)
    assert held.free == 3_500_000_000


def test_a_reservation_replaces_what_its_model_held() -> None:
    held = Reservations(100)
    held.reserve("a", 80)
    held.reserve("a", 100)
    with pytest.raises(DoesNotFit):
        held.reserve("a", 101)
    assert held.held == {"a": 100}
    held.release("a")
    held.release("a")
    assert held.free == 100


def test_a_negative_reservation_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="negative"):
        Reservations(100).reserve("a", -1)
