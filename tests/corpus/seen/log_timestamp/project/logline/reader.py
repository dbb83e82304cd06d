import re
from datetime import datetime

_LINE = re.compile(r"(?P<when>\S+ \S+) (?P<level>[A-Z]+) +\[(?P<name>[^\]]*)\] (?P<text>.*)")


def parse_line(line):
    match = _LINE.fullmatch(line)
    if match is None:
        raise ValueError("not a log line")
    fields = match.groupdict()
    fields["when"] = datetime.fromisoformat(fields["when"])
    fields["text"] = fields["text"].replace("\\n", "\n")
    return fields
