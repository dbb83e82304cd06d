from roster.rotate import rotate


def weekly_plan(people, weeks):
    """One line for each week; each week everybody moves on by one."""
    return [(week + 1, rotate(people, week)) for week in range(weeks)]


def on_duty(people, week):
    plan = rotate(people, week - 1)
    return plan[0] if plan else None
