"""Pages: the demand that a human takes something now, and everything that reaches that human."""
