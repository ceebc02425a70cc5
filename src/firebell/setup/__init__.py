"""The first run: one form that makes a working on-call team."""
