from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from covey.core.canonical import sha256
from covey.core.errors import UnusableInput
from covey.evidence.bundle import bundle_files, manifest, pretty, write_bundle
from covey.evidence.check import BundleCheck, check_bundle
from support_evidence import BEFORE, PATH, make_item, without_patch

pytestmark = pytest.mark.requirement("F6")

NAMES = sorted(bundle_files(make_item()))


@pytest.fixture
async def bundle(tmp_path: Path) -> Path:
    return await write_bundle(tmp_path / "out", make_item())


def faulty(check: BundleCheck) -> set[str]:
    assert not check.ok
    return {fault.file for fault in check.faults}


def reseal(folder: Path) -> None:
    """What a forger does: write the manifest again so that every sum is right."""
    (folder / "manifest.json").unlink()
    files = {str(f.relative_to(folder)): sha256(f.read_bytes()) for f in folder.rglob("*") if f.is_file()}
    (folder / "manifest.json").write_bytes(manifest(files))


def rewrite(folder: Path, name: str, change: Callable[[Any], None]) -> None:
    value = json.loads((folder / name).read_bytes())
    change(value)
    (folder / name).write_bytes(pretty(value) if name != "report.json" else (json.dumps(value) + "\n").encode())


def test_an_untouched_bundle_is_whole_and_hands_over_what_a_second_run_of_the_tests_takes(bundle: Path) -> None:
    check = check_bundle(bundle)
    assert check.faults == ()
    assert check.reduced == ()
    item = make_item()
    assert item.patch is not None
    assert (check.events, check.files, check.diff) == (3, len(NAMES), item.patch.diff)
    assert check.ground is not None
    assert check.ground.command == item.command
    assert check.ground.environment == item.environment
    assert check.ground.targets == item.targets
    assert check.ground.run.task == item.run.task
    assert check.report is not None
    assert check.report.label == "no_regressions"
    assert check.digest == sha256((bundle / "manifest.json").read_bytes())


async def test_the_bundle_of_a_run_without_a_patch_is_whole(tmp_path: Path) -> None:
    check = check_bundle(await write_bundle(tmp_path, without_patch()))
    assert check.faults == ()
    assert check.diff is None


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("place", [0.0, 0.3, 0.7, 1.0])
def test_one_changed_byte_anywhere_is_found_and_its_file_named(bundle: Path, name: str, place: float) -> None:
    data = bytearray((bundle / name).read_bytes())
    data[round(place * (len(data) - 1))] ^= 1
    (bundle / name).write_bytes(bytes(data))
    found = faulty(check_bundle(bundle))
    assert name in found or (name == "manifest.json" and found)


@pytest.mark.parametrize("name", NAMES)
def test_a_cut_a_longer_and_a_missing_file_are_named(bundle: Path, name: str) -> None:
    original = (bundle / name).read_bytes()
    for data in (original[:-1], original + b"\n", b""):
        (bundle / name).write_bytes(data)
        assert name in faulty(check_bundle(bundle))
    (bundle / name).unlink()
    if name == "manifest.json":
        with pytest.raises(UnusableInput, match="not an evidence bundle"):
            check_bundle(bundle)
    else:
        check = check_bundle(bundle)
        assert [str(fault) for fault in check.faults] == [f"{name} is missing"]


def test_an_extra_file_a_link_and_a_pipe_are_named(bundle: Path) -> None:
    (bundle / "extra.txt").write_text("x")
    (bundle / "link").symlink_to("/etc/passwd")
    os.mkfifo(bundle / "pipe")
    (bundle / "folder").symlink_to("/etc")
    assert faulty(check_bundle(bundle)) == {"extra.txt", "link", "pipe", "folder"}


def test_a_file_replaced_by_a_link_to_the_same_bytes_is_named(bundle: Path, tmp_path: Path) -> None:
    shutil.move(bundle / "patch.diff", tmp_path / "elsewhere")
    (bundle / "patch.diff").symlink_to(tmp_path / "elsewhere")
    assert "patch.diff" in faulty(check_bundle(bundle))


