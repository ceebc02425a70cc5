"""Signatures of the log of a status page: its keys, what they sign, and how a reader checks it."""
