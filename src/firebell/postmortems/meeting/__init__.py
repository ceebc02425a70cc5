"""The meeting about a document: its parts, who attends, and what is left for later."""
