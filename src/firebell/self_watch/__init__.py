"""Firebell watches itself: it says outside that it is well, and pages its own responders when it is not (spec 2.10)."""
