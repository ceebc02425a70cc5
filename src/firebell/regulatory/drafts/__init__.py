"""Drafts of notifications: their templates, facts and texts, and the register of personal data breaches."""
