"""Escalation policies: their editor, versions and effect, and the dry run of one."""
