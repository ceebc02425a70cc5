"""Inbound bodies: read in bounded memory, decompressed and decoded."""
