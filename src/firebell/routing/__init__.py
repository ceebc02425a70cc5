"""Routing rules for people: their page, tests, previews and versions, and why an alert paged someone or no one."""
