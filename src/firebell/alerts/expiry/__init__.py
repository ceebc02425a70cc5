"""Alerts whose source stopped sending them."""
