"""Escalation: the state machine of a page, whose turn it is, and the people behind a level."""
