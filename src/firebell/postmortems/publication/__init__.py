"""The publication of a document: its checks, whom it is sent to, and what happens with it."""
