"""Runbook sources: Git repositories, mounted directories and pushes by CI."""
