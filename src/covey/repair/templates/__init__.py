"""Edit templates, one family per file, one function per template."""
