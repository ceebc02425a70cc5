"""Messages to people: what is queued, when it may be sent, and what became of it."""
