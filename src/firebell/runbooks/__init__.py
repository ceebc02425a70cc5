"""Runbooks: the eight parts, what is wrong with one, and the library of the organization."""
