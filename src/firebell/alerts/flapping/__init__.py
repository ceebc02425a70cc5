"""Alerts that flap, until they are calm."""
