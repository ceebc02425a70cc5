"""Posts to audiences: their drafts, recipients, recalls, and the lane that sends them."""