def test_a_manifest_that_names_files_outside_is_never_followed(bundle: Path) -> None:
    rewrite(bundle, "manifest.json", lambda value: value["files"].update({"../../etc/passwd": "0" * 64}))
    assert faulty(check_bundle(bundle)) == {"../../etc/passwd"}


def test_a_patch_exchanged_with_its_sum_is_found_by_the_statement_and_by_the_files(bundle: Path) -> None:
    patch = bundle / "patch.diff"
    patch.write_text(patch.read_text().replace("result += value", "result += 2 * value"))
    reseal(bundle)
    assert faulty(check_bundle(bundle)) == {"report.json", "statement.json", "patch.diff"}


def test_a_patch_exchanged_everywhere_but_in_the_files_is_found_by_git(bundle: Path) -> None:
    other = (bundle / "patch.diff").read_text().replace("result += value", "result += 2 * value")
    (bundle / "patch.diff").write_text(other)
    rewrite(bundle, "report.json", lambda value: value.update(diff=other))
    rewrite(bundle, "statement.json", lambda value: value["subject"][0]["digest"].update(sha256=sha256(other)))
    reseal(bundle)
    check = check_bundle(bundle)
    assert [(fault.file, fault.what) for fault in check.faults] == [
        ("patch.diff", f"gives another {PATH} than the one kept here")
    ]


def test_a_patch_that_does_not_apply_is_reported_in_the_words_of_git(bundle: Path) -> None:
    other = (bundle / "patch.diff").read_text().replace("    result = 0", "    result = 1")
    (bundle / "patch.diff").write_text(other)
    rewrite(bundle, "report.json", lambda value: value.update(diff=other))
    rewrite(bundle, "statement.json", lambda value: value["subject"][0]["digest"].update(sha256=sha256(other)))
    reseal(bundle)
    (fault,) = check_bundle(bundle).faults
    assert fault.file == "patch.diff"
    assert "error: patch failed: shop/cart.py:1" in fault.what


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda lines: lines[:2], "another head"),
        (lambda lines: lines[1:], "event 0 does not follow"),
        (lambda lines: [lines[0], lines[2]], "event 1 does not follow"),
        (lambda lines: [lines[0].replace('"n": 0', '"n": 7'), *lines[1:]], "event 0 does not have the content"),
        (lambda lines: [lines[0].replace("step0", "step9"), *lines[1:]], "event 0 does not have the content"),
        (lambda lines: [*lines, lines[2]], "event 3 does not follow"),
        (lambda lines: ["{", *lines[1:]], "event 0 cannot be read"),
        (lambda lines: ["[" * 100_000, *lines[1:]], "event 0 cannot be read"),
    ],
)
def test_a_changed_event_is_found_by_the_chain(
    bundle: Path, change: Callable[[list[str]], list[str]], what: str
) -> None:
    events = bundle / "events.jsonl"
    events.write_text("\n".join(change(events.read_text().splitlines())) + "\n")
    reseal(bundle)
    assert any(what in fault.what for fault in check_bundle(bundle).faults)


def test_a_task_changed_afterwards_is_found_by_the_genesis(bundle: Path) -> None:
    rewrite(bundle, "run.json", lambda value: value["run"]["task"].update(description="Something else."))
    reseal(bundle)
    assert faulty(check_bundle(bundle)) == {"run.json"}


def test_a_label_raised_in_the_report_alone_is_found(bundle: Path) -> None:
    rewrite(bundle, "report.json", lambda value: value.update(label="verified"))
    reseal(bundle)
    assert "statement.json" in faulty(check_bundle(bundle))


