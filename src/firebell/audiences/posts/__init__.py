"""Posts to audiences: their drafts and recipients, and the lane that sends them by email."""
