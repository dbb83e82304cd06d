from dataclasses import dataclass


@dataclass(frozen=True)
class Answer:
    person: str
    question: str
    score: int


def scores(answers, question):
    """Scores given to a question, lowest first."""
    return sorted([answer.score for answer in answers if answer.question == question])


def questions(answers):
    return sorted({answer.question for answer in answers})


def people(answers):
    return sorted({answer.person for answer in answers})
