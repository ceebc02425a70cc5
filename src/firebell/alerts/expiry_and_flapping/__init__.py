"""Alerts whose source stopped sending them, and alerts that flap until they are calm."""
