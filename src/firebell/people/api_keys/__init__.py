"""API keys of people."""
