"""The phases of an incident and the moves between them."""
