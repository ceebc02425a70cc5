"""Mattermost: the adapter of its REST API."""
