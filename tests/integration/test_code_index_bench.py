from __future__ import annotations

import json
from pathlib import Path

import pytest

from covey.bench.code_index import main


def test_the_figures_come_out_for_any_repository(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    repository = tmp_path / "repository"
    repository.mkdir()
    (repository / "README.md").write_text("Create many objects at once.\n")
    (repository / "query.py").write_text("class QuerySet:\n    def bulk_create(self):\n        return 1\n")
    (repository / "use.py").write_text("from query import QuerySet\nQuerySet().bulk_create()\n")
    target = tmp_path / "figures.json"
    assert main(["--repository", str(repository), "--rounds", "1", "--json", str(target)]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures == json.loads(target.read_text())
    assert (figures["files"], figures["python_lines"], figures["references"]) == (2, 5, 1)
    assert figures["text_search_same"] is True
    assert 0 < figures["map_tokens"] < 100
