"""Door 3, the command line: talks HTTP to the API, and starts a local stack where none runs."""
