from permissions.flags import Permission


class Table:
    def __init__(self):
        self._granted = {}

    def of(self, user):
        return self._granted.get(user, Permission.NONE)

    def grant(self, user, permission):
        self._granted[user] = self.of(user) | permission

    def revoke(self, user, permission):
        self._granted[user] = self.of(user) ^ permission

    def allowed(self, user, permission):
        """True when the user has all of ``permission``, or is an administrator."""
        granted = self.of(user)
        return bool(granted & Permission.ADMIN) or granted & permission == permission

    def users_with(self, permission):
        return sorted(user for user in self._granted if self.allowed(user, permission))
