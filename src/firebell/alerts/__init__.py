"""Alerts: what sources say, remembered before it is answered."""
