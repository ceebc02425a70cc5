"""Custom fields of incidents."""
