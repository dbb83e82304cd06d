def assign(names, pupils):
    """Deal pupils out to the named groups in turn."""
    if not names:
        raise ValueError("no groups")
    groups = dict.fromkeys(names, [])
    for position, pupil in enumerate(pupils):
        groups[names[position % len(names)]].append(pupil)
    return groups


def plan(names, count):
    """Sizes of the groups for a number of pupils."""
    share, rest = divmod(count, len(names))
    return {name: share + (position < rest) for position, name in enumerate(names)}


def group_of(groups, pupil):
    for name, members in groups.items():
        if pupil in members:
            return name
    return None
