"""Deliveries: the ledger, retries, and the send slots of channels."""
