"""Deferred work: timers, the outbox, and group commit."""
