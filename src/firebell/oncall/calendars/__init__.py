"""Calendars: iCalendar feeds, imported calendars, public holidays."""
