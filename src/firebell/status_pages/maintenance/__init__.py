"""Scheduled maintenance of status pages."""
