"""Finding and making control groups, on folders that look like each kind of system."""

from __future__ import annotations

from pathlib import Path

import pytest

from covey.execution import cgroups
from covey.execution.launcher import groups
from covey.execution.launcher.plan import Groups


def _proc(folder: Path, mounts: list[str], own: list[str]) -> Path:
    folder.mkdir()
    (folder / "mountinfo").write_text("".join(f"{line}\n" for line in mounts))
    (folder / "cgroup").write_text("".join(f"{line}\n" for line in own))
    return folder


def _anywhere(group: Path) -> bool:
    return group.is_dir()


def test_version_2_takes_the_nearest_group_whose_children_are_controlled(tmp_path: Path) -> None:
    root = tmp_path / "unified"
    own = root / "user.slice" / "app.slice" / "terminal.scope"
    own.mkdir(parents=True)
    for folder in (root, root / "user.slice", own.parent):
        (folder / "cgroup.subtree_control").write_text("cpu memory pids")
    (own / "cgroup.subtree_control").write_text("")
    mounts = [f"30 20 0:27 / {root} rw,nosuid - cgroup2 cgroup2 rw,nsdelegate"]
    proc = _proc(tmp_path / "proc", mounts, ["0::/user.slice/app.slice/terminal.scope"])
    found = cgroups.find(proc, usable=_anywhere)
    assert found == {"version": 2, "memory": str(own.parent), "pids": str(own.parent)}
    found = cgroups.find(proc, usable=lambda group: group == root / "user.slice")
    assert found is not None
    assert found["memory"] == str(root / "user.slice")


def test_version_1_takes_our_own_group_of_each_hierarchy(tmp_path: Path) -> None:
    memory, pids = tmp_path / "memory", tmp_path / "pids"
    (memory / "service").mkdir(parents=True)
    pids.mkdir()
    mounts = [
        f"36 31 0:33 / {memory} rw,relatime - cgroup cgroup rw,memory",
        f"40 31 0:37 /docker/abc {pids} rw,relatime - cgroup cgroup rw,pids",
    ]
    proc = _proc(tmp_path / "proc", mounts, ["8:pids:/docker/abc", "4:memory:/service", "0::/"])
    found = cgroups.find(proc, usable=_anywhere)
    assert found == {"version": 1, "memory": str(memory / "service"), "pids": str(pids)}


def test_nothing_is_found_where_nothing_can_be_made(tmp_path: Path) -> None:
    mounts = [f"36 31 0:33 / {tmp_path} rw - cgroup cgroup rw,memory,pids"]
    proc = _proc(tmp_path / "proc", mounts, ["4:memory,pids:/"])
    assert cgroups.find(proc, usable=lambda _: False) is None
    assert cgroups.find(_proc(tmp_path / "bare", [], ["0::/"])) is None


def test_empty_groups_of_dead_supervisors_are_swept_and_others_kept(tmp_path: Path) -> None:
    dead, alive, other = tmp_path / "covey-999999999-ab", tmp_path / "covey-1-ab", tmp_path / "another"
    for folder in (dead, alive, other):
        folder.mkdir()
    cgroups.sweep({"version": 2, "memory": str(tmp_path), "pids": str(tmp_path)})
    assert sorted(tmp_path.iterdir()) == [other, alive]


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        (1, {"memory.limit_in_bytes": "1000", "memory.memsw.limit_in_bytes": "1000", "pids.max": "7"}),
        (2, {"memory.max": "1000", "memory.swap.max": "0", "memory.oom.group": "1", "pids.max": "7"}),
    ],
)
def test_a_group_gets_its_limits_and_goes_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: int, expected: dict[str, str]
) -> None:
    memory, pids = tmp_path / "memory", tmp_path / "pids"
    memory.mkdir()
    pids.mkdir()
    if version == 2:
        pids = memory
    written: dict[str, str] = {}
    monkeypatch.setattr(groups, "_write", lambda path, value: written.update({Path(path).name: value}))
    parents: Groups = {"version": version, "memory": str(memory), "pids": str(pids)}
    group = groups.Group(parents, 1000, 7)
    assert written == expected
    assert group.mechanism == f"cgroup-v{version}"
    assert len(list(memory.iterdir())) == 1
    group.join()
    group.remove()
    assert [*memory.iterdir(), *pids.iterdir()] == []


def test_a_group_that_cannot_be_limited_does_not_count(tmp_path: Path) -> None:
    group = groups.Group({"version": 2, "memory": str(tmp_path), "pids": str(tmp_path)}, 1000, 7)
    assert (group.memory, group.pids) == (None, None)
    assert not group.out_of_memory()
    assert group.peak() is None
    group.remove()
    assert list(tmp_path.iterdir()) == []
