"""Messages about an incident, ready to copy."""
