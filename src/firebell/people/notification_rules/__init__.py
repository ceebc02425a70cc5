"""Notification rules and quiet hours of people."""
