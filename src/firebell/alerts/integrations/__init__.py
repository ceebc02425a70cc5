"""Integrations: their keys, and the labels that they drop."""
