"""Verification of contact methods by codes."""
