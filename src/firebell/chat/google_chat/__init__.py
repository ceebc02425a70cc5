"""Google Chat: announcements through a webhook."""
