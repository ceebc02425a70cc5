"""Servers on the loopback address that refuse what the real APIs refuse, by their published descriptions."""
