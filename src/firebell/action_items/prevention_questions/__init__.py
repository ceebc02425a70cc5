"""Questions: would an overdue item have prevented or shortened an incident?"""
