class Select:
    """Builds a SELECT statement step by step; every step returns the builder."""

    def __init__(self, *columns):
        self._columns = columns or ("*",)
        self._table = None
        self._conditions = []
        self._order = []
        self._limit = None
        self._offset = 0

    def from_(self, table):
        self._table = table
        return self

    def where(self, condition):
        self._conditions.append(condition)
        return self

    def order_by(self, column, descending=False):
        self._order.append(f"{column} DESC" if descending else column)
        return self

    def limit(self, count, offset=0):
        if count < 0 or offset < 0:
            raise ValueError("limit and offset must not be negative")
        self._limit = count
        self._offset = offset
        return self

    def sql(self):
        if self._table is None:
            raise ValueError("no table")
        parts = [f"SELECT {', '.join(self._columns)} FROM {self._table}"]
        if self._conditions:
            parts.append("WHERE " + " AND ".join(f"({condition})" for condition in self._conditions))
        if self._order:
            parts.append("ORDER BY " + ", ".join(self._order))
        if self._limit is not None:
            parts.append(f"LIMIT {self._limit}")
            if self._offset:
                parts.append(f"OFFSET {self._offset}")
        return " ".join(parts)


def select(*columns):
    return Select(*columns)
