"""Incidents: declaration, roles, timeline, phases and updates."""
