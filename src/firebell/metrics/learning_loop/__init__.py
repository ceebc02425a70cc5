"""The learning loop of an incident: its post-mortem, its action items, and whether it came back."""
