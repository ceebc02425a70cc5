"""The weekly digest: what happened, what is due, and one suggestion, by mail to people who want it."""
