"""One file per sender, each a pure function from a body to normalized events."""
