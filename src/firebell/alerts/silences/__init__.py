"""Silences: alerts with certain labels page no one for a while (spec 3.3)."""
