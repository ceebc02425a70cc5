"""Reminders of a post-mortem that is due, and who is asked to write it (spec 11.7)."""
