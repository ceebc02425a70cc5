"""The conditions for closing an incident."""
