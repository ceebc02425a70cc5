"""One module per tool, each of pure functions that turn a body into normalized events."""
