"""The first run: one form that creates a working on-call team."""
