"""The commands of `firebell`, one file each, loaded only when asked for."""
