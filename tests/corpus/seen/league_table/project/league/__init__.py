from league.scores import ScoreBoard
from league.table import rank_table

__all__ = ["ScoreBoard", "rank_table"]
