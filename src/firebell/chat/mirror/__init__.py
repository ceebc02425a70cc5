"""The mirror: what should be in each chat, compared with what is there."""
