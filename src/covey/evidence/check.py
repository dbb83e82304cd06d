"""Checking a bundle, offline: sums, statement, chain of events, and the patch against the files it changes.

Nothing here trusts the bundle. Running the tests again needs a sandbox and a snapshot: :class:`BundleCheck` hands over
what that takes (``ground`` and ``diff``), once ``ok`` says that the bundle is whole.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import JsonValue, ValidationError

from covey.core.canonical import Frozen, sha256
from covey.core.errors import PatchDoesNotApply, UnusableInput
from covey.core.report import RunReport
from covey.core.run import Step
from covey.evidence.bundle import MANIFEST, Ground, manifest
from covey.evidence.gitapply import apply_to_files
from covey.evidence.statement import PREDICATE_TYPE, SNAPSHOT_DIGEST, STATEMENT_TYPE
from covey.evidence.transcript import transcript

_FILE_LIMIT = 512 << 20
_FIXED = frozenset(
    {
        "report.md",
        "report.json",
        "run.json",
        "statement.json",
        "environment.lock",
        "events.jsonl",
        "logs/before.txt",
        "logs/after.txt",
        "touched.json",
    }
)
"""Files that every bundle has, besides the manifest."""
_POSSIBLE = frozenset({"patch.diff", "transcript.jsonl"})
"""Files that a bundle has when there is something to put into them."""


class Fault(Frozen):
    """One thing that is wrong with a bundle: the file and a sentence."""

    file: str
    what: str

    def __str__(self) -> str:
        return f"{self.file} {self.what}"


class BundleCheck(Frozen):
    """Result of :func:`check_bundle`.

    ``digest`` is the SHA-256 of ``manifest.json``: whoever kept it can tell even a bundle that was rewritten as a
    whole. ``reduced`` are sentences about checks that could not be made here.
    """

    folder: str
    faults: tuple[Fault, ...] = ()
    reduced: tuple[str, ...] = ()
    files: int = 0
    events: int = 0
    digest: str = ""
    ground: Ground | None = None
    report: RunReport | None = None
    diff: str | None = None

    @property
    def ok(self) -> bool:
        """True when nothing is wrong."""
        return not self.faults


def check_bundle(folder: Path) -> BundleCheck:
    """Check the bundle in ``folder`` without a network, a store or a sandbox. Raises UnusableInput when it is none."""
    if not (folder / MANIFEST).is_file():
        raise UnusableInput(f"{folder} is not an evidence bundle: it has no {MANIFEST}. Name the folder of a run.")
    checker = _Checker(folder)
    checker.sums()
    if not checker.faults:
        checker.content()
    return BundleCheck(
        folder=str(folder),
        faults=tuple(checker.faults),
        reduced=tuple(checker.reduced),
        files=len(checker.data),
        events=checker.events,
        digest=sha256(checker.data.get(MANIFEST, b"")),
        ground=checker.ground,
        report=checker.report,
        diff=checker.diff,
    )


class _Checker:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.faults: list[Fault] = []
        self.reduced: list[str] = []
        self.data: dict[str, bytes] = {}
        self.events = 0
        self.ground: Ground | None = None
        self.report: RunReport | None = None
        self.diff: str | None = None

    def fault(self, file: str, what: str) -> None:
        self.faults.append(Fault(file=file, what=what))

    def sums(self) -> None:
        """Compare what lies in the folder with the manifest, both ways. Names in the manifest are never opened."""
        for name, path in self._walk(self.folder, ""):
            try:
                self.data[name] = _read(path)
            except OSError as error:
                self.fault(name, f"cannot be read: {error.strerror}")
        listed = self._listed()
        if listed is None:
            return
        for name in sorted(listed.keys() | self.data.keys() - {MANIFEST}):
            if name not in listed:
                self.fault(name, "is not in the manifest")
            elif name not in self.data:
                self.fault(name, "is missing")
            elif hashlib.sha256(self.data[name]).hexdigest() != listed[name]:
                self.fault(name, "does not have the SHA-256 that the manifest names")
        for name in sorted(_FIXED - listed.keys()):
            self.fault(name, "belongs to every bundle and is not in the manifest")

    def _walk(self, folder: Path, prefix: str) -> Iterator[tuple[str, Path]]:
        with os.scandir(folder) as entries:
            for entry in sorted(entries, key=lambda found: found.name):
                name = prefix + entry.name
                mode = entry.stat(follow_symlinks=False).st_mode
                if stat.S_ISDIR(mode):
                    yield from self._walk(Path(entry.path), f"{name}/")
                elif stat.S_ISREG(mode):
                    yield name, Path(entry.path)
                else:
                    self.fault(name, "is neither a file nor a folder")

    def _listed(self) -> dict[str, str] | None:
        raw = self.data.get(MANIFEST)
        if raw is None:
            return None
        value = self._json(MANIFEST, raw)
        files = value.get("files") if isinstance(value, dict) else None
        if not isinstance(files, dict):
            self.fault(MANIFEST, "is not a manifest")
            return None
        listed = {name: digest for name, digest in files.items() if isinstance(digest, str)}
        if manifest(listed) != raw:
            self.fault(MANIFEST, "is not in the form in which it is written")
        return listed

    def _json(self, name: str, raw: bytes) -> JsonValue:
        try:
            value: JsonValue = json.loads(raw)
        except (ValueError, RecursionError) as error:
            self.fault(name, f"is not JSON: {error}")
            return None
        return value

    def content(self) -> None:
        """Compare the files with each other: they must tell one story."""
        ground, report = (
            self._json("run.json", self.data["run.json"]),
            self._json("report.json", self.data["report.json"]),
        )
        try:
            self.ground = Ground.model_validate(ground)
        except ValidationError as error:
            self.fault("run.json", _first(error))
        try:
            self.report = RunReport.model_validate(report)
        except ValidationError as error:
            self.fault("report.json", _first(error))
        if self.ground is None or self.report is None:
            return
        if "patch.diff" in self.data:
            self.diff = self.data["patch.diff"].decode("utf-8", "surrogateescape")
        if self.report.diff != self.diff:
            self.fault("report.json", "holds another diff than patch.diff")
        head = self._chain(self.ground)
        self._statement(self.ground, self.report, head)
        self._patch()

    def _chain(self, ground: Ground) -> str:
        """Derive the chain of events again, from what the run is about to its head."""
        run = ground.run
        if run.derive_genesis() != run.genesis:
            self.fault("run.json", "its genesis is not the hash of its task, settings and seed")
        head = run.genesis
        steps: list[Step] = []
        for number, line in enumerate(self.data["events.jsonl"].splitlines()):
            where = f"event {number}"
            try:
                step = Step.model_validate(json.loads(line))
            except (ValueError, RecursionError):
                self.fault("events.jsonl", f"{where} cannot be read")
                return head
            if (step.seq, step.parent) != (number, head):
                self.fault("events.jsonl", f"{where} does not follow the one before it")
                return head
            if step.derive_hash() != step.hash:
                self.fault("events.jsonl", f"{where} does not have the content that its hash names")
                return head
            head, self.events = step.hash, number + 1
            steps.append(step)
        if self.data.get("transcript.jsonl", b"") != transcript(steps):
            self.fault("transcript.jsonl", "is not what the events say")
        if (run.head, run.steps) != (head, self.events):
            self.fault("run.json", "names another head or number of events than events.jsonl has")
        return head

    def _statement(self, ground: Ground, report: RunReport, head: str) -> None:
        raw = self.data["statement.json"]
        value = self._json("statement.json", raw)
        if not isinstance(value, dict) or (value.get("_type"), value.get("predicateType")) != (
            STATEMENT_TYPE,
            PREDICATE_TYPE,
        ):
            self.fault("statement.json", "is not a statement about a run of Covey")
            return
        subjects = _subjects(value)
        patch = sha256(self.data["patch.diff"]) if "patch.diff" in self.data else None
        if subjects.get("patch.diff", {}).get("sha256") != patch:
            self.fault("statement.json", "its subject is another patch than patch.diff")
        if subjects.get("base", {}).get(SNAPSHOT_DIGEST, "") != ground.base:
            self.fault("statement.json", "its subject is another base than the run's")
        predicate = value.get("predicate")
        said = predicate if isinstance(predicate, dict) else {}
        events = said.get("events")
        for name, mine, theirs in (
            ("run id", said.get("runId"), ground.run.id),
            ("label", said.get("label"), report.label),
            ("status", said.get("status"), report.status),
            ("status", ground.run.status, report.status),
            ("head", events.get("head") if isinstance(events, dict) else None, head),
            ("head", report.head, head),
            ("run id", report.run_id, ground.run.id),
        ):
            if mine != theirs:
                self.fault("statement.json", f"the {name} is not the same everywhere in the bundle")

    def _patch(self) -> None:
        """Apply patch.diff to the pristine files kept here; the result must be the patched ones kept here."""
        value = self._json("touched.json", self.data["touched.json"])
        before: dict[str, bytes] = {}
        after: dict[str, bytes] = {}
        used = {MANIFEST} | _FIXED | _POSSIBLE
        for path, pair in value.items() if isinstance(value, dict) else ():
            for side, files in (("before", before), ("after", after)):
                digest = pair.get(side) if isinstance(pair, dict) else None
                if digest is None:
                    continue
                name = f"touched/{digest}"
                used.add(name)
                if name not in self.data or sha256(self.data[name]) != digest:
                    self.fault(name, f"is not the file {path} {side} the patch")
                    return
                files[path] = self.data[name]
        for name in sorted(self.data.keys() - used):
            self.fault(name, "belongs to nothing in the bundle")
        if "patch.diff" not in self.data:
            if before or after:
                self.fault("touched.json", "names changed files although there is no patch")
            return
        try:
            result = apply_to_files(self.data["patch.diff"], before)
        except PatchDoesNotApply as error:
            self.fault("patch.diff", f"does not apply to the files kept here: {error}")
            return
        if result is None:
            self.reduced.append("git is not here: the patch was not applied to the files it changes.")
            return
        for path in sorted(result.keys() | after.keys()):
            if result.get(path) != after.get(path):
                self.fault("patch.diff", f"gives another {path} than the one kept here")


def _subjects(value: Mapping[str, JsonValue]) -> dict[str, dict[str, JsonValue]]:
    found: dict[str, dict[str, JsonValue]] = {}
    subjects = value.get("subject")
    for subject in subjects if isinstance(subjects, list) else ():
        if isinstance(subject, dict) and isinstance(subject.get("name"), str):
            digest = subject.get("digest")
            found[str(subject["name"])] = digest if isinstance(digest, dict) else {}
    return found


def _read(path: Path) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        data = file.read(_FILE_LIMIT + 1)
    if len(data) > _FILE_LIMIT:
        raise OSError(errno.EFBIG, "it is larger than 512 MiB", str(path))
    return data


def _first(error: ValidationError) -> str:
    problem = error.errors()[0]
    return f"cannot be read: {'.'.join(map(str, problem['loc']))}: {problem['msg']}"
