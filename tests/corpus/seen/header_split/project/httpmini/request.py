from httpmini.headers import parse_headers


class Request:
    def __init__(self, method, target, headers):
        self.method = method
        self.target = target
        self.headers = headers

    @property
    def path(self):
        return self.target.partition("?")[0]

    @property
    def query(self):
        text = self.target.partition("?")[2]
        return dict(part.split("=", 1) if "=" in part else (part, "") for part in text.split("&") if part)


def parse_request(text):
    first, _, rest = text.partition("\r\n")
    method, target, _version = first.split(" ")
    return Request(method, target, parse_headers(rest))
