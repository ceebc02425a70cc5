"""Changing and confirming the severity of an incident."""
