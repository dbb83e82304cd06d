from survey.answers import questions, scores


def average_score(answers, question):
    given = scores(answers, question)
    return sum(given) / len(given) if given else None


def median_score(answers, question):
    given = scores(answers, question)
    if not given:
        return None
    middle = len(given) // 2
    if len(given) % 2:
        return given[middle]
    return (given[middle - 1] + given[middle]) / 2


def report(answers):
    return {question: average_score(answers, question) for question in questions(answers)}
