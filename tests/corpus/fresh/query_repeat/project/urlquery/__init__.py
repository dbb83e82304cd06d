from urlquery.query import build_query, first, parse_query

__all__ = ["build_query", "first", "parse_query"]
