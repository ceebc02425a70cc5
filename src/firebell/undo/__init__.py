"""Undo of removals in every slice."""
