"""Calendars: iCal feeds out, calendars of others in, public holidays."""
