import pytest

from wordcount.cli import main
from wordcount.counting import count_words, most_frequent


def test_count():
    assert count_words("A b a") == {"a": 2, "b": 1}


def test_most_frequent():
    assert most_frequent({"b": 1, "a": 1, "c": 5}, 2) == [("c", 5), ("a", 1)]


def test_default(capsys):
    assert main(["to be", "or not to be"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "   2 be"


def test_limit(capsys):
    main(["--limit", "1", "a a b"])
    assert capsys.readouterr().out == "   2 a\n"


def test_shortest_and_total(capsys):
    main(["--shortest", "3", "--total", "the cat is the best"])
    assert capsys.readouterr().out.splitlines()[-1] == "   4 words"


def test_text_is_needed(capsys):
    with pytest.raises(SystemExit):
        main([])
