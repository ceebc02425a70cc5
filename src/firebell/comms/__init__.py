"""Writing about an incident to everyone at once: the composer, its drafts, tone check, approval and recall."""
