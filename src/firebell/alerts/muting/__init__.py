"""Mutes: muting alerts for a while, and the groups that hold muted alerts."""
