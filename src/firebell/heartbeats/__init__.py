"""Heartbeats: what must report in time, and pages when it is silent (spec 9.8)."""
