from describe.stats import describe, spread

__all__ = ["describe", "spread"]
