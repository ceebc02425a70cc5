"""Customers and their contacts: their changes, their pages and API, and their file."""
