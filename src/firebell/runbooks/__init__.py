"""Runbooks: parsing, checks, and the library."""
