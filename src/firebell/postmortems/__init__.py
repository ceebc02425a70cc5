"""Post-mortems: drafted from the timeline, due 48 hours after closure."""