def test_a_bundle_forged_as_a_whole_has_another_digest(bundle: Path, tmp_path: Path) -> None:
    """Sums cannot stop who rewrites everything; the digest that a reader kept can."""
    digest = check_bundle(bundle).digest
    (bundle / "report.md").write_text("All is well.\n")
    reseal(bundle)
    forged = check_bundle(bundle)
    assert forged.ok
    assert forged.digest != digest


def test_a_kept_file_that_nothing_uses_is_named(bundle: Path) -> None:
    (bundle / "touched" / "note").write_text("x")
    reseal(bundle)
    assert faulty(check_bundle(bundle)) == {"touched/note"}


def test_without_git_the_check_says_what_it_could_not_do(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    check = check_bundle(bundle)
    assert check.ok
    assert check.reduced == ("git is not here: the patch was not applied to the files it changes.",)


@pytest.mark.parametrize("outer", [".git", "a repository"])
def test_the_surroundings_of_the_check_have_no_say(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, outer: str
) -> None:
    """Git variables and configuration of whoever checks do not change what the patch does."""
    config = tmp_path / "config"
    config.write_text("[apply]\n\twhitespace = error-all\n[core]\n\tautocrlf = true\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    monkeypatch.setenv("GIT_DIR", str(tmp_path / outer))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert check_bundle(bundle).faults == ()


async def test_new_deleted_and_crlf_files_are_checked_too(tmp_path: Path) -> None:
    diff = (
        "diff --git a/new.py b/new.py\nnew file mode 100644\n--- /dev/null\n+++ b/new.py\n@@ -0,0 +1 @@\n+x = 1\n"
        "diff --git a/old.py b/old.py\ndeleted file mode 100644\n--- a/old.py\n+++ /dev/null\n@@ -1 +0,0 @@\n-y = 1\n"
        "diff --git a/dos.py b/dos.py\n--- a/dos.py\n+++ b/dos.py\n@@ -1,2 +1,2 @@\n a = 1\r\n-b = 2\r\n+b = 3\r\n"
    )
    patch = make_item().patch
    assert patch is not None
    item = make_item(
        patch=patch.model_copy(update={"diff": diff, "files": ("new.py", "old.py", "dos.py")}),
        touched={
            "new.py": (None, b"x = 1\n"),
            "old.py": (b"y = 1\n", None),
            "dos.py": (b"a = 1\r\nb = 2\r\n", b"a = 1\r\nb = 3\r\n"),
        },
    )
    assert check_bundle(await write_bundle(tmp_path, item)).faults == ()
    wrong = item.model_copy(update={"touched": {**item.touched, "old.py": (b"y = 1\n", b"y = 1\n")}})
    assert faulty(check_bundle(await write_bundle(tmp_path, wrong))) == {"patch.diff"}


def test_a_folder_that_is_no_bundle_is_unusable_input(tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match="not an evidence bundle"):
        check_bundle(tmp_path)
    with pytest.raises(UnusableInput, match="not an evidence bundle"):
        check_bundle(tmp_path / "nothing")


def test_the_fixture_really_repairs_something() -> None:
    scope: dict[str, Any] = {}
    exec(BEFORE, scope)
    assert scope["total"]([1, 2]) == -3


async def test_a_transcript_is_checked_against_the_events(tmp_path: Path) -> None:
    item = make_item()
    entries = [{"role": "generator", "kind": "answer", "text": "the key is AKIAIOSFODNN7EXAMPLE"}]
    last = item.steps[-1].model_copy(update={"detail": {"minutes": {"entries": entries}, "value": {}}})
    bundle = await write_bundle(tmp_path, item.model_copy(update={"steps": (*item.steps[:-1], last)}))
    assert "AKIAIOSFODNN7EXAMPLE" not in (bundle / "transcript.jsonl").read_text()
    assert not any(fault.file == "transcript.jsonl" for fault in check_bundle(bundle).faults)
    (bundle / "transcript.jsonl").write_text("{}\n")
    reseal(bundle)
    assert any(fault.file == "transcript.jsonl" for fault in check_bundle(bundle).faults)
