"""When the next update of an incident is due."""
