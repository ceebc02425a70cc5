"""Inhibition: alerts page no one while a related alert fires (spec 3.3)."""
