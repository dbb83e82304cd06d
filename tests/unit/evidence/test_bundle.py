from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from covey.core.errors import StoreError
from covey.core.execution import TestCommand
from covey.core.report import RunReport
from covey.evidence.archive import zip_bundle
from covey.evidence.bundle import LOG_LIMIT, bundle_files, write_bundle
from covey.evidence.report import run_report
from support_evidence import AFTER, BEFORE, PATH, RED, make_item, make_run, make_steps, make_tests, without_patch

pytestmark = pytest.mark.requirement("F6")


def contents(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in sorted(folder.rglob("*")) if f.is_file()}


def run(folder: Path, *command: str) -> None:
    subprocess.run(command, cwd=folder, check=True, timeout=60)


async def test_a_bundle_holds_what_is_promised_and_nothing_else(tmp_path: Path) -> None:
    folder = await write_bundle(tmp_path / "out", make_item())
    assert folder == tmp_path / "out" / make_run().id
    names = set(contents(folder))
    touched = {f"touched/{hashlib.sha256(text.encode()).hexdigest()}" for text in (BEFORE, AFTER)}
    assert names == touched | {
        "patch.diff", "report.md", "report.json", "run.json", "logs/before.txt", "logs/after.txt", "environment.lock",
        "statement.json", "events.jsonl", "touched.json", "manifest.json",
    }  # fmt: skip
    assert [entry.name for entry in folder.parent.iterdir()] == [folder.name]


