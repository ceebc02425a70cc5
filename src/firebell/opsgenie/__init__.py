"""Opsgenie's Alert API, answered for the clients that speak it (spec 9.10)."""
