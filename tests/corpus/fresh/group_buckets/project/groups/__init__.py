from groups.assign import assign, plan

__all__ = ["assign", "plan"]
