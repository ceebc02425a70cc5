"""Copies of status pages on Statuspage.io and Instatus (spec 7.17)."""
