"""Schedules: layers, overrides, versions, and how they are changed."""
