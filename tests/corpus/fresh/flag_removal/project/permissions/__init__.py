from permissions.flags import Permission
from permissions.table import Table

__all__ = ["Permission", "Table"]
