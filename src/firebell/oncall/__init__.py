"""On-call: schedules, shifts, swaps, checks and calendars."""
