import pytest

from survey.answers import Answer, people
from survey.stats import average_score, median_score, report


@pytest.fixture
def answers():
    return [
        Answer("ann", "food", 4),
        Answer("bob", "food", 4),
        Answer("eve", "food", 1),
        Answer("ann", "room", 2),
        Answer("bob", "room", 5),
    ]


def test_people(answers):
    assert people(answers) == ["ann", "bob", "eve"]


def test_average_of_different_scores(answers):
    assert average_score(answers, "room") == 3.5


def test_average_of_equal_scores(answers):
    assert average_score(answers, "food") == 3.0


def test_no_answers(answers):
    assert average_score(answers, "pool") is None
    assert median_score([], "food") is None


def test_median(answers):
    assert median_score(answers, "room") == 3.5


def test_report_of_nothing():
    assert report([]) == {}
