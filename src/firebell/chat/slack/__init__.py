"""Slack: the adapter of its Web API."""
