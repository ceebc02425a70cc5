"""Incidents that are like another one, and what helped then."""
