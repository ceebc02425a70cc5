"""Stakeholders and customers: who is kept informed about incidents, when, and what each was sent."""
