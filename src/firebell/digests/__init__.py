"""The weekly digest: what happened, what is due, and one suggestion, by email to people who want it."""
