"""Firebell watches itself: it sends heartbeats while it is healthy, and notifies people when it is not (spec 2.10)."""
