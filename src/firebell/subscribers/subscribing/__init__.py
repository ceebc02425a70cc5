"""Subscribing: asking, confirming, changing and leaving."""
