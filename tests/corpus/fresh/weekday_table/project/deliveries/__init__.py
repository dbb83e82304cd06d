from deliveries.days import next_delivery, parse_days

__all__ = ["next_delivery", "parse_days"]
