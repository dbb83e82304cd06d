"""A file attached to the command line is part of the problem, or an error that says what to do."""

from __future__ import annotations

from pathlib import Path

from support_cli import covey, write_tree
from support_roles import SHOP

GREEN = {**SHOP, "tests/test_cart.py": SHOP["tests/test_cart.py"].replace("total([1, 2]), 3", "total([]), 0")}
LOG = "What I typed:\n\n>>> from shop.cart import total\n>>> total([1, 2])\n3\n"


def test_an_attached_text_shows_the_problem_that_is_then_mended(tmp_path: Path, own_home: Path) -> None:
    shop = write_tree(tmp_path / "shop", GREEN)
    (tmp_path / "said.txt").write_text(LOG)
    found = covey(
        "run", "Totals are wrong.", "--repo", str(shop), "--attach", str(tmp_path / "said.txt"), "--json", home=own_home
    )
    assert found.code == 0, found.err
    assert "+        result += value" in found.json["diff"]
    assert "Attached said.txt:" in found.json["problem"]


def test_what_cannot_be_read_ends_before_anything_runs(tmp_path: Path, own_home: Path) -> None:
    shop = write_tree(tmp_path / "shop", GREEN)
    (tmp_path / "screen.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(64))
    for name, words in (("missing.wav", "is not a file"), ("screen.png", "Say in words")):
        found = covey("run", "--repo", str(shop), "--attach", str(tmp_path / name), "--json", home=own_home)
        assert found.code == 2
        assert words in found.out + found.err
