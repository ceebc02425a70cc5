"""Discord: announcements through a webhook."""
