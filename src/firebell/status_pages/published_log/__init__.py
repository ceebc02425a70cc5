"""The log of published texts, in which each entry is chained to the one before."""
