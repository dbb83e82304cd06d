"""Exports outlive the store, and say what is wrong with them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from covey.core.errors import StoreCorrupt, StoreTooNew, UnusableInput
from covey.store.export import read_export
from covey.testing.memory import MemoryStore
from support_store import make_chain, make_run


@pytest.fixture
async def exported(tmp_path: Path) -> Path:
    run, store = make_run(), MemoryStore()
    await store.create(run)
    for step in make_chain(run, 4):
        await store.append(run.id, step)
    await store.export(run.id, tmp_path / "run.jsonl")
    return tmp_path / "run.jsonl"


def test_an_export_is_lines_of_json_that_anybody_can_read(exported: Path) -> None:
    lines = [json.loads(line) for line in exported.read_text().splitlines()]
    assert [line["type"] for line in lines] == ["covey-run", "run", "step", "step", "step", "step", "end"]
    assert [line["step"]["name"] for line in lines[2:-1]] == ["step0", "step1", "step2", "step3"]


def test_a_changed_step_is_left_out_and_named(exported: Path) -> None:
    text = exported.read_text()
    exported.write_text(text.replace('"name":"step2"', '"name":"step9"'))
    export = read_export(exported)
    assert [step.seq for step in export.steps] == [0, 1, 3]
    assert any("step 2 is damaged" in fault for fault in export.faults)


@pytest.mark.parametrize("lost", [0, 1, 3])
def test_a_lost_step_is_named(exported: Path, lost: int) -> None:
    lines = exported.read_text().splitlines()
    exported.write_text("\n".join(lines[: 2 + lost] + lines[3 + lost :]))
    assert any("missing" in fault or "head" in fault for fault in read_export(exported).faults)


def test_a_file_cut_short_is_noticed(exported: Path) -> None:
    whole = exported.read_bytes()
    exported.write_bytes(whole[: len(whole) - len(whole) // 3])
    faults = read_export(exported).faults
    assert any("cut short" in fault for fault in faults)
    assert any("not JSON" in fault for fault in faults)


def test_a_changed_task_is_noticed(exported: Path) -> None:
    exported.write_text(exported.read_text().replace("a bug", "a cat"))
    assert any("genesis" in fault for fault in read_export(exported).faults)


@pytest.mark.parametrize("text", ["", "{}", "no json", '{"type":"else"}'])
def test_another_file_is_not_an_export(tmp_path: Path, text: str) -> None:
    (tmp_path / "x").write_text(text)
    with pytest.raises(UnusableInput):
        read_export(tmp_path / "x")
    with pytest.raises(UnusableInput):
        read_export(tmp_path / "nowhere")


def test_a_later_format_is_refused(exported: Path) -> None:
    exported.write_text(exported.read_text().replace('"version":1', '"version":2', 1))
    with pytest.raises(StoreTooNew, match="Upgrade"):
        read_export(exported)


def test_an_export_without_its_run_is_corrupt(exported: Path) -> None:
    lines = exported.read_text().splitlines()
    exported.write_text("\n".join([lines[0], *lines[2:]]))
    with pytest.raises(StoreCorrupt):
        read_export(exported)


async def test_damaged_steps_are_exported_as_far_as_they_can_be_read(tmp_path: Path) -> None:
    run, store = make_run(), MemoryStore()
    await store.create(run)
    for step in make_chain(run, 4):
        await store.append(run.id, step)
    records = store.runs[run.id].steps
    damaged = records[1].detail.replace("0.25", "0.26")
    records[1] = type(records[1])(
        **{name: getattr(records[1], name) for name in records[1].__slots__} | {"detail": damaged}
    )
    del records[2]
    faults = await store.export(run.id, tmp_path / "run.jsonl")
    assert [step.seq for step in read_export(tmp_path / "run.jsonl").steps] == [0, 3]
    assert any("step 1 is damaged" in fault for fault in faults)
    assert any("step 2 is missing" in fault for fault in faults)
    assert records[1].content in [
        json.loads(line).get("content") for line in (tmp_path / "run.jsonl").read_text().splitlines()
    ]
