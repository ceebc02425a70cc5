"""Alerts: events of monitoring systems, stored before the sender gets its response."""
