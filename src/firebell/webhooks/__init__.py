"""Signed webhooks to other systems about every change of state."""
