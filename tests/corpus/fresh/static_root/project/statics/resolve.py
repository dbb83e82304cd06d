import posixpath


class Forbidden(PermissionError):
    pass


class Root:
    def __init__(self, folder):
        self.folder = posixpath.normpath(folder)

    def resolve(self, request):
        """Map a requested path to one below the folder."""
        path = posixpath.normpath(posixpath.join(self.folder, request.lstrip("/")))
        if not path.startswith(self.folder):
            raise Forbidden(request)
        return path

    def relative(self, path):
        return posixpath.relpath(path, self.folder)
