"""Uptime by day and by month."""
