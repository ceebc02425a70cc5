"""Work that is done later: timers, the outbox, and group commit."""
