"""Incidents that belong together: merged, linked, parents and children."""
