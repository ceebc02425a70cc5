"""Readiness: the 16 items of the implementation checklist, each proved by what is stored."""
