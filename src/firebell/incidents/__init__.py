"""Incidents: declared, commanded, told as a timeline, closed with proof."""
