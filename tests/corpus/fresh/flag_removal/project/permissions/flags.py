from enum import IntFlag


class Permission(IntFlag):
    NONE = 0
    READ = 1
    WRITE = 2
    SHARE = 4
    ADMIN = 8
