"""Saved views: a name for the filters of a list, for oneself or for everyone."""
