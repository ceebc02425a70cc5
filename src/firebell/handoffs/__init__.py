"""Shift handoffs: the document, and reminders before, at and after shifts."""
