"""Roles of an incident: assigning, handing over, which ones a severity requires."""
