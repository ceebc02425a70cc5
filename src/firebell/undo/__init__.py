"""Undo of recent actions, in every slice."""
