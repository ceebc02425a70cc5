"""Incidents and pages in Slack and other chats."""
