"""Conditions, actions and needs of an incident."""
