"""Microsoft Teams: announcements through a Workflows webhook."""
