"""Rules that declare incidents."""
