"""Reminders of updates that a status page owes."""
