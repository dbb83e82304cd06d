from survey.answers import Answer, scores
from survey.stats import median_score, report


def test_all_equal():
    answers = [Answer(str(n), "q", 3) for n in range(5)]
    assert scores(answers, "q") == [3, 3, 3, 3, 3]
    assert report(answers) == {"q": 3.0}


def test_median_with_repetition():
    answers = [Answer(str(n), "q", score) for n, score in enumerate((5, 1, 1, 1, 4))]
    assert median_score(answers, "q") == 1
    assert scores(answers, "q") == [1, 1, 1, 4, 5]
