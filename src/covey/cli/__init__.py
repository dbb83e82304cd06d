"""The command line, one command per file. Importing it must stay cheap."""
