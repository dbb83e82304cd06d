"""Starting points for new projects, one stack per folder. Empty until the first stack lands."""
