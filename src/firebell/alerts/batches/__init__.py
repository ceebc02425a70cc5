"""Batches of events: how they change alerts and groups, and how that is stored."""