async def test_the_manifest_names_the_sum_of_every_other_file_in_order(tmp_path: Path) -> None:
    folder = await write_bundle(tmp_path, make_item())
    files = contents(folder)
    manifest = json.loads(files.pop("manifest.json"))
    assert manifest["files"] == {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    assert list(manifest["files"]) == sorted(manifest["files"])


async def test_the_patch_is_exact_and_git_applies_it(tmp_path: Path) -> None:
    item = make_item()
    folder = await write_bundle(tmp_path / "out", item)
    assert item.patch is not None
    assert (folder / "patch.diff").read_bytes() == item.patch.diff.encode()
    repository = tmp_path / "repository"
    (repository / "shop").mkdir(parents=True)
    (repository / PATH).write_text(BEFORE)
    run(repository, "git", "init", "-q", ".")
    run(repository, "git", "apply", str(folder / "patch.diff"))
    assert (repository / PATH).read_text() == AFTER


async def test_writing_the_same_run_again_changes_no_byte(tmp_path: Path) -> None:
    folder = await write_bundle(tmp_path / "a", make_item())
    first, inode = contents(folder), folder.stat().st_ino
    assert await write_bundle(tmp_path / "a", make_item()) == folder
    assert contents(folder) == first
    assert folder.stat().st_ino == inode
    assert contents(await write_bundle(tmp_path / "b", make_item())) == first


async def test_a_bundle_that_differs_is_replaced_as_a_whole(tmp_path: Path) -> None:
    folder = await write_bundle(tmp_path, make_item())
    (folder / "patch.diff").write_text("something else")
    (folder / "extra").write_text("x")
    await write_bundle(tmp_path, make_item())
    assert contents(folder) == bundle_files(make_item())
    assert [entry.name for entry in tmp_path.iterdir()] == [folder.name]


async def test_what_a_killed_writer_left_is_cleared_away(tmp_path: Path) -> None:
    for kind in ("partial", "old"):
        stale = tmp_path / f".{make_run().id}.{kind}"
        stale.mkdir()
        (stale / "patch.diff").write_text("half")
    folder = await write_bundle(tmp_path, make_item())
    assert contents(folder) == bundle_files(make_item())
    assert [entry.name for entry in tmp_path.iterdir()] == [folder.name]


async def test_a_writer_killed_at_any_write_point_leaves_no_half_bundle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process ends, without any clean-up, at its first, second, … durable write; the next one finishes."""

    class Killed(BaseException):
        pass

    real, wanted = os.fsync, bundle_files(make_item())
    point, finished = 0, False
    while not finished:
        point += 1
        left = point

        def sync(descriptor: int) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                raise Killed
            real(descriptor)

        out = tmp_path / str(point)
        monkeypatch.setattr("covey.evidence.bundle.os.fsync", sync)
        try:
            await write_bundle(out, make_item())
            finished = True
        except Killed:
            folder = out / make_run().id
            assert not folder.exists() or contents(folder) == wanted
        monkeypatch.setattr("covey.evidence.bundle.os.fsync", real)
        assert contents(await write_bundle(out, make_item())) == wanted
        assert [entry.name for entry in out.iterdir()] == [make_run().id]
    assert point > len(wanted)


def test_a_disk_that_takes_no_more_leaves_nothing_half(tmp_path: Path) -> None:
    """A real limit of the kernel: no file of this process may grow beyond 2,000 bytes."""
    program = textwrap.dedent("""
        import asyncio, resource, sys
        from pathlib import Path
        from covey.core.errors import StoreFull
        from covey.evidence.bundle import write_bundle
        from support_evidence import make_item
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
        try:
            asyncio.run(write_bundle(Path(sys.argv[1]), make_item()))
        except StoreFull as error:
            print("full:", error)
    """)
    tests = Path(__file__).parents[2]

    def attempt(limit: int) -> str:
        return subprocess.run(
            [sys.executable, "-B", "-c", program, str(tmp_path), str(limit)],
            cwd=tests, capture_output=True, text=True, check=True, timeout=60,
        ).stdout  # fmt: skip

    assert attempt(2_000).startswith("full: There is no space for the evidence")
    assert list(tmp_path.iterdir()) == []
    assert attempt(1_000_000) == ""
    assert [entry.name for entry in tmp_path.iterdir()] == [make_run().id]


async def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(StoreError, match=r"out: .*--out"):
        await write_bundle(tmp_path / "out", make_item())


@pytest.mark.parametrize("path", ["/etc/passwd", "../outside", "a/../../b", ""])
async def test_a_patch_of_a_file_outside_the_repository_gets_no_bundle(tmp_path: Path, path: str) -> None:
    with pytest.raises(StoreError, match="not inside the repository"):
        await write_bundle(tmp_path, make_item(touched={path: (b"x", b"y")}))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["", "..", "a/b"])
async def test_a_run_id_that_is_no_name_of_a_folder_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(StoreError, match="cannot be the name of a folder"):
        await write_bundle(tmp_path, make_item(run=make_run().model_copy(update={"id": name})))


def test_the_report_tells_the_whole_story_in_words() -> None:
    text = bundle_files(make_item())["report.md"].decode()
    for part in (
        "Repaired 1 failing test in shop/cart.py:4.",
        "> The total of a cart is negative.",
        f"- `{RED}`",
        "`shop/cart.py:4`",
        "The loop subtracted each value.",
        "+        result += value",
        "| failed | 1 | 0 |",
        "Red before, green now:",
        "**no_regressions**",
        "Not verified: no held-out tests were named (--holdout).",
        "It changes an operator.",
        "## Alternatives\n\n1. ",
        "41 candidate changes, 40.0 a second.",
        "Python 3.11.2 (built), 2 packages",
        "`python -m pytest`",
        "| memory | none |",
        "Not enforced by anything: memory.",
        "git apply",
        "covey runs verify",
    ):
        assert part in text, part
    assert "Secrets" not in text


def test_without_a_patch_the_report_still_says_what_was_tried() -> None:
    files = bundle_files(without_patch())
    assert "patch.diff" not in files
    text = files["report.md"].decode()
    for part in (
        "There is no patch",
        "41 candidate changes",
        "Still red:",
        RED,
        "`shop/cart.py:4` in `total`, score 0.90 (run by the red test only)",
        "No patch was judged.",
        "| failed | 1 | not run |",
    ):
        assert part in text, part
    assert "How to apply" not in text
    report = json.loads(files["report.json"])
    assert (report["status"], report["patch"], report["diff"], report["exit_code"]) == ("no_patch", None, None, 1)
    assert json.loads(files["statement.json"])["subject"] == [{"name": "base", "digest": {"coveySnapshot": "b" * 64}}]


def test_text_of_a_repository_cannot_leave_its_place_in_the_report() -> None:
    patch = make_item().patch
    assert patch is not None
    evil = patch.model_copy(update={"diff": patch.diff + "+````\n+# I am a heading\n"})
    text = bundle_files(
        make_item(
            patch=evil,
            targets=("test_a`b\n# no heading",),
            headline="a\x1b[2Jb | <script>",
            explanation="# big",
            notes=("x|y",),
        )
    )["report.md"].decode()
    assert "`````diff" in text
    assert "\n# no heading" not in text
    assert "\x1b" not in text
    assert "\n\\# big\n" in text
    assert "a\\x1b[2Jb \\| \\<script>" in text


def test_the_statement_is_an_in_toto_statement_about_patch_and_base() -> None:
    item = make_item()
    files = bundle_files(item)
    statement = json.loads(files["statement.json"])
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["predicateType"] == "urn:covey:run:v1"
    assert statement["subject"] == [
        {"name": "patch.diff", "digest": {"sha256": hashlib.sha256(files["patch.diff"]).hexdigest()}},
        {"name": "base", "digest": {"coveySnapshot": "b" * 64}},
    ]
    predicate = statement["predicate"]
    assert predicate["events"] == {"count": 3, "genesis": item.run.genesis, "head": item.steps[-1].hash}
    assert (predicate["label"], predicate["seed"], predicate["model"]) == ("no_regressions", 0, "none")
    assert predicate["tests"]["before"]["failed"] == 1
    assert predicate["tests"]["after"]["passed"] == 2
    assert predicate["sandbox"]["missing"] == ["memory"]


def test_the_base_comes_from_the_patch_where_the_task_names_none() -> None:
    run = make_run()
    bare = run.model_copy(update={"task": run.task.model_copy(update={"base": ""})})
    for item, base in ((make_item(run=bare), "b" * 64), (make_item(run=bare, base="c" * 64), "c" * 64)):
        files = bundle_files(item)
        assert json.loads(files["statement.json"])["subject"][1]["digest"] == {"coveySnapshot": base}
        assert json.loads(files["run.json"])["base"] == base


def test_logs_are_bounded_and_harmless_to_a_terminal() -> None:
    before = make_tests(green=False, output="first\x1b[31m" + "x" * (LOG_LIMIT * 2) + "last")
    log = bundle_files(make_item(before=before))["logs/before.txt"].decode()
    assert len(log) < LOG_LIMIT + 1000
    assert log.startswith("$ python -m pytest\n# exit code 1, signal None\n# passed 1, failed 1,")
    assert "first\\x1b[31m" in log
    assert "characters left out" in log
    assert log.endswith("last\n")


def test_the_environment_lock_names_python_and_every_package() -> None:
    assert bundle_files(make_item())["environment.lock"] == b"# python 3.11.2 (built)\nattrs==24.1\npytest==8.3.0\n"


def test_the_report_has_absolute_paths_and_commands_for_its_reader(tmp_path: Path) -> None:
    report = run_report(make_item(), tmp_path / "a b")
    assert report.patch == str(tmp_path / "a b" / "patch.diff")
    assert report.apply_command == f"git -C /home/me/shop apply '{tmp_path}/a b/patch.diff'"
    assert report.evidence == str(tmp_path / "a b")
    assert report.tokens.model_dump() == {"prefilled": 30, "reused": 15, "generated": 3}
    assert report.fixed == (RED,)
    assert report.exit_code == 0


def test_the_bundle_of_a_run_with_odd_text_can_be_written_and_read_back() -> None:
    run = make_run("lone surrogate \udcff and \x00 and 漢字")
    item = make_item(
        run=run,
        steps=make_steps(run, ({"text": "\udcff\x00"},)),
        notes=("\udcff",),
        command=TestCommand(framework="command", argv=("\udcff",)),
        new_tests={"tests/\udcff.py": "\udcff"},
    )
    files = bundle_files(item)
    assert RunReport.model_validate(json.loads(files["report.json"])).notes == ("\udcff",)
    assert json.loads(files["events.jsonl"])["detail"] == {"text": "\udcff\x00"}


async def test_an_archive_of_a_bundle_is_the_same_bytes_each_time(tmp_path: Path) -> None:
    one = zip_bundle(await write_bundle(tmp_path / "a", make_item()), tmp_path / "1.zip")
    two = zip_bundle(await write_bundle(tmp_path / "b", make_item()), tmp_path / "deep" / "2.zip")
    assert one.read_bytes() == two.read_bytes()
    run(tmp_path, sys.executable, "-m", "zipfile", "-e", str(one), str(tmp_path / "x"))
    assert contents(tmp_path / "x" / make_run().id) == bundle_files(make_item())
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["1.zip", "a", "b", "deep", "x"]


async def test_an_archive_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    folder = await write_bundle(tmp_path / "out", make_item())
    (tmp_path / "taken").mkdir()
    with pytest.raises(StoreError, match="--to"):
        zip_bundle(folder, tmp_path / "taken")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["out", "taken"]
