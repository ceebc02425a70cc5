"""The quarterly review: the trends of a quarter in one document."""
