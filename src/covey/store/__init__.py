"""The run log and artifacts: an append-only, hash-chained event log is the truth."""
