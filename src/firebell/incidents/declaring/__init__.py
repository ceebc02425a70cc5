"""Declaring, reporting and backfilling incidents, and finding similar ones."""
