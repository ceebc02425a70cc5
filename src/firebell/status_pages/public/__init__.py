"""What a status page serves: HTML, JSON, feeds, badges and embeds, in its languages."""
