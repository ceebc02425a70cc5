"""The response to an incident: whom its severity pages, what escalates it, and when updates are due."""
