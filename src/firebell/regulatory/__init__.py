"""Regulatory clocks: which authority must be notified of an incident, by when, and from which facts that follows."""
