import pytest

from wordcount.cli import build_parser, main


def test_limits(capsys):
    for limit in (0, 2, 5):
        main([f"--limit={limit}", "a b c d e f g"])
        assert len(capsys.readouterr().out.split()) == 2 * limit
    assert build_parser().parse_args(["x"]).limit == 10


def test_not_a_number(capsys):
    with pytest.raises(SystemExit):
        main(["--limit", "many", "a"])
