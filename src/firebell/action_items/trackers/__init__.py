"""Two-way sync of action items with issue trackers."""
