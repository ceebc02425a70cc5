"""Editing a document by section: merges, versions, comments and who writes where."""
