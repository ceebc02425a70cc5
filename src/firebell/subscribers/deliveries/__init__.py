"""Deliveries to subscribers: the ledger, retries, dead addresses, and process checks."""
